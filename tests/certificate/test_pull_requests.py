"""Two pull requests that pass alone, each with its certificate; one is deployed before the other."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.certificate.making import make
from tests.certificate.release import write_base
from tests.certificate.test_accepted import deploy
from tests.commands_site import apply
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands_site import Desk


def branch(desk: Desk, name: str) -> Desk:
    """A checkout of its own, as it was before either pull request."""
    root = desk.root.parent / name / "project"
    shutil.copytree(desk.root, root)
    return replace(desk, root=root)


def adds_column(root: Path) -> None:
    write_revision(
        versions_of(root, "crm"),
        "c2",
        after="c1",
        upgrade='op.execute("ALTER TABLE crm.customers ADD email text")',
        downgrade='op.execute("ALTER TABLE crm.customers DROP email")',
    )


def adds_view(root: Path, of: str) -> None:
    write_revision(
        versions_of(root, "billing"),
        "b2",
        after="b1",
        upgrade=f'op.execute("CREATE VIEW billing.read AS SELECT * FROM {of}")',
        downgrade='op.execute("DROP VIEW billing.read")',
    )


def two(desk: Desk, of: str) -> tuple[Desk, Path, Path]:
    """The merge result, and the certificates that either pull request got alone."""
    write_base(desk.root)
    apply(desk)
    one, other = branch(desk, "one"), branch(desk, "other")
    adds_column(one.root)
    adds_view(other.root, of)
    certificates = make(one, "one.json"), make(other, "other.json")
    adds_column(desk.root)
    adds_view(desk.root, of)
    first = deploy(one, certificates[0])
    assert first.code == 0, first.err
    return desk, *certificates


def test_the_second_is_refused_when_it_reads_what_the_first_has_changed(desk: Desk) -> None:
    merged, first, second = two(desk, "crm.customers")
    before = merged.picture()
    done = deploy(merged, second)
    assert done.code == 1, done.err
    assert "what the plan touches or reads is not as it was when it was rehearsed" in done.said
    assert "column crm.customers.email was not there" in done.said
    assert merged.picture() == before
    # Nor does the first one cover what is pending by now.
    done = deploy(merged, first)
    assert done.code == 1, done.err
    assert "billing:b2 would be applied, and the certificate does not cover it" in done.said
    # A certificate of the merge result, from how things are now, is what the release job makes.
    assert deploy(merged, make(merged)).code == 0


def test_the_second_is_good_when_it_has_nothing_to_do_with_the_first(desk: Desk) -> None:
    merged, _, second = two(desk, "billing.logs")
    done = deploy(merged, second)
    assert done.code == 0, done.err
    assert "column crm.customers.email was not there" in done.said  # drift, told


def test_both_pending_and_one_certificate_is_not_enough(desk: Desk) -> None:
    write_base(desk.root)
    apply(desk)
    one = branch(desk, "one")
    adds_column(one.root)
    file = make(one)
    adds_column(desk.root)
    adds_view(desk.root, "crm.customers")
    done = deploy(desk, file)
    assert done.code == 1, done.err
    assert "billing:b2 would be applied, and the certificate does not cover it" in done.said


def test_another_revision_of_a_module_that_the_plan_changes_voids_it(desk: Desk) -> None:
    """The module has moved, by whatever: its next revision has another parent than in the rehearsal."""
    write_base(desk.root)
    apply(desk)
    one, other = branch(desk, "one"), branch(desk, "other")
    adds_column(one.root)
    file = make(one)
    write_revision(versions_of(other.root, "crm"), "d2", after="c1", upgrade="op.execute('SELECT 1')")
    assert other.migrate("all-modules", "--yes", "--staging", "off").code == 0
    # The checkout of the certificate does not have it; that of the merge result has, and a revision that merges.
    done = deploy(one, file)
    assert done.code == 1, done.err
    assert "module 'crm', which the plan changes, has moved since it was rehearsed" in done.said, done.err
    assert "crm:d2 is in" in done.said
