"""The canonical form as people write it by hand, and what is said where it is not understood."""

from __future__ import annotations

import pytest

from coordinator.errors import MapError
from coordinator.mapfile.parser import parse_map
from coordinator.model.database_map import MapForm, MappedColumn, MapReference

PORTUGUESE = """\
# Mapa do banco de dados

Leia antes de mudar qualquer coisa.

## 1. 🏠 CRM — clientes e contatos

- **Esquema:** `crm`
- **Dono:** `crm_owner`

### Usado por

- Agendamento.appointments.customer_id (telefone para lembretes)

### Dependências

- `User_Management.users.id`

### 1.1 `customers` — quem compra

| Campo | Tipo | Obrigatório | Chave | Referências | Dado pessoal | Observação |
|:------|:----:|:-----------:|-------|-------------|--------------|------------|
| **Identificação** | | | | | | |
| `id` | uuid | Sim | PK | — | Não | |
| name | text | ✅ | | - | ✅ | nome \\| apelido |
| created_at, updated_at | timestamptz | Não | | | | |
| owner_id | uuid | ✗ | FK | FK → User_Management.users.id | | |
| parent_id | uuid | | | customers(id) | | FK lógica não é chave |
| por definir | | | | | | |
"""


def test_a_portuguese_map_is_read_with_every_fact() -> None:
    found = parse_map(PORTUGUESE, file="m.md")
    (crm,) = found.modules
    assert found.form is MapForm.CANONICAL
    assert (crm.name, crm.schemas, crm.owner) == ("CRM", ("crm",), "crm_owner")
    assert crm.used_by == (
        MapReference(
            module="Agendamento", table="appointments", column="customer_id", notes="telefone para lembretes"
        ),
    )
    assert crm.depends_on == (MapReference(module="User_Management", table="users", column="id"),)
    assert [each.name for each in crm.tables] == ["customers"]


def test_columns_keep_their_cells_in_whatever_words_the_heads_are() -> None:
    columns = parse_map(PORTUGUESE, file="m.md").modules[0].tables[0].columns
    users = MapReference(module="User_Management", table="users", column="id")
    own = MapReference(module="CRM", table="customers", column="id")
    assert columns == (
        MappedColumn(name="id", type="uuid", nullable=False, notes="Chave: PK"),
        MappedColumn(name="name", type="text", nullable=False, personal=True, notes="nome | apelido"),
        MappedColumn(name="created_at", type="timestamptz", nullable=True),
        MappedColumn(name="updated_at", type="timestamptz", nullable=True),
        MappedColumn(name="owner_id", type="uuid", nullable=True, references=(users,), notes="Chave: FK"),
        MappedColumn(name="parent_id", type="uuid", references=(own,), notes="FK lógica não é chave"),
    )


def test_a_row_that_is_left_for_later_is_reported_with_its_place() -> None:
    (problem,) = parse_map(PORTUGUESE, file="m.md").problems
    assert (problem.message, str(problem.place)) == ("'por definir' is no column yet", "m.md:28:3")


def test_a_logical_reference_is_a_note_and_no_foreign_key() -> None:
    text = "## Module a\n\n### t\n\n| Column | Type | References |\n|---|---|---|\n| x | int | FK lógica → b.u.id |\n"
    (column,) = parse_map(text, file="m.md").modules[0].tables[0].columns
    assert column == MappedColumn(name="x", type="int", notes="FK lógica → b.u.id")


@pytest.mark.parametrize(
    "written",
    [
        "FK → b.u.id",
        "FK para b.u.id",
        "FK -> b.u.id",
        "REFERENCES b.u(id)",
        "b.u (id)",
        "`b.u.id`",
        "→ b.u.id",
    ],
)
def test_references_are_understood_however_they_are_written(written: str) -> None:
    text = f"## Module a\n\n### t\n\n| Column | References |\n|---|---|\n| x | {written} |\n"
    (column,) = parse_map(text, file="m.md").modules[0].tables[0].columns
    assert column.references == (MapReference(module="b", table="u", column="id"),)


def test_a_name_of_an_own_table_is_not_taken_for_a_module() -> None:
    text = (
        "## Module a\n\n### users\n\n| Column | Type |\n|---|---|\n| id | int |\n\n"
        "### t\n\n| Column | References |\n|---|---|\n| x | users.id |\n| y | other.id |\n"
    )
    x, y = parse_map(text, file="m.md").modules[0].tables[1].columns
    assert x.references == (MapReference(module="a", table="users", column="id"),)
    assert y.references == (MapReference(module="other", table="id"),)


def test_a_heading_is_a_module_when_tables_stand_below_it() -> None:
    text = (
        "# Our database\n\n## CRM\n\n### Tables\n\n#### customers\n\n| Name | Type |\n|---|---|\n| id | int |\n\n"
        "## Glossary\n\nWords.\n"
    )
    found = parse_map(text, file="m.md")
    assert [each.name for each in found.modules] == ["CRM"]
    assert [each.name for each in found.modules[0].tables] == ["customers"]


def test_what_is_no_part_of_a_map_is_left_alone() -> None:
    text = (
        "# Map\n\n> a quote\n\n## Module a\n\nFree prose: with a colon.\n\n- a remark\n- another\n\n"
        "```mermaid\nerDiagram\n  CUSTOMER ||--o{ ORDER : places\n```\n\n"
        "```sql\nCREATE TABLE t (id int);\n```\n\n<script>alert(1)</script>\n\n"
        "| Word | Meaning |\n|---|---|\n| lead | a person |\n"
    )
    found = parse_map(text, file="m.md")
    assert found.problems == ()
    assert found.modules[0].tables == ()


def test_names_match_whatever_their_case_accents_and_joints() -> None:
    text = "## Module User Management\n\n## Module crm\n\n**Depends on**\n\n- USER-MANAGEMENT.users\n- usermanagement\n"
    assert parse_map(text, file="m.md").module_edges == {("crm", "User Management")}


def test_every_problem_is_told_at_once_with_its_line() -> None:
    text = (
        "## Module CRM\n\n**Depends on**\n\n- !!!\n\n### t\n\n| Column | Type | References |\n|---|---|---|\n"
        "| id | int | (((: |\n| id | int | |\n\n## Module crm\n\n### t\n\n| Column | Type |\n|---|---|\n| a | int |\n"
    )
    with pytest.raises(MapError) as caught:
        parse_map(text, file="m.md")
    told = [(each.rule, each.place.line) for each in caught.value.findings if each.place]
    assert told == [
        ("map-reference-form", 11),
        ("map-duplicate-column", 12),
        ("map-duplicate-module", 14),
    ]
    assert caught.value.exit_code == 2
    assert "3 problems" in caught.value.message


def test_a_misspelt_label_is_reported_and_its_line_is_not_lost_in_silence() -> None:
    (problem,) = parse_map("## Module a\n\nDepeds on: b.t\n", file="m.md").problems
    assert (problem.rule, problem.help) == ("map-not-understood", "did you mean 'depends on:'?")


def test_a_head_that_nobody_knows_is_reported_and_its_cells_are_kept() -> None:
    text = "## Module a\n\n### t\n\n| Column | Type | Colour |\n|---|---|---|\n| x | int | red |\n"
    found = parse_map(text, file="m.md")
    assert found.modules[0].tables[0].columns[0].notes == "Colour: red"
    assert [str(each.place) for each in found.problems] == ["m.md:5:19"]


def test_a_table_of_columns_without_a_module_is_reported() -> None:
    text = "## Module a\n\n# t\n\n| Column | Type |\n|---|---|\n| x | int |\n"
    (problem,) = parse_map(text, file="m.md").problems
    assert "under no table's heading" in problem.message


def test_a_cell_too_many_is_reported_with_the_remedy() -> None:
    text = "## Module a\n\n### t\n\n| Column | Notes | Type |\n|---|---|---|\n| x | a | b | int |\n"
    found = parse_map(text, file="m.md").problems
    assert [(str(each.place), each.help) for each in found] == [("m.md:7:15", r"escape a pipe as \|")]
