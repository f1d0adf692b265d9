"""Which object a bare name means for a session, by its search_path and rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind

if TYPE_CHECKING:
    from coordinator.model.effect import ObjectName
    from coordinator.postgres.session import Session

_RELATION = (
    "SELECT n.nspname FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace"
    " WHERE o.oid = to_regclass(quote_ident(%s))"
)
_TYPE = (
    "SELECT n.nspname FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace"
    " WHERE o.oid = to_regtype(quote_ident(%s))"
)
_FUNCTION = (
    "SELECT n.nspname FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace"
    " WHERE o.oid = to_regproc(quote_ident(%s))"
)
# What is a part of something else stands where its relation, or its type, stands.
_QUERIES = {ObjectKind.TYPE: _TYPE, ObjectKind.LABEL: _TYPE, ObjectKind.FUNCTION: _FUNCTION}


def schema_meant(session: Session, bare: ObjectName) -> str | None:
    """The schema in which the session finds an object named without one; None: nowhere, or several functions."""
    found = session.value(_QUERIES.get(bare.kind, _RELATION), (bare.name,))
    return None if found is None else str(found)
