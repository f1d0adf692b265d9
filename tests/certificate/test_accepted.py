"""What a certificate covers is applied without a staging, also beside drift that does not concern it, and in parts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.certificates.file import read_certificate
from coordinator.postgres.url import as_words
from coordinator.staging.names import new_database_name
from tests.certificate.making import make
from tests.certificate.release import write_base, write_release
from tests.commands_site import add_index, apply, write_shop
from tests.failures.roles import make_role
from tests.failures.site import REPOSITORY, Site
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands_site import Desk
    from tests.failures.site import Ended

NO_STAGING = {"PATH": "/nowhere", "MIGRATE_STAGING": "container"}


def released(desk: Desk) -> Path:
    """A release that is pending on the target, and its certificate."""
    write_base(desk.root)
    apply(desk)
    write_release(desk.root)
    return make(desk)


def deploy(site: Site, file: Path, *more: str, environment: dict[str, str] | None = None) -> Ended:
    return site.migrate(
        "all-modules", "--certificate", str(file), "--yes", *more, environment=environment or NO_STAGING
    )


def test_no_staging_is_needed_and_unrelated_drift_is_told(desk: Desk) -> None:
    file = released(desk)
    with desk.session() as session:
        session.execute("CREATE INDEX by_hand ON billing.logs (line)")

    done = deploy(desk, file)

    assert done.code == 0, done.err
    assert "in what the plan neither touches nor reads: index billing.logs.by_hand was not there" in done.said
    assert f"by certificate {read_certificate(file).digest[:12]} of" in done.said
    assert "is not signed" in done.said
    assert "3 steps applied" in done.said
    with desk.session() as session:
        found = session.value("SELECT rehearsal FROM migrate.run ORDER BY number DESC LIMIT 1")
    assert str(found).startswith(f"certificate {read_certificate(file).digest[:12]}: embedded PostgreSQL")


def test_json_names_the_certificate(desk: Desk) -> None:
    file = released(desk)
    done = deploy(desk, file, "--format", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["certificate"] == read_certificate(file).digest


def test_the_settings_name_it(desk: Desk) -> None:
    file = released(desk)
    settings = desk.root / "pyproject.toml"
    settings.write_text(
        settings.read_text().replace(
            'target = "embedded"',
            f'target = "embedded"\nstaging = "certificate"\ncertificate = "../{file.name}"',
        )
    )
    done = desk.migrate("all-modules", environment={"PATH": "/nowhere", "MIGRATE_STAGING": "certificate"})
    assert done.code == 0, done.err
    assert "by certificate" in done.said


def test_all_replicas_at_once(site: Site) -> None:
    write_base(site.root)
    apply(site)
    write_release(site.root)
    file = make(site)
    starts = [
        site.start("all-modules", "--certificate", str(file), "--yes", environment=NO_STAGING)
        for _ in range(5)
    ]
    ended = [site.end(each) for each in starts]
    assert [each.code for each in ended] == [0] * 5, [each.err for each in ended]
    assert sum("3 steps applied" in each.said for each in ended) == 1
    with site.session() as session:
        assert session.value("SELECT count(*) FROM migrate.run") == 2


def test_nothing_pending_does_not_look_at_it(desk: Desk) -> None:
    write_shop(desk.root)
    apply(desk)
    file = desk.root / "broken.json"
    file.write_text("no certificate at all")
    done = deploy(desk, file, environment={"MIGRATE_CERTIFICATE_KEYS": "no key either"})
    assert done.code == 0, done.err
    assert "nothing to do" in done.said


def test_nothing_pending_loads_nothing_of_it(desk: Desk) -> None:
    write_shop(desk.root)
    apply(desk)
    script = (
        "import sys; from coordinator.cli.main import run;"
        f"code = run(['all-modules', '--certificate', 'x.json', '--require-certificate', '--database-url',"
        f" {as_words(desk.url.parameters)!r}]);"
        "print(code, *(name for name in sys.modules if 'certif' in name and name.startswith('coordinator')"
        " or name.startswith('cryptography')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=desk.root,
        env={"PYTHONPATH": str(REPOSITORY), "MIGRATE_STATE_DIR": str(desk.state)},
        capture_output=True,
        text=True,
        check=True,
    )
    code, *loaded = done.stdout.split()
    assert code == "0", done.stderr
    # The words of the settings, which are read at every start; nothing that knows what a certificate is.
    assert loaded == ["coordinator.settings.certificate"]


def test_another_role_may_apply_it(desk: Desk, role: str) -> None:
    """What its steps make belongs to the role that runs them, which need not be that of the rehearsal."""
    write_shop(desk.root)
    file = make(desk)
    database = desk.url.parameters["dbname"]
    deployer = make_role(desk, role, f'GRANT CREATE ON DATABASE "{database}" TO {{role}}')
    done = desk.migrate("all-modules", "--certificate", str(file), environment=NO_STAGING, url=deployer)
    assert done.code == 0, done.err
    with desk.session() as session:
        assert session.value("SELECT tableowner FROM pg_tables WHERE tablename = 'customers'") == role


def test_another_role_may_grant_by_it(desk: Desk, role: str) -> None:
    """Its name sorts before the one that is granted to, that of the rehearsal's role behind it."""
    assert role < "pg_read_all_data" < "postgres"
    write_shop(desk.root)
    add_revision(
        desk,
        "c3",
        after="c2",
        upgrade='op.execute("GRANT SELECT ON crm.customers TO pg_read_all_data")\n'
        'op.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA crm GRANT SELECT ON TABLES TO pg_read_all_data")',
        downgrade='op.execute("REVOKE SELECT ON crm.customers FROM pg_read_all_data")\n'
        'op.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA crm REVOKE SELECT ON TABLES FROM pg_read_all_data")',
    )
    file = make(desk)
    database = desk.url.parameters["dbname"]
    deployer = make_role(desk, role, f'GRANT CREATE ON DATABASE "{database}" TO {{role}}')
    done = desk.migrate("all-modules", "--certificate", str(file), environment=NO_STAGING, url=deployer)
    assert done.code == 0, done.err


def add_revision(desk: Desk, name: str, *, after: str, upgrade: str, downgrade: str) -> Path:
    return write_revision(
        versions_of(desk.root, "crm"), name, after=after, upgrade=upgrade, downgrade=downgrade
    )


def test_the_rest_after_a_function_with_a_password_in_it(desk: Desk) -> None:
    """Definitions are compared without passwords, those that its steps made too."""
    write_shop(desk.root)
    apply(desk)
    url = "postgresql://u:s3cret@db.example.org/erp"
    add_revision(
        desk,
        "c3",
        after="c2",
        upgrade=f"op.execute(\"CREATE FUNCTION crm.far() RETURNS text LANGUAGE sql AS $$ SELECT '{url}' $$\")",
        downgrade='op.execute("DROP FUNCTION crm.far()")',
    )
    c4 = add_revision(
        desk,
        "c4",
        after="c3",
        upgrade='op.execute("CREATE TABLE crm.notes (id int)")',
        downgrade='op.execute("DROP TABLE crm.notes")',
    )
    file = make(desk)
    later = c4.read_bytes()
    c4.unlink()
    apply(desk)  # crm:c3 alone
    c4.write_bytes(later)

    done = deploy(desk, file)

    assert done.code == 0, done.err
    assert "1 step applied" in done.said


def test_what_findings_quote_has_no_password_in_it(desk: Desk) -> None:
    write_shop(desk.root)
    apply(desk)
    url = "postgresql://u:s3cret@db.example.org/erp"
    add_revision(
        desk,
        "c3",
        after="c2",
        upgrade=f"op.execute(\"ALTER TABLE crm.customers ALTER name SET DEFAULT '{url}'\")",
        downgrade='op.execute("SELECT 1")',
    )
    text = make(desk).read_text()
    assert "//u:***@db.example.org" in text
    assert "s3cret" not in text


def with_index(desk: Desk) -> Path:
    """The shop with a unique index that is built by itself, and a table of its own after it; two rows forbid the index."""
    write_shop(desk.root)
    apply(desk)
    add_index(desk.root)
    write_revision(
        versions_of(desk.root, "crm"),
        "c4",
        after="c3",
        upgrade='op.execute("CREATE TABLE crm.notes (id int)")',
        downgrade='op.execute("DROP TABLE crm.notes")',
    )
    return make(desk)


def test_the_rest_after_a_part_of_it_is_in(desk: Desk) -> None:
    """The index is in, what follows it failed or was cut off: the same certificate is good for the rest."""
    file = with_index(desk)
    certificate = read_certificate(file).certificate
    assert [[str(step.key) for step in each] for each in certificate.segments] == [["crm:c3"], ["crm:c4"]]
    c4 = versions_of(desk.root, "crm") / "c4.py"
    later = c4.read_bytes()
    c4.unlink()
    apply(desk)  # crm:c3 alone
    c4.write_bytes(later)

    done = deploy(desk, file)

    assert done.code == 0, done.err
    assert "1 step applied" in done.said
    with desk.session() as session:
        assert session.value("SELECT to_regclass('crm.notes') IS NOT NULL")


def test_the_rest_is_refused_when_the_part_is_not_as_it_was_certified(desk: Desk) -> None:
    file = with_index(desk)
    c4 = versions_of(desk.root, "crm") / "c4.py"
    later = c4.read_bytes()
    c4.unlink()
    apply(desk)
    c4.write_bytes(later)
    with desk.session() as session:
        session.execute("DROP INDEX crm.one_name; CREATE INDEX one_name ON crm.customers (name)")

    done = deploy(desk, file)

    assert done.code == 1, done.err
    assert "index crm.customers.one_name has another definition" in done.said


def test_the_rest_in_other_transactions_is_refused(desk: Desk) -> None:
    """The index is in; what was rehearsed behind it in one transaction stays in one."""
    write_shop(desk.root)
    apply(desk)
    add_index(desk.root)
    crm = versions_of(desk.root, "crm")
    for name, after in (("c4", "c3"), ("c5", "c4")):
        write_revision(
            crm,
            name,
            after=after,
            upgrade=f'op.execute("CREATE TABLE crm.{name} (id int)")',
            downgrade=f'op.execute("DROP TABLE crm.{name}")',
        )
    file = make(desk)
    certificate = read_certificate(file).certificate
    assert [len(each) for each in certificate.segments] == [1, 2]
    later = {name: (crm / name).read_bytes() for name in ("c4.py", "c5.py")}
    for name in later:
        (crm / name).unlink()
    apply(desk)
    for name, content in later.items():
        (crm / name).write_bytes(content)

    done = deploy(desk, file, "--atomic", "step")

    assert done.code == 1, done.err
    assert "what is left of the plan was rehearsed in 1 transaction, and would run in 2" in done.said
    assert deploy(desk, file).code == 0


def test_other_transactions_are_refused_beside_a_module_that_moved_on(desk: Desk) -> None:
    """That an untouched module has moved is only told, and hides nothing."""
    write_base(desk.root)
    audit = desk.root / "modules" / "audit"
    shutil.copytree(desk.root / "modules" / "billing", audit)
    (versions_of(desk.root, "audit") / "b1.py").unlink()
    write_table(desk, "a1", after=None)
    apply(desk)
    write_release(desk.root)
    file = make(desk)
    write_table(desk, "a2", after="a1")
    apply(desk, "--module", "audit")

    done = deploy(desk, file, "--atomic", "step")

    assert done.code == 1, done.err
    assert "rehearsed in 1 transaction, and would run in 3 transactions" in done.said
    done = deploy(desk, file)
    assert done.code == 0, done.err
    assert "table audit.a2 was not there" in done.said


def write_table(desk: Desk, name: str, *, after: str | None) -> None:
    write_revision(
        versions_of(desk.root, "audit"),
        name,
        after=after,
        upgrade=f'op.execute("CREATE TABLE audit.{name} (id int)")',
        downgrade=f'op.execute("DROP TABLE audit.{name}")',
    )


def test_the_end_without_the_beginning_is_refused(desk: Desk) -> None:
    """crm:c2 is in, and billing:b2 and b3, which ran before it, are not: nobody has rehearsed that."""
    write_base(desk.root)
    apply(desk)
    write_release(desk.root)
    billing = versions_of(desk.root, "billing")
    text = (billing / "b2.py").read_text().replace("id, phone FROM", "id FROM")
    (billing / "b2.py").write_text(text)
    file = make(desk)
    certificate = read_certificate(file).certificate
    assert [str(step.key) for step in certificate.steps] == ["billing:b2", "billing:b3", "crm:c2"]
    aside = desk.root.parent / "aside"
    aside.mkdir()
    for name in ("b2.py", "b3.py"):
        (billing / name).rename(aside / name)
    apply(desk)
    for name in ("b2.py", "b3.py"):
        (aside / name).rename(billing / name)

    done = deploy(desk, file)

    assert done.code == 1, done.err
    assert "crm:c2 is in, and billing:b2, which was rehearsed before it, is not" in done.said


def test_kept_data_and_locks_come_with_it(desk: Desk) -> None:
    """What a step destroys is kept, and its locks are taken first, as after a rehearsal here."""
    write_shop(desk.root)
    apply(desk)
    with desk.session() as session:
        session.execute("INSERT INTO crm.customers VALUES (1, 'Ann', '123'), (2, 'Bob', '456')")
    write_revision(
        versions_of(desk.root, "crm"),
        "c3",
        after="c2",
        upgrade='op.execute("ALTER TABLE crm.customers DROP telefone2")',
        downgrade='op.execute("ALTER TABLE crm.customers ADD telefone2 text")',
    )
    file = make(desk)
    rehearsal = read_certificate(file).certificate.rehearsal
    assert [str(each) for each in rehearsal.steps[0].gone] == ["column crm.customers.telefone2"]
    assert [str(each) for each in rehearsal.locks[0].tables] == ["crm.customers"]

    done = deploy(desk, file)

    assert done.code == 0, done.err
    assert "column crm.customers.telefone2" in done.said
    back = desk.migrate("rollback", "crm", "--to", "c2", "--yes", "--staging", "off")
    assert back.code == 0, back.err
    with desk.session() as session:
        assert session.rows("SELECT id, telefone2 FROM crm.customers ORDER BY id") == ((1, "123"), (2, "456"))


def test_another_database_of_the_same_server_is_another_target(desk: Desk) -> None:
    file = released(desk)
    name = new_database_name()
    with desk.session() as session:
        session.execute(f'CREATE DATABASE "{name}"')
    try:
        other = replace(desk, url=replace(desk.url, parameters={**desk.url.parameters, "dbname": name}))
        apply_base_there(other)
        done = deploy(other, file)
        assert done.code == 1, done.err
        assert f"and this is database '{name}'" in done.said
    finally:
        with desk.session() as session:
            session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def apply_base_there(desk: Desk) -> None:
    done = desk.migrate("all-modules", "--yes", "--staging", "off", "--module", "crm")
    assert done.code == 0, done.err
