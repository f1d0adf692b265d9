"""The map held against what is built: every way in which they differ, each broken for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coordinator.mapfile.contract import compare_map
from coordinator.mapfile.parser import parse_map
from coordinator.mapfile.sql_types import same_type
from coordinator.model.built_schema import (
    BuiltColumn,
    BuiltForeignKey,
    BuiltModule,
    BuiltSchema,
    BuiltTable,
    ModuleUse,
)
from coordinator.model.names import Place

CUSTOMERS = BuiltTable(
    schema="crm",
    name="customers",
    columns=(
        BuiltColumn(name="id", type="bigint", nullable=False),
        BuiltColumn(name="name", type="character varying(40)"),
    ),
)
APPOINTMENTS = BuiltTable(
    schema="agendamento",
    name="appointments",
    columns=(BuiltColumn(name="customer_id", type="bigint", nullable=False),),
    foreign_keys=(
        BuiltForeignKey(columns=("customer_id",), schema="crm", table="customers", target_columns=("id",)),
    ),
)
BUILT = BuiltSchema(
    modules=(
        BuiltModule(name="crm", schemas=("crm",), tables=(CUSTOMERS,)),
        BuiltModule(name="agendamento", schemas=("agendamento",), tables=(APPOINTMENTS,)),
    )
)
MAP = """\
# Map

## Module CRM

- **Schema:** `crm`

**Used by**

- `Agendamento.appointments.customer_id`

### `customers`

| Column | Type | Nullable | References | Notes |
|---|---|---|---|---|
| `id` | `int8` | no |  |  |
| `name` | `varchar(40)` |  |  |  |

## Module Agendamento

- **Schema:** `agendamento`

**Depends on**

- `CRM.customers`

### `appointments`

| Column | Type | References | Notes |
|---|---|---|---|
| `customer_id` | `bigint` | `CRM.customers.id` |  |
"""
SKETCH = """\
- Module CRM
  - table: customers (id)
  - used by: Agendamento
- Module Agendamento
  - table: appointments (customer_id REFERENCES CRM.customers)
- [other modules...]
"""


def told(text: str, built: BuiltSchema = BUILT) -> list[tuple[str, str | None, str]]:
    """Rule, place and message of every finding."""
    found = compare_map(parse_map(text, file="m.md"), built)
    return [(each.rule, str(each.place), each.message) for each in found]


def rules(text: str, built: BuiltSchema = BUILT) -> list[str]:
    return [rule for rule, _, _ in told(text, built)]


def with_table(table: BuiltTable) -> BuiltSchema:
    crm, agendamento = BUILT.modules
    return replace(BUILT, modules=(replace(crm, tables=(*crm.tables, table)), agendamento))


def test_a_map_that_says_what_is_built_has_no_finding() -> None:
    assert told(MAP) == []
    assert told(SKETCH) == []


def test_a_table_that_the_map_leaves_out_is_a_finding_in_a_canonical_map_only() -> None:
    built = with_table(BuiltTable(schema="crm", name="deals"))
    assert told(MAP, built) == [("map-lacks-table", "m.md:3:11", "table 'crm.deals' is not in the map")]
    assert told(SKETCH, built) == []


def test_a_table_that_nobody_builds_is_a_finding_in_both_forms_with_the_nearest_name() -> None:
    found = compare_map(parse_map(MAP.replace("`customers`", "`custmers`"), file="m.md"), BUILT)
    assert next((each.rule, each.help) for each in found) == ("map-only-table", "did you mean 'customers'?")
    assert "map-only-table" in rules(SKETCH.replace("table: customers", "table: clients"))


def test_a_column_that_the_map_leaves_out_is_a_finding_in_a_canonical_map_only() -> None:
    text = MAP.replace("| `name` | `varchar(40)` |  |  |  |\n", "")
    assert told(text) == [("map-lacks-column", "m.md:11:6", "column 'customers.name' is not in the map")]
    assert "name" not in SKETCH


def test_a_column_that_nobody_builds_is_a_finding_with_its_line_and_the_nearest_name() -> None:
    found = compare_map(parse_map(MAP.replace("| `name` |", "| `nome` |"), file="m.md"), BUILT)
    assert [(each.rule, str(each.place), each.help) for each in found] == [
        ("map-only-column", "m.md:16:3", "did you mean 'name'?"),
        ("map-lacks-column", "m.md:11:6", "add it: character varying(40)"),
    ]
    assert rules(SKETCH.replace("(id)", "(id, nome)")) == ["map-only-column"]


def test_another_type_is_a_finding_that_says_both() -> None:
    assert told(MAP.replace("varchar(40)", "text")) == [
        (
            "map-type-differs",
            "m.md:16:3",
            "column 'customers.name' is 'character varying(40)', and the map says 'text'",
        )
    ]


def test_a_column_that_may_be_null_after_all_is_a_finding() -> None:
    found = told(MAP.replace("| `int8` | no |", "| `int8` | yes |"))
    assert found == [
        (
            "map-nullability-differs",
            "m.md:15:3",
            "column 'customers.id' is never null, and the map says the contrary",
        )
    ]


def test_a_reference_that_no_foreign_key_bears_out_is_a_finding() -> None:
    text = MAP.replace("`CRM.customers.id`", "`CRM.customers.name`")
    assert rules(text) == ["map-only-reference", "map-lacks-reference"]


def test_a_foreign_key_that_the_map_leaves_out_is_a_finding_in_a_canonical_map_only() -> None:
    found = compare_map(parse_map(MAP.replace("`CRM.customers.id`", ""), file="m.md"), BUILT)
    assert [(each.rule, each.help) for each in found] == [
        ("map-lacks-reference", "write 'CRM.customers.id' under References")
    ]
    assert rules(SKETCH.replace(" REFERENCES CRM.customers", "")) == []


def test_an_edge_that_the_map_does_not_declare_is_a_finding_with_the_line_to_write() -> None:
    use = ModuleUse(
        consumer="crm",
        provider="agendamento",
        consumer_table="overview",
        provider_table="appointments",
        why="view crm.overview reads agendamento.appointments",
        place=Place("modules/crm/x.py", 12),
    )
    (found,) = compare_map(parse_map(MAP, file="m.md"), replace(BUILT, uses=(use,)))
    assert found.rule == "map-lacks-edge"
    assert found.message == (
        "module 'crm' needs 'Agendamento.appointments' (view crm.overview reads agendamento.appointments), "
        "made by modules/crm/x.py:12, and the map does not declare it"
    )
    assert found.help == "write 'Agendamento.appointments' under Depends on of 'CRM'"
    assert rules(SKETCH, replace(BUILT, uses=(use,))) == ["map-lacks-edge"]


def test_an_edge_to_another_table_than_the_declared_one_is_undeclared_in_a_canonical_map_only() -> None:
    use = ModuleUse(consumer="agendamento", provider="crm", consumer_table="agenda", provider_table="deals")
    assert rules(MAP, replace(BUILT, uses=(use,))) == ["map-lacks-edge"]
    assert rules(SKETCH, replace(BUILT, uses=(use,))) == []


@pytest.mark.parametrize(
    "declared", ["- `CRM`", "- `CRM.deals`", "- `crm.deals.id` — why"], ids=["module", "table", "column"]
)
def test_an_edge_is_declared_by_its_module_its_table_or_a_column_of_it(declared: str) -> None:
    use = ModuleUse(consumer="agendamento", provider="crm", consumer_table="agenda", provider_table="deals")
    text = MAP.replace("- `CRM.customers`", f"- `CRM.customers`\n{declared}")
    assert rules(text, replace(BUILT, uses=(use,))) == []


def test_an_edge_may_be_declared_by_the_one_that_is_used() -> None:
    use = ModuleUse(consumer="agendamento", provider="crm", consumer_table="agenda", provider_table="deals")
    text = MAP.replace("**Used by**\n\n", "**Used by**\n\n- `Agendamento.agenda` — view\n")
    assert rules(text, replace(BUILT, uses=(use,))) == []


def test_a_declared_edge_that_nothing_bears_out_is_a_finding_with_its_line() -> None:
    found = told(MAP.replace("- `CRM.customers`\n", "- `CRM.customers`\n- `CRM.deals` — for the agenda\n"))
    assert found == [
        (
            "map-only-edge",
            "m.md:25:3",
            "the map says 'Agendamento' depends on 'CRM.deals', and nothing in the code does",
        )
    ]
    assert rules(SKETCH.replace("used by: Agendamento", "used by: Agendamento.rooms")) == ["map-only-edge"]


def test_a_module_that_the_map_leaves_out_is_a_finding_unless_the_map_says_that_there_are_others() -> None:
    crm_only = MAP.partition("## Module Agendamento")[0]
    assert "map-lacks-module" in rules(crm_only)
    assert rules(crm_only + "\n[other modules...]\n") == []


def test_a_module_that_is_not_there_is_a_finding_with_the_nearest_name() -> None:
    text = MAP.replace("Module Agendamento", "Module Agendamentos").replace(
        "- **Schema:** `agendamento`\n", ""
    )
    found = compare_map(parse_map(text, file="m.md"), BUILT)
    assert found[0].rule == "map-unknown-module"
    assert found[0].help == "did you mean 'agendamento'?"


def test_a_schema_too_many_and_one_too_few_are_findings() -> None:
    crm, agendamento = BUILT.modules
    built = replace(BUILT, modules=(replace(crm, schemas=("crm", "crm_audit")), agendamento))
    assert rules(MAP.replace("`crm`", "`crm`, `crm_old`", 1), built) == [
        "map-only-schema",
        "map-lacks-schema",
    ]


def test_a_module_is_found_by_the_schema_that_it_names() -> None:
    text = MAP.replace("CRM", "Customers").replace("| `Customers.", "| `Customers.")
    assert told(text) == []


def test_two_columns_that_read_alike_are_told_apart_by_their_spelling() -> None:
    table = BuiltTable(
        schema="crm",
        name="odd",
        columns=(BuiltColumn(name="userid", type="text"), BuiltColumn(name="user_id", type="integer")),
    )
    rows = "\n### `odd`\n\n| Column | Type |\n|---|---|\n| `user_id` | `integer` |\n| `userid` | `text` |\n"
    assert (
        rules(MAP.replace("\n## Module Agendamento", f"{rows}\n## Module Agendamento"), with_table(table))
        == []
    )


@pytest.mark.parametrize(
    ("written", "built"),
    [
        ("int", "integer"),
        ("INT8", "bigint"),
        ("serial", "integer"),
        ("varchar(40)", "character varying(40)"),
        ("timestamptz", "timestamp with time zone"),
        ("timestamp(3)", "timestamp(3) without time zone"),
        ("timestamptz(3)", "timestamp(3) with time zone"),
        ("numeric(10, 2)", "numeric(10,2)"),
        ("decimal", "numeric"),
        ("char", "character(1)"),
        ("text[]", "text[]"),
        ("varchar(9)[]", "character varying(9)[]"),
        ("bool", "boolean"),
        ("deal_stage", "crm.deal_stage"),
        ('crm."Stage"', "crm.stage"),
    ],
)
def test_a_type_may_be_written_as_people_write_it(written: str, built: str) -> None:
    assert same_type(written, built)


@pytest.mark.parametrize(
    ("written", "built"),
    [
        ("varchar", "character varying(40)"),
        ("varchar(41)", "character varying(40)"),
        ("timestamp", "timestamp with time zone"),
        ("text", "text[]"),
        ("billing.stage", "crm.stage"),
        ("numeric(10,3)", "numeric(10,2)"),
    ],
)
def test_types_that_differ_are_not_taken_for_one(written: str, built: str) -> None:
    assert not same_type(written, built)
