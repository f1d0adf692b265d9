"""Sketches: tree art and bullets, English and Portuguese, as people write them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import indent

import pytest

from coordinator.mapfile.parser import parse_map
from coordinator.mapfile.rendering import render_map
from coordinator.model.database_map import MapForm, MappedColumn, MapReference

MAPS = Path(__file__).parent / "maps"
SKETCH = (MAPS / "sketch.md").read_text("utf-8")
TREE = SKETCH.partition("```\n")[2].partition("```")[0]
BULLETS = """\
- 🏠 Módulo CRM
  - tabela: customers (id, name, email, telefone1, telefone2)
  - usado por: Agendamento.appointments.customer_id
  - dependências: User_Management.users.id
- 🏠 Módulo Agendamento
  - tabela: appointments (customer_id REFERENCES CRM.customers)
  - dependências: CRM.customers, User_Management.users
- [outros módulos...]
"""
ENGLISH = """\
* Module CRM
  * table: customers (id, name, email, telefone1, telefone2)
  * used by: Agendamento.appointments.customer_id
  * depends on: User_Management.users.id
* Module Agendamento
  * table: appointments (customer_id REFERENCES CRM.customers)
  * depends on: CRM.customers, User_Management.users
* [other modules...]
"""
HEADINGS = """\
## Módulo CRM
- **Tabela:** customers (id, name, email, telefone1, telefone2)
- **Usado por:** `Agendamento.appointments.customer_id`
- **Dependências:** `User_Management.users.id`

## Módulo Agendamento
- tabela: appointments
  - customer_id REFERENCES CRM.customers
- dependências:
  - CRM.customers
  - User_Management.users

[outros módulos...]
"""


def test_the_sketch_says_the_same_as_its_canonical_form() -> None:
    sketch = parse_map(SKETCH, file="sketch.md")
    canonical = parse_map((MAPS / "canonical.md").read_text("utf-8"), file="canonical.md")
    assert sketch.modules == canonical.modules
    assert sketch.edges == canonical.edges
    assert sketch.open
    assert canonical.open
    assert (sketch.form, canonical.form) == (MapForm.SKETCH, MapForm.CANONICAL)
    assert sketch.problems == canonical.problems == ()


def test_the_canonical_form_of_the_sketch_is_what_rendering_it_writes() -> None:
    rendered = render_map(parse_map(SKETCH, file="sketch.md"))
    assert rendered == (MAPS / "canonical.md").read_text("utf-8")


def test_the_sketch_declares_these_edges_and_columns() -> None:
    sketch = parse_map(SKETCH, file="sketch.md")
    assert sketch.module_edges == {
        ("CRM", "User_Management"),
        ("Agendamento", "CRM"),
        ("Agendamento", "User_Management"),
    }
    crm, agendamento = sketch.modules
    assert [each.name for each in crm.tables[0].columns] == ["id", "name", "email", "telefone1", "telefone2"]
    assert agendamento.tables[0].columns == (
        MappedColumn(name="customer_id", references=(MapReference(module="CRM", table="customers"),)),
    )


@pytest.mark.parametrize(
    "text",
    [TREE, BULLETS, ENGLISH, HEADINGS, TREE.replace("├──", "|--").replace("└──", "`--").replace("│", "|")],
    ids=["tree art without a fence", "bullets", "English bullets", "under headings", "ASCII tree art"],
)
def test_every_other_way_to_write_it_gives_the_same_map(text: str) -> None:
    other = parse_map(text, file="other.md")
    assert other == parse_map(SKETCH, file="sketch.md")
    assert other.problems == ()


FENCED = f"```\n{TREE}```\n"


@pytest.mark.parametrize(
    "text",
    [
        f"~~~text\n{TREE}~~~\n",
        "- the sketch, inside a list:\n" + indent(FENCED, "  "),
        indent(FENCED, "> "),
        indent(TREE, "    "),
        TREE.replace("\n", "\n\n"),
        FENCED.replace("\n", "\r\n"),
        FENCED.replace("│   ", "│\u00a0\u00a0 "),
        FENCED.replace("```\n", "```\n📋 nexus_database_map.md\n", 1),
        FENCED.replace("🏠 ", ""),
        FENCED.replace("Módulo CRM", "Módulo: CRM")
        .replace("tabela", "TABELA")
        .replace("dependências", "Dependencias"),
        TREE.replace("Módulo CRM", "**Módulo CRM**").replace("CRM.customers,", "`CRM.customers`,"),
    ],
    ids=[
        "tildes",
        "in a list",
        "quoted",
        "indented",
        "empty lines",
        "CRLF",
        "hard spaces",
        "title",
        "no emoji",
        "words",
        "marks",
    ],
)
def test_tree_art_is_read_however_it_was_pasted(text: str) -> None:
    other = parse_map(text, file="other.md")
    assert other == parse_map(SKETCH, file="sketch.md")
    assert other.problems == ()


def test_each_fact_keeps_its_line_and_column() -> None:
    crm, agendamento = parse_map(SKETCH, file="sketch.md").modules
    assert str(crm.place) == "sketch.md:4:5"
    assert str(crm.tables[0].columns[2].place) == "sketch.md:5:38"
    assert str(agendamento.depends_on[0].place) == "sketch.md:10:9"


def test_columns_may_have_types_and_may_not_be_null() -> None:
    text = "- Module shop\n  - table: items (id bigint not null, price numeric(10,2), kind: text, sku FK → stock.goods.sku)\n"
    columns = parse_map(text, file="m.md").modules[0].tables[0].columns
    assert columns == (
        MappedColumn(name="id", type="bigint", nullable=False),
        MappedColumn(name="price", type="numeric(10,2)"),
        MappedColumn(name="kind", type="text"),
        MappedColumn(name="sku", references=(MapReference(module="stock", table="goods", column="sku"),)),
    )


def test_several_tables_stand_in_one_line_or_below_the_word() -> None:
    one = parse_map("- Module shop\n  - tables: items (id, name), orders (id)\n", file="m.md")
    below = parse_map("- Module shop\n  - tables:\n    - items (id, name)\n    - orders (id)\n", file="m.md")
    assert one == below
    assert [each.name for each in one.modules[0].tables] == ["items", "orders"]


def test_schema_and_owner_may_stand_behind_the_name_or_below_it() -> None:
    behind = parse_map("- Module CRM (schema: crm, owner: crm_owner)\n", file="m.md")
    below = parse_map("- Module CRM\n  - schema: crm\n  - owner: crm_owner\n", file="m.md")
    assert behind == below
    assert (behind.modules[0].schemas, behind.modules[0].owner) == (("crm",), "crm_owner")


def test_a_long_line_may_be_broken_in_tree_art_and_in_bullets() -> None:
    tree = "├── Módulo CRM\n│   ├── tabela: customers (id,\n│   │       name, email)\n│   └── dependências: billing\n"
    bullets = "- Módulo CRM\n  - tabela: customers (id,\n    name, email)\n  - dependências: billing\n"
    assert parse_map(tree, file="m.md") == parse_map(bullets, file="m.md")
    assert len(parse_map(tree, file="m.md").modules[0].tables[0].columns) == 3


def test_a_line_that_is_not_understood_is_reported_with_the_nearest_label() -> None:
    text = TREE.replace("usado por:", "usdo por:")
    found = parse_map(text, file="m.md").problems
    assert [str(each.place) for each in found] == ["m.md:3:9"]
    assert "usdo por: Agendamento.appointments.customer_id" in found[0].message
    assert found[0].help == "did you mean 'usado por:'?"


def test_a_tree_of_folders_is_reported_and_not_read_as_modules() -> None:
    text = SKETCH + "\n```\nmodules/\n├── crm/\n│   └── versions/\n└── billing/\n```\n"
    found = parse_map(text, file="m.md")
    assert replace(found, problems=()) == parse_map(SKETCH, file="m.md")
    assert [each.message for each in found.problems] == ["this tree names no module"]


def test_decisions_left_for_later_are_reported() -> None:
    text = "- Module CRM\n  - table: por definir\n  - depends on: billing\n"
    found = parse_map(text, file="m.md").problems
    assert [each.message for each in found] == ["'por definir' names no table"]


def test_an_empty_list_may_say_so() -> None:
    crm = parse_map("- Módulo CRM\n  - usado por: nenhum\n  - dependências: —\n", file="m.md").modules[0]
    assert (crm.used_by, crm.depends_on) == ((), ())
