"""What a certificate does not cover is refused before the first write, and the difference is told."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from coordinator.certificates.canonical import digest_of
from coordinator.certificates.file import read_certificate, sealed, write_certificate
from tests.certificate.conftest import Release
from tests.certificate.making import make
from tests.certificate.release import write_base
from tests.commands_site import apply
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.commands_site import Desk
    from tests.failures.site import Ended


def deployed(release: Release, *more: str) -> Ended:
    """Deploy by the certificate; whatever comes of it, the test looks at the target."""
    return release.desk.migrate("all-modules", "--certificate", str(release.file), *more)


def refused(release: Release, *words: str, code: int = 1) -> str:
    """Deploy; it is refused with these words, and not a thing of the target is another."""
    before = release.desk.picture()
    done = deployed(release)
    assert done.code == code, done.err
    for each in words:
        assert each in done.said, done.err
    assert release.desk.picture() == before
    return done.said


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def one_byte_of_a_revision(root: Path) -> None:
    edit(versions_of(root, "billing") / "b3.py", "invoices", "invoicez")


def a_comment_in_a_revision(root: Path) -> None:
    edit(versions_of(root, "billing") / "b3.py", "def upgrade", "# a word\ndef upgrade")


def one_byte_of_a_helper(root: Path) -> None:
    edit(root / "modules/crm/crm_helpers/naming.py", "phone", "phon2")


def a_blank_in_the_package_of_the_helper(root: Path) -> None:
    (root / "modules/crm/crm_helpers/__init__.py").write_text(" ")


def one_byte_of_a_sql_file(root: Path) -> None:
    edit(root / "modules/crm/sql/column.sql", "text", "TEXT")


def a_file_is_gone(root: Path) -> None:
    edit(versions_of(root, "crm") / "c2.py", "column.sql", "other.sql")
    (root / "modules/crm/sql/column.sql").rename(root / "modules/crm/sql/other.sql")


CONTENT: tuple[tuple[Callable[[Path], None], tuple[str, ...]], ...] = (
    (one_byte_of_a_revision, ("billing:b3 is not what was rehearsed", "versions/b3.py has other bytes")),
    (a_comment_in_a_revision, ("versions/b3.py has other bytes, though only in comments or layout",)),
    (one_byte_of_a_helper, ("crm:c2 is not what was rehearsed", "../crm_helpers/naming.py has other bytes")),
    (a_blank_in_the_package_of_the_helper, ("../crm_helpers/__init__.py has other bytes",)),
    (one_byte_of_a_sql_file, ("crm:c2", "../sql/column.sql has other bytes")),
    (
        a_file_is_gone,
        ("../sql/column.sql is gone", "../sql/other.sql is read, and was not when it was rehearsed"),
    ),
)


@pytest.mark.parametrize(("change", "words"), CONTENT, ids=[change.__name__ for change, _ in CONTENT])
def test_other_content(release: Release, change: Callable[[Path], None], words: tuple[str, ...]) -> None:
    change(release.desk.root)
    refused(release, "the certificate does not cover this run", *words)


def test_a_revision_added(release: Release) -> None:
    write_revision(versions_of(release.desk.root, "crm"), "c3", after="c2", upgrade="op.execute('SELECT 1')")
    refused(release, "crm:c3 would be applied, and the certificate does not cover it")


def test_a_revision_missing(release: Release) -> None:
    (versions_of(release.desk.root, "billing") / "b3.py").unlink()
    refused(
        release,
        "billing:b3 is in the certificate, and is neither in the target nor among what would be applied",
    )


def test_only_a_module_of_it(release: Release) -> None:
    done = deployed(release, "--module", "crm")
    assert done.code == 1, done.err
    assert "billing:b2 is in the certificate" in done.said
    assert "without --module" in done.said


def test_another_order(release: Release) -> None:
    """Their bytes are others too, and both are told."""
    file = versions_of(release.desk.root, "crm") / "c2.py"
    edit(file, "revision = 'c2'", "revision = 'c2'\nrequires = ['billing:b1']")
    said = refused(release, "versions/c2.py has other bytes")
    assert "certificate-other-order" not in said  # the order is the same: b1 is in

    other = versions_of(release.desk.root, "billing")
    edit(other / "b2.py", "down_revision = 'b1'", "down_revision = 'b3'")
    edit(other / "b3.py", "down_revision = 'b2'", "down_revision = 'b1'")
    refused(release, "step 1 was crm:c2 in the rehearsal and is billing:b3 now")


def test_another_order_by_a_new_requires(release: Release) -> None:
    edit(
        versions_of(release.desk.root, "crm") / "c2.py",
        "revision = 'c2'",
        "revision = 'c2'\nrequires = ['billing:b3']",
    )
    edit(
        versions_of(release.desk.root, "billing") / "b2.py",
        "SELECT id, phone FROM crm.customers",
        "SELECT id FROM crm.customers",
    )
    said = refused(
        release, "certificate-other-order", "step 1 was crm:c2 in the rehearsal and is billing:b2 now"
    )
    assert "requires" in said, said


def test_another_order_by_the_map_alone(desk: Desk) -> None:
    """No byte of a revision is another one, and nothing but the order is refused; with the old map it is good again."""
    write_base(desk.root)
    apply(desk)
    for module, name, after in (("crm", "c2", "c1"), ("billing", "b2", "b1")):
        write_revision(
            versions_of(desk.root, module),
            name,
            after=after,
            upgrade=f'op.execute("CREATE TABLE {module}.{name} (id int)")',
            downgrade=f'op.execute("DROP TABLE {module}.{name}")',
        )
    database_map = desk.root / "database_map.md"
    database_map.write_text("## Module crm\n\n## Module billing\n")
    release = Release(desk=desk, file=make(desk))
    steps = read_certificate(release.file).certificate.steps
    assert [str(step.key) for step in steps] == ["crm:c2", "billing:b2"]

    database_map.write_text("## Module billing\n\n## Module crm\n")
    said = refused(release, "step 1 was crm:c2 in the rehearsal and is billing:b2 now")
    assert re.findall(r"error (certificate-[a-z-]+)", said) == ["certificate-other-order"]

    database_map.write_text("## Module crm\n\n## Module billing\n")
    done = deployed(release)
    assert done.code == 0, done.err
    assert "2 steps applied" in done.said


def test_other_transactions(release: Release) -> None:
    done = deployed(release, "--atomic", "step")
    assert done.code == 1
    assert "rehearsed in 1 transaction, and would run in 3 transactions" in done.said
    assert "--atomic auto, and this is --atomic step" in done.said


def test_a_column_added_by_hand_on_a_touched_table(release: Release) -> None:
    with release.desk.session() as session:
        session.execute("ALTER TABLE crm.customers ADD by_hand int")
    try:
        refused(
            release,
            "what the plan touches or reads is not as it was when it was rehearsed",
            "column crm.customers.by_hand was not there",
        )
    finally:
        with release.desk.session() as session:
            session.execute("ALTER TABLE crm.customers DROP by_hand")


@pytest.mark.parametrize(
    ("by_hand", "back", "words"),
    [
        (
            "CREATE INDEX by_hand ON crm.customers (name)",
            "DROP INDEX crm.by_hand",
            "crm.customers.by_hand was not there",
        ),
        (
            "ALTER TABLE crm.customers ALTER name SET NOT NULL",
            "ALTER TABLE crm.customers ALTER name DROP NOT NULL",
            "column crm.customers.name has another definition",
        ),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA crm GRANT SELECT ON TABLES TO pg_read_all_data",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA crm REVOKE SELECT ON TABLES FROM pg_read_all_data",
            "default privileges crm",
        ),
    ],
    ids=["index", "not null", "default privileges"],
)
def test_another_starting_point(release: Release, by_hand: str, back: str, words: str) -> None:
    with release.desk.session() as session:
        session.execute(by_hand)
    try:
        refused(release, "certificate-other-start", words)
    finally:
        with release.desk.session() as session:
            session.execute(back)


def changed(release: Release, old: str, new: str) -> None:
    """Edit the certificate's facts as if it had been made so."""
    text = release.file.read_text()
    assert re.search(old, text)
    document = json.loads(re.sub(old, new, text))
    release.file.write_text(json.dumps(document))


def test_an_edited_certificate(release: Release) -> None:
    changed(release, r'"program": "[^"]+"', '"program": "9.9.9"')
    refused(release, "was edited after it was made")


def remade(release: Release, old: str, new: str) -> None:
    """The same, sealed again: as if it had been made of another rehearsal."""
    document = json.loads(release.file.read_text())
    text = json.dumps(document["certificate"])
    assert re.search(old, text), text
    document["certificate"] = json.loads(re.sub(old, new, text))
    document["digest"] = digest_of(document["certificate"])
    release.file.write_text(json.dumps(document))


def test_an_expired_certificate(release: Release) -> None:
    remade(release, r'"expires": "[^"]+"', '"expires": "2026-01-02T03:04:05Z"')
    refused(release, "the certificate expired at 2026-01-02 03:04 UTC, and it is 20")


def test_a_certificate_of_the_future(release: Release) -> None:
    remade(release, r'"notBefore": "[^"]+"', '"notBefore": "2100-01-02T03:04:05Z"')
    refused(release, "valid from 2100-01-02 03:04 UTC", "clocks")


def test_another_major_version(release: Release) -> None:
    remade(release, r'"staging": \{(.*?)"version": \d+', r'"staging": {\1"version": 130004')
    refused(release, "the plan was rehearsed on PostgreSQL 13, and the target is PostgreSQL")


def test_another_version_of_an_extension(release: Release) -> None:
    remade(
        release,
        r'("staging": \{.*?"name": "plpgsql", "schema": "pg_catalog", "version": )"1.0"',
        r'\1"0.9"',
    )
    refused(release, "extension plpgsql: 0.9 in the rehearsal, 1.0 now")


def test_another_database(release: Release) -> None:
    remade(release, r'"systemIdentifier": "\d+"', '"systemIdentifier": "7412390523"')
    refused(release, "was made for database", "of the server 7412390523")


def test_other_tools(release: Release) -> None:
    remade(release, r'"alembic": "[^"]+"', '"alembic": "1.13.0"')
    refused(release, "would run with other versions than in the rehearsal", "alembic was 1.13.0 and is")


def test_another_naming_convention(release: Release) -> None:
    (release.desk.root / "modules/crm/migrations/env.py").write_text(
        "from alembic import context\nfrom sqlalchemy import MetaData\n"
        "context.configure(target_metadata=MetaData(naming_convention={'ix': 'idx_%(column_0_label)s'}))\n"
    )
    refused(
        release,
        "the env.py of module 'crm' configures something else than in the rehearsal",
        "naming_convention.ix was not there and is idx_%(column_0_label)s",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "release.json:1:1 is no JSON"),
        ("{", "is no JSON"),
        ("[]", "wanted is a JSON object"),
        ('{"format": 2, "certificate": {}}', "its format is 2, and wanted is 1"),
        ('{"format": 1, "format": 1}', "the key 'format' stands twice"),
        ('{"format": 1, "certificate": NaN}', "NaN is no JSON number"),
        ('{"format": 1, "certificate": {"a": ' + "[" * 400 + "]" * 400 + "}}", "it is nested too deep"),
        ("[" * 200_000, "it is nested too deep"),
    ],
)
def test_what_is_no_certificate(release: Release, text: str, words: str) -> None:
    release.file.write_text(text)
    refused(release, words, "migrate gate --certificate FILE", code=2)


def test_a_file_that_is_not_there(release: Release) -> None:
    release.file.unlink()
    refused(release, "cannot be read: No such file or directory", code=2)


def test_half_of_a_certificate(release: Release) -> None:
    release.file.write_bytes(release.file.read_bytes()[:2000])
    refused(release, "is no JSON", code=2)


def test_two_answers_to_where_to_rehearse(release: Release) -> None:
    done = deployed(release, "--staging", "embedded")
    assert done.code == 2
    assert "--staging embedded asks for a rehearsal, and --certificate takes its place" in done.said


def test_the_word_certificate_without_one(release: Release) -> None:
    done = release.desk.migrate("all-modules", "--staging", "certificate")
    assert done.code == 2
    assert 'The staging is "certificate", and no certificate is named.' in done.said


def test_what_was_not_edited_is_covered(release: Release) -> None:
    """The tests above prove nothing if the certificate covers nothing."""
    write_certificate(release.file, sealed(read_certificate(release.file).certificate))
    done = deployed(release, "--dry-run")
    assert done.code == 0, done.err
    assert "would apply 3 steps" in done.said
