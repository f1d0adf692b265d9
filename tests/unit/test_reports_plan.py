"""A plan as text, Markdown, mermaid and JSON: complete, aligned, and nobody's name breaks it."""

from __future__ import annotations

import json
import re

import pytest

from coordinator.model.finding import Finding, Severity
from coordinator.model.names import Place
from coordinator.model.plan import MigrationPlan, Reason
from coordinator.reports.explanation import (
    explain,
    explanation_json,
    explanation_markdown,
    explanation_mermaid,
    explanation_text,
)
from coordinator.reports.page import Page
from coordinator.reports.plan_json import module_plan_as_json, plans_as_json
from coordinator.reports.plan_markdown import plan_markdown
from coordinator.reports.plan_mermaid import plan_mermaid
from coordinator.reports.plan_text import binding_edges, plan_text
from tests.plans import change, edge, follows, key, plan, step

HOSTILE = "<script>alert(1)</script> | `code` \"quoted\" 'single' [link](x) *bold* \x1b[31mred\n# heading"

STORY = plan(
    [
        step(1, "crm:a1", message="create customers", changes=(change("creates table 'crm.customers'"),)),
        step(2, "crm:a2", follows("crm:a1", "crm:a2"), message="add telefone2"),
        step(
            3,
            "agenda:b1",
            edge("crm:a1", "agenda:b1"),
            edge(
                "crm:a2",
                "agenda:b1",
                why="'agenda:b1' uses column 'crm.customers.telefone2', which 'crm:a2' creates (modules/crm/a2.py:18)",
            ),
            message="remind by phone",
        ),
    ],
    [step(4, "crm:a3", follows("crm:a2", "crm:a3"), message="index", transactional=False)],
    modules=(
        MigrationPlan(
            module="crm",
            changes=(change("creates table 'crm.customers'", impact=("module 'agenda' reads it",)),),
            affected_modules=("agenda",),
            dependencies=("crm needs nothing",),
            rollback_script="-- crm:a1\nDROP TABLE crm.customers;",
        ),
    ),
)


def test_a_plan_is_read_segment_by_segment_with_changes_and_the_reasons_across_modules() -> None:
    assert plan_text([STORY], (), Page()).splitlines() == [
        "4 steps of 2 modules in 2 segments",
        "guarantee: segments: what cannot share a transaction is taken back by its",
        "  downgrade",
        "",
        "segment 1: one transaction, 3 steps",
        "   1  crm:a1  create customers",
        "        creates table 'crm.customers'",
        "   2  crm:a2  add telefone2",
        "   3  agenda:b1  remind by phone",
        "        after crm:a2: it uses column 'crm.customers.telefone2'",
        "",
        "segment 2: commits statement by statement, 1 step",
        "   4  crm:a3  index",
    ]


def test_nothing_to_do_is_said() -> None:
    assert plan_text([], (), Page()) == "nothing to do: every module is at its head\n"
    assert "Nothing to do" in plan_markdown([], ())
    assert "nothing to do" in plan_mermaid([])


def test_what_cannot_be_planned_is_not_called_nothing_to_do() -> None:
    sentence = "2 pending revisions cannot be planned as they are"
    assert plan_text([], (), Page(), pending=2) == f"no plan: {sentence}\n"
    assert f"**No plan:** {sentence}." in plan_markdown([], (), pending=2)
    assert f"no plan: {sentence}" in plan_mermaid([], pending=2).replace("#58;", ":")
    assert plans_as_json([], (), target="t", environment="e", pending=2)["pending"] == 2


def test_only_edges_that_no_other_edge_implies_are_told() -> None:
    assert [each.before for each in binding_edges(STORY)[key("agenda:b1")]] == [key("crm:a2")]


def test_an_edge_found_by_rehearsal_is_told_inside_a_module_too() -> None:
    found = edge("crm:a1", "crm:a2", Reason.REHEARSED, "only this order ran")
    told = plan_text([plan([step(1, "crm:a1"), step(2, "crm:a2", found)])], (), Page())
    assert "after crm:a1: only this order ran" in told


def test_other_possible_orders_are_counted_and_told_apart() -> None:
    other = plan([step(1, "crm:a1"), step(2, "agenda:b1"), step(3, "crm:a2"), step(4, "crm:a3")])
    told = plan_text([STORY, other], (), Page())
    assert "2 orders are possible; the rehearsal decides. Shown is the first." in told
    assert "order 2 has agenda:b1 at place 2, where this one has crm:a2" in told
    assert json.loads(json.dumps(plans_as_json([STORY, other], (), target="t", environment="e", pending=4)))[
        "otherOrders"
    ] == [["crm:a1", "agenda:b1", "crm:a2", "crm:a3"]]


def test_equal_changes_are_counted_and_many_are_cut() -> None:
    many = tuple(change(f"change {number}") for number in range(7))
    told = plan_text([plan([step(1, "crm:a1", changes=(*many, change("change 1")))])], (), Page())
    assert "change 1, 2 times" in told
    assert "and 2 more changes" in told


def test_loss_of_data_is_painted_and_irreversibility_is_told() -> None:
    painted: list[tuple[str, str]] = []

    def paint(text: str, colour: str) -> str:
        painted.append((text.strip(), colour))
        return text

    lossy = step(
        1, "crm:a1", changes=(change("drops table 'crm.old'", loses_data=True),), irreversible="rows are gone"
    )
    told = plan_text([plan([lossy])], (), Page(paint=paint))
    assert ("drops table 'crm.old'", "red") in painted
    assert "irreversible: rows are gone" in told


def test_findings_stand_below_with_place_and_remedy_and_paths_are_short() -> None:
    finding = Finding(
        rule="breaks",
        severity=Severity.WARNING,
        message="a view is broken",
        place=Place("/home/x/project/modules/a.py", 3),
        help="mend it",
    )
    told = plan_text([STORY], (finding,), Page(folder="/home/x/project"))
    assert "warning breaks: a view is broken (modules/a.py:3)\n  → mend it\n" in told


def test_what_a_finding_lists_stands_on_lines_of_its_own() -> None:
    cycle = Finding(
        rule="cycle", message="No order is possible.\n  crm:a1 -> b:b1: why\n  b:b1 -> crm:a1: why"
    )
    assert plan_text([STORY], (cycle,), Page()).endswith(
        "error cycle: No order is possible.\n    crm:a1 -> b:b1: why\n    b:b1 -> crm:a1: why\n"
    )
    assert "No order is possible.<br>crm:a1 -&gt; b:b1: why<br>" in plan_markdown([STORY], (cycle,))


@pytest.mark.parametrize("width", [60, 80, 110])
def test_no_line_is_wider_than_the_page(width: int) -> None:
    long = step(1, "crm:a1", message="word " * 60, changes=(change("table " * 60),), irreversible="why " * 60)
    assert max(len(line) for line in plan_text([plan([long])], (), Page(width=width)).splitlines()) <= width


def test_a_hostile_message_stays_on_its_line_in_the_text() -> None:
    told = plan_text([plan([step(1, "crm:a1", message=HOSTILE)])], (), Page(width=500))
    assert "\x1b" not in told
    assert sum("alert(1)" in line for line in told.splitlines()) == 1
    assert not any(line.startswith("# heading") for line in told.splitlines())


def test_markdown_shows_hostile_names_letter_by_letter() -> None:
    from markdown_it import MarkdownIt

    hostile = plan([step(1, f"crm:{HOSTILE.splitlines()[0]}", message=HOSTILE, changes=(change(HOSTILE),))])
    document = plan_markdown([hostile], (Finding(rule="r`|", message=HOSTILE, help=HOSTILE),))
    rendered = MarkdownIt("commonmark").enable("table").render(document)
    assert "<script" not in rendered
    assert "<strong>bold" not in rendered
    assert "<a " not in rendered
    assert rendered.count("<h1>") == 1
    cells = re.findall(r"<td[^>]*>(.*?)</td>", rendered, re.DOTALL)
    assert len(cells) == 4, "a pipe in a name made a new cell"
    assert "&lt;script&gt;alert(1)&lt;/script&gt; | `code`" in cells[2]


def test_a_rollback_script_cannot_leave_its_fence() -> None:
    part = MigrationPlan(
        module="crm", changes=(), affected_modules=(), dependencies=(), rollback_script="-- ```\n```\n# out"
    )
    document = plan_markdown([plan([step(1, "crm:a1")], modules=(part,))], ())
    assert "````sql\n-- ```\n```\n# out\n````" in document


def test_mermaid_draws_a_box_a_step_and_says_why_between_modules() -> None:
    assert plan_mermaid([STORY]).splitlines() == [
        "flowchart TD",
        '  subgraph segment1["segment 1: one transaction, 3 steps"]',
        '    s1["1. crm:a1<br/>create customers"]',
        '    s2["2. crm:a2<br/>add telefone2"]',
        '    s3["3. agenda:b1<br/>remind by phone"]',
        "  end",
        '  subgraph segment2["segment 2: commits statement by statement, 1 step"]',
        '    s4["4. crm:a3<br/>index"]',
        "  end",
        "  s1 --> s2",
        "  s2 -- \"it uses column 'crm.customers.telefone2'\" --> s3",
        "  s2 --> s4",
    ]


def test_mermaid_labels_cannot_be_left() -> None:
    drawn = plan_mermaid([plan([step(1, "crm:a1", message='x"] --> y["<b>%%{init}%%')])])
    (line,) = (line for line in drawn.splitlines() if "crm:a1" in line)
    assert line.count('"') == 2
    assert not set("%{}") & set(line)
    assert "<b>" not in line


def test_the_users_migration_plan_has_exactly_the_users_fields() -> None:
    assert module_plan_as_json(STORY.modules[0]) == {
        "module": "crm",
        "changes": [
            {
                "type": "ADD_TABLE",
                "table": "customers",
                "schema": "crm",
                "description": "creates table 'crm.customers'",
                "impactAnalysis": ["module 'agenda' reads it"],
            }
        ],
        "affectedModules": ["agenda"],
        "dependencies": ["crm needs nothing"],
        "rollbackScript": "-- crm:a1\nDROP TABLE crm.customers;",
    }


def test_json_holds_the_ordered_run_with_its_reasons() -> None:
    document = json.loads(json.dumps(plans_as_json([STORY], (), target="t", environment="e", pending=4)))
    steps = [each for segment in document["plan"]["segments"] for each in segment["steps"]]
    assert [f"{each['module']}:{each['revision']}" for each in steps] == [
        "crm:a1",
        "crm:a2",
        "agenda:b1",
        "crm:a3",
    ]
    assert [each["position"] for each in steps] == [1, 2, 3, 4]
    assert steps[2]["because"][1]["before"] == "crm:a2"
    assert steps[2]["because"][1]["place"] == {"file": "b.py", "line": 20}
    assert document["plan"]["segments"][1]["transactional"] is False


def test_an_explanation_tells_what_a_step_waits_for_and_what_waits_for_it() -> None:
    told = explanation_text(explain(STORY, key("crm:a2")), Page())
    assert told.splitlines() == [
        "crm:a2  add telefone2",
        "  modules/crm/a2.py:9",
        "  step 2 of 4, in segment 1 (one transaction)",
        "",
        "it goes after",
        "  follows   crm:a1: 'crm:a2' follows 'crm:a1' in its own tree",
        "            at b.py:20",
        "  It stands as early as it can.",
        "",
        "these must wait for it",
        "  uses      agenda:b1: 'agenda:b1' uses column 'crm.customers.telefone2', which",
        "            'crm:a2' creates (modules/crm/a2.py:18)",
        "            at b.py:20",
        "  follows   crm:a3: 'crm:a3' follows 'crm:a2' in its own tree",
        "            at b.py:20",
    ]


def test_an_explanation_says_what_waits_by_way_of_others_and_how_early_a_step_could_stand() -> None:
    first = explain(STORY, key("crm:a1"))
    assert first.later == (key("crm:a3"),)
    last = explain(STORY, key("crm:a3"))
    assert last.earliest == 3
    assert "It could stand at place 3." in explanation_text(last, Page(width=200))
    assert "these must wait for it: none" in explanation_text(last, Page())


def test_an_explanation_has_the_other_formats_too() -> None:
    explained = explain(STORY, key("agenda:b1"))
    document = json.loads(json.dumps(explanation_json(explained)))
    assert [each["before"] for each in document["waitsFor"]] == ["crm:a1", "crm:a2"]
    assert document["step"]["position"] == 3
    assert "- **uses** `crm:a2`:" in explanation_markdown(explained)
    drawn = explanation_mermaid(explained).splitlines()
    assert drawn[-1] == "  style s3 stroke-width:4px"
    assert "  s2 -- \"it uses column 'crm.customers.telefone2'\" --> s3" in drawn
