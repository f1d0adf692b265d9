"""The user's own commands in a whole gate: what they see, how they stop it, and that no secret of theirs is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.gate.counter import add_phone, assert_same_reason
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gate.counter import Counter


def test_a_command_that_fails_and_one_that_takes_too_long_block_and_the_others_run(counter: Counter) -> None:
    add_phone(counter.desk.root)
    password = counter.desk.url.parameters["password"]
    judged = counter.gate(
        *("--exec", "integration=echo embedded; exit 3"),
        *("--exec", "cross-module=echo $DATABASE_URL $PGPASSWORD; env"),
        *("--exec", "business=sleep 100"),
        *("--exec-timeout", "3s"),
        environment={"MIGRATE_DATABASE_URL": f"postgresql://me:{password}@db/erp", "SHOP_URL": "x"},
    )
    assert (judged.code, judged.document["verdict"]) == (1, "blocked")
    reasons = {each["check"]: each["why"] for each in judged.document["reasons"]}
    assert reasons == {
        "integration command 1": "the command `echo embedded; exit 3` of stage 'integration' ended with exit code 3",
        "business command 1": "the command `sleep 100` of stage 'business' was ended: it took longer than 3s",
    }
    for name, rule in (
        ("integration command 1", "command-failed"),
        ("business command 1", "command-timed-out"),
    ):
        assert_same_reason(judged, judged.check(name), rule)
    said = judged.check("cross-module command 1")
    assert (said["outcome"], said["command"]["exitCode"]) == ("passed", 0)
    assert "DATABASE_URL=postgresql://" in said["command"]["output"]
    assert "MIGRATE_DATABASE_URL" not in said["command"]["output"]
    assert password not in "".join(judged.texts.values())
    assert "***" in said["command"]["output"]
    assert judged.outcomes["migrated"] == "passed"


def test_commands_of_setup_load_rows_for_the_rehearsal_and_later_ones_see_everything_in(
    counter: Counter, tmp_path: Path
) -> None:
    desk = counter.desk
    add_phone(desk.root)
    psql = tmp_path / "sql.py"
    psql.write_text(
        "import os, sys, psycopg\n"
        "with psycopg.connect(os.environ['DATABASE_URL']) as c:\n"
        "    done = c.execute(sys.argv[1])\n"
        "    print(done.fetchall() if done.description else 'done')\n",
        encoding="utf-8",
    )
    folder = tmp_path / "certificates"
    folder.mkdir()
    ask = f"{__import__('sys').executable} {psql}"
    judged = counter.blocked(
        "certificate",
        "certificate-failed",
        *("--exec", f'setup={ask} "INSERT INTO crm.customers VALUES (1, NULL)"'),
        *("--exec", f'migrate={ask} "SELECT id, phone FROM crm.customers"'),
        *("--exec", f"approval=rm -r {folder}"),
        *("--certificate", str(folder / "certificate.json")),
    )
    assert judged.check("setup command 1")["command"]["output"] == "done"
    assert judged.check("migrate command 1")["command"]["output"] == "[(1, None)]"
    assert judged.rules == {"certificate-failed"}
    assert judged.document["certificate"] is None
    write_revision(
        versions_of(desk.root, "crm"),
        "c3",
        after="c2",
        message="require names",
        upgrade='op.execute("ALTER TABLE crm.customers ALTER name SET NOT NULL")',
        downgrade='op.execute("ALTER TABLE crm.customers ALTER name DROP NOT NULL")',
        waive={"adding-not-nullable-field": ("small table", "2999-01-01")},
    )
    counter.blocked(
        "rehearsal",
        "rehearsal-failed",
        "--from-empty=all",
        f'--exec=setup={ask} "INSERT INTO crm.customers VALUES (1, NULL)"',
    )


def test_what_a_failed_setup_leaves_is_no_place_to_rehearse_in(counter: Counter) -> None:
    add_phone(counter.desk.root)
    judged = counter.blocked("setup command 1", "command-failed", "--exec", "setup=no-such-program")
    assert "was not found" in judged.check("setup command 1")["told"]
    assert (judged.outcomes["rehearsal"], judged.outcomes["migrated"]) == ("not run", "not run")
    assert judged.outcomes["from-empty"] == "passed"
