"""After a rollback the new image refuses to start until it is told otherwise, and the old image starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.commands_site import apply, write_shop
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.commands_site import Desk

DEPLOY = ("all-modules", "--yes", "--staging", "off")


def add_fax(desk: Desk) -> str:
    """The new image's revision; its file's text."""
    return write_revision(
        versions_of(desk.root, "crm"),
        "c3",
        after="c2",
        upgrade='op.execute("ALTER TABLE crm.customers ADD fax text")',
        downgrade='op.execute("ALTER TABLE crm.customers DROP fax")',
    ).read_text(encoding="utf-8")


def test_roll_back_restart_the_new_image_and_the_old_one(desk: Desk) -> None:
    write_shop(desk.root)
    apply(desk)
    before = desk.picture()
    text = add_fax(desk)
    apply(desk)
    back = desk.migrate("rollback", "crm", "--to", "c2", "--yes", "--staging", "off")
    assert back.code == 0, back.err
    assert desk.picture() == before
    runs = desk.value("SELECT count(*) FROM migrate.run")

    new = desk.migrate(*DEPLOY)
    assert new.code == 1, new.err
    assert "crm:c3 is on hold since run 3 rolled it back" in new.said
    assert "`migrate release crm:c3`" in new.said
    shown = desk.migrate("plan")
    assert shown.code == 1
    assert "on-hold" in " ".join(shown.out.split())
    assert "on-hold" in desk.migrate("status").out

    (versions_of(desk.root, "crm") / "c3.py").unlink()
    old = desk.migrate(*DEPLOY)
    assert old.code == 0, old.err
    assert "nothing to do" in old.said
    assert desk.value("SELECT count(*) FROM migrate.run") == runs
    assert desk.picture() == before

    (versions_of(desk.root, "crm") / "c3.py").write_text(text, encoding="utf-8")
    assert desk.migrate("release", "crm:c3").code == 0
    done = desk.migrate(*DEPLOY)
    assert done.code == 0, done.err
    assert desk.picture().versions["crm.alembic_version"] == ("c3",)


def test_another_module_alone_is_not_kept_by_a_hold(desk: Desk) -> None:
    write_shop(desk.root)
    add_fax(desk)
    apply(desk)
    assert desk.migrate("rollback", "crm", "--to", "c2", "--yes", "--staging", "off").code == 0
    write_revision(
        versions_of(desk.root, "billing"),
        "b2",
        after="b1",
        upgrade='op.execute("ALTER TABLE billing.phones ADD note text")',
        downgrade='op.execute("ALTER TABLE billing.phones DROP note")',
    )

    assert desk.migrate(*DEPLOY).code == 1
    alone = desk.migrate(*DEPLOY, "--module", "billing")

    assert alone.code == 0, alone.err


def test_one_module_whose_plan_takes_a_held_revision_along_is_refused(desk: Desk) -> None:
    write_shop(desk.root)
    add_fax(desk)
    apply(desk)
    assert desk.migrate("rollback", "crm", "--to", "c2", "--yes", "--staging", "off").code == 0
    write_revision(
        versions_of(desk.root, "billing"),
        "b2",
        after="b1",
        upgrade='op.execute("CREATE TABLE billing.faxes AS SELECT fax FROM crm.customers")',
        downgrade='op.execute("DROP TABLE billing.faxes")',
    )

    refused = desk.migrate(*DEPLOY, "--module", "billing")

    assert refused.code == 1, refused.err
    assert "crm:c3 is on hold" in refused.said
