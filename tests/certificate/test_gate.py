"""From the gate to the deploy, with the real commands: from the target, from a snapshot, and from the revisions alone."""

from __future__ import annotations

import datetime
import io
import os
import subprocess
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from coordinator.certificates.file import read_certificate
from coordinator.cli.main import run
from tests.certificate.release import write_base, write_release
from tests.certificate.test_accepted import deploy
from tests.commands_site import apply
from tests.failures.roles import make_role
from tests.failures.site import Ended

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl
    from tests.commands_site import Desk


def prepared(desk: Desk, url: DatabaseUrl) -> None:
    """The base applied by the role that deploys, and the release pending."""
    write_base(desk.root)
    done = desk.migrate("all-modules", "--yes", "--staging", "off", url=url)
    assert done.code == 0, done.err
    write_release(desk.root)


def deployer_of(desk: Desk, role: str) -> DatabaseUrl:
    database = desk.url.parameters["dbname"]
    return make_role(desk, role, f'GRANT CREATE ON DATABASE "{database}" TO {{role}}')


def test_from_the_target(desk: Desk) -> None:
    write_base(desk.root)
    apply(desk)
    write_release(desk.root)
    file = desk.root.parent / "release.json"

    done = desk.migrate("gate", "--certificate", str(file), "--expires", "2d")

    assert done.code == 0, done.err + done.out
    certificate = read_certificate(file).certificate
    assert certificate.expires - certificate.made == datetime.timedelta(days=2)
    assert certificate.target.database == desk.url.parameters["dbname"]
    done = deploy(desk, file)
    assert done.code == 0, done.err
    assert "3 steps applied" in done.said


def test_from_a_snapshot_made_by_another_role(desk: Desk, role: str) -> None:
    """The release job never sees production: what it rehearsed is what the deploying role then does there."""
    deployer = deployer_of(desk, role)
    prepared(desk, deployer)
    snapshot = desk.root.parent / "production.snapshot"
    done = desk.migrate("snapshot", "--output", str(snapshot), url=deployer)
    assert done.code == 0, done.err
    file = desk.root.parent / "release.json"

    done = desk.migrate("gate", "--baseline", str(snapshot), "--certificate", str(file))

    assert done.code == 0, done.err + done.out
    assert "snapshot of" in read_certificate(file).certificate.target.shown
    done = desk.migrate(
        "all-modules", "--certificate", str(file), environment={"PATH": "/nowhere"}, url=deployer
    )
    assert done.code == 0, done.err
    assert "3 steps applied" in done.said
    assert "certificate-drift" not in done.said, done.err
    with desk.session() as session:
        assert session.value("SELECT viewowner FROM pg_views WHERE viewname = 'phones'") == role


def test_a_snapshot_that_is_too_old(desk: Desk, role: str) -> None:
    deployer = deployer_of(desk, role)
    prepared(desk, deployer)
    snapshot = desk.root.parent / "production.snapshot"
    assert desk.migrate("snapshot", "--output", str(snapshot), url=deployer).code == 0
    with desk.session() as session:
        session.execute("ALTER TABLE crm.customers ADD by_hand int")
    file = desk.root.parent / "release.json"
    done = desk.migrate("gate", "--baseline", str(snapshot), "--certificate", str(file))
    assert done.code == 0, done.err + done.out

    done = desk.migrate("all-modules", "--certificate", str(file), url=deployer)

    assert done.code == 1, done.err
    assert "column crm.customers.by_hand was not there" in done.said


def git(root: Path, *arguments: str) -> None:
    """Run git in the project as somebody."""
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


def test_from_the_revisions_of_a_branch(desk: Desk, role: str) -> None:
    """With no database to be had: what the main branch holds is run again, and stands for the target."""
    deployer = deployer_of(desk, role)
    write_base(desk.root)
    git(desk.root, "init", "-q", "-b", "main")
    git(desk.root, "remote", "add", "origin", "https://ann:s3cret@example.org/erp.git")
    git(desk.root, "add", ".")
    git(desk.root, "commit", "-qm", "base")
    assert desk.migrate("all-modules", "--yes", "--staging", "off", url=deployer).code == 0
    git(desk.root, "switch", "-qc", "feature")
    write_release(desk.root)
    file = desk.root.parent / "release.json"

    done = run_without_target(desk, "gate", "--since", "main", "--certificate", str(file))

    assert done.code == 0, done.err + done.out
    assert "s3cret" not in file.read_text()
    certificate = read_certificate(file).certificate
    assert not certificate.target.system_identifier
    assert [str(step.key) for step in certificate.steps] == ["crm:c2", "billing:b2", "billing:b3"]
    (crm,) = (each for each in certificate.modules if each.name == "crm")
    assert crm.origin is not None
    assert crm.origin.remote == "https://example.org/erp.git"
    assert crm.origin.dirty
    done = desk.migrate(
        "all-modules", "--certificate", str(file), environment={"PATH": "/nowhere"}, url=deployer
    )
    assert done.code == 0, done.err
    assert "3 steps applied" in done.said


def run_without_target(desk: Desk, *arguments: str) -> Ended:
    """A command that is given no database."""
    out, err = io.StringIO(), io.StringIO()
    variables = {
        "MIGRATE_STATE_DIR": str(desk.state),
        "MIGRATE_STAGING": "embedded",
        "PATH": os.environ["PATH"],
    }
    settings = desk.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace('target = "embedded"', 'url_env = "NOT_SET"'))
    with ExitStack() as stack:
        stack.enter_context(chdir(desk.root))
        stack.enter_context(patch.dict(os.environ, variables, clear=True))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        code = run(list(arguments))
    return Ended(code=code, out=out.getvalue(), err=err.getvalue())


def test_no_certificate_of_what_is_blocked(desk: Desk) -> None:
    write_base(desk.root)
    apply(desk)
    write_release(desk.root)
    sql = desk.root / "modules/crm/sql/column.sql"
    sql.write_text("ALTER TABLE crm.nobody ADD {column} text")
    file = desk.root.parent / "release.json"
    done = desk.migrate("gate", "--certificate", str(file))
    assert done.code == 1, done.err + done.out
    assert not file.exists() or not file.read_text()


@pytest.mark.parametrize("time", ["8d", "0s", "soon"])
def test_how_long_it_may_be_valid(desk: Desk, time: str) -> None:
    write_base(desk.root)
    done = desk.migrate("gate", "--certificate", "x.json", "--expires", time)
    assert done.code == 2, done.err
    assert "--expires must be" in done.said
