"""A run that commits step by step fails after a step that destroyed data: the data is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kept.shelf import build, failing, step

if TYPE_CHECKING:
    from tests.failures.site import Site


def test_a_dropped_column_has_its_values_again_when_a_later_step_fails(site: Site) -> None:
    build(site)
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.customers DROP COLUMN phone",),
        ("ALTER TABLE crm.customers ADD COLUMN phone text",),
    )
    failing(site, "c3", "c2")
    before = site.picture()
    ended = site.migrate("all-modules", "--atomic", "step")
    assert ended.code == 3, ended.err
    after = site.picture()
    assert (after.fingerprint, after.rows, after.versions) == (
        before.fingerprint,
        before.rows,
        before.versions,
    )
    assert site.value("SELECT ending FROM migrate.kept") == "put back"
    assert site.value("SELECT to_regclass('migrate.kept_1')") is None
