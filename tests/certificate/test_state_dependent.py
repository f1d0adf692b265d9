"""A step that does something else on the target than in its rehearsal is taken back, and the difference is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.certificates.file import read_certificate
from tests.certificate.making import make
from tests.certificate.release import write_base
from tests.certificate.test_accepted import deploy
from tests.commands_site import apply
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands_site import Desk

# An empty staging and a target with rows give two answers.
ASKS_ROWS = (
    'rows = op.get_bind().execute(sa.text("SELECT count(*) FROM crm.customers")).scalar()\n'
    'op.execute("CREATE TABLE crm.{name} (id int)".format(name="full" if rows else "blank"))'
)


def with_question(desk: Desk, upgrade: str) -> Path:
    write_base(desk.root)
    apply(desk)
    versions = versions_of(desk.root, "crm")
    write_revision(versions, "c2", after="c1", upgrade='op.execute("CREATE TABLE crm.first (id int)")',
                   downgrade='op.execute("DROP TABLE crm.first")')  # fmt: skip
    write_revision(versions, "c3", after="c2", upgrade=upgrade, downgrade='op.execute("SELECT 1")')
    return make(desk)


def test_the_same_effect_by_other_statements_is_covered(desk: Desk) -> None:
    file = with_question(
        desk,
        'rows = op.get_bind().execute(sa.text("SELECT id FROM crm.customers")).fetchall()\n'
        "for row in rows:\n"
        "    op.execute(sa.text(\"UPDATE crm.customers SET name = 'new' WHERE id = :id\").bindparams(id=row.id))",
    )
    assert read_certificate(file).certificate.steps[1].unknown
    with desk.session() as session:
        session.execute("INSERT INTO crm.customers VALUES (1, 'old'), (2, 'old')")
    done = deploy(desk, file)
    assert done.code == 0, done.err
    with desk.session() as session:
        assert session.value("SELECT count(*) FROM crm.customers WHERE name = 'new'") == 2


def test_another_effect_is_taken_back(desk: Desk) -> None:
    file = with_question(desk, ASKS_ROWS)
    with desk.session() as session:
        session.execute("INSERT INTO crm.customers VALUES (1, 'Ann')")
    before = desk.picture()

    done = deploy(desk, file)

    assert done.code == 3, done.err
    assert "the integrity check 'as-certified'" in done.said, done.err
    assert "crm:c3 did something else than in its rehearsal" in done.said
    assert "table crm.blank was made or changed then, and is not touched now" in done.said
    assert "table crm.full is made or changed now, and was not touched then" in done.said
    assert desk.picture() == before
    # The next start does not try the same again.
    again = deploy(desk, file)
    assert again.code == 3, again.err
    assert "tried the same plan and failed" in again.said


def test_another_definition_is_taken_back(desk: Desk) -> None:
    file = with_question(
        desk,
        'rows = op.get_bind().execute(sa.text("SELECT count(*) FROM crm.customers")).scalar()\n'
        'op.execute(f"ALTER TABLE crm.customers ADD size int DEFAULT {rows}")',
    )
    with desk.session() as session:
        session.execute("INSERT INTO crm.customers VALUES (1, 'Ann')")
    before = desk.picture()
    done = deploy(desk, file)
    assert done.code == 3, done.err
    assert "column crm.customers.size comes out otherwise" in done.said
    assert desk.picture() == before


def test_a_file_that_only_the_target_leads_to_is_refused(desk: Desk) -> None:
    """Its rehearsal never read it, so its bytes are in no certificate, whatever it does."""
    write_base(desk.root)
    (desk.root / "modules/crm/for_rows.sql").write_text("SELECT 1")
    file = with_question(
        desk,
        "from pathlib import Path\n"
        'if op.get_bind().execute(sa.text("SELECT count(*) FROM crm.customers")).scalar():\n'
        '    op.execute((Path(__file__).parents[2] / "for_rows.sql").read_text())',
    )
    with desk.session() as session:
        session.execute("INSERT INTO crm.customers VALUES (1, 'Ann')")
    before = desk.picture()
    done = deploy(desk, file)
    assert done.code == 3, done.err
    assert "crm:c3 read what is not in its certificate: ../for_rows.sql" in done.said
    assert desk.picture() == before
