"""A plan's captured SQL as one script, in order: to be read, and to be run as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.reports.escaping import sql_comment, sql_name, sql_text
from coordinator.reports.plan_text import segment_title, why_no_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.model.capture import Capture
    from coordinator.model.module import Module
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan, Segment, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptStep:
    """What the script needs to know of one step besides its place.

    `search_path` is what unqualified names mean. `heads_before` is None while the module has no version table;
    the step then makes it.
    """

    step: Step
    module: Module
    capture: Capture
    search_path: tuple[str, ...]
    heads_before: frozenset[str] | None
    heads_after: frozenset[str]


def plan_sql(plan: RunPlan | None, steps: Sequence[ScriptStep], *, pending: int = 0) -> str:
    """The whole script. What cannot be known without the database is said where it is missing."""
    known = {each.step.key: each for each in steps}
    lines = [
        sql_comment("Written by `migrate plan --sql`; nothing has been run."),
        sql_comment("To run it by hand: psql --no-psqlrc --set ON_ERROR_STOP=1 --file FILE"),
        sql_comment("Version tables are kept as Alembic keeps them; the ledger is not written."),
    ]
    if plan is None or not plan.steps:
        why = f"No plan: {why_no_plan(pending)}." if pending and plan is None else "There is nothing to do."
        lines.append(sql_comment(why))
    for segment in plan.segments if plan else ():
        lines.extend(_segment(segment, known))
    return "\n".join(lines) + "\n"


def _segment(segment: Segment, known: Mapping[RevisionKey, ScriptStep]) -> Iterator[str]:
    yield ""
    yield sql_comment(segment_title(segment))
    yield "BEGIN;"
    for step in segment.steps:
        yield from _step(known[step.key])
    yield ""
    yield "COMMIT;"


def _step(known: ScriptStep) -> Iterator[str]:
    step, capture = known.step, known.capture
    yield ""
    yield sql_comment(f"step {step.position}: {step.key} {step.message} ({step.place})")
    for reason in capture.unknown:
        yield sql_comment(
            f"NOT COMPLETE: {reason}, and got no rows here; what it sends after that may differ"
        )
    if capture.error is not None:
        yield sql_comment(f"NOT COMPLETE: its {step.direction.value}() raised {capture.error}")
    if known.heads_before is None:
        yield from _version_table(known.module)
    yield from _enter(known, local=True)
    yield from _statements(known)
    yield from _leave(known.module)
    yield from _heads(known)


def _statements(known: ScriptStep) -> Iterator[str]:
    inside = True  # the segment's transaction
    for statement in known.capture.statements:
        if statement.autocommit and inside:
            yield from ("COMMIT;", *_enter(known, local=False))
        elif inside is False and not statement.autocommit:
            yield from (*_leave(known.module), "BEGIN;", *_enter(known, local=True))
        inside = not statement.autocommit
        yield _ended(statement.sql)
    if not inside:
        yield from (*_leave(known.module), "BEGIN;")


def _ended(sql: str) -> str:
    """The statement with one semicolon, which a comment on its last line must not swallow."""
    text = sql.strip().rstrip(";")
    return f"{text}\n;" if "--" in text.rpartition("\n")[2] else f"{text};"


def _enter(known: ScriptStep, *, local: bool) -> Iterator[str]:
    """Unqualified names mean the module's own, and its owner acts."""
    how = "LOCAL" if local else "SESSION"
    yield f"SET {how} search_path = {', '.join(sql_name(each) for each in known.search_path)};"
    if known.module.owner:
        yield f"SET {how} ROLE {sql_name(known.module.owner)};"


def _leave(module: Module) -> Iterator[str]:
    if module.owner:
        yield "RESET ROLE;"
    yield "RESET search_path;"


def _version_table(module: Module) -> Iterator[str]:
    schema, table = module.qualified_version_table
    for name in dict.fromkeys((*module.schemas, schema)):
        owner = f" AUTHORIZATION {sql_name(module.owner)}" if module.owner else ""
        yield f"CREATE SCHEMA IF NOT EXISTS {sql_name(name)}{owner};"
    yield (
        f"CREATE TABLE IF NOT EXISTS {sql_name(schema, table)} (version_num varchar(255) NOT NULL,"
        f" CONSTRAINT {sql_name(f'{table}_pkc'[:63])} PRIMARY KEY (version_num));"
    )


def _heads(known: ScriptStep) -> Iterator[str]:
    table = sql_name(*known.module.qualified_version_table)
    before = known.heads_before or frozenset()
    for gone in sorted(before - known.heads_after):
        yield f"DELETE FROM {table} WHERE version_num = {sql_text(gone)};"  # noqa: S608 - both are quoted
    for new in sorted(known.heads_after - before):
        yield f"INSERT INTO {table} (version_num) VALUES ({sql_text(new)});"  # noqa: S608 - both are quoted
