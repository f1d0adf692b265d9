"""Rehearsals from the target, a snapshot of it and a replay find out the same; one module's checkout is enough."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coordinator.errors import RefusedError, SettingsError
from coordinator.execution.workers import Workers
from coordinator.model.baseline import BaselineKind
from coordinator.model.finding import Severity
from coordinator.model.plan import Atomicity
from coordinator.model.sameness import Sameness
from coordinator.postgres.url import as_words
from coordinator.repository.command import GitError
from coordinator.settings.load import load_settings
from coordinator.settings.values import Flags
from coordinator.workflow.baseline.open import open_baseline
from coordinator.workflow.drift import find_drift
from coordinator.workflow.map_view import read_map_view
from coordinator.workflow.planned import capture_all, make_plans
from coordinator.workflow.project import load_project
from coordinator.workflow.rehearse import rehearse, staging_for
from tests.commands_site import apply
from tests.snapshot.conftest import Camera
from tests.snapshot.firm import HR, revise, write_firm
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.model.finding import Finding
    from coordinator.settings.values import Settings
    from coordinator.workflow.baseline.interface import Baseline
    from coordinator.workflow.rehearse import Rehearsed


def quiet(event: object) -> None:
    """Nobody listens."""


def settings_of(camera: Camera) -> Settings:
    """The project's settings, with the camera's target."""
    flags = Flags(database_url=as_words(camera.url.parameters), staging="embedded")
    return load_settings(start=camera.root, environment={"MIGRATE_STATE_DIR": str(camera.state)}, flags=flags)


@contextmanager
def baseline_of(camera: Camera, **how: Any) -> Iterator[Baseline]:
    with open_baseline(settings_of(camera), quiet, staging="embedded", **how) as baseline:
        yield baseline


def rehearsed(camera: Camera, **how: Any) -> Rehearsed:
    """What is pending, rehearsed from that baseline."""
    settings = settings_of(camera)
    with baseline_of(camera, **how) as baseline, Workers(silence=60) as workers:
        tree = load_project(settings, workers)
        state = baseline.state(tree)
        captured = capture_all(tree, state.pending(tree), workers, state.server_version)
        plans = make_plans(
            tree,
            state,
            captured,
            read_map_view(settings),
            atomicity=Atomicity.AUTO,
            lasting=baseline.lasting(),
        )
        return rehearse(
            plans,
            wanted="embedded",
            settings=settings,
            baseline=baseline,
            project=replace(tree, absent=state.absent.modules),
            captured=captured,
            workers=workers,
            tell=quiet,
        )


def told(found: Rehearsed) -> list[tuple[object, ...]]:
    return [
        (each.key, each.grade, each.lost, each.at_stake, [str(gone) for gone in each.gone], each.findings)
        for each in found.rehearsal.steps
    ]


def drift_of(camera: Camera, **how: Any) -> tuple[Finding, ...]:
    settings = settings_of(camera)
    with baseline_of(camera, **how) as baseline, Workers(silence=60) as workers:
        tree = load_project(settings, workers)
        with staging_for("embedded", settings, baseline, tree.revisions, quiet) as staging:
            return find_drift(settings, tree, baseline.state(tree), baseline, staging=staging, tell=quiet)


def git(root: Path, *arguments: str) -> None:
    variables = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *arguments], cwd=root, env=variables, check=True, capture_output=True)


def commit(root: Path, message: str = "one") -> None:
    if not (root / ".git").exists():
        git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)


def add_pending(root: Path) -> None:
    """One of each grade: reversible, lossy, irreversible, and one that commits by itself."""
    revise(root, "crm", "c2", "ALTER TABLE crm.customers ADD fax text", after="c1",
           back="ALTER TABLE crm.customers DROP fax")  # fmt: skip
    revise(root, "crm", "c3", "ALTER TABLE crm.customers DROP mail CASCADE", after="c2",
           back="ALTER TABLE crm.customers ADD mail crm.email; CREATE INDEX by_mail ON crm.customers (lower(mail))")  # fmt: skip
    revise(root, "billing", "b2", "CREATE VIEW billing.faxes AS SELECT fax FROM crm.customers", after="b1",
           back="SELECT 1")  # fmt: skip
    write_revision(
        versions_of(root, "hr"), "h2", after="h1",
        upgrade='with op.get_context().autocommit_block():\n    op.execute("CREATE INDEX CONCURRENTLY i ON hr.people (id)")',
        downgrade='with op.get_context().autocommit_block():\n    op.execute("DROP INDEX CONCURRENTLY hr.i")',
    )  # fmt: skip


def test_rehearsals_from_target_snapshot_and_replay_give_the_same_grades(camera: Camera) -> None:
    write_firm(camera.root)
    apply(camera)
    camera.execute("REFRESH MATERIALIZED VIEW crm.counted")
    commit(camera.root)
    file = camera.take()
    add_pending(camera.root)

    live, held, again = (
        rehearsed(camera),
        rehearsed(camera, snapshot=file),
        rehearsed(camera, replay=True, since="main"),
    )

    assert [str(step.key) for step in live.plan.steps] == [str(step.key) for step in held.plan.steps]
    assert told(held) == told(live)
    assert told(again) == told(live)
    assert held.plan.digest == live.plan.digest == again.plan.digest
    assert live.rehearsal.differences
    assert {each.grade for each in live.rehearsal.differences} <= {Sameness.SAME, Sameness.HARMLESS}
    assert held.rehearsal.differences == live.rehearsal.differences
    assert held.wanted == live.wanted
    assert again.rehearsal.differences == ()
    assert again.wanted is None


def test_settings_of_the_target_hold_in_the_rehearsal(camera: Camera) -> None:
    write_firm(camera.root)
    apply(camera)
    name = camera.url.parameters["dbname"]
    camera.execute(
        f"ALTER DATABASE {name} SET TimeZone = 'Pacific/Auckland'; ALTER DATABASE {name} SET DateStyle = 'German, DMY';"
        f"ALTER DATABASE {name} SET default_tablespace = 'pg_default'"
    )
    revise(
        camera.root, "hr", "h2",
        "CREATE TABLE hr.days AS SELECT '03/04/2026'::date AS d, current_setting('TimeZone') AS zone;"
        "ALTER TABLE hr.days ADD CHECK (d = DATE '2026-04-03' AND zone = 'Pacific/Auckland')",
        after="h1", back="DROP TABLE hr.days",
    )  # fmt: skip
    file = camera.take()
    for found in (rehearsed(camera), rehearsed(camera, snapshot=file)):
        grades = {each.what: each for each in found.rehearsal.differences}
        assert grades["TimeZone"].grade is Sameness.SAME
        assert grades["DateStyle"].there == "ISO, DMY"
        assert grades["DateStyle"].grade is Sameness.SAME
        assert grades["default_tablespace"].grade is Sameness.DIFFERS_IN_MEANING
        assert "elsewhere" in grades["default_tablespace"].why


@pytest.fixture
def alone(camera: Camera, tmp_path: Path) -> Camera:
    """crm's own repository, with a snapshot of what all modules' deployments have made; billing is somewhere else."""
    write_firm(camera.root)
    apply(camera)
    file = camera.take()
    other = Camera(root=project(tmp_path / "crm-alone", modules=("crm",)), url=camera.url, state=camera.state)
    crm = (versions_of(camera.root, "crm") / "c1.py").read_text(encoding="utf-8")
    (versions_of(other.root, "crm") / "c1.py").write_text(crm, encoding="utf-8")
    (other.root / "production.json").write_bytes(file.read_bytes())
    return other


def test_one_modules_repository_is_planned_with_all_others_as_they_are_in_production(alone: Camera) -> None:
    revise(alone.root, "crm", "c2", "ALTER TABLE crm.customers DROP name CASCADE", after="c1")

    refused = alone.plain("plan", "--baseline", "production.json", environment={})

    assert refused.code == 1, refused.err
    assert "relation 'billing.buyers' of module 'billing', which is not in this checkout" in " ".join(
        refused.out.split()
    )
    assert "function 'billing.name_of' of module 'billing'" in " ".join(refused.out.split())


def test_one_modules_repository_is_rehearsed_with_all_others_as_they_are_in_production(alone: Camera) -> None:
    revise(alone.root, "crm", "c2", "ALTER TABLE crm.customers ADD fax text", after="c1",
           back="ALTER TABLE crm.customers DROP fax", requires=["billing:b1"])  # fmt: skip
    revise(alone.root, "crm", "c3", "DROP TABLE crm.customers, crm.old_2026", after="c2")
    with pytest.raises(RefusedError, match="other objects depend on") as caught:
        rehearsed(alone, snapshot=alone.root / "production.json")
    assert "billing.buyers" in " ".join(caught.value.details)
    (versions_of(alone.root, "crm") / "c3.py").unlink()

    found = rehearsed(alone, snapshot=alone.root / "production.json")

    assert [str(step.key) for step in found.plan.steps] == ["crm:c2"]
    assert found.rehearsal.reversed_whole


def test_a_branch_is_planned_from_a_ref_without_any_database(camera: Camera) -> None:
    write_firm(camera.root)
    commit(camera.root)
    add_pending(camera.root)
    revise(camera.root, "hr", "h1", HR + ";SELECT 2")  # an applied revision, edited
    with open_baseline(settings_of(camera), quiet, since="main", replay=True) as baseline:
        assert baseline.kind is BaselineKind.REPLAY
        assert baseline.shown == "the revisions of main, replayed"
        with Workers(silence=60) as workers:
            tree = load_project(settings_of(camera), workers)
        state = baseline.state(tree)
        assert sorted(map(str, state.pending(tree))) == ["billing:b2", "crm:c2", "crm:c3", "hr:h2"]
        assert dict(state.heads) == {name: frozenset({f"{name[0]}1"}) for name in ("billing", "crm", "hr")}
        edited = [each.key for each in state.recorded if tree.revision(each.key).digest != each.digest]
        assert list(map(str, edited)) == ["hr:h1"]
        assert not camera.has_ledger()


def test_nothing_is_in_without_a_ref(camera: Camera) -> None:
    write_firm(camera.root)
    found = rehearsed(camera, replay=True)
    assert [str(step.key) for step in found.plan.steps] == ["crm:c1", "billing:b1", "hr:h1"]


def test_a_ref_that_is_not_there_is_told(camera: Camera) -> None:
    write_firm(camera.root)
    commit(camera.root)
    with pytest.raises(GitError, match="nowhere"), baseline_of(camera, replay=True, since="nowhere"):
        pass


BROKEN = 'op.execute("CREATE TABLE hr.people (id int REFERENCES gone.away)")'
STANDS_IN = "CREATE TABLE hr.people (id int PRIMARY KEY, born date);\n"


def old_tree(camera: Camera, **baseline: object) -> None:
    """hr, whose first revision cannot run any more, and a second one that builds on it."""
    project(camera.root, modules={"hr": baseline})
    (versions_of(camera.root, "hr") / "h3.py").unlink(missing_ok=True)
    write_revision(versions_of(camera.root, "hr"), "h1", upgrade=BROKEN)
    revise(camera.root, "hr", "h2", "ALTER TABLE hr.people ADD name text", after="h1",
           back="ALTER TABLE hr.people DROP name")  # fmt: skip
    commit(camera.root)
    revise(camera.root, "hr", "h3", "CREATE INDEX names ON hr.people (name)", after="h2",
           back="DROP INDEX hr.names")  # fmt: skip


def test_a_tree_that_cannot_be_built_from_its_base_names_a_file_that_stands_for_it(camera: Camera) -> None:
    old_tree(camera)
    with pytest.raises(RefusedError) as caught:
        rehearsed(camera, replay=True, since="main")
    assert "the applied revisions of module 'hr' cannot be run from nothing" in caught.value.message
    assert f"{camera.root}/modules/hr/migrations/versions/h1.py:" in caught.value.message
    assert '[tool.migrate.modules.hr] baseline = { sql = "baseline.sql", revision = "…" }' in str(
        caught.value.help
    )

    old_tree(camera, baseline={"sql": "hr.sql", "revision": "h1"})
    with pytest.raises(SettingsError, match=r"hr\.sql, which .*baseline names, cannot be read: No such file"):
        rehearsed(camera, replay=True, since="main")
    (camera.root / "hr.sql").write_text("CREATE TABLE hr.people (id int", encoding="utf-8")
    with pytest.raises(RefusedError, match=r"the baseline of module 'hr', .*hr\.sql, does not run"):
        rehearsed(camera, replay=True, since="main")
    (camera.root / "hr.sql").write_text(
        "CREATE SCHEMA hr;\nCOPY hr.people FROM stdin;\n1\n\\.\n", encoding="utf-8"
    )
    with pytest.raises(SettingsError, match=r"hr\.sql:2 holds rows for psql"):
        rehearsed(camera, replay=True, since="main")

    for text in (
        STANDS_IN,
        f"\\restrict abc\nSET search_path = '';\nCREATE SCHEMA hr;\n{STANDS_IN}\\unrestrict abc\n",
    ):
        (camera.root / "hr.sql").write_text(text, encoding="utf-8")
        found = rehearsed(camera, replay=True, since="main")
        assert [str(step.key) for step in found.plan.steps] == ["hr:h3"]
        assert found.rehearsal.reversed_whole


BY_HAND = (
    ("crm", "column crm.customers.by_hand is there, and no revision makes it"),
    ("crm", "constraint crm.customers.named is missing, and revisions make it"),
    ("crm", "index crm.customers.by_mail is missing, and revisions make it"),
    ("crm", "column crm.customers.mail has “default 'a@b'::text”, which no revision gives it"),
    ("hr", "table hr.hand is there, and no revision makes it"),
)


def test_what_was_done_by_hand_is_drift(camera: Camera) -> None:
    write_firm(camera.root)
    apply(camera)
    add_pending(camera.root)
    camera.execute("REFRESH MATERIALIZED VIEW crm.counted")
    assert drift_of(camera) == ()

    camera.execute(
        "ALTER TABLE crm.customers ADD by_hand int, DROP CONSTRAINT named; CREATE TABLE hr.hand ();"
        "ALTER TABLE crm.customers ALTER mail SET DEFAULT 'a@b'; DROP INDEX crm.by_mail; CREATE SCHEMA other;"
        "CREATE TABLE other.t (); GRANT SELECT ON hr.people TO PUBLIC"
    )
    file = camera.take()
    for found in (drift_of(camera), drift_of(camera, snapshot=file)):
        errors = {each.message for each in found if each.severity is Severity.ERROR}
        assert errors == {
            f"module {module!r} is not what its applied revisions make: {what}" for module, what in BY_HAND
        }
        assert {each.rule for each in found} == {"drift", "drift-privileges"}
        privileges = next(each for each in found if each.rule == "drift-privileges")
        assert privileges.severity is Severity.WARNING
        assert "grants on table hr.people" in privileges.message


def test_drift_that_cannot_be_told_is_said(camera: Camera) -> None:
    write_firm(camera.root)
    apply(camera)
    (versions_of(camera.root, "hr") / "h1.py").unlink()
    found = drift_of(camera)
    assert [each.rule for each in found] == ["drift-not-checked"]
    assert "module 'hr'" in found[0].message
    assert found[0].severity is Severity.WARNING


def test_files_that_stand_in_may_need_each_other(camera: Camera) -> None:
    project(
        camera.root,
        modules={
            "alpha": {"baseline": {"sql": "alpha.sql", "revision": "a2"}},
            "beta": {"baseline": {"sql": "beta.sql", "revision": "b1"}},
        },
    )
    broken = 'raise RuntimeError("it cannot run any more")'
    write_revision(versions_of(camera.root, "alpha"), "a1", upgrade=broken)
    write_revision(versions_of(camera.root, "alpha"), "a2", after="a1", upgrade=broken)
    write_revision(versions_of(camera.root, "beta"), "b1", upgrade=broken)
    revise(camera.root, "beta", "b2", "ALTER TABLE beta.t ADD note text", after="b1")
    commit(camera.root)
    revise(camera.root, "alpha", "a3", "CREATE VIEW alpha.v AS SELECT note FROM beta.t", after="a2",
           back="DROP VIEW alpha.v")  # fmt: skip
    (camera.root / "alpha.sql").write_text(
        "CREATE TABLE alpha.t (b int REFERENCES beta.t);\n", encoding="utf-8"
    )
    (camera.root / "beta.sql").write_text(
        "CREATE TABLE beta.t (id int PRIMARY KEY);\nINSERT INTO beta.t VALUES (1);\n", encoding="utf-8"
    )

    found = rehearsed(camera, replay=True, since="main")

    assert [str(step.key) for step in found.plan.steps] == ["alpha:a3"]
    assert found.rehearsal.reversed_whole


def test_modules_that_share_a_version_table_are_told_apart_in_a_snapshot_too(camera: Camera) -> None:
    shared = {"version_table": "public.alembic_version"}
    project(camera.root, modules={"crm": shared, "hr": shared})
    revise(camera.root, "crm", "c1", "CREATE TABLE crm.t ()", back="DROP TABLE crm.t")
    revise(camera.root, "hr", "h1", "CREATE TABLE hr.t ()", back="DROP TABLE hr.t")
    apply(camera)
    camera.take()
    revise(camera.root, "hr", "h2", "ALTER TABLE hr.t ADD a int", after="h1", back="ALTER TABLE hr.t DROP a")
    for form in ("--sql", "--format=json"):
        live, held = camera.migrate("plan", form), camera.migrate("plan", "--baseline", "target.json", form)
        assert live.code == held.code == 0, held.err
        assert "hr" in held.out
        assert "crm.t" not in held.out
        if form == "--sql":
            assert held.out == live.out
    found = rehearsed(camera, snapshot=camera.root / "target.json")
    assert [str(step.key) for step in found.plan.steps] == ["hr:h2"]
