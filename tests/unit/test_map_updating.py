"""Documents written by hand, brought up to date: what stays, what comes, what goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coordinator.mapfile.parser import parse_map
from coordinator.mapfile.updating import update_map
from coordinator.model.database_map import (
    DatabaseMap,
    MapForm,
    MappedColumn,
    MappedModule,
    MappedTable,
    MapReference,
)

DOCUMENT = """\
# Nosso banco

Este texto fica.

## Módulo CRM

Clientes e contatos.

- **Schema:** `crm`

**Usado por**

- Agendamento.appointments.customer_id (lembretes)
- Billing.invoices

### `customers`

Quem compra de nós.

| Coluna | Tipo | Padrão | Referências | Notas |
|:-------|:----:|:-------|:------------|:------|
| `id` | uuid | gen_random_uuid() | | |
| `name` | text | | | nome completo |

> Pergunte antes de mudar.

## Glossário

Palavras.
"""


def read(text: str) -> DatabaseMap:
    return parse_map(text, file="m.md")


def with_crm(database_map: DatabaseMap, **changes: object) -> DatabaseMap:
    crm, *others = database_map.modules
    return replace(database_map, modules=(replace(crm, **changes), *others))  # type: ignore[arg-type]  # fields by name


def lines(text: str) -> list[str]:
    return text.split("\n")


def test_nothing_changes_when_the_facts_are_the_same() -> None:
    assert update_map(DOCUMENT, read(DOCUMENT)) == DOCUMENT


def test_a_new_column_is_one_new_line_under_the_document_s_own_head() -> None:
    before = read(DOCUMENT)
    table = before.modules[0].tables[0]
    columns = (*table.columns, MappedColumn(name="phone", type="text", notes="celular"))
    updated = update_map(DOCUMENT, with_crm(before, tables=(replace(table, columns=columns),)))
    assert [each for each in lines(updated) if each not in lines(DOCUMENT)] == [
        "| `phone` | `text` |  |  | celular |"
    ]
    assert set(lines(DOCUMENT)) <= set(lines(updated))


def test_a_table_that_needs_another_head_is_written_anew_in_the_document_s_language() -> None:
    before = read(DOCUMENT)
    table = before.modules[0].tables[0]
    columns = (replace(table.columns[0], personal=True), table.columns[1])
    updated = update_map(DOCUMENT, with_crm(before, tables=(replace(table, columns=columns),)))
    assert "| Coluna | Tipo | Referências | Dado pessoal | Notas |" in lines(updated)
    assert read(updated).modules[0].tables[0].columns == columns


def test_a_reference_that_is_no_longer_goes_and_a_new_one_comes_behind_the_others() -> None:
    before = read(DOCUMENT)
    kept = before.modules[0].used_by[0]
    updated = update_map(DOCUMENT, with_crm(before, used_by=(kept, MapReference(module="Notify"))))
    start = lines(updated).index("**Usado por**")
    assert lines(updated)[start + 2 : start + 5] == [
        "- Agendamento.appointments.customer_id (lembretes)",
        "- `Notify`",
        "",
    ]


def test_the_label_goes_with_the_last_reference() -> None:
    updated = update_map(DOCUMENT, with_crm(read(DOCUMENT), used_by=()))
    assert "Usado por" not in updated
    assert "\n\n\n" not in updated


def test_a_new_list_comes_after_the_facts_of_the_module() -> None:
    updated = update_map(DOCUMENT, with_crm(read(DOCUMENT), depends_on=(MapReference(module="Users"),)))
    assert (
        updated.index("- **Schema:** `crm`")
        < updated.index("**Depende de**\n\n- `Users`")
        < updated.index("### ")
    )


def test_schema_and_owner_are_written_where_they_belong() -> None:
    updated = update_map(DOCUMENT, with_crm(read(DOCUMENT), schemas=("crm", "crm_audit"), owner="crm_owner"))
    assert "- **Schema:** `crm`, `crm_audit`\n- **Dono:** `crm_owner`\n" in updated


def test_a_dropped_table_leaves_its_prose_behind() -> None:
    updated = update_map(DOCUMENT, with_crm(read(DOCUMENT), tables=()))
    assert "customers" not in updated.replace("customer_id", "")
    assert "Quem compra de nós." in updated
    assert "> Pergunte antes de mudar." in updated
    assert update_map(updated, read(updated)) == updated


def test_a_new_module_comes_after_the_last_one_and_before_other_chapters() -> None:
    before = read(DOCUMENT)
    billing = MappedModule(name="Billing", tables=(MappedTable(name="invoices"),))
    updated = update_map(DOCUMENT, replace(before, modules=(*before.modules, billing)))
    places = [
        updated.index(each) for each in ("> Pergunte", "## Módulo Billing", "### `invoices`", "## Glossário")
    ]
    assert places == sorted(places)


def test_a_dropped_module_leaves_its_prose_behind() -> None:
    before = read(DOCUMENT)
    updated = update_map(DOCUMENT, replace(before, modules=(MappedModule(name="Billing"),)))
    assert "## Módulo CRM" not in updated
    for prose in ("Este texto fica.", "Clientes e contatos.", "Quem compra de nós.", "Palavras."):
        assert prose in updated
    assert [each.name for each in read(updated).modules] == ["Billing"]


def test_headings_keep_the_levels_of_the_document() -> None:
    text = "# Map\n\n### Module a\n\n#### Tables\n\n##### t\n\n| Column | Type |\n|---|---|\n| x | int |\n"
    before = read(text)
    (module,) = before.modules
    new = replace(module, tables=(*module.tables, MappedTable(name="u")))
    updated = update_map(text, replace(before, modules=(new, MappedModule(name="b"))))
    assert "\n##### `u`\n" in updated
    assert "\n### Module b\n" in updated
    assert read(updated).modules[0].tables[1].name == "u"


def test_windows_line_ends_stay() -> None:
    text = DOCUMENT.replace("\n", "\r\n")
    updated = update_map(text, with_crm(read(text), owner="crm_owner"))
    assert updated.count("\n") == updated.count("\r\n")


@pytest.mark.parametrize(
    "sketch",
    [
        "```\n├── 🏠 Módulo CRM\n│   ├── tabela: customers (id)\n│   └── usado por: Billing\n└── [outros módulos...]\n```\n",
        "- Módulo CRM\n  - tabela: customers (id)\n  - usado por: Billing\n- [outros módulos...]\n",
        "├── Módulo CRM\n│   ├── tabela: customers (id)\n│   └── usado por: Billing\n",
    ],
    ids=["tree art in a fence", "bullets", "tree art"],
)
def test_a_sketch_gives_way_to_the_canonical_form_and_its_prose_stays(sketch: str) -> None:
    text = f"# Mapa\n\nAntes.\n\n{sketch}\nDepois.\n"
    wanted = replace(read(text), form=MapForm.CANONICAL, open=False)
    updated = update_map(text, wanted)
    assert read(updated) == wanted
    assert updated.index("Antes.") < updated.index("## Módulo CRM") < updated.index("Depois.")
    assert not any(each in updated for each in ("├", "```", "tabela:", "outros"))


def test_a_map_is_added_to_prose_that_has_none_yet() -> None:
    text = "# Our database\n\nWe will write it next week.\n"
    updated = update_map(text, DatabaseMap(modules=(MappedModule(name="crm"),)))
    assert updated == f"{text}\n## Module crm\n"


def test_an_empty_document_becomes_a_whole_one() -> None:
    updated = update_map("", DatabaseMap(modules=(MappedModule(name="crm"),)))
    assert updated == "# Database map\n\n## Module crm\n"


def test_a_list_of_prose_does_not_become_part_of_a_list_of_facts_that_it_comes_to_stand_behind() -> None:
    text = "## Module a\n\n**Depends on**\n\n- b\n\n### `t`\n\n| Column | Type |\n|---|---|\n| x | int |\n\n- a remark\n"
    before = read(text)
    updated = update_map(text, replace(before, modules=(replace(before.modules[0], tables=()),)))
    assert read(updated).modules[0].depends_on == (MapReference(module="b"),)
    assert "- a remark" in lines(updated)
