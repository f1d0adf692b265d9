"""Two small modules as they were, and a change of one of them judged against statements of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.branch import Running, run_branch, run_past
from coordinator.impact.facts import Facts
from coordinator.impact.holders import holders_of
from coordinator.impact.judging import impacts_of
from coordinator.impact.wanted import looked_up, stands_on
from coordinator.model.capture import Capture, Direction, Statement
from coordinator.model.impact import ChangeImpact, ConsumerKind, Consumption
from coordinator.model.names import Place, RevisionKey
from coordinator.revisions.commands import commands_of
from coordinator.sources.texts import statements
from coordinator.sources.usages import compared_in, usages_of

if TYPE_CHECKING:
    from coordinator.impact.branch import Branch

OWNERS = {"crm": "crm", "bill": "bill"}
BEFORE = """
CREATE TYPE crm.mood AS ENUM ('happy', 'sad');
CREATE TABLE crm.people (id bigint PRIMARY KEY, phone text, age int, mood crm.mood, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE crm.numbers (id int GENERATED ALWAYS AS IDENTITY, twice int NOT NULL GENERATED ALWAYS AS (id * 2) STORED);
CREATE UNIQUE INDEX one_moment ON crm.people (at, mood);
"""
THEIRS = """
CREATE TABLE bill.bills (id int PRIMARY KEY, person bigint REFERENCES crm.people, note text, age int);
CREATE TABLE bill.days (moods crm.mood[]);
CREATE VIEW bill.phones AS SELECT phone FROM crm.people;
CREATE FUNCTION bill.dial() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT phone FROM crm.people LIMIT 1); END $$;
CREATE FUNCTION bill.wild(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE t; END $$;
"""


def running(module: str, revision: str, sql: str) -> Running:
    key = RevisionKey(module, revision)
    capture = Capture(
        key=key,
        direction=Direction.UPGRADE,
        statements=tuple(
            Statement(sql=each, line=n) for n, each in enumerate(sql.split(";\n"), 1) if each.strip()
        ),
    )
    return Running(
        key=key, place=Place(f"{revision}.py"), schema=module, commands=commands_of(capture, schema=module)
    )


def judged(
    change: str, *code: str, others: tuple[Running, ...] = (), role: str | None = None
) -> tuple[tuple[ChangeImpact, ...], Branch]:
    """The impacts of a change of crm, with these statements in the code of bill."""
    past = run_past([running("crm", "c1", BEFORE), running("bill", "b0", THEIRS)])
    own = running("crm", "c2", change)
    order = [*others, own]
    branch = run_branch(past.known, order, frozenset({own.key}), owners=OWNERS)
    consumptions = [
        *holders_of(past.uses, owners=OWNERS, makers=past.makers, views=past.known.views),
        *branch.pending,
    ]
    consumptions.extend(
        Consumption(
            kind=ConsumerKind.STATEMENT if role else ConsumerKind.CODE,
            name=sql,
            module="bill",
            place=f"bill.py:{number}",
            usages=usages_of(each.body, branch.reading, ("bill",)),
            constants=each.body.constants,
            compared=compared_in(each.body, branch.reading, ("bill",)),
            role=role,
        )
        for number, sql in enumerate(code, start=1)
        for each in statements(sql) or ()
    )
    facts = Facts(
        start=branch.start,
        final=branch.final,
        steps={each.key: place for place, each in enumerate(order, start=1)},
        releases=branch.releases,
        retyped=branch.retyped,
        stands_on=stands_on(past.uses),
        looked_up=looked_up(branch.alterations),
    )
    return impacts_of(branch.alterations, consumptions, facts), branch
