"""The settings of a server that decide what SQL means, whether it is refused, or what it leaves behind; each with why.

Not among them: limits of time and memory, what the planner prefers, durability, logging, replication; these decide how
long something takes or whether it fits, never what it does. Nor what this program fixes itself for every step: its
timeouts, the role, IntervalStyle, and the style (not the order) of dates.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from coordinator.model.sameness import Sameness

if TYPE_CHECKING:
    from collections.abc import Mapping

_MEANING = Sameness.DIFFERS_IN_MEANING
_HARMLESS = Sameness.HARMLESS

_FIXED = "every step is given the same value by this program; only applications meet the other one"

# Name -> what another value is worth, and what may come out differently.
MEANING_SETTINGS: Final[Mapping[str, tuple[Sameness, str]]] = MappingProxyType(
    {
        # How literals are read
        "DateStyle": (_MEANING, "'03/04/2026' is another day where day and month are read in another order"),
        "TimeZone": (
            _MEANING,
            "a time without a zone, now()::date and a default of them mean another moment or day",
        ),
        "timezone_abbreviations": (_MEANING, "an abbreviation such as IST means another zone"),
        "standard_conforming_strings": (_HARMLESS, _FIXED),
        "backslash_quote": (_MEANING, r"\' in a literal is refused or not"),
        "array_nulls": (_MEANING, "NULL in the text of an array is a null, or the word"),
        "xmloption": (_MEANING, "text is cast to xml as a document or as content, and refused accordingly"),
        "default_text_search_config": (_MEANING, "to_tsvector(text) makes other words of a text"),
        # How values are written as text, which generated columns, casts and functions may keep
        "bytea_output": (_MEANING, "bytes cast to text become another text"),
        "extra_float_digits": (_MEANING, "floating point numbers cast to text become another text"),
        "xmlbinary": (_MEANING, "bytes inside xml become another text"),
        "lc_monetary": (_MEANING, "money is read and written in another currency's form"),
        "lc_numeric": (_MEANING, "to_char(…, 'D') and to_number() use other separators"),
        "lc_time": (_MEANING, "to_char(…, 'TMMonth') gives other words"),
        "lc_messages": (_HARMLESS, "only the server's own messages are in another language"),
        "quote_all_identifiers": (_HARMLESS, "definitions are printed with more quotes and are the same"),
        # What is true, seen, or refused
        "transform_null_equals": (_MEANING, "x = NULL means IS NULL where this is on"),
        "row_security": (_HARMLESS, _FIXED),
        "session_replication_role": (
            _MEANING,
            "triggers, rules and foreign keys do not fire under 'replica'",
        ),
        "event_triggers": (_MEANING, "event triggers do not fire where this is off"),
        "check_function_bodies": (_HARMLESS, _FIXED),
        "plpgsql.variable_conflict": (
            _MEANING,
            "a name that is a variable and a column means another of them",
        ),
        "plpgsql.extra_errors": (_MEANING, "doubtful plpgsql is refused where this names it"),
        "plpgsql.check_asserts": (_MEANING, "ASSERT in plpgsql is checked, or not"),
        "default_transaction_isolation": (_HARMLESS, _FIXED),
        "default_transaction_read_only": (_MEANING, "every write is refused where this is on"),
        "default_transaction_deferrable": (_HARMLESS, "only a serializable transaction that reads may wait"),
        "icu_validation_level": (
            _MEANING,
            "a collation of a doubtful name is refused, or made with a warning",
        ),
        # What things are made as
        "default_tablespace": (_MEANING, "new tables and indexes lie elsewhere, where there may be no room"),
        "temp_tablespaces": (_HARMLESS, "only temporary tables lie elsewhere"),
        "default_table_access_method": (_MEANING, "new tables are of another kind of storage"),
        "default_toast_compression": (
            _HARMLESS,
            "long values are compressed by another method and read the same",
        ),
        "createrole_self_grant": (_MEANING, "who makes a role is, or is not, allowed to act as it"),
        "search_path": (_HARMLESS, "each step is given its own module's path"),
        # What the server was built or started with
        "max_identifier_length": (_MEANING, "long names are cut at another place"),
        "max_index_keys": (_MEANING, "an index of many columns is refused, or not"),
        "max_function_args": (_MEANING, "a function of many arguments is refused, or not"),
        "block_size": (_MEANING, "a row or an index entry that is too long is refused at another length"),
        "wal_level": (
            _HARMLESS,
            "a publication may be made that nobody can follow; nothing else depends on it",
        ),
    }
)

# What a session of ours can be given before anything runs in it.
ADOPTABLE: Final = tuple(
    name
    for name, (grade, _) in MEANING_SETTINGS.items()
    if grade is _MEANING
    and name
    not in {
        "default_tablespace",  # there is no such place on another machine
        "default_transaction_read_only",  # it would forbid the rehearsal itself
        "event_triggers",
        "max_identifier_length",
        "max_index_keys",
        "max_function_args",
        "block_size",
    }
)
