"""Certificates for tests of the file, without a server: drawn by Hypothesis, every field of every kind."""

from __future__ import annotations

import datetime
from typing import Any

from hypothesis import strategies as st

from coordinator.model.baseline import BaselineKind
from coordinator.model.capture import Direction, InputFile
from coordinator.model.catalog import Address
from coordinator.model.certificate import (
    Certificate,
    CertifiedModule,
    CertifiedStep,
    CertifiedTarget,
    ModuleOrigin,
    StartingPoint,
)
from coordinator.model.definition import Definition, Made
from coordinator.model.finding import Finding, Severity
from coordinator.model.locks import LockMode, SegmentLocks, TableLock
from coordinator.model.names import Place, RevisionKey
from coordinator.model.plan import Atomicity
from coordinator.model.rehearsal import Rehearsal, RehearsedStep, StepGrade
from coordinator.model.sameness import Difference, Sameness
from coordinator.model.server_facts import InstalledExtension, ServerFacts

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NAMES = st.sampled_from(("crm", "billing", "Ünï", "a b", "customers", "x.y", '"q"', "\U0001f600"))
SECONDS = st.floats(min_value=0, max_value=1e6, allow_nan=False)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
KEYS = st.builds(RevisionKey, st.sampled_from(("crm", "billing")), st.text("abc019", min_size=1, max_size=6))
ADDRESSES = st.builds(
    Address,
    st.sampled_from(("table", "column", "index", "function")),
    NAMES,
    NAMES,
    st.one_of(st.just(""), NAMES),
)
DEFINITIONS = st.one_of(
    DIGESTS.map(lambda each: Definition(each, each)), st.builds(Definition, DIGESTS, DIGESTS)
)
MOMENTS = st.datetimes(datetime.datetime(2026, 1, 1), datetime.datetime(2030, 1, 1)).map(  # noqa: DTZ001
    lambda each: each.replace(microsecond=0, tzinfo=datetime.UTC)
)
INPUTS = st.dictionaries(NAMES, st.one_of(st.just(""), DIGESTS), max_size=3).map(
    lambda found: tuple(InputFile(path=path, sha256=found[path]) for path in sorted(found))
)
FINDINGS = st.builds(
    Finding,
    rule=NAMES,
    message=TEXTS,
    severity=st.sampled_from(Severity),
    module=st.one_of(st.none(), NAMES),
    revision=st.one_of(st.none(), KEYS),
    place=st.one_of(st.none(), st.builds(Place, NAMES, st.integers(0, 99), st.integers(0, 9))),
    help=st.one_of(st.none(), TEXTS),
)
FACTS = st.builds(
    ServerFacts,
    version=st.integers(140000, 180004),
    encoding=NAMES,
    collation_provider=NAMES,
    collate=NAMES,
    ctype=NAMES,
    locale=TEXTS,
    collation_version=TEXTS,
    provider_version=TEXTS,
    settings=st.dictionaries(NAMES, TEXTS, max_size=3),
    extensions=st.lists(
        st.builds(InstalledExtension, name=NAMES, version=NAMES, schema=NAMES), max_size=2
    ).map(tuple),
    roles=st.lists(NAMES, max_size=3).map(tuple),
)


@st.composite
def certificates(draw: Any) -> Certificate:
    """Any certificate whose rehearsal is of its own steps."""
    keys = draw(st.lists(KEYS, min_size=1, max_size=4, unique=True))
    steps = [
        CertifiedStep(
            key=key,
            transactional=draw(st.booleans()),
            file=draw(NAMES),
            digest=draw(DIGESTS),
            inputs=draw(INPUTS),
            made=Made(
                objects=draw(st.dictionaries(ADDRESSES, st.one_of(st.none(), DEFINITIONS), max_size=3))
            ),
            unknown=tuple(draw(st.lists(TEXTS, max_size=2))),
        )
        for key in keys
    ]
    cut = draw(st.integers(1, len(steps)))
    return Certificate(
        program=draw(NAMES),
        made=draw(MOMENTS),
        not_before=draw(MOMENTS),
        expires=draw(MOMENTS),
        target=draw(
            st.builds(
                CertifiedTarget,
                kind=st.sampled_from(BaselineKind),
                shown=TEXTS,
                environment=NAMES,
                system_identifier=TEXTS,
                database=TEXTS,
            )
        ),
        plan=draw(DIGESTS),
        atomicity=draw(st.sampled_from(Atomicity)),
        segments=tuple(each for each in (tuple(steps[:cut]), tuple(steps[cut:])) if each),
        modules=tuple(draw(st.lists(_modules(), max_size=2))),
        start=draw(
            st.builds(
                StartingPoint,
                objects=st.dictionaries(ADDRESSES, DEFINITIONS, max_size=4),
                bound=st.frozensets(st.tuples(NAMES, NAMES), max_size=3),
                whole=st.frozensets(NAMES, max_size=2),
                schemas=st.frozensets(NAMES, max_size=2),
            )
        ),
        rehearsal=draw(_rehearsals(steps)),
        staging=draw(FACTS),
        server=draw(st.one_of(st.none(), FACTS)),
    )


def _modules() -> st.SearchStrategy[CertifiedModule]:
    names = st.lists(NAMES, max_size=3).map(tuple)
    commits = st.one_of(st.none(), DIGESTS)
    return st.builds(
        CertifiedModule,
        name=NAMES,
        schemas=names,
        version_table=NAMES,
        heads=names,
        applied=names,
        origin=st.one_of(
            st.none(),
            st.builds(ModuleOrigin, remote=st.one_of(st.none(), TEXTS), commit=commits, dirty=st.booleans()),
        ),
        options=st.dictionaries(NAMES, TEXTS, max_size=2),
        tools=st.dictionaries(NAMES, TEXTS, max_size=2),
    )


def _rehearsals(steps: list[CertifiedStep]) -> st.SearchStrategy[Rehearsal]:
    texts = st.lists(TEXTS, max_size=2).map(tuple)
    findings = st.lists(FINDINGS, max_size=2).map(tuple)
    rehearsed = st.tuples(
        *(
            st.builds(
                RehearsedStep,
                key=st.just(step.key),
                grade=st.sampled_from(StepGrade),
                seconds=SECONDS,
                lost=texts,
                at_stake=texts,
                findings=findings,
                gone=st.lists(ADDRESSES, max_size=2).map(tuple),
                made=st.just(step.made),
                inputs=st.just(step.inputs),
            )
            for step in steps
        )
    )
    locks = st.builds(
        SegmentLocks,
        direction=st.sampled_from(Direction),
        steps=st.just(tuple(step.key for step in steps)),
        tables=st.lists(
            st.builds(TableLock, schema=NAMES, table=NAMES, mode=st.sampled_from(LockMode)), max_size=2
        ).map(tuple),
    )
    differences = st.builds(
        Difference, what=NAMES, here=TEXTS, there=TEXTS, grade=st.sampled_from(Sameness), why=TEXTS
    )
    return st.builds(
        Rehearsal,
        where=NAMES,
        server_version=st.integers(140000, 180004),
        steps=rehearsed,
        seconds=SECONDS,
        reversed_whole=st.booleans(),
        findings=findings,
        locks=st.lists(locks, max_size=2).map(tuple),
        differences=st.lists(differences, max_size=2).map(tuple),
    )
