"""Are the files and the tools those of the rehearsal? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.planning.certifying.finding import against
from coordinator.planning.certifying.today import steps_left

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.capture import InputFile
    from coordinator.model.certificate import Certificate, CertifiedModule, CertifiedStep
    from coordinator.planning.certifying.today import Today

_RULE = "certificate-other-content"


def content_findings(certificate: Certificate, today: Today) -> tuple[Finding, ...]:
    """One finding for each revision with other files, and for each module with other tools or options."""
    changed = {step.key.module for step in certificate.steps}
    known: dict[str, set[InputFile]] = {}
    for step in certificate.steps:
        known.setdefault(step.key.module, set()).update(step.inputs)
    return tuple(
        finding
        for findings in (
            *(_files(step, today, known[step.key.module]) for step in steps_left(certificate, today)),
            *(_surroundings(each, today) for each in certificate.modules if each.name in changed),
        )
        for finding in findings
    )


def _files(step: CertifiedStep, today: Today, known: set[InputFile]) -> list[Finding]:
    """A file of another step of the module may count too: what a helper reads once counts for all."""
    lines = []
    own, paths = {each.path for each in step.inputs}, {each.path for each in known}
    for each in step.inputs:
        now = today.files.get((step.key.module, each.path), "")
        if now != each.sha256:
            lines.append(_other(step, each.path, then=each.sha256, now=now, today=today))
    lines.extend(
        f"{each.path} is read, and {'had other bytes' if each.path in paths else 'was not'} when it was rehearsed"
        for each in today.inputs.get(step.key, ())
        if each not in known and each.path not in own
    )
    if not lines:
        return []
    message = (
        f"{step.key} is not what was rehearsed; its files, from the folder of module {step.key.module!r}"
    )
    return [against(_RULE, message, lines, key=step.key)]


def _other(step: CertifiedStep, path: str, *, then: str, now: str, today: Today) -> str:
    if not now:
        return f"{path} is gone"
    if not then:
        return f"{path} is there, and was not"
    same_code = path == step.file and today.digests.get(step.key) == step.digest
    return f"{path} has other bytes" + (", though only in comments or layout" if same_code else "")


def _surroundings(module: CertifiedModule, today: Today) -> list[Finding]:
    """Names and SQL come out of Alembic and SQLAlchemy too, and of what env.py configures."""
    found = []
    lines = _differences(module.options, today.options.get(module.name, {}))
    if lines:
        message = f"the env.py of module {module.name!r} configures something else than in the rehearsal"
        found.append(against(_RULE, message, lines))
    then, now = dict(module.tools), dict(today.tools.get(module.name, {}))
    lines = _differences({**then, "python": _minor(then)}, {**now, "python": _minor(now)})
    if lines:
        message = (
            f"the revisions of module {module.name!r} would run with other versions than in the rehearsal"
        )
        found.append(against("certificate-other-tools", message, lines))
    elif then != now:
        message = f"module {module.name!r} was rehearsed with Python {then.get('python')}, and this is {now.get('python')}"
        found.append(against("certificate-other-tools", message, severity=Severity.NOTE))
    return found


def _minor(tools: Mapping[str, str]) -> str:
    return ".".join(tools.get("python", "").split(".")[:2])


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [
        f"{name} was {then.get(name) or 'not there'} and is {now.get(name) or 'not there'}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
