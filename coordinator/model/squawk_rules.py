"""Squawk's rules as they are judged here, where all pending revisions run in one transaction that we watch over."""

from __future__ import annotations

from typing import Final

from coordinator.model.finding import Severity
from coordinator.model.lint_rule import LintRule

_WARNING, _NOTE = Severity.WARNING, Severity.NOTE

_ALONE = "`with op.get_context().autocommit_block():`"
_OUTSIDE = "That commits by itself, so put it into a revision of its own."
_LOCKS = "the coordinator sets lock_timeout, takes the locks first and tries again (lock_wait, lock_patience)"
_OURS = "the preflight check `own-transaction` finds it"
_ROLLBACK = "`migrate impact` names who still uses it, instead of suspecting everybody"
_TASTE = "a matter of design that a running database does not suffer from"


def _on(
    name: str, severity: Severity, why: str, remedy: str | None = None, *, by_size: bool = False
) -> LintRule:
    return LintRule(name=name, severity=severity, why=why, by_size=by_size, remedy=remedy)


def _off(name: str, why: str) -> LintRule:
    return LintRule(name=name, severity=None, why=why)


_COSTLY: Final = (
    _on(
        "adding-field-with-default",
        _WARNING,
        "a default that differs from row to row rewrites the table, and nobody reads it meanwhile",
        "Add the column without the default, set the default, and fill the rows there are in a later run.",
        by_size=True,
    ),
    _on(
        "adding-foreign-key-constraint",
        _WARNING,
        "checking every row blocks writes to both tables, and the other may be another module's",
        "Add it NOT VALID (postgresql_not_valid=True), and validate it in a revision of a later run.",
        by_size=True,
    ),
    _on(
        "constraint-missing-not-valid",
        _WARNING,
        "checking every row blocks writes to the table",
        "Add it NOT VALID, and validate it in a revision of a later run: in one run both share a transaction.",
        by_size=True,
    ),
    _on(
        "adding-not-nullable-field",
        _WARNING,
        "SET NOT NULL reads the whole table under ACCESS EXCLUSIVE",
        "Add CHECK (column IS NOT NULL) NOT VALID, validate it in a later run, and set NOT NULL after that: PostgreSQL"
        " then trusts the check and reads nothing.",
        by_size=True,
    ),
    _on(
        "adding-required-field",
        _WARNING,
        "a mandatory column without a default cannot be added to a table with rows",
        "Give it a server_default, or add it nullable, fill it, and tighten it in a later run.",
        by_size=True,
    ),
    _on(
        "adding-serial-primary-key-field",
        _WARNING,
        "building the key's index blocks reads and writes of the table",
        f"Build a unique index CONCURRENTLY inside {_ALONE}, then ADD PRIMARY KEY USING INDEX. {_OUTSIDE}",
        by_size=True,
    ),
    _on(
        "changing-column-type",
        _WARNING,
        "most changes of type rewrite the table under ACCESS EXCLUSIVE",
        "Add a column of the new type, fill it, move the readers, and drop the old one in a later run.",
        by_size=True,
    ),
    _on(
        "disallowed-unique-constraint",
        _WARNING,
        "building the constraint's index blocks reads and writes of the table",
        f"Build a unique index CONCURRENTLY inside {_ALONE}, then ADD CONSTRAINT … UNIQUE USING INDEX. {_OUTSIDE}",
        by_size=True,
    ),
    _on(
        "require-concurrent-index-creation",
        _WARNING,
        "building an index blocks writes to the table",
        f"Inside {_ALONE}: op.create_index(…, postgresql_concurrently=True). {_OUTSIDE}",
        by_size=True,
    ),
    _on(
        "require-concurrent-reindex",
        _WARNING,
        "rebuilding an index blocks writes to its table",
        f"REINDEX … CONCURRENTLY inside {_ALONE}. {_OUTSIDE}",
        by_size=True,
    ),
    _on(
        "ban-alter-domain-with-add-constraint",
        _WARNING,
        "every row of every table that uses the domain is checked, those of other modules too",
        "Add it NOT VALID and validate it in a later run, or put a CHECK on the tables.",
    ),
)

_READERS: Final = (
    _on(
        "ban-drop-column",
        _WARNING,
        "the release that runs now may still read it",
        "Drop it in a run after the one that moved its readers; `migrate impact` names them.",
    ),
    _on(
        "ban-drop-table",
        _WARNING,
        "the release that runs now may still read it",
        "Drop it in a run after the one that moved its readers; `migrate impact` names them.",
    ),
    _on(
        "ban-drop-view",
        _WARNING,
        "the release that runs now may still read it",
        "Drop it in a run after the one that moved its readers; `migrate impact` names them.",
    ),
    _on(
        "ban-drop-function",
        _WARNING,
        "the release that runs now may still call it",
        "Drop it in a run after the one that moved its callers; `migrate impact` names them.",
    ),
    _on(
        "ban-drop-schema",
        _WARNING,
        "everything in it goes as well",
        "Drop what is in it by name, in a later run.",
    ),
    _on(
        "ban-drop-extension",
        _WARNING,
        "its types and functions go for all modules of the database",
        'See that no module uses it, and say touches = ["database"].',
    ),
    _on(
        "ban-set-schema",
        _WARNING,
        "the release that runs now looks for it where it was",
        "Leave a view under the old name until its readers have moved.",
    ),
    _on(
        "renaming-column",
        _WARNING,
        "the release that runs now uses the old name",
        "Add a column of the new name, copy the values, move the readers, and drop the old one in a later run.",
    ),
    _on(
        "renaming-object",
        _WARNING,
        "the release that runs now uses the old name",
        "Make one of the new name beside it, move its users, and drop the old one in a later run.",
    ),
    _on(
        "renaming-table",
        _WARNING,
        "the release that runs now uses the old name",
        "Leave a view under the old name until its readers have moved.",
    ),
    _on(
        "ban-truncate-cascade",
        _WARNING,
        "it empties every table that refers to this one, in whatever module",
        "Name the tables that are to be emptied.",
    ),
    _on("ban-drop-constraint", _NOTE, "others may rely on what it promised"),
    _on("ban-drop-default", _NOTE, "the release that runs now may insert without this column"),
    _on("ban-drop-not-null", _NOTE, "readers may meet NULL from now on"),
    _on("ban-drop-sequence", _NOTE, "the release that runs now may still draw from it"),
    _on("ban-drop-type", _NOTE, "the release that runs now may still name it"),
    _on("ban-alter-identity", _NOTE, "inserts that give a value may be refused from now on"),
    _on("require-concurrent-index-deletion", _NOTE, "a short lock only, and the coordinator takes it first"),
    _on(
        "require-concurrent-partition-detach", _NOTE, "a short lock only, and the coordinator takes it first"
    ),
    _on(
        "ban-create-domain-with-constraint", _NOTE, "its constraint can hardly be changed once tables use it"
    ),
)

_MISTAKES: Final = (
    _on("ban-char-field", _NOTE, "character(n) pads with blanks, which is seldom wanted"),
    _on(
        "prefer-timestamp-tz", _NOTE, "a timestamp without time zone means another moment in another session"
    ),
    _on(
        "ban-duplicate-column-assignments", Severity.ERROR, "PostgreSQL refuses it", "Assign the column once."
    ),
)

_DONE_HERE: Final = (
    _off("require-lock-timeout", _LOCKS),
    _off("require-statement-timeout", "the rehearsal's times and max_hold bound a transaction"),
    _off("require-timeout-settings", _LOCKS),
    _off(
        "prefer-robust-stmts",
        "a run that fails is taken back whole, so nothing is there when it is tried again",
    ),
    _off(
        "ban-concurrent-index-creation-in-transaction", "the preflight check `outside-transaction` finds it"
    ),
    _off("ban-drop-database", "the preflight check `outside-transaction` finds it"),
    _off("ban-uncommitted-transaction", _OURS),
    _off("transaction-nesting", _OURS),
    _off("identifier-too-long", "the preflight check of the same name finds it, in more kinds of names"),
    _off("require-table-schema", "search_path is set to the module's schemas in each step"),
)

_LEFT_TO_AUTHORS: Final = (
    _off("prefer-bigint-over-int", f"{_TASTE}, and SQLAlchemy's Integer would raise it in every table"),
    _off("prefer-bigint-over-smallint", _TASTE),
    _off("prefer-identity", "SQLAlchemy makes integer keys serial, so every table would raise it"),
    _off("prefer-text-field", f"{_TASTE}: widening a varchar has rewritten nothing since PostgreSQL 9.2"),
    _off("prefer-repack", "VACUUM FULL and CLUSTER are no part of a schema's history"),
    _off("require-enum-value-ordering", _TASTE),
)

# Those that squawk itself asks only on demand: whether a release can be rolled back without its migration.
_ON_DEMAND: Final = tuple(
    _off(name, _ROLLBACK)
    for name in (
        "ban-add-column",
        "ban-add-composite-attribute",
        "ban-add-enum-value",
        "ban-alter-database-options",
        "ban-alter-extension",
        "ban-alter-function-options",
        "ban-alter-generated-expression",
        "ban-alter-policy-condition",
        "ban-alter-policy-roles",
        "ban-alter-role-options",
        "ban-alter-row-level-security",
        "ban-alter-sequence-values",
        "ban-alter-system-options",
        "ban-alter-view-options",
        "ban-create-policy",
        "ban-detach-inheritance",
        "ban-disable-trigger",
        "ban-drop-domain",
        "ban-drop-generated-expression",
        "ban-drop-index",
        "ban-drop-policy",
        "ban-drop-trigger",
        "ban-new-write-restriction",
        "ban-replace-view-function",
        "ban-replica-identity",
        "ban-revoke",
        "ban-set-default",
    )
)

#: Every rule of squawk 2.70 by name; docs/lint.md shows the same table.
SQUAWK_RULES: Final[dict[str, LintRule]] = {
    each.name: each for each in (*_COSTLY, *_READERS, *_MISTAKES, *_DONE_HERE, *_LEFT_TO_AUTHORS, *_ON_DEMAND)
}

#: The rule of a statement that PostgreSQL's grammar reads and squawk's does not.
UNREAD: Final = "squawk-cannot-read"

#: A rule of a newer squawk than we know: told, and never in the way.
UNKNOWN_RULE: Final = _on("", _NOTE, "a rule of a newer squawk")


def squawk_rule(name: str) -> LintRule:
    """The rule of that name, as it is judged here."""
    return SQUAWK_RULES.get(name, UNKNOWN_RULE)
