"""What one revision does to the schema, in the user's own words."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ChangeType(enum.Enum):
    """Kinds of change. The first four are the user's; the others name what those four cannot."""

    ADD_COLUMN = "ADD_COLUMN"
    REMOVE_COLUMN = "REMOVE_COLUMN"
    ADD_TABLE = "ADD_TABLE"
    ADD_CONSTRAINT = "ADD_CONSTRAINT"
    REMOVE_TABLE = "REMOVE_TABLE"
    RENAME_TABLE = "RENAME_TABLE"
    RENAME_COLUMN = "RENAME_COLUMN"
    ALTER_COLUMN = "ALTER_COLUMN"
    REMOVE_CONSTRAINT = "REMOVE_CONSTRAINT"
    ADD_INDEX = "ADD_INDEX"
    REMOVE_INDEX = "REMOVE_INDEX"
    ADD_TYPE = "ADD_TYPE"
    ALTER_TYPE = "ALTER_TYPE"
    REMOVE_TYPE = "REMOVE_TYPE"
    ADD_VIEW = "ADD_VIEW"
    REMOVE_VIEW = "REMOVE_VIEW"
    ADD_FUNCTION = "ADD_FUNCTION"
    REMOVE_FUNCTION = "REMOVE_FUNCTION"
    ADD_TRIGGER = "ADD_TRIGGER"
    REMOVE_TRIGGER = "REMOVE_TRIGGER"
    CHANGE_DATA = "CHANGE_DATA"
    CHANGE_RIGHTS = "CHANGE_RIGHTS"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"  # a DO block, dynamic SQL, a query's result: never "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseChange:
    """One effect of a revision. The first five fields are the user's; JSON writes them in camelCase."""

    type: ChangeType
    table: str  # the relation, type or function that changes
    schema: str
    description: str
    impact_analysis: tuple[str, ...] = ()  # modules and revisions that use it, one sentence each
    column: str | None = None
    loses_data: bool = False
    line: int = 0  # in the revision's file; 0: not known

    def as_json(self) -> dict[str, object]:
        """The change with the user's field names."""
        return {
            "type": self.type.value,
            "table": self.table,
            "schema": self.schema,
            "description": self.description,
            "impactAnalysis": list(self.impact_analysis),
        }
