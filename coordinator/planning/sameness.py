"""Compares the server of a rehearsal with the one that its plan is for: what is the same, and what else that means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coordinator.model.meaning_settings import MEANING_SETTINGS
from coordinator.model.sameness import Difference, Sameness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.server_facts import ServerFacts

NOTHING = "none"  # shown for what a server does not have
_UTF8 = re.compile(r"utf-?8", re.IGNORECASE)
_C = frozenset({"C", "POSIX"})


def differences(rehearsed: ServerFacts, target: ServerFacts) -> tuple[Difference, ...]:
    """Everything compared, in the order in which people read it; what is the same is in it too.

    A collation version that has changed under the target's own indexes is in it as well: it is no difference
    between the two, but a rehearsal cannot see what it may have broken.
    """
    return (
        _version(rehearsed, target),
        _compared("encoding", rehearsed.encoding, target.encoding, _ENCODING),
        *_collation(rehearsed, target),
        *_settings(rehearsed, target),
        *_extensions(rehearsed, target),
        *_roles(rehearsed, target),
    )


def grade_of(compared: tuple[Difference, ...]) -> Sameness:
    """The worst grade of all; SAME when nothing was compared."""
    grades = {each.grade for each in compared}
    return next(
        (each for each in (Sameness.DIFFERS_IN_MEANING, Sameness.HARMLESS) if each in grades), Sameness.SAME
    )


def telling(compared: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """Only what is not the same, the differences in meaning first."""
    order = (Sameness.DIFFERS_IN_MEANING, Sameness.HARMLESS)
    return tuple(each for grade in order for each in compared if each.grade is grade)


_ENCODING = "other texts can be stored, and a text has another length in bytes"
_SORTING = "texts sort and compare in another order: indexes, ORDER BY, ranges and checks of texts may come out otherwise"
_CHARACTERS = "upper(), lower(), ILIKE and regular expressions take other characters for letters"


def _compared(
    what: str, here: str, there: str, why: str, grade: Sameness = Sameness.DIFFERS_IN_MEANING
) -> Difference:
    if here == there:
        return Difference(what=what, here=here, there=there, grade=Sameness.SAME)
    return Difference(what=what, here=here or NOTHING, there=there or NOTHING, grade=grade, why=why)


def _version(rehearsed: ServerFacts, target: ServerFacts) -> Difference:
    here, there = rehearsed.version, target.version
    if here // 10000 != there // 10000:
        why, grade = (
            "another major version knows other syntax, rules and catalogs",
            Sameness.DIFFERS_IN_MEANING,
        )
    else:
        why, grade = "minor versions only mend mistakes", Sameness.HARMLESS
    return _compared("version", version_text(here), version_text(there), why, grade)


def version_text(number: int) -> str:
    """`15.18` of PostgreSQL's own 150018."""
    return f"{number // 10000}.{number % 10000}"


def _collation(rehearsed: ServerFacts, target: ServerFacts) -> Iterator[Difference]:
    yield _compared("collation provider", rehearsed.collation_provider, target.collation_provider, _SORTING)
    yield _locale("collation", rehearsed.collate, target.collate, _SORTING)
    yield _locale("character classes", rehearsed.ctype, target.ctype, _CHARACTERS)
    yield _compared("locale", rehearsed.locale, target.locale, _SORTING)
    if _has_versions(rehearsed) and _has_versions(target):
        why = "the library sorts some texts in another order from one version to the next"
        yield _compared("collation version", rehearsed.provider_version, target.provider_version, why)
    if target.collation_version and target.provider_version not in ("", target.collation_version):
        yield Difference(
            what="collation version of the target itself",
            here=target.collation_version,
            there=target.provider_version,
            grade=Sameness.DIFFERS_IN_MEANING,
            why="its library was changed after the database was made, so its indexes of texts may be wrong: REINDEX,"
            " then ALTER DATABASE … REFRESH COLLATION VERSION",
        )


def _has_versions(facts: ServerFacts) -> bool:
    return bool(facts.provider_version)


def _locale(what: str, here: str, there: str, why: str) -> Difference:
    """Locales that are spelled in two ways, such as en_US.UTF-8 and en_US.utf8, are the same."""
    if _spelled(here) == _spelled(there):
        return Difference(what=what, here=here, there=there, grade=Sameness.SAME)
    return _compared(what, here, there, why)


def _spelled(locale: str) -> str:
    return "C" if locale in _C else _UTF8.sub("utf8", locale)


def _settings(rehearsed: ServerFacts, target: ServerFacts) -> Iterator[Difference]:
    """Those that both servers know: a setting that only a newer version has is said with the version."""
    for name, (grade, why) in MEANING_SETTINGS.items():
        if name in rehearsed.settings and name in target.settings:
            here, there = rehearsed.settings[name], target.settings[name]
            if name.startswith("lc_") and _spelled(here) == _spelled(there):
                here = there
            yield _compared(name, here, there, why, grade)


def _extensions(rehearsed: ServerFacts, target: ServerFacts) -> Iterator[Difference]:
    here = {each.name: each for each in rehearsed.extensions}
    there = {each.name: each for each in target.extensions}
    for name in sorted({*here, *there}):
        what = f"extension {name}"
        if name not in here:
            why = "what uses it cannot be rehearsed"
            yield _compared(what, "", there[name].version, why)
        elif name not in there:
            why = "a revision that needs it passes here and fails there"
            yield _compared(what, here[name].version, "", why)
        else:
            why = "another version may have other functions, and give other results"
            yield _compared(what, here[name].version, there[name].version, why)
            if here[name].schema != there[name].schema:
                why = "its names are found in another schema"
                yield _compared(f"{what}: schema", here[name].schema, there[name].schema, why)


def _roles(rehearsed: ServerFacts, target: ServerFacts) -> Iterator[Difference]:
    here, there = frozenset(rehearsed.roles), frozenset(target.roles)
    yield _compared(
        "roles of the target",
        ", ".join(sorted(there & here)),
        ", ".join(sorted(there)),
        "a revision that names one of the others fails in the rehearsal, and is seen there",
        Sameness.HARMLESS,
    )
    if more := sorted(here - there):
        yield _compared(
            "roles of the rehearsal alone",
            ", ".join(more),
            "",
            "a revision that names one of them passes here and fails there",
            Sameness.HARMLESS,
        )
