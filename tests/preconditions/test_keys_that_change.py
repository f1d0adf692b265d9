"""An UPDATE of a key at which rows point: said, and not asked, since only the server knows which value comes for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.model.precondition import PreconditionKind, PreconditionOutcome
from tests.preconditions.rows import ask

if TYPE_CHECKING:
    from coordinator.postgres.session import Session

TABLES = """
CREATE TABLE crm.customers (id int PRIMARY KEY, email text);
INSERT INTO crm.customers VALUES (1, NULL), (2, 'x');
CREATE TABLE crm.visits (id int, customer int REFERENCES crm.customers ON UPDATE {action});
INSERT INTO crm.visits VALUES (1, 1);
"""


def test_a_key_that_changes_while_rows_point_at_it_is_said(session: Session) -> None:
    session.execute(TABLES.format(action="NO ACTION"))
    (result,) = ask(session, ("UPDATE crm.customers SET id = id + 100",)).results
    assert result.precondition.kind is PreconditionKind.REFERENCED
    assert result.outcome is PreconditionOutcome.NOT_CHECKED
    assert result.why == "the values that come cannot be told without running it"


@pytest.mark.parametrize(
    ("action", "sql"),
    [
        ("NO ACTION", "UPDATE crm.customers SET email = 'x'"),
        ("CASCADE", "UPDATE crm.customers SET id = id + 100"),
    ],
)
def test_other_columns_and_keys_that_follow_demand_nothing(session: Session, action: str, sql: str) -> None:
    session.execute(TABLES.format(action=action))
    assert ask(session, (sql,)).results == ()
