"""Failures that no rehearsal can see, since only the target's rows or rights cause them: everything is as before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.failures.shop import BREAKS, STEPS, Break, build_shop

if TYPE_CHECKING:
    from tests.failures.site import Site

POSITIONS = {"first": 0, "middle": 1, "last": 2}


@pytest.mark.parametrize("staging", ["embedded", "off"])
@pytest.mark.parametrize("atomic", ["run", "step"])
@pytest.mark.parametrize("kind", ["rows", "integrity", "deferred"])
@pytest.mark.parametrize("where", POSITIONS)
def test_a_failure_on_the_targets_rows_leaves_everything_as_it_was(
    site: Site, where: str, kind: str, atomic: str, staging: str
) -> None:
    position = POSITIONS[where]
    module, revision = STEPS[position]
    broken = BREAKS[module, kind]
    build_shop(site, (module, broken))
    before = site.picture()

    failed = site.migrate("all-modules", "--atomic", atomic, "--staging", staging)

    assert failed.code == 3, failed.err
    assert site.picture() == before
    assert site.steps() == expected_steps(position, atomic)
    assert site.run_status() == "reversed"
    _is_well_told(site, failed.said, module, revision, broken)
    assert "Traceback" not in failed.err + failed.out

    site.execute(broken.repair)
    again = site.migrate("all-modules", "--retry", "--atomic", atomic, "--staging", staging)
    assert again.code == 0, again.err
    assert site.picture().versions == {
        "agenda.alembic_version": ("a1",),
        "billing.alembic_version": ("b2",),
        "crm.alembic_version": ("c2",),
    }


def expected_steps(position: int, atomic: str) -> tuple[str, ...]:
    """What the ledger must tell when the step at `position` failed."""
    names = [f"{module}:{revision}" for module, revision in STEPS]
    before, failed = names[:position], f"upgrade {names[position]} failed"
    if atomic == "run":
        return (*(f"upgrade {each} rolled back" for each in before), failed)
    return (
        *(f"upgrade {each} applied" for each in before),
        failed,
        *(f"downgrade {each} reversed" for each in reversed(before)),
    )


def _is_well_told(site: Site, said: str, module: str, revision: str, broken: Break) -> None:
    assert f"{module}:{revision} failed in " in said
    place = (
        site.place(module, revision, broken.sql[:40]) if broken.line_is_known else site.file(module, revision)
    )
    if broken.check:
        place = f"modules/{module}/migrations/checks/no_ghosts.sql:1"
    assert f"{place}:" in said
    for words in broken.words:
        assert words in said, said
