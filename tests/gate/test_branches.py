"""The gate over a real git repository: a replay of what is in, and two branches that only break together."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.commands_site import apply
from tests.gate.counter import Counter, add_phone, write_map
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands_site import Desk


def git(root: Path, *words: str) -> None:
    """Run git as nobody in particular."""
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.hooksPath=/dev/null")
    done = subprocess.run(["git", *identity, *words], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def commit(root: Path, message: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)


@pytest.fixture
def repository(desk: Desk, tmp_path: Path) -> Counter:
    """The shop, committed on `main`; no target is ever reached."""
    git(desk.root, "init", "-q", "-b", "main")
    commit(desk.root, "the shop")
    return Counter(desk=desk, folder=tmp_path / "reports")


def drop_name(root: Path) -> None:
    """crm:c2 drops a column that nobody reads so far."""
    write_revision(
        versions_of(root, "crm"),
        "c2",
        after="c1",
        message="drop name",
        upgrade='op.execute("ALTER TABLE crm.customers DROP name")',
        downgrade='op.execute("ALTER TABLE crm.customers ADD name text")',
    )
    file = root / "database_map.md"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("| `name` | `text` | yes |  |\n", ""), encoding="utf-8")


def read_name(root: Path) -> None:
    """billing:b2 makes a function that reads it, which the map says."""
    write_revision(
        versions_of(root, "billing"),
        "b2",
        after="b1",
        message="greet customers",
        upgrade='op.execute("CREATE FUNCTION billing.greeting(int) RETURNS text LANGUAGE plpgsql AS"\n'
        '           " $$ BEGIN RETURN (SELECT c.name FROM crm.customers c WHERE c.id = $1); END $$")',
        downgrade='op.execute("DROP FUNCTION billing.greeting(int)")',
    )
    file = root / "database_map.md"
    text = file.read_text(encoding="utf-8")
    uses = "\n**Depends on**\n\n- `crm.customers`\n\n### `invoices`"
    file.write_text(text.replace("\n### `invoices`", uses), encoding="utf-8")


def test_a_branch_is_judged_from_a_replay_of_what_was_there_without_any_database(repository: Counter) -> None:
    root = repository.desk.root
    git(root, "checkout", "-qb", "phone")
    add_phone(root)
    commit(root, "add phone")
    judged = repository.approved("--since", "main")
    assert judged.document["baseline"]["kind"] == "replay"
    assert [each["revision"] for each in judged.document["pending"]] == ["c2"]
    assert judged.outcomes["drift"] == "skipped"
    assert not repository.desk.has_ledger()
    assert repository.desk.value("SELECT count(*) FROM pg_namespace WHERE nspname IN ('crm', 'billing')") == 0
    write_map(root)
    repository.blocked("map", "map-lacks-column", "--since", "main")


@pytest.mark.parametrize("first", ["drop", "read"])
def test_two_branches_that_pass_alone_and_break_together_are_caught_on_the_merge_result(
    repository: Counter, first: str
) -> None:
    root = repository.desk.root
    for name, write in (("drop", drop_name), ("read", read_name)):
        git(root, "checkout", "-qb", name, "main")
        write(root)
        commit(root, name)
        if name == first:  # the other order is the other test's
            repository.approved("--since", "main")
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "-m", "one", first)
    git(root, "checkout", "-qb", "queue")
    git(root, "merge", "-q", "--no-ff", "-m", "both", "read" if first == "drop" else "drop")
    judged = repository.gate("--since", "main")
    assert (judged.code, judged.document["verdict"]) == (1, "blocked"), judged.texts["text"]
    assert judged.rules & {
        "impact-breaks",
        "breaks",
        "came-too-late",
        "rehearsal-failed",
        "from-empty-failed",
        "functions-resolve",
    }


def merge_what_breaks_billing(repository: Counter) -> Path:
    """A drop of a column that a function of billing reads, merged into `main` with everything before it applied."""
    root = repository.desk.root
    read_name(root)
    apply(repository.desk)
    drop_name(root)
    commit(root, "drop name")
    return root


def test_what_is_merged_and_pending_is_judged_on_the_default_branch_too(repository: Counter) -> None:
    root = merge_what_breaks_billing(repository)
    file = versions_of(root, "crm") / "c2.py"
    waive = "waive = {'impact-breaks': ('billing follows', '2020-01-01')}\n\n\ndef upgrade"
    file.write_text(file.read_text(encoding="utf-8").replace("\n\ndef upgrade", waive), encoding="utf-8")
    commit(root, "waive it until some day that has passed")
    judged = repository.blocked("impact", "impact-breaks", "--certificate", str(repository.folder / "c.json"))
    assert "waiver-expired" in judged.rules
    assert judged.document["certificate"] is None


def test_a_reader_without_a_revision_of_its_own_is_held_against_what_is_merged_and_pending(
    repository: Counter,
) -> None:
    root = repository.desk.root
    apply(repository.desk)
    drop_name(root)
    commit(root, "drop name")
    git(root, "checkout", "-qb", "greet")
    code = root / "modules" / "billing" / "greeting.py"
    code.write_text('SQL = "SELECT c.name FROM crm.customers c WHERE c.id = 1"\n', encoding="utf-8")
    commit(root, "greet customers")
    judged = repository.blocked("impact", "impact-breaks")
    assert "greeting.py" in judged.check("impact")["told"]


def test_what_is_merged_on_both_sides_only_warns_a_branch_of_another_module(repository: Counter) -> None:
    root = merge_what_breaks_billing(repository)
    git(root, "checkout", "-qb", "stock")
    write_revision(versions_of(root, "stock"), "s1")
    commit(root, "a module more")
    judged = repository.gate()
    (found,) = [each for each in judged.check("impact")["findings"] if each["rule"] == "impact-breaks"]
    assert found["severity"] == "warning"
    assert found["message"].endswith("This change touches neither of the two modules")
    assert judged.outcomes["impact"] == "passed"


def test_a_branch_that_deletes_the_map_is_blocked(repository: Counter) -> None:
    root = repository.desk.root
    apply(repository.desk)
    git(root, "checkout", "-qb", "no-map")
    git(root, "rm", "-q", "database_map.md")
    commit(root, "no map")
    judged = repository.blocked("map", "no-map")
    assert judged.check("map")["told"].endswith("database_map.md, and it was there where the branch began")
