"""A certificate as people read it: for what it is good, and what it stands on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from coordinator.model.sameness import Sameness
from coordinator.reports.wording import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.certificate import Certificate, CertificateFile, CertifiedModule, CertifiedStep
    from coordinator.reports.page import Page

_WHEN = "%Y-%m-%d %H:%M UTC"
_TOOLS = {"alembic": "Alembic", "sqlalchemy": "SQLAlchemy", "python": "Python"}
_SHORT = 12  # digits of a digest or a commit


def certificate_text(file: CertificateFile, page: Page) -> str:
    """The whole page, ending with a new line."""
    certificate = file.certificate
    lines = [
        f"certificate {file.digest[:_SHORT]}",
        *_facts(file, page),
        "",
        *_plan(certificate, page),
        "",
        *_modules(certificate, page),
        *_differences(certificate, page),
    ]
    return "\n".join(lines) + "\n"


def _facts(file: CertificateFile, page: Page) -> Iterator[str]:
    certificate = file.certificate
    target = certificate.target
    whose = f", database {target.database}" if target.database else ""
    server = f" of server {target.system_identifier}" if target.system_identifier else ""
    signed = ", ".join(f"key {each.key}" for each in file.signatures) or "nobody"
    start = certificate.start
    bound = sum(1 for each in start.objects if start.binds(each))
    for name, text in (
        ("made", f"{certificate.made:{_WHEN}} by migration-coordinator {certificate.program}"),
        ("valid", f"{certificate.not_before:{_WHEN}} to {certificate.expires:{_WHEN}}"),
        ("for", f"environment {target.environment}{whose}{server}"),
        ("rehearsed", f"on {certificate.rehearsal.where}; binds PostgreSQL {certificate.major}"),
        (
            "start",
            f"{target.shown}: {counted(bound, 'object')} that the plan touches or reads, of {len(start.objects)}",
        ),
        ("signed by", signed),
    ):
        yield from page.wrapped(f"{name:<11}{one_line(text)}", first="  ", then=" " * 13)


def _plan(certificate: Certificate, page: Page) -> Iterator[str]:
    steps = counted(len(certificate.steps), "step")
    cut = counted(len(certificate.segments), "transaction")
    yield from page.wrapped(f"{steps} in {cut} (plan {certificate.plan[:_SHORT]})")
    for number, segment in enumerate(certificate.segments, start=1):
        for step in segment:
            yield from page.wrapped(_step(step, certificate), first=f"  {number:>2}  ", then="        ")


def _step(step: CertifiedStep, certificate: Certificate) -> str:
    rehearsed = certificate.rehearsal.step(step.key)
    told = [
        *([rehearsed.grade.value] if rehearsed is not None else []),
        counted(len(step.made.objects), "object"),
        counted(len(step.inputs), "file"),
        *(["asks the database, so its effect is compared and not its statements"] if step.unknown else []),
        *(["commits by itself"] if not step.transactional else []),
    ]
    return f"{one_line(str(step.key))}: {', '.join(told)}"


def _modules(certificate: Certificate, page: Page) -> Iterator[str]:
    pending = Counter(step.key.module for step in certificate.steps)
    yield "modules"
    for module in certificate.modules:
        tools = module.tools
        told = [
            f"{pending[module.name]} to apply" if pending[module.name] else "nothing to apply",
            f"{len(module.applied)} in",
            _origin(module),
            *(f"{name} {tools[key]}" for key, name in _TOOLS.items() if key in tools),
        ]
        yield from page.wrapped(f"{one_line(module.name)}: {', '.join(told)}", first="  ", then="    ")


def _origin(module: CertifiedModule) -> str:
    if module.origin is None:
        return "in no repository"
    commit = (module.origin.commit or "nothing committed")[:_SHORT]
    dirty = " with uncommitted changes" if module.origin.dirty else ""
    return one_line(f"{module.origin.remote or 'no remote'} at {commit}{dirty}")


def _differences(certificate: Certificate, page: Page) -> Iterator[str]:
    """What was otherwise on the rehearsal's server than on the one that it stands for."""
    found = [each for each in certificate.rehearsal.differences if each.grade is not Sameness.SAME]
    if not found:
        return
    yield ""
    yield "the rehearsal's server and the one it stands for"
    for each in found:
        told = (
            f"{each.grade.value}: {each.what} is {each.here} in the rehearsal, {each.there} there; {each.why}"
        )
        yield from page.wrapped(one_line(told), first="  ", then="    ")
