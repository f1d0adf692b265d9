"""Every lasting use in a database: what its catalog says, and what the bodies of its functions name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.body_uses import read_function
from coordinator.model.known_objects import ColumnShape, KnownObjects
from coordinator.postgres.function_bodies import function_bodies
from coordinator.postgres.uses import read_catalog_uses

if TYPE_CHECKING:
    from coordinator.model.effect import LastingUse
    from coordinator.postgres.session import Session

_SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'migrate')"


def read_uses(session: Session) -> tuple[LastingUse, ...]:
    """Every lasting use, also within a schema; sorted by holder, only read.

    Foreign keys, views, checks, triggers, policies, rules, defaults, generated columns, indexes, partitions, and
    functions: those in `sql` and `plpgsql` by reading their bodies. A holder whose use of `ObjectName` kind FUNCTION
    with an empty name is a function that runs dynamic SQL: what it uses besides is not known.
    """
    found = read_catalog_uses(session)
    known = KnownObjects(
        columns={
            key: {name: ColumnShape(type=kind) for name, kind in columns}
            for key, columns in found.columns.items()
        },
        functions=found.functions,
        types=found.types,
    )
    uses = dict.fromkeys(found.uses)
    for body in function_bodies(session, [row[0] for row in session.rows(_SCHEMAS)]):
        path = body.search_path or (body.schema, "public")
        function = read_function(body.schema, body.name, body.definition, path)
        uses.update(dict.fromkeys(function.uses(known, body.fired_by)))
    return tuple(sorted(uses, key=lambda each: (each.holder.sorting, each.used.sorting)))
