"""A map as mermaid, as JSON and as text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from coordinator.mapfile.parser import parse_map
from coordinator.model.database_map import DatabaseMap, MappedColumn, MappedModule, MappedTable, MapReference
from coordinator.reports.map_json import map_as_json
from coordinator.reports.map_text import map_text
from coordinator.reports.mermaid import module_graph, table_graph
from coordinator.reports.page import Page

SKETCH = parse_map((Path(__file__).parent / "maps" / "sketch.md").read_text("utf-8"), file="m.md")
EVIL = '"] end; <script>alert(1)</script> %% {x}\n--> |'
HOSTILE = DatabaseMap(
    modules=(
        MappedModule(
            name=EVIL,
            schemas=(EVIL + "2",),
            tables=(
                MappedTable(
                    name=EVIL,
                    columns=(
                        MappedColumn(
                            name=EVIL,
                            type=EVIL,
                            references=(MapReference(module="other" + EVIL, table=EVIL),),
                            personal=True,
                        ),
                        MappedColumn(name="123"),
                    ),
                ),
            ),
            depends_on=(MapReference(module=EVIL + "3", table=EVIL),),
        ),
    )
)


def test_the_picture_of_modules_draws_who_needs_whom() -> None:
    assert module_graph(SKETCH) == (
        "flowchart LR\n"
        '  m1["CRM"]\n'
        '  m2["Agendamento"]\n'
        '  o1["User_Management"]\n'
        '  m1 -->|"users"| o1\n'
        '  m2 -->|"customers"| m1\n'
        '  m2 -->|"users"| o1\n'
        "  classDef other stroke-dasharray: 4 4\n"
        "  class o1 other\n"
    )


def test_the_picture_of_tables_draws_columns_and_references() -> None:
    assert table_graph(SKETCH) == (
        "erDiagram\n"
        '  t1["CRM.customers"] {\n'
        "    unknown id\n"
        "    unknown name\n"
        "    unknown email\n"
        "    unknown telefone1\n"
        "    unknown telefone2\n"
        "  }\n"
        '  t2["Agendamento.appointments"] {\n'
        "    unknown customer_id FK\n"
        "  }\n"
        '  t2 }o--|| t1 : "customer_id"\n'
    )


@pytest.mark.parametrize("draw", [module_graph, table_graph])
def test_no_name_leaves_its_label(draw: object) -> None:
    assert callable(draw)
    for line in str(draw(HOSTILE)).splitlines():
        assert "<script" not in line
        bare = re.sub(r'"[^"]*"', '""', line)
        assert re.fullmatch(r"[\w \[\]\"{}|>o:,.-]*", bare), line
        assert line.count('"') % 2 == 0


def test_the_json_of_a_map_holds_every_fact_with_its_place() -> None:
    document = json.loads(json.dumps(map_as_json(SKETCH)))
    assert (document["form"], document["open"]) == ("sketch", True)
    assert document["edges"] == [
        {"consumer": "Agendamento", "provider": "CRM"},
        {"consumer": "Agendamento", "provider": "User_Management"},
        {"consumer": "CRM", "provider": "User_Management"},
    ]
    crm, agendamento = document["modules"]
    assert [each["name"] for each in crm["tables"][0]["columns"]] == [
        "id",
        "name",
        "email",
        "telefone1",
        "telefone2",
    ]
    assert crm["place"]["line"] == 4
    assert agendamento["dependsOn"][0]["table"] == "customers"


def test_the_text_of_a_map_says_what_was_understood() -> None:
    text = map_text(SKETCH, Page(width=100))
    assert text == (
        "m.md: 2 modules, 2 tables; a sketch: what it leaves out is no finding\n\n"
        "CRM\n"
        "  used by Agendamento.appointments.customer_id\n"
        "  depends on User_Management.users.id\n\n"
        "  customers\n    column\n    id\n    name\n    email\n    telefone1\n    telefone2\n\n"
        "Agendamento\n"
        "  depends on CRM.customers, User_Management.users\n\n"
        "  appointments\n    column       references\n    customer_id  CRM.customers\n\n"
        "and other modules, which the map leaves out\n"
    )


def test_the_text_of_a_map_cannot_move_the_cursor() -> None:
    evil = DatabaseMap(modules=(MappedModule(name="a\x1b[2J", tables=(MappedTable(name="t\x07"),)),))
    assert "\x1b" not in map_text(evil, Page())
    assert "\x07" not in map_text(evil, Page())
