"""`plan`, `status`, `history` and `check` on a real target: they only read, and a role that may SELECT is enough."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from coordinator.postgres.url import as_words
from coordinator.staging.binaries import find_binaries
from tests.commands_site import Desk, add_index, apply, write_shop
from tests.failures.conftest import role, site, state_directory
from tests.failures.roles import make_role
from tests.failures.site import REPOSITORY
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from tests.failures.site import Site

__all__ = ["role", "site", "state_directory"]

READERS = (
    ("plan",),
    ("plan", "--sql"),
    ("status",),
    ("history",),
    ("check",),
    ("recover",),
    ("check", "--rights"),
)


@pytest.fixture
def shop(site: Site) -> Site:
    write_shop(site.root)
    return Desk(root=site.root, url=site.url, state=site.state)


def test_each_command_names_target_and_environment_first_and_writes_its_document_to_stdout(
    shop: Site,
) -> None:
    for arguments in READERS:
        ended = shop.migrate(*arguments)
        first = ended.err.splitlines()[0]
        assert first.startswith("target: "), arguments
        assert first.endswith("environment: local"), arguments
        assert ended.out, arguments
        assert shop.url.parameters.get("password", "no password") not in ended.out + ended.err


def test_reading_commands_write_nothing_and_need_no_ledger(shop: Site) -> None:
    before = shop.picture()
    for arguments in READERS:
        assert shop.migrate(*arguments).code == 0, arguments
    assert shop.picture() == before
    assert not shop.has_ledger()


def test_a_role_that_may_only_select_reads_everything(shop: Site, role: str) -> None:
    apply(shop)
    add_index(shop.root)
    reader = make_role(
        shop,
        role,
        "GRANT USAGE ON SCHEMA crm, billing, migrate TO {role}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA crm, billing, migrate TO {role}",
    )
    before = shop.picture()
    for arguments in READERS[:-1]:
        ended = shop.migrate(*arguments, url=reader)
        assert ended.code == 0, (arguments, ended.err)
    status = json.loads(shop.migrate("status", "--format", "json", url=reader).out)
    assert {each["module"]: len(each["pending"]) for each in status["modules"]} == {"billing": 0, "crm": 1}
    assert "1  " in shop.migrate("history", url=reader).out
    assert shop.picture() == before


def test_a_role_without_rights_is_told_what_it_lacks_and_which_grants_help(shop: Site, role: str) -> None:
    apply(shop)
    poor = make_role(shop, role)
    for command in ("status", "history", "plan", "check"):
        ended = shop.migrate(command, url=poor)
        assert ended.code == 6, (command, ended.err)
        assert "may not read" in ended.said
        assert "`migrate check --rights`" in ended.said
    report = shop.migrate("check", "--rights", url=poor)
    assert report.code == 1
    assert "lacks status, history, plan, check" in " ".join(report.out.split())
    for statement in (line.strip() for line in report.out.splitlines() if line.startswith("  GRANT ")):
        shop.execute(statement)
    assert shop.migrate("status", url=poor).code == 0
    rest = shop.migrate("check", "--rights", url=poor)
    assert rest.code == 1
    assert "GRANT" not in rest.out
    assert "that is a superuser: let another role own them" in " ".join(rest.out.split())
    for schema, table in shop.rows(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('crm', 'billing')"
    ):
        shop.execute(f"ALTER TABLE {schema}.{table} OWNER TO {role}")
    assert shop.migrate("check", "--rights", url=poor).code == 0
    add_index(shop.root)
    assert shop.migrate("all-modules", "--yes", url=poor).code == 0


def test_rights_of_another_role_can_be_asked(shop: Site, role: str) -> None:
    make_role(shop, role)
    ended = shop.migrate("check", "--rights", "--role", role, "--format", "json")
    assert ended.code == 1
    assert json.loads(ended.out)["role"] == role
    unknown = shop.migrate("check", "--rights", "--role", role[:-1])
    assert unknown.code == 2
    assert role in unknown.said


def test_a_plan_is_the_one_that_is_applied(shop: Site) -> None:
    planned = json.loads(shop.migrate("plan", "--format", "json").out)["plan"]
    applied = json.loads(shop.migrate("all-modules", "--yes", "--format", "json").out)
    assert applied["plan"] == planned
    steps = [
        f"upgrade {each['module']}:{each['revision']} applied" for each in planned["segments"][0]["steps"]
    ]
    assert list(shop.steps()) == steps
    assert [each["module"] for each in planned["modules"]] == ["crm", "billing"]
    assert planned["modules"][0]["affectedModules"] == ["billing"]


def test_a_plan_of_nothing_says_so_in_every_format(shop: Site) -> None:
    apply(shop)
    assert "nothing to do" in shop.migrate("plan").out
    assert "Nothing to do" in shop.migrate("plan", "--format", "markdown").out
    assert "nothing to do" in shop.migrate("plan", "--format", "mermaid").out
    assert json.loads(shop.migrate("plan", "--format", "json").out)["plan"] is None
    assert "There is nothing to do" in shop.migrate("plan", "--sql").out


def test_names_in_a_plan_are_escaped_in_markdown_and_mermaid(shop: Site) -> None:
    markdown = shop.migrate("plan", "--format", "markdown").out
    assert "<script" not in MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; \\| \\`phone\\`" in markdown
    mermaid = shop.migrate("plan", "--format", "mermaid").out
    assert "<script>" not in mermaid
    assert "#60;script#62;" in mermaid


def test_only_one_module_is_planned_with_what_it_needs(shop: Site) -> None:
    write_revision(versions_of(shop.root, "billing"), "b2", after="b1", upgrade='op.execute("SELECT 1")')
    planned = json.loads(shop.migrate("plan", "--module", "crm", "--format", "json").out)["plan"]
    assert [each["module"] for each in planned["segments"][0]["steps"]] == ["crm", "crm"]
    wrong = shop.migrate("plan", "--module", "crn")
    assert wrong.code == 2
    assert "Did you mean 'crm'?" in wrong.said


def test_a_step_is_explained_and_a_wrong_name_gets_the_nearest(shop: Site) -> None:
    told = shop.migrate("plan", "--explain", "billing:b1").out
    place = shop.place("billing", "b1", "telefone2")
    assert "uses crm:c2: 'billing:b1' uses column 'crm.customers.telefone2'" in " ".join(told.split())
    assert f"at {place}" in told
    wrong = shop.migrate("plan", "--explain", "billing:b2")
    assert wrong.code == 2
    assert "Did you mean 'billing:b1'?" in wrong.said
    ambiguous = shop.migrate("plan", "--explain", "crm:c")
    assert ambiguous.code == 2
    assert "crm:c1 or crm:c2" in ambiguous.said
    apply(shop)
    late = shop.migrate("plan", "--explain", "billing:b1")
    assert late.code == 1
    assert "is in already" in late.said


def test_the_script_runs_as_it_stands_and_leaves_what_all_modules_would(shop: Site, tmp_path: Path) -> None:
    add_index(shop.root)
    psql = find_binaries(environment=os.environ).path / "psql"
    if not psql.exists():
        pytest.skip(f"no psql beside the server's programs in {psql.parent}")
    script = tmp_path / "plan.sql"
    script.write_text(shop.migrate("plan", "--sql").out, encoding="utf-8")
    assert shop.migrate("all-modules", "--yes", "--dry-run").code == 0
    parameters = shop.url.parameters
    done = subprocess.run(
        [str(psql), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", str(script)],
        env={
            "PGHOST": parameters["host"],
            "PGPORT": parameters["port"],
            "PGUSER": parameters["user"],
            "PGPASSWORD": parameters["password"],
            "PGDATABASE": parameters["dbname"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    by_hand = shop.picture()
    status = json.loads(shop.migrate("status", "--format", "json").out)
    assert status["atHeads"] is True
    shop.execute("DROP SCHEMA crm, billing CASCADE")
    apply(shop)
    assert shop.picture() == by_hand


def test_status_tells_heads_and_pending_and_waits_for_the_heads(shop: Site) -> None:
    assert shop.migrate("status").code == 0
    waited = shop.migrate("status", "--wait", "1s")
    assert waited.code == 1
    assert "2 pending" in waited.out
    waiting = shop.start("status", "--wait", "60s", "--format", "json")
    apply(shop)
    ended = shop.end(waiting)
    assert ended.code == 0
    assert json.loads(ended.out)["atHeads"] is True
    assert shop.migrate("status", "--wait", "soon").code == 2


def test_status_knows_modules_that_are_not_in_this_checkout_and_revisions_that_are_ahead(shop: Site) -> None:
    apply(shop)
    shutil.rmtree(shop.root / "modules" / "billing")
    (versions_of(shop.root, "crm") / "c2.py").unlink()
    status = json.loads(shop.migrate("status", "--format", "json").out)
    modules = {each["module"]: each for each in status["modules"]}
    assert (modules["billing"]["present"], modules["billing"]["heads"]) == (False, ["b1"])
    assert (modules["crm"]["ahead"], modules["crm"]["pending"]) == (["c2"], [])
    assert status["atHeads"] is True
    told = shop.migrate("status").out
    assert "ahead by 1" in told
    assert "not in this checkout" in told


def test_status_names_who_holds_the_lock(shop: Site) -> None:
    apply(shop)
    with shop.session() as session:
        session.execute("SELECT pg_advisory_lock(%s)", (0x6D696772617465,))
        session.execute("SET application_name = 'migrate:9 crm-1 crm:c2'")
        told = shop.migrate("status").out
    assert "the lock is held by run 9 on crm-1 (crm:c2; server process" in " ".join(told.split())


def test_history_lists_runs_and_shows_one_with_its_steps(shop: Site) -> None:
    assert "the target has no ledger" in shop.migrate("history").out
    apply(shop)
    listed = json.loads(shop.migrate("history", "--format", "json").out)["runs"]
    assert [(each["run"], each["status"], each["kind"]) for each in listed] == [(1, "applied", "apply")]
    one = json.loads(shop.migrate("history", "1", "--format", "json").out)
    assert [(each["module"], each["status"]) for each in one["steps"]] == [
        ("crm", "applied"),
        ("crm", "applied"),
        ("billing", "applied"),
    ]
    assert "3 rows: 3 applied" in shop.migrate("history", "1").out
    missing = shop.migrate("history", "7")
    assert missing.code == 2
    assert "There is no run 7: the latest is run 1." in missing.said


def test_check_finds_an_error_and_says_no(shop: Site) -> None:
    fine = shop.migrate("check")
    assert fine.code == 0
    assert "no-map" in fine.out
    write_revision(versions_of(shop.root, "crm"), "c2b", after="c1", upgrade='op.execute("SELECT 1")')
    ended = shop.migrate("check", "--format", "json")
    assert ended.code == 1
    assert "several-heads" in [each["rule"] for each in json.loads(ended.out)["findings"]]


def test_check_cannot_load_a_broken_tree_or_map(shop: Site) -> None:
    (shop.root / "database_map.md").write_bytes(b"\xff\xfe\x00")
    assert shop.migrate("check").code == 2
    (shop.root / "database_map.md").unlink()
    (versions_of(shop.root, "crm") / "c1.py").write_text("def upgrade(:\n")
    ended = shop.migrate("check")
    assert ended.code == 2
    assert "c1.py" in ended.said


def test_a_plan_that_cannot_be_is_refused_with_its_findings(shop: Site) -> None:
    write_revision(
        versions_of(shop.root, "crm"), "c0", requires=["billing:b1"], upgrade='op.execute("SELECT 1")'
    )
    file = versions_of(shop.root, "crm") / "c1.py"
    file.write_text(file.read_text().replace("down_revision = None", "down_revision = 'c0'"))
    for form in ("text", "json", "markdown"):
        ended = shop.migrate("plan", "--format", form)
        assert ended.code == 1
        assert "billing:b1" in ended.out
        assert "nothing to do" not in ended.out.lower()
    assert "No plan" in shop.migrate("plan", "--sql").out
    explained = shop.migrate("plan", "--explain", "crm:c1")
    assert explained.code == 1
    assert "no plan to explain" in explained.said


def test_a_script_is_a_document_of_its_own(shop: Site) -> None:
    assert shop.migrate("plan", "--sql", "--format", "json").code == 2


def test_piped_documents_are_80_columns_without_colour(shop: Site) -> None:
    apply(shop)
    add_index(shop.root)
    for arguments in (("plan",), ("status",), ("history",), ("history", "1"), ("check",)):
        ended = shop.migrate(*arguments)
        assert "\x1b" not in ended.out + ended.err
        assert max(len(line) for line in ended.out.splitlines()) <= 80, arguments


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_is_shown_on_a_terminal_unless_it_is_not_wanted(
    site: Site, environment: dict[str, str]
) -> None:
    write_shop(site.root)
    master, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "coordinator", "status", "--database-url", as_words(site.url.parameters)],
        cwd=site.root,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "TERM": "xterm", **environment},
    )
    os.close(terminal)
    with open(master, "rb", buffering=0) as stream:
        shown = stream.read(4096)
    assert done.returncode == 0
    assert b"2 pending" in shown
    assert (b"\x1b[" in shown) is not bool(environment)


def test_an_embedded_target_and_no_target_are_told_apart(shop: Site) -> None:
    (shop.root / "pyproject.toml").write_text("[tool.migrate]\n")
    done = subprocess.run(
        [sys.executable, "-m", "coordinator", "status"],
        cwd=shop.root,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert done.stdout == ""
