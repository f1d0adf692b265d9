"""From the pull request to the deploy, with the recipes' own scripts: only the services around them are played."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.url import as_words
from tests.ci.image import Image, write_program
from tests.ci.service import Runner, gitlab
from tests.failures.conftest import state_directory
from tests.failures.site import REPOSITORY
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ci.service import Notes

__all__ = ["state_directory"]

pytestmark = pytest.mark.timeout(600)  # a whole pipeline, on a machine that does other things too

# What the command-line program of GitHub does for the scripts, with the answers lying in $PLAYED.
GH = r"""
echo "$*" >>"$PLAYED/asked"
case "$1 $2" in
  "run list") for filter; do :; done; jq --raw-output "$filter" "$PLAYED/runs.json" ;;
  "run download") mkdir -p "$7" && cp "$PLAYED/production.snapshot" "$7/" ;;
  "api --paginate") jq --raw-output "$5" "$PLAYED/comments.json" ;;
  "api --method") cp comment.md "$PLAYED/written" && echo "$3 $4" >"$PLAYED/where" ;;
  *) exit 2 ;;
esac
"""


needs_jq = pytest.mark.skipif(
    shutil.which("jq") is None, reason="jq is not installed; GitHub's program brings its own"
)


def git(root: Path, *arguments: str) -> None:
    identity = (
        "-c",
        "user.name=an author",
        "-c",
        "user.email=author@example.com",
        "-c",
        "commit.gpgsign=false",
    )
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def runner(image: Image, state_directory: Path, tmp_path: Path) -> Runner:
    """A checkout whose main branch is what production has; `migrate` of this repository is installed."""
    applied = image.run()
    assert applied.code == 0, applied.err
    played = tmp_path / "played"
    played.mkdir()
    write_program(image.programs / "gh", GH)
    public = subprocess.run(
        [sys.executable, "-m", "coordinator", "certificate", "keygen", str(tmp_path / "key.pem")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (image.root / "pyproject.toml").write_text(
        "[tool.migrate.environments.production]\n"
        'url_env = "MIGRATE_DATABASE_URL"\nstaging = "certificate"\nrequire_certificate = true\n',
        encoding="utf-8",
    )
    (image.root / ".gitignore").write_text("reports/\nrelease/\n*.snapshot\n", encoding="utf-8")
    git(image.root, "init", "--quiet", "--initial-branch", "main")
    git(image.root, "add", "--all")
    git(image.root, "commit", "--quiet", "--message", "what production has")
    git(tmp_path, "clone", "--quiet", "--bare", str(image.root), str(tmp_path / "origin.git"))
    git(image.root, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(image.root, "switch", "--quiet", "--create", "topic")
    return Runner(
        checkout=image.root,
        programs=image.programs,
        variables={
            "PLAYED": str(played),
            "RUNNER_TEMP": str(tmp_path / "temporary"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "MIGRATE_STATE_DIR": str(state_directory),
            "MIGRATE_STAGING": "embedded",
            "MIGRATE_CERTIFICATE_KEYS": public,
        },
    )


def propose(runner: Runner, upgrade: str, downgrade: str = "pass") -> None:
    """The merge result of a topic branch with one more revision of crm, checked out as services do it."""
    versions = versions_of(runner.checkout, "crm")
    write_revision(versions, "c3", after="c2", message="a change", upgrade=upgrade, downgrade=downgrade)
    git(runner.checkout, "add", "--all")
    git(runner.checkout, "commit", "--quiet", "--message", "a change")
    git(runner.checkout, "switch", "--quiet", "--detach", "main")
    git(runner.checkout, "merge", "--quiet", "--no-ff", "--message", "the merge result", "topic")
    git(runner.checkout, "branch", "--quiet", "--delete", "--force", "main")


SOUND = (
    'op.execute("ALTER TABLE crm.customers ADD fax text")',
    'op.execute("ALTER TABLE crm.customers DROP fax")',
)
BROKEN = ('op.execute("ALTER TABLE crm.customers ADD fax no_such_type")', 'op.execute("SELECT 1")')


@pytest.fixture
def snapshot(runner: Runner, image: Image, tmp_path: Path) -> Path:
    """Production, written down by the nightly job."""
    (tmp_path / "temporary").mkdir()
    ended = runner.run(
        "migrate-snapshot.yml", "snapshot/snapshot", MIGRATE_DATABASE_URL=as_words(image.url.parameters)
    )
    assert ended.code == 0, ended.err
    written = tmp_path / "temporary" / "production.snapshot"
    assert "no rows" in ended.said
    shutil.copy(written, tmp_path / "played" / "production.snapshot")
    runs = [
        {"databaseId": 4712, "event": "pull_request"},  # a fork's, on its own main
        {"databaseId": 4711, "event": "schedule"},
        {"databaseId": 4000, "event": "workflow_dispatch"},
    ]
    (tmp_path / "played" / "runs.json").write_text(json.dumps(runs), encoding="utf-8")
    return written.rename(tmp_path / "written.snapshot")


def fetch(runner: Runner) -> None:
    """What the jobs before the gate's own step leave: all branches, and the snapshot."""
    git(runner.checkout, "fetch", "--quiet", "origin")
    ended = runner.run(
        "migrate-gate.yml",
        "gate/fetch the latest snapshot of production",
        GH_TOKEN="t",
        GH_REPO="o/r",
        BRANCH="main",
    )
    assert ended.code == 0, ended.err


@needs_jq
def test_github_from_the_pull_request_to_the_deploy(
    runner: Runner, snapshot: Path, image: Image, tmp_path: Path
) -> None:
    propose(runner, *SOUND)
    fetch(runner)
    asked = (tmp_path / "played" / "asked").read_text(encoding="utf-8")
    assert "run list --workflow migrate-snapshot.yml --branch main --status success" in asked
    assert "run download 4711 --name production-snapshot" in asked

    gate = runner.run("migrate-gate.yml", "gate/gate", GITHUB_BASE_REF="main")
    assert gate.code == 0, gate.out + gate.err
    assert "1 change of 1 module, nobody breaks" in gate.out
    reports = runner.checkout / "reports"
    assert {file.name for file in reports.iterdir()} == {"gate.md", "gate.xml", "gate.sarif", "gate.json"}
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary == (reports / "gate.md").read_text(encoding="utf-8")
    assert json.loads((reports / "gate.json").read_text(encoding="utf-8"))["verdict"] == "approved"

    git(runner.checkout, "push", "--quiet", "origin", "HEAD:main")
    certified = runner.run("migrate-release.yml", "certificate/rehearse and certify")
    assert certified.code == 0, certified.out + certified.err
    assert (tmp_path / "output").read_text(encoding="utf-8") == "made=true\n"
    shutil.move(runner.checkout / "release", tmp_path / "temporary" / "release")
    certificate = tmp_path / "temporary" / "release" / "certificate.json"

    place = "deploy/apply what the certificate covers"
    own = {
        "MIGRATE_DATABASE_URL": as_words(image.url.parameters),
        "MIGRATE_CERTIFICATE_KEYS": runner.variables["MIGRATE_CERTIFICATE_KEYS"],
    }
    unsigned = runner.run("migrate-release.yml", place, **own)
    assert unsigned.code == 1, unsigned.err
    assert "sign" in unsigned.said

    key = (tmp_path / "key.pem").read_text(encoding="utf-8")
    signed = runner.run("migrate-release.yml", "sign/sign", MIGRATE_CERTIFICATE_KEY=key)
    assert signed.code == 0, signed.err
    assert "PRIVATE KEY" not in signed.out + signed.err + certificate.read_text(encoding="utf-8")

    nobody = runner.run("migrate-release.yml", place, **{**own, "MIGRATE_CERTIFICATE_KEYS": ""})
    assert nobody.code == 2, nobody.err
    assert "no key is configured" in nobody.said

    deployed = runner.run("migrate-release.yml", place, **own)
    assert deployed.code == 0, deployed.err
    assert "by certificate" in deployed.said
    assert image.value("SELECT count(*) FROM information_schema.columns WHERE column_name = 'fax'") == 1


@needs_jq
def test_github_blocks_a_pull_request_and_says_why_in_the_summary(
    runner: Runner, snapshot: Path, tmp_path: Path
) -> None:
    propose(runner, *BROKEN)
    fetch(runner)
    gate = runner.run("migrate-gate.yml", "gate/gate")
    assert gate.code == 1, gate.out + gate.err
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "blocked" in summary.splitlines()[0]
    assert "crm:c3" in summary
    assert (
        json.loads((runner.checkout / "reports" / "gate.json").read_text(encoding="utf-8"))["verdict"]
        == "blocked"
    )


def test_gitlab_from_the_merge_request_to_the_deploy(runner: Runner, image: Image, tmp_path: Path) -> None:
    file, url = "migrate.gitlab-ci.yml", as_words(image.url.parameters)
    written = runner.run(file, "migrate snapshot/script", MIGRATE_ENV="production", MIGRATE_DATABASE_URL=url)
    assert written.code == 0, written.err
    propose(runner, *SOUND)
    with gitlab() as project:
        production = replace(
            runner,
            variables={
                **runner.variables,
                "MIGRATE_ENV": "production",
                "CI_JOB_TOKEN": "token",
                "CI_API_V4_URL": project.address,
                "CI_PROJECT_ID": "7",
                "CI_PROJECT_URL": "https://gitlab.example.com/shop/erp",
                "CI_DEFAULT_BRANCH": "main",
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            },
        )
        early = production.run(file, "migrate gate/script")
        assert early.code == 1
        assert "no snapshot yet" in early.err
        project.artefact = (runner.checkout / "production.snapshot").read_bytes()
        gate = production.run(file, "migrate gate/script")
    assert gate.code == 0, gate.out + gate.err
    assert "1 change of 1 module, nobody breaks" in gate.out
    config = (runner.checkout / ".git" / "config").read_text(encoding="utf-8")
    assert "url = https://gitlab.example.com/shop/erp.git" in config
    assert project.asked[-1] == "GET /projects/7/jobs/artifacts/main/raw/production.snapshot JOB-TOKEN"
    assert {each.name for each in (runner.checkout / "reports").iterdir()} == {
        "gate.md",
        "gate.xml",
        "gate-code-quality.json",
        "gate.json",
    }

    for job in ("migrate certificate", "migrate sign", "migrate deploy"):
        own = {
            "migrate sign": {"MIGRATE_CERTIFICATE_KEY": str(tmp_path / "key.pem")},
            "migrate deploy": {"MIGRATE_DATABASE_URL": url},
        }
        ended = production.run(file, f"{job}/script", **own.get(job, {}))
        assert ended.code == 0, f"{job}: {ended.out}{ended.err}"
    assert image.value("SELECT count(*) FROM information_schema.columns WHERE column_name = 'fax'") == 1


@needs_jq
def test_without_a_snapshot_the_gate_says_what_to_do(desk: Runner) -> None:
    runs = [{"databaseId": 4712, "event": "pull_request"}]
    (desk.checkout.parent / "played" / "runs.json").write_text(json.dumps(runs), encoding="utf-8")
    ended = desk.run(
        "migrate-gate.yml",
        "gate/fetch the latest snapshot of production",
        GH_TOKEN="t",
        GH_REPO="o/r",
        BRANCH="main",
    )
    assert ended.code == 1
    assert ended.out == "::error::no snapshot yet: run the workflow 'migrate snapshot' once\n"


# Comments: the scripts alone, on a report that is there already


@pytest.fixture
def desk(tmp_path: Path) -> Runner:
    """A job that has downloaded the report."""
    (tmp_path / "job" / "reports").mkdir(parents=True)
    (tmp_path / "job" / "reports" / "gate.md").write_text("**blocked** `$(id)` é\n", encoding="utf-8")
    (tmp_path / "played").mkdir()
    write_program(tmp_path / "bin" / "gh", GH)
    return Runner(
        checkout=tmp_path / "job", programs=tmp_path / "bin", variables={"PLAYED": str(tmp_path / "played")}
    )


def comment_on_github(desk: Runner, comments: list[dict[str, object]]) -> tuple[str, str]:
    """Where the comment went, and its text."""
    played = desk.checkout.parent / "played"
    (played / "comments.json").write_text(json.dumps(comments), encoding="utf-8")
    ended = desk.run(
        "migrate-gate.yml",
        "comment/comment",
        GH_TOKEN="t",
        REPOSITORY="o/r",
        NUMBER="12",
        RUN="https://example/run",
    )
    assert ended.code == 0, ended.err
    return (played / "where").read_text(encoding="utf-8"), (played / "written").read_text(encoding="utf-8")


@needs_jq
def test_github_gets_one_comment_that_is_kept_up_to_date(desk: Runner) -> None:
    others = [
        {"id": 1, "user": {"login": "someone"}, "body": "<!-- migrate gate -->\nnot ours"},
        {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "of another workflow"},
    ]
    where, text = comment_on_github(desk, others)
    assert where == "POST repos/o/r/issues/12/comments\n"
    assert text == "<!-- migrate gate -->\n**blocked** `$(id)` é\n"

    ours = {"id": 3, "user": {"login": "github-actions[bot]"}, "body": "<!-- migrate gate -->\nold"}
    where, _ = comment_on_github(desk, [*others, ours, {**ours, "id": 4}])
    assert where == "PATCH repos/o/r/issues/comments/3\n"


@needs_jq
def test_a_report_that_is_too_long_for_a_comment_is_linked(desk: Runner) -> None:
    (desk.checkout / "reports" / "gate.md").write_text("x" * 65_001, encoding="utf-8")
    _, text = comment_on_github(desk, [])
    assert (
        text
        == "<!-- migrate gate -->\nThe report is too long for a comment: see [the run](https://example/run).\n"
    )


@pytest.fixture
def project() -> Iterator[Notes]:
    with gitlab() as found:
        yield found


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_gitlab_gets_one_note_that_is_kept_up_to_date(desk: Runner, project: Notes) -> None:
    python = write_program(desk.programs / "python", f'exec "{sys.executable}" "$@"')
    assert python.exists()
    project.notes = {1: "<!-- migrate gate -->\na person's", 2: "another <!-- migrate gate -->"}
    project.authors = {1: 12}
    for report in ("first: `$(id)` & é", "second"):
        (desk.checkout / "reports" / "gate.md").write_text(f"{report}\n", encoding="utf-8")
        ended = desk.run(
            "migrate.gitlab-ci.yml",
            "migrate comment/script",
            MIGRATE_NOTES_TOKEN="token",
            CI_API_V4_URL=project.address,
            CI_PROJECT_ID="7",
            CI_MERGE_REQUEST_IID="12",
        )
        assert ended.code == 0, ended.err
        assert project.notes[3] == f"<!-- migrate gate -->\n{report}\n"
        assert "token" not in ended.out + ended.err
    assert set(project.notes) == {1, 2, 3}
    assert [line.split()[0] for line in project.asked] == ["GET", "GET", "POST", "GET", "GET", "PUT"]
    assert all(line.endswith("PRIVATE-TOKEN") for line in project.asked)
