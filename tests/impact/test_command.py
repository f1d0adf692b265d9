"""`migrate impact` where things are not as they should be: no git, no database, no such module, another repository."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from coordinator.cli.main import run
from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from coordinator.postgres.url import as_words
from tests.commands_site import write_shop
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return " ".join(f"{self.out} {self.err}".split())


def impact(root: Path, *arguments: str, variables: dict[str, str] | None = None) -> Said:
    """`migrate impact` with nothing of this machine's settings."""
    return migrate(root, "impact", *arguments, variables=variables)


def migrate(root: Path, *arguments: str, variables: dict[str, str] | None = None) -> Said:
    """Run a command in this process, with nothing of this machine's settings."""
    out, err = io.StringIO(), io.StringIO()
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CEILING_DIRECTORIES": str(root.parent),
        "MIGRATE_STATE_DIR": str(root.parent / "state"),
        **(variables or {}),
    }
    with ExitStack() as stack:
        stack.enter_context(chdir(root))
        stack.enter_context(patch.dict(os.environ, environment, clear=True))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        code = run(list(arguments))
    return Said(code, out.getvalue(), err.getvalue())


def git(root: Path, *words: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "a commit")


def drop_phone(root: Path) -> None:
    """The branch's revision: crm drops what billing's code reads."""
    write_revision(
        versions_of(root, "crm"),
        "c3",
        after="c2",
        message="drop telefone2",
        upgrade='op.execute("ALTER TABLE crm.customers DROP telefone2")',
        downgrade='op.execute("ALTER TABLE crm.customers ADD telefone2 text")',
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The shop outside of git, with a line of billing's code."""
    root = tmp_path / "shop"
    write_shop(root)
    code = root / "modules" / "billing" / "app" / "calls.py"
    code.parent.mkdir()
    code.write_text('CALL = "SELECT telefone2 FROM crm.customers WHERE id = %s"\n', encoding="utf-8")
    return root


@pytest.fixture
def branch(shop: Path) -> Path:
    """The shop in a repository, on a branch that drops the phone."""
    git(shop, "init", "-q", "-b", "main")
    commit(shop)
    git(shop, "checkout", "-qb", "work")
    drop_phone(shop)
    return shop


BREAKS = "breaks code CALL modules/billing/app/calls.py:1 asks for telefone2, which is no longer there"


def test_the_exit_code_says_what_was_asked_for(branch: Path) -> None:
    said = impact(branch, "crm", "--no-database")
    assert (said.code, BREAKS in said.told) == (1, True)
    assert impact(branch, "crm", "--no-database", "--fail-on", "never").code == 0
    assert impact(branch, "billing", "--no-database", "--fail-on", "degrades").code == 0


def test_without_a_database_applied_revisions_are_run_in_the_order_of_a_plan(shop: Path) -> None:
    write_revision(
        versions_of(shop, "billing"),
        "b9",
        after="b1",
        upgrade='op.execute("ALTER TABLE crm.customers RENAME telefone2 TO mobile")',
        downgrade='op.execute("ALTER TABLE crm.customers RENAME mobile TO telefone2")',
        requires=["crm:c2"],
    )
    calls = shop / "modules" / "billing" / "app" / "calls.py"
    calls.write_text(calls.read_text().replace("telefone2", "mobile"))
    git(shop, "init", "-q", "-b", "main")
    commit(shop)
    git(shop, "checkout", "-qb", "work")
    drop_phone(shop)
    file = versions_of(shop, "crm") / "c3.py"
    file.write_text(file.read_text().replace("telefone2", "mobile"))
    said = impact(shop, "crm", "--no-database")
    assert (said.code, BREAKS.replace("telefone2", "mobile") in said.told) == (1, True)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("DROP SCHEMA crm CASCADE", "asks for crm.customers, which is no longer there"),
        ("ALTER SCHEMA crm RENAME TO people", "asks for crm.customers by its old name"),
        ("REVOKE ALL ON SCHEMA crm FROM clerk", "fails where it is run by clerk, who loses the right to it"),
        (
            "REVOKE SELECT ON ALL TABLES IN SCHEMA crm FROM clerk",
            "fails where it is run by clerk, who loses the right to it",
        ),
    ],
)
def test_code_that_uses_what_lies_in_a_schema_is_looked_for(branch: Path, change: str, why: str) -> None:
    file = versions_of(branch, "crm") / "c3.py"
    file.write_text(file.read_text().replace("ALTER TABLE crm.customers DROP telefone2", change))
    assert f"code CALL modules/billing/app/calls.py:1 {why}" in impact(branch, "crm", "--no-database").told


def test_a_module_that_adds_nothing(branch: Path) -> None:
    said = impact(branch, "billing", "--no-database")
    assert said.code == 0
    assert "billing adds nothing since main (" in said.told


def test_a_module_that_is_not_there_is_told_with_the_nearest(branch: Path) -> None:
    said = impact(branch, "bilings")
    assert (said.code, "Did you mean 'billing'?" in said.told) == (2, True)


def test_a_comment_is_no_change_and_an_edit_is_one(shop: Path) -> None:
    git(shop, "init", "-q", "-b", "main")
    commit(shop)
    file = versions_of(shop, "crm") / "c2.py"
    file.write_text(file.read_text() + "# a comment\n")
    assert "crm adds nothing" in impact(shop, "crm", "--no-database").told
    file.write_text(file.read_text().replace("ADD telefone2 text", "ADD mobile text"))
    said = impact(shop, "crm", "--no-database")
    assert "crm:c2 was edited since; whether it is applied somewhere is not known" in said.told
    assert "creates column 'crm.customers.mobile'" in said.told
    (versions_of(shop, "crm") / "c2.py").unlink()
    assert (
        "a revision file is gone since: modules/crm/migrations/versions/c2.py"
        in impact(shop, "crm", "--no-database").told
    )


def test_outside_of_git_without_a_database_nothing_can_be_told(shop: Path) -> None:
    said = impact(shop, "crm")
    assert said.code == 2
    assert "What module 'crm' adds cannot be told:" in said.told
    assert "is in no git repository, and there is no database to compare with" in said.told
    assert "--baseline FILE" in said.told


def test_without_the_program_git(branch: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = impact(branch, "crm", "--no-database", variables={"PATH": str(tmp_path / "empty")})
    assert (said.code, "git is not on the PATH" in said.told) == (2, True)
    said = impact(
        branch, "crm", "--since", "main", "--no-database", variables={"PATH": str(tmp_path / "empty")}
    )
    assert (said.code, "Install git" in said.told) == (2, True)


@pytest.mark.postgres
def test_outside_of_git_what_is_not_applied_counts(shop: Path, database: DatabaseUrl) -> None:
    drop_phone(shop)
    said = impact(shop, "crm", "--database-url", as_words(database.parameters), "--format", "json")
    report = json.loads(said.out)
    assert report["since"] == "what is applied in the target"
    assert report["revisions"] == ["crm:c1", "crm:c2", "crm:c3"]
    # The phone is made and dropped among these: whoever reads it asks for what will not be there.
    assert (said.code, report["verdict"]) == (1, "breaks")
    whys = [
        each["why"]
        for change in report["changes"]
        for each in change["consumers"]
        if each["name"] == "CALL" and each["verdict"] == "breaks"
    ]
    assert whys == ["asks for crm.customers.telefone2, which is not there in the end"]


@pytest.mark.postgres
def test_live_without_the_extension_is_not_known(branch: Path, database: DatabaseUrl) -> None:
    with Session(connect(database, application_name="test")) as session:
        session.execute(
            "CREATE SCHEMA crm; CREATE TABLE crm.customers (id int PRIMARY KEY, name text, telefone2 text)"
        )
        session.execute(
            "CREATE TABLE crm.alembic_version (version_num text); INSERT INTO crm.alembic_version VALUES ('c2')"
        )
        session.execute(
            "CREATE SCHEMA billing; CREATE VIEW billing.numbers AS SELECT telefone2 FROM crm.customers"
        )
    said = impact(branch, "crm", "--live", "--database-url", as_words(database.parameters))
    assert said.code == 1
    assert "breaks view billing.numbers stands on it, so PostgreSQL refuses to drop it" in said.told
    assert (
        "not known: which statements are sent: the extension pg_stat_statements is not installed" in said.told
    )
    assert BREAKS in said.told


@pytest.mark.postgres
def test_the_embedded_target_is_asked_once_it_was_made(branch: Path) -> None:
    assert "no database was asked" in impact(branch, "crm").told
    (versions_of(branch, "crm") / "c3.py").unlink()
    done = migrate(branch, "all-modules", "--yes", "--staging", "off")
    assert done.code == 0, done.err
    drop_phone(branch)
    for named in ((), ("--database-url", "embedded:")):
        said = impact(branch, "crm", "--format", "json", *named)
        report = json.loads(said.out)
        assert (said.code, report["baseline"]) == (1, "the target")
        assert not any("no database was asked" in each for each in report["notKnown"])


def test_a_target_that_does_not_answer_is_done_without_unless_it_was_typed(branch: Path) -> None:
    settings = branch / "pyproject.toml"
    text = settings.read_text().replace('target = "embedded"', 'url = "postgresql://nobody@127.0.0.1:1/x"')
    settings.write_text(text)
    said = impact(branch, "crm")
    assert said.code == 1
    assert "not known: the target of environment local could not be asked" in said.told
    assert impact(branch, "crm", "--database-url", "postgresql://nobody@127.0.0.1:1/x").code == 6
    said = impact(branch, "crm", "--no-database", "--live")
    assert (said.code, "--no-database asks nothing" in said.told) == (2, True)


def test_a_baseline_that_is_no_snapshot(branch: Path) -> None:
    (branch / "x.snapshot").write_text("{}")
    said = impact(branch, "crm", "--baseline", "x.snapshot")
    assert said.code == 2
    assert "x.snapshot" in said.told
    assert impact(branch, "crm", "--baseline", "gone.snapshot").code == 2


def test_a_module_in_a_repository_of_its_own(branch: Path, tmp_path: Path) -> None:
    own = tmp_path / "crm"
    shutil.move(branch / "modules" / "crm", own)
    settings = branch / "pyproject.toml"
    settings.write_text(settings.read_text() + f'[tool.migrate.modules.crm]\npath = "{own}/migrations"\n')
    (own / "migrations" / "versions" / "c3.py").unlink()
    git(own, "init", "-q", "-b", "trunk")
    commit(own)
    git(own, "checkout", "-qb", "work")
    write_revision(
        own / "migrations", "c3", after="c2", upgrade='op.execute("ALTER TABLE crm.customers DROP telefone2")'
    )
    said = impact(branch, "crm", "--no-database")
    assert said.code == 1
    assert "since trunk (" in said.told
    assert BREAKS in said.told
    # The ref is one of crm's repository; billing's does not have it, and is asked for its own default branch.
    said = impact(branch, "crm", "--no-database", "--since", "trunk")
    assert (said.code, "since trunk (" in said.told, "billing" in said.told.partition("not known")[2]) == (
        1,
        True,
        False,
    )
    assert impact(branch, "crm", "--no-database", "--since", "main").code == 2


def test_markdown_escapes_what_other_people_wrote(branch: Path) -> None:
    code = branch / "modules" / "billing" / "app" / "odd.sql"
    code.write_text("SELECT telefone2 FROM crm.customers; -- <script>alert(1)</script> | x\n")
    (branch / "modules/billing/app/a|b.js").write_text("customer.telefone2")
    said = impact(branch, "crm", "--no-database", "--format", "markdown")
    assert said.out.startswith("## Impact of `crm`: breaks\n")
    assert "<script>" not in said.out
    assert "`modules/billing/app/a\\|b.js:1`" in said.out
    assert "| breaks | code CALL (billing)<br>`modules/billing/app/calls.py:1` |" in said.out
    assert "<summary>A way out for: drops column 'crm.customers.telefone2'</summary>" in said.out.replace(
        "\\_", "_"
    )


def test_a_password_in_code_reaches_no_report(branch: Path) -> None:
    code = branch / "modules" / "billing" / "app" / "secret.py"
    code.write_text(
        "def f(c):\n    c.execute(\"SELECT telefone2 FROM crm.customers WHERE name = 's3cret'\")\n"
    )
    for form in ("text", "json", "markdown"):
        said = impact(branch, "crm", "--no-database", "--format", form)
        assert "secret.py:2" in said.out
        assert "s3cret" not in said.out


def test_code_owners_are_named(branch: Path) -> None:
    (branch / "CODEOWNERS").write_text("* @everybody\n/modules/billing/ @money @tax\n")
    said = impact(branch, "crm", "--no-database")
    assert "ask: billing (@money @tax): 1 breaks" in said.told
