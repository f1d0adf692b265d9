"""One statement about all rows of a copy; where a constraint refuses it, the same for each row by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.postgres.failure import StatementError
from coordinator.postgres.keeping.copy import CHANGED, REFUSED
from coordinator.postgres.session import compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.postgres.session import Session

# SQLSTATEs of what may refuse one row and let in another: NOT NULL, a unique key, CHECK, an exclusion.
BY_ITSELF = frozenset({"23502", "23505", "23514", "23P01"})
BY_ANY = BY_ITSELF | {
    "23503"
}  # a foreign key too: its row may be refused only since another one is not back yet
_SAVEPOINT = "migrate_put_back"
# A row may refer to another row of the same copy, so what was refused is tried again while that helps.
_EACH = """
#variable_conflict use_column
<<migrate_each>>
DECLARE
  place tid;
  waiting tid[] := ARRAY(SELECT k.ctid FROM {copy} AS k);
  refused tid[];
  reason text;
  reasons text[];
BEGIN
  LOOP
    refused := ARRAY[]::tid[];
    reasons := ARRAY[]::text[];
    FOREACH migrate_each.place IN ARRAY migrate_each.waiting LOOP
      BEGIN
        {statement} AND k.ctid = migrate_each.place;
      EXCEPTION WHEN {refusals} THEN
        GET STACKED DIAGNOSTICS migrate_each.reason = CONSTRAINT_NAME;
        migrate_each.reason := CASE WHEN migrate_each.reason <> '' THEN 'constraint ' || migrate_each.reason
          WHEN SQLSTATE = '23502' THEN 'NOT NULL' ELSE 'the bounds of the partitions' END;
        migrate_each.refused := migrate_each.refused || migrate_each.place;
        migrate_each.reasons := migrate_each.reasons || migrate_each.reason;
      END;
    END LOOP;
    EXIT WHEN cardinality(migrate_each.refused) IN (0, cardinality(migrate_each.waiting));
    migrate_each.waiting := migrate_each.refused;
  END LOOP;
  UPDATE {copy} AS k SET {changed} = true, {noted} = r.reason
    FROM unnest(migrate_each.refused, migrate_each.reasons) AS r (place, reason) WHERE k.ctid = r.place;
END
"""


def all_or_each(
    session: Session,
    copy: sql.Composable,
    statement: sql.Composed,
    alone: sql.Composed,
    refusals: Collection[str],
) -> int:
    """Run `statement`, or `alone` for each row `k` of the copy by itself; how many rows the first of them wrote.

    Both end in a WHERE clause that more conditions can be added to. `alone` is only run when `statement` is refused
    with one of the SQLSTATEs `refusals`; rows that are refused again are noted in the copy as changed, and by which
    constraint. 0 is returned then.
    """
    written = all_or_none(session, statement, refusals)
    if written is not None:
        return written
    body = compose(
        _EACH,
        copy=copy,
        statement=alone,
        changed=identifier(CHANGED),
        noted=identifier(REFUSED),
        refusals=sql.SQL(" OR ").join(
            compose("SQLSTATE {code}", code=literal(each)) for each in sorted(refusals)
        ),
    )
    session.execute(compose("DO {body}", body=literal(body.as_string(None))))
    return 0


def all_or_none(session: Session, statement: sql.Composed, refusals: Collection[str]) -> int | None:
    """How many rows the statement wrote; None, and nothing is written, where it is refused with one of these SQLSTATEs."""
    session.execute(f"SAVEPOINT {_SAVEPOINT}")
    written: int | None = None
    try:
        written = session.execute(statement).rowcount
    except StatementError as error:
        if error.sqlstate not in refusals:
            raise
        session.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
    session.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
    return written
