"""Values go back exactly as they were, whatever the database has around them, and nobody else's work is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import build, same, step

if TYPE_CHECKING:
    from tests.failures.site import Ended, Site

DROP = ("ALTER TABLE crm.customers DROP COLUMN phone",)
ADD = ("ALTER TABLE crm.customers ADD COLUMN phone text",)
UNREHEARSED = ("--yes", "--staging", "off")


def deploy(site: Site) -> None:
    ended = site.migrate("all-modules", *UNREHEARSED)
    assert ended.code == 0, ended.err


def roll_back(site: Site, *, code: int = 0) -> Ended:
    ended = site.migrate("rollback", "crm", "--to", "c1", *UNREHEARSED)
    assert ended.code == code, ended.err
    return ended


def test_xml_that_is_no_document_comes_back(site: Site) -> None:
    build(
        site,
        "CREATE TABLE crm.pages (id int PRIMARY KEY, page xml);"
        "INSERT INTO crm.pages VALUES (1, '<a>1</a><b/>'), (2, 'text'), (3, '<?xml version=\"1.0\"?><c/>')",
    )
    site.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET xmloption = document', current_database()); END $$"
    )
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.pages DROP COLUMN page",),
        ("ALTER TABLE crm.pages ADD COLUMN page xml",),
    )
    before = site.picture()
    deploy(site)
    roll_back(site)
    assert same(site, before)
