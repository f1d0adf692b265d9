"""How a command stands to the coordinator's transaction and session."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.sql.tree import Node, Tree


class CommandKind(enum.Enum):
    """How a command stands to the transaction and the session it is sent in."""

    PLAIN = "plain"  #: belongs inside any transaction
    TRANSACTION = (
        "transaction"  #: begins, ends or re-modes a transaction: BEGIN, COMMIT, ROLLBACK, SET TRANSACTION
    )
    SAVEPOINT = "savepoint"  #: SAVEPOINT, RELEASE or ROLLBACK TO, with `name`
    SESSION = (
        "session"  #: leaves something in the session: SET, RESET, SET ROLE, LISTEN, PREPARE, set_config()
    )
    ALONE = (
        "alone"  #: PostgreSQL refuses it inside a transaction block: CONCURRENTLY, VACUUM, CREATE DATABASE
    )
    COPY_STREAM = "copy stream"  #: COPY whose rows come from or go to the client
    ENUM_VALUE = "enum value"  #: ALTER TYPE … ADD VALUE: the value cannot be used before the commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of a statement, in its own words.

    `verb` is the command in capitals ("ROLLBACK TO", "SET", "CREATE INDEX CONCURRENTLY"); for PLAIN commands
    that were not parsed it is empty. `name` is the savepoint, the setting, the type or the channel it names.
    `local` is true for SET LOCAL: it ends with the transaction. `offset` counts characters in the whole text.
    """

    kind: CommandKind
    sql: str
    verb: str = ""
    name: str | None = None
    local: bool = False
    offset: int = 0


def classify(tree: Tree) -> Command:
    """Say what kind of command this tree is."""
    handler = _HANDLERS.get(tree.kind)
    found = handler(tree.node) if handler else None
    if found is None and tree.kind == "select_stmt":
        found = _set_config(tree.sql)
    kind, verb, name, local = found or (CommandKind.PLAIN, "", None, False)
    return Command(kind=kind, sql=tree.sql, verb=verb, name=name, local=local, offset=tree.offset)


_Found = tuple[CommandKind, str, str | None, bool]

_TRANSACTION = {
    "BEGIN": "BEGIN",
    "START": "BEGIN",
    "COMMIT": "COMMIT",
    "ROLLBACK": "ROLLBACK",
    "PREPARE": "PREPARE TRANSACTION",
    "COMMIT_PREPARED": "COMMIT PREPARED",
    "ROLLBACK_PREPARED": "ROLLBACK PREPARED",
}
_SAVEPOINT = {"SAVEPOINT": "SAVEPOINT", "RELEASE": "RELEASE", "ROLLBACK_TO": "ROLLBACK TO"}


def _enum_name(node: Node, field: str) -> str:
    """The name of an enum field's value, such as TRANS_STMT_BEGIN."""
    return str(node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(node, field)].name)


def _transaction(node: Node) -> _Found:
    word = _enum_name(node, "kind").removeprefix("TRANS_STMT_")
    if word in _SAVEPOINT:
        return CommandKind.SAVEPOINT, _SAVEPOINT[word], node.savepoint_name or None, False
    return CommandKind.TRANSACTION, _TRANSACTION[word], node.gid or None, False


def _setting(node: Node) -> _Found:
    if node.name in {"TRANSACTION", "TRANSACTION SNAPSHOT"}:
        return CommandKind.TRANSACTION, "SET TRANSACTION", None, True
    verb = "RESET" if _enum_name(node, "kind") in {"VAR_RESET", "VAR_RESET_ALL"} else "SET"
    return CommandKind.SESSION, verb, node.name or None, bool(node.is_local)


def _session(verb: str, field: str | None = None) -> Callable[[Node], _Found]:
    def found(node: Node) -> _Found:
        return CommandKind.SESSION, verb, (getattr(node, field) or None) if field else None, False

    return found


def _copy(node: Node) -> _Found | None:
    if node.filename:
        return None
    return CommandKind.COPY_STREAM, "COPY FROM STDIN" if node.is_from else "COPY TO STDOUT", None, False


def _alone(verb: str) -> Callable[[Node], _Found]:
    return lambda _: (CommandKind.ALONE, verb, None, False)


def _declare_cursor(node: Node) -> _Found | None:
    with_hold = 0x0020  # PostgreSQL's CURSOR_OPT_HOLD: only such a cursor outlives the transaction
    return (
        (CommandKind.SESSION, "DECLARE CURSOR", node.portalname, False) if node.options & with_hold else None
    )


def _index(node: Node) -> _Found | None:
    if not node.concurrent:
        return None
    return CommandKind.ALONE, "CREATE INDEX CONCURRENTLY", node.idxname or None, False


def _drop(node: Node) -> _Found | None:
    return (CommandKind.ALONE, "DROP INDEX CONCURRENTLY", None, False) if node.concurrent else None


def _reindex(node: Node) -> _Found | None:
    if any(each.def_elem.defname == "concurrently" for each in node.params):
        return CommandKind.ALONE, "REINDEX CONCURRENTLY", node.relation.relname or None, False
    target = _enum_name(node, "kind").removeprefix("REINDEX_OBJECT_")
    whole = target in {"SCHEMA", "SYSTEM", "DATABASE"}
    return (CommandKind.ALONE, f"REINDEX {target}", node.name or None, False) if whole else None


def _vacuum(node: Node) -> _Found | None:
    return (CommandKind.ALONE, "VACUUM", None, False) if node.is_vacuumcmd else None


def _cluster(node: Node) -> _Found | None:
    return None if node.relation.relname else (CommandKind.ALONE, "CLUSTER", None, False)


def _alter_table(node: Node) -> _Found | None:
    detached = any(getattr(each.alter_table_cmd, "def").partition_cmd.concurrent for each in node.cmds)
    return (CommandKind.ALONE, "DETACH PARTITION CONCURRENTLY", None, False) if detached else None


def _alter_database(node: Node) -> _Found | None:
    moved = any(each.def_elem.defname == "tablespace" for each in node.options)
    return (CommandKind.ALONE, "ALTER DATABASE SET TABLESPACE", None, False) if moved else None


def _create_subscription(node: Node) -> _Found | None:
    off = {"false", "off", "0"}
    without_slot = any(
        each.def_elem.defname in {"create_slot", "connect"} and _literal(each.def_elem.arg) in off
        for each in node.options
    )
    return None if without_slot else (CommandKind.ALONE, "CREATE SUBSCRIPTION", node.subname, False)


def _literal(node: Node) -> str:
    kind = node.WhichOneof("node")
    if kind == "string":
        return str(node.string.sval).lower()
    if kind == "boolean":
        return "true" if node.boolean.boolval else "false"
    return str(node.integer.ival) if kind == "integer" else ""


def _alter_enum(node: Node) -> _Found | None:
    if node.old_val:  # RENAME VALUE
        return None
    name = ".".join(each.string.sval for each in node.type_name)
    return CommandKind.ENUM_VALUE, "ALTER TYPE ADD VALUE", name, False


_SET_CONFIG = re.compile(
    r"\bset_config\s*\(\s*(?:E?'([^']*)'[^,]*)?,?.*?(true|false)?\s*\)", re.IGNORECASE | re.DOTALL
)


def _set_config(sql: str) -> _Found | None:
    match = _SET_CONFIG.search(sql)
    if match is None:
        return None
    return CommandKind.SESSION, "SET", match[1], (match[2] or "").lower() == "true"


_HANDLERS: dict[str, Callable[[Node], _Found | None]] = {
    "transaction_stmt": _transaction,
    "variable_set_stmt": _setting,
    "discard_stmt": _session("DISCARD"),
    "listen_stmt": _session("LISTEN", "conditionname"),
    "unlisten_stmt": _session("UNLISTEN", "conditionname"),
    "prepare_stmt": _session("PREPARE", "name"),
    "deallocate_stmt": _session("DEALLOCATE", "name"),
    "load_stmt": _session("LOAD", "filename"),
    "declare_cursor_stmt": _declare_cursor,
    "copy_stmt": _copy,
    "index_stmt": _index,
    "drop_stmt": _drop,
    "reindex_stmt": _reindex,
    "vacuum_stmt": _vacuum,
    "cluster_stmt": _cluster,
    "alter_table_stmt": _alter_table,
    "alter_enum_stmt": _alter_enum,
    "alter_system_stmt": _alone("ALTER SYSTEM"),
    "alter_database_stmt": _alter_database,
    "createdb_stmt": _alone("CREATE DATABASE"),
    "dropdb_stmt": _alone("DROP DATABASE"),
    "create_table_space_stmt": _alone("CREATE TABLESPACE"),
    "drop_table_space_stmt": _alone("DROP TABLESPACE"),
    "create_subscription_stmt": _create_subscription,
    "alter_subscription_stmt": _alone("ALTER SUBSCRIPTION"),
    "drop_subscription_stmt": _alone("DROP SUBSCRIPTION"),
}
