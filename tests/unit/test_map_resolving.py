"""Names of a map bound to real modules, for the planner and for the checks of rows."""

from __future__ import annotations

from pathlib import Path

from coordinator.mapfile.parser import parse_map
from coordinator.mapfile.resolving import resolve_map
from coordinator.model.check import MapReference
from coordinator.model.module import Module
from coordinator.model.names import Place

SKETCH = (Path(__file__).parent / "maps" / "sketch.md").read_text("utf-8")


def module(name: str, *schemas: str) -> Module:
    return Module(name=name, path=Path("modules") / name, schemas=schemas or (name,))


MODULES = (module("agendamento"), module("billing"), module("crm"), module("user_management"))


def test_order_and_edges_are_in_the_real_names_whichever_side_declares_them() -> None:
    resolved = resolve_map(parse_map(SKETCH, file="m.md"), MODULES)
    assert resolved.order == ("crm", "agendamento")
    assert dict(resolved.edges) == {
        "crm": frozenset({"user_management"}),
        "agendamento": frozenset({"crm", "user_management"}),
    }
    assert resolved.findings == ()


def test_used_by_and_depends_on_mean_the_same_edge() -> None:
    used = resolve_map(parse_map("- Module crm\n  - used by: billing\n", file="m.md"), MODULES)
    needs = resolve_map(parse_map("- Module billing\n  - depends on: crm\n", file="m.md"), MODULES)
    assert used.edges["billing"] == needs.edges["billing"] == {"crm"}


def test_an_unknown_module_is_a_finding_with_its_line_and_the_nearest_name() -> None:
    text = "## Module crm\n\n## Module biling\n\n**Depends on**\n\n- usr_management.users\n- usr_management.roles\n"
    found = resolve_map(parse_map(text, file="m.md"), MODULES).findings
    assert [(each.rule, str(each.place), each.help) for each in found] == [
        ("map-unknown-module", "m.md:3:11", "did you mean 'billing'?"),
        ("map-unknown-module", "m.md:7:3", "did you mean 'user_management'?"),
    ]


def test_a_name_that_nothing_comes_near_is_told_with_all_that_are_known() -> None:
    (found,) = resolve_map(parse_map("## Module warehouse\n", file="m.md"), MODULES).findings
    assert found.help == "known modules: agendamento, billing, crm, user_management"


def test_a_module_may_be_named_by_its_schema_in_the_map_and_in_references() -> None:
    modules = (module("customers", "crm", "crm_audit"), module("agenda", "agendamento"))
    text = "## Module Clientes\n\n- **Schema:** `crm`\n\n## Module agendamento\n\n**Depends on**\n\n- crm_audit.log\n"
    resolved = resolve_map(parse_map(text, file="m.md"), modules)
    assert resolved.order == ("customers", "agenda")
    assert resolved.edges["agenda"] == {"customers"}
    assert resolved.findings == ()


def test_a_schema_of_another_module_is_a_finding() -> None:
    text = "## Module crm\n\n- **Schema:** `crm`, `billing`\n"
    (found,) = resolve_map(parse_map(text, file="m.md"), MODULES).findings
    assert found.message == "schema 'billing' belongs to module 'billing', and the map gives it to 'crm'"
    assert found.help == "module 'crm' has: crm"


def test_two_parts_for_one_module_are_a_finding() -> None:
    modules = (module("customers", "crm"),)
    (found,) = resolve_map(parse_map("## Module customers\n\n## Module crm\n", file="m.md"), modules).findings
    assert (found.rule, str(found.place)) == ("map-duplicate-module", "m.md:3:11")


def test_references_that_name_a_column_are_given_in_real_schemas() -> None:
    modules = (module("customers", "crm"), module("agenda", "agendamento"))
    text = (
        "## Module Customers\n\n## Module agenda\n\n### appointments\n\n| Column | References |\n|---|---|\n"
        "| customer_id | Customers.people.id |\n| other_id | Customers.people |\n"
    )
    resolved = resolve_map(parse_map(text, file="m.md"), modules)
    assert resolved.references == (
        MapReference(
            schema="agendamento",
            table="appointments",
            column="customer_id",
            target_schema="crm",
            target_table="people",
            target_column="id",
            place=Place("m.md", 9, 3),
        ),
    )
