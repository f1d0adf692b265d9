"""What inherits from a table, and how many locks a transaction holds, as the server tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.model.lock_table import TableTree
from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from coordinator.postgres.table_locks import count_entries
from coordinator.postgres.table_trees import read_table_trees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl

pytestmark = pytest.mark.postgres


@pytest.fixture
def session(database: DatabaseUrl) -> Iterator[Session]:
    with Session(connect(database, application_name="test")) as opened:
        yield opened


def test_partitions_of_partitions_and_inheriting_tables_are_counted_with_their_indexes(
    session: Session,
) -> None:
    session.execute(
        """
        CREATE SCHEMA crm;
        CREATE TABLE crm.p (k int, l int) PARTITION BY RANGE (k);
        CREATE INDEX by_l ON crm.p (l);
        CREATE TABLE crm.p1 PARTITION OF crm.p FOR VALUES FROM (1) TO (2) PARTITION BY RANGE (l);
        CREATE TABLE crm.p11 PARTITION OF crm.p1 FOR VALUES FROM (1) TO (2);
        CREATE TABLE crm.p2 PARTITION OF crm.p FOR VALUES FROM (2) TO (3);
        CREATE TABLE crm.one (id int PRIMARY KEY);
        CREATE TABLE public.two () INHERITS (crm.one)
        """
    )
    assert read_table_trees(session) == {
        ("crm", "p"): TableTree(relations=4, indexes=4),
        ("crm", "by_l"): TableTree(relations=4, indexes=0),
        ("crm", "p1"): TableTree(relations=2, indexes=2),
        ("crm", "p1_l_idx"): TableTree(relations=2, indexes=0),
        ("crm", "one"): TableTree(relations=2, indexes=1),
    }


def test_what_is_locked_twice_is_one_entry(session: Session) -> None:
    session.execute("CREATE TABLE t (id int)")
    session.execute("BEGIN")
    before = count_entries(session)
    session.execute("LOCK TABLE t IN SHARE MODE; LOCK TABLE t IN EXCLUSIVE MODE")
    assert count_entries(session) == before + 1
