"""What two servers have otherwise is graded, and each grade says why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coordinator.model.meaning_settings import ADOPTABLE, MEANING_SETTINGS
from coordinator.model.sameness import Sameness
from coordinator.model.server_facts import InstalledExtension, ServerFacts
from coordinator.planning.sameness import differences, grade_of, telling
from coordinator.reports.sameness import differences_as_json, sameness_lines
from tests.snapshot.values import facts

if TYPE_CHECKING:
    from coordinator.model.sameness import Difference

MEANING, HARMLESS, SAME = Sameness.DIFFERS_IN_MEANING, Sameness.HARMLESS, Sameness.SAME


def found(here: ServerFacts, there: ServerFacts) -> dict[str, Difference]:
    """What is not the same, by what it is."""
    return {each.what: each for each in telling(differences(here, there))}


def test_a_server_is_the_same_as_itself() -> None:
    compared = differences(facts(), facts())
    assert {each.grade for each in compared} == {SAME}
    assert grade_of(compared) is SAME
    assert telling(compared) == ()
    assert not [each for each in compared if each.why]
    assert sameness_lines(compared) == (f"its server and the target's: {len(compared)} things the same",)


# What the target has otherwise -> what is told, how it is graded, and a word of why.
ONE_BY_ONE: dict[str, tuple[dict[str, Any], str, Sameness, str]] = {
    "major version": ({"version": 160004}, "version", MEANING, "syntax"),
    "minor version": ({"version": 150004}, "version", HARMLESS, "mend"),
    "encoding": ({"encoding": "LATIN1"}, "encoding", MEANING, "texts"),
    "provider": ({"collation_provider": "icu"}, "collation provider", MEANING, "order"),
    "collation": ({"collate": "de_DE.UTF-8"}, "collation", MEANING, "order"),
    "character classes": ({"ctype": "tr_TR.UTF-8"}, "character classes", MEANING, "upper()"),
    "locale": ({"locale": "en-US"}, "locale", MEANING, "order"),
    "library": ({"provider_version": "2.40", "collation_version": "2.40"}, "collation version", MEANING, "order"),
    "a setting": ({"settings": {"DateStyle": "ISO, DMY"}}, "DateStyle", MEANING, "day"),
    "a harmless setting": ({"settings": {"lc_messages": "de"}}, "lc_messages", HARMLESS, "messages"),
}  # fmt: skip


@pytest.mark.parametrize(("other", "what", "grade", "why"), ONE_BY_ONE.values(), ids=ONE_BY_ONE)
def test_one_difference_is_told_alone(other: dict[str, Any], what: str, grade: Sameness, why: str) -> None:
    here = facts(settings={"DateStyle": "ISO, MDY", "lc_messages": "C"})
    there = replace(here, **{**other, "settings": {**here.settings, **other.get("settings", {})}})
    told = found(here, there)
    assert list(told) == [what]
    assert told[what].grade is grade
    assert why in told[what].why
    assert told[what].here != told[what].there


def test_a_locale_is_the_same_however_it_is_spelled() -> None:
    here = facts(collate="en_US.UTF-8", ctype="C", settings={"lc_time": "en_US.UTF8"})
    there = facts(collate="en_US.utf8", ctype="POSIX", settings={"lc_time": "en_US.utf-8"})
    assert found(here, there) == {}


def test_a_library_that_changed_under_the_targets_indexes_is_told() -> None:
    there = facts(collation_version="2.31", provider_version="2.36")
    told = found(facts(), there)["collation version of the target itself"]
    assert told.grade is MEANING
    assert "REINDEX" in told.why


def test_extensions_are_compared_by_version_schema_and_being_there() -> None:
    def having(*extensions: tuple[str, str, str]) -> ServerFacts:
        return facts(
            extensions=tuple(InstalledExtension(name=n, version=v, schema=s) for n, v, s in extensions)
        )

    told = found(
        having(("citext", "1.6", "public"), ("hstore", "1.8", "public"), ("only_here", "1", "public")),
        having(("citext", "1.5", "public"), ("hstore", "1.8", "ext"), ("postgis", "3.4", "gis")),
    )
    assert {(each.what, each.here, each.there) for each in told.values()} == {
        ("extension citext", "1.6", "1.5"),
        ("extension hstore: schema", "public", "ext"),
        ("extension only_here", "1", "none"),
        ("extension postgis", "none", "3.4"),
    }
    assert {each.grade for each in told.values()} == {MEANING}
    assert "fails there" in told["extension only_here"].why
    assert "cannot be rehearsed" in told["extension postgis"].why


def test_roles_are_names_and_harmless() -> None:
    told = found(facts(roles=("deploy", "postgres")), facts(roles=("deploy", "reader")))
    assert told["roles of the target"].there == "deploy, reader"
    assert told["roles of the rehearsal alone"].here == "postgres"
    assert {each.grade for each in told.values()} == {HARMLESS}


def test_a_setting_that_one_of_them_does_not_have_is_not_compared() -> None:
    assert found(facts(settings={}), facts(settings={"event_triggers": "off"})) == {}


def test_every_setting_says_why_it_is_looked_at() -> None:
    assert all(why and grade is not SAME for grade, why in MEANING_SETTINGS.values())
    assert set(ADOPTABLE) < set(MEANING_SETTINGS)
    # Those would hinder the rehearsal itself, or name what another machine does not have.
    assert not {"default_tablespace", "default_transaction_read_only", "block_size"} & set(ADOPTABLE)


def test_what_is_told_to_people_and_machines() -> None:
    compared = differences(facts(), facts(version=150004, encoding="LATIN1"))
    first, second = sameness_lines(compared)
    assert first.endswith("the same; harmless: version")
    assert second.startswith(
        "differs in meaning: encoding is UTF8 in the rehearsal and LATIN1 on the target: "
    )
    assert differences_as_json(compared)[0] == {
        "what": "version",
        "rehearsal": "15.18",
        "target": "15.4",
        "grade": "harmless",
        "why": "minor versions only mend mistakes",
    }
    assert sameness_lines(()) == ()


def test_facts_come_back_from_json() -> None:
    assert ServerFacts.from_json(facts().as_json()) == facts()
