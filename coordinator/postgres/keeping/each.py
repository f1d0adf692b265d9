"""One statement about all rows of a copy; where a foreign key refuses it, the same for each row by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.postgres.failure import StatementError
from coordinator.postgres.keeping.copy import CHANGED, REFUSED
from coordinator.postgres.session import compose, identifier, literal

if TYPE_CHECKING:
    from psycopg import sql

    from coordinator.postgres.session import Session

_FOREIGN_KEY = "23503"
_SAVEPOINT = "migrate_put_back"
# A row may refer to another row of the same copy, so what was refused is tried again while that helps.
_EACH = """
#variable_conflict use_column
<<migrate_each>>
DECLARE
  place tid;
  waiting tid[] := ARRAY(SELECT k.ctid FROM {copy} AS k);
  refused tid[];
BEGIN
  LOOP
    refused := ARRAY[]::tid[];
    FOREACH migrate_each.place IN ARRAY migrate_each.waiting LOOP
      BEGIN
        {statement} AND k.ctid = migrate_each.place;
      EXCEPTION WHEN foreign_key_violation THEN
        migrate_each.refused := migrate_each.refused || migrate_each.place;
      END;
    END LOOP;
    EXIT WHEN cardinality(migrate_each.refused) IN (0, cardinality(migrate_each.waiting));
    migrate_each.waiting := migrate_each.refused;
  END LOOP;
  UPDATE {copy} AS k SET {changed} = true, {noted} = true WHERE k.ctid = ANY (migrate_each.refused);
END
"""


def all_or_each(session: Session, copy: sql.Composable, statement: sql.Composed, alone: sql.Composed) -> int:
    """Run `statement`, or `alone` for each row `k` of the copy by itself; how many rows the first of them wrote.

    Both end in a WHERE clause that more conditions can be added to. `alone` is only run when a foreign key refuses
    `statement`; rows that are refused again are noted in the copy as changed and refused. 0 is returned then.
    """
    session.execute(f"SAVEPOINT {_SAVEPOINT}")
    written = 0
    try:
        written = session.execute(statement).rowcount
    except StatementError as error:
        if error.sqlstate != _FOREIGN_KEY:
            raise
        session.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        body = compose(
            _EACH, copy=copy, statement=alone, changed=identifier(CHANGED), noted=identifier(REFUSED)
        )
        session.execute(compose("DO {body}", body=literal(body.as_string(None))))
    session.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
    return written
