"""The pending steps as a mermaid picture: a box for each module with its steps, or the modules alone when there are many."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from coordinator.reports.escaping import mermaid_text
from coordinator.reports.gate.reading import revision_of
from coordinator.reports.wording import counted, one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.reports.gate.json_ import Document

_MOST_STEPS = 24  # more of them nobody can read in the width of a comment
_LONGEST_LABEL = 44
_CLASSES: Final = {
    "failed": "fill:#ffd7d5,stroke:#cf222e,color:#24292f",
    "passed": "fill:#dafbe1,stroke:#1a7f37,color:#24292f",
    "not run": "fill:#eaeef2,stroke:#8c959f,color:#24292f",
}


def steps_picture(document: Document) -> str:
    """The flowchart; empty when there is no plan."""
    plan = document["plan"]
    if plan is None or not plan["steps"]:
        return ""
    drawn = _steps(document) if len(plan["steps"]) <= _MOST_STEPS else _modules(document)
    return "\n".join(["flowchart LR", *drawn]) + "\n"


def _outcomes(document: Document) -> dict[str, str]:
    """How each step came out in the rehearsal from the baseline."""
    for rehearsal in document["rehearsals"]:
        if rehearsal["start"] == "baseline":
            return {revision_of(each): each["outcome"] for each in rehearsal["steps"]}
    return {}


def _by_module(steps: list[Document]) -> dict[str, list[Document]]:
    modules: dict[str, list[Document]] = {}
    for each in steps:
        modules.setdefault(each["module"], []).append(each)
    return modules


def _steps(document: Document) -> Iterator[str]:
    steps = document["plan"]["steps"]
    nodes = {revision_of(each): f"s{each['position']}" for each in steps}
    for number, (module, own) in enumerate(_by_module(steps).items(), start=1):
        yield f'  subgraph m{number}["{mermaid_text(module)}"]'
        for each in own:
            message = mermaid_text(shortened(one_line(each["message"]), _LONGEST_LABEL))
            name = mermaid_text(revision_of(each))
            yield f'    {nodes[revision_of(each)]}["{each["position"]}. {name}<br/>{message}"]'
        for one, two in pairwise(own):
            yield f"    {nodes[revision_of(one)]} --> {nodes[revision_of(two)]}"
        yield "  end"
    for each in steps:
        for edge in each["after"]:
            if (before := nodes.get(revision_of(edge))) is not None:
                why = mermaid_text(shortened(one_line(edge["why"]), _LONGEST_LABEL))
                yield f'  {before} -. "{why}" .-> {nodes[revision_of(each)]}'
    yield from _colours(
        {nodes[name]: outcome for name, outcome in _outcomes(document).items() if name in nodes}
    )


def _modules(document: Document) -> Iterator[str]:
    steps, outcomes = document["plan"]["steps"], _outcomes(document)
    modules = _by_module(steps)
    nodes = {name: f"m{number}" for number, name in enumerate(modules, start=1)}
    for name, own in modules.items():
        yield f'  {nodes[name]}["{mermaid_text(name)}<br/>{counted(len(own), "step")}"]'
    edges: dict[tuple[str, str], int] = {}
    for each in steps:
        for edge in each["after"]:
            if edge["module"] in nodes:
                pair = (edge["module"], each["module"])
                edges[pair] = edges.get(pair, 0) + 1
    for (before, after), count in edges.items():
        label = f'-- "{counted(count, "reason")}" -->' if count > 1 else "-->"
        yield f"  {nodes[before]} {label} {nodes[after]}"
    worst = {}
    for name, own in modules.items():
        found = {outcomes.get(revision_of(each), "") for each in own}
        worst[nodes[name]] = next((each for each in ("failed", "not run", "passed") if each in found), "")
    yield from _colours(worst)


def _colours(outcomes: dict[str, str]) -> Iterator[str]:
    for number, (outcome, style) in enumerate(_CLASSES.items(), start=1):
        nodes = [node for node, each in outcomes.items() if each == outcome]
        if nodes:
            yield f"  classDef c{number} {style}"
            yield f"  class {','.join(nodes)} c{number}"
