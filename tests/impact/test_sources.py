"""What is found in people's code, where, and how surely; and what is left alone."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.model.impact import Evidence
from coordinator.model.known_objects import ColumnShape, KnownObjects
from coordinator.model.module import Module
from coordinator.sources.search import Found, search_sources
from coordinator.sources.texts import HOLE, looks_like_sql, script_statements, statements
from coordinator.sources.walk import LARGEST
from coordinator.sources.wanted import Wanted, singular

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {"id": ColumnShape(), "phone": ColumnShape(), "name": ColumnShape()}
KNOWN = KnownObjects(
    columns={
        ("crm", "customers"): COLUMNS,
        ("billing", "invoices"): {"id": ColumnShape(), "customer_id": ColumnShape()},
        ("log", "customers"): {"id": ColumnShape(), "note": ColumnShape()},
    },
    functions=frozenset({("crm", "dial")}),
)
PHONE = ObjectName(ObjectKind.COLUMN, "crm", "customers", "phone")


def search(root: Path, *wanted: ObjectName, schemas: tuple[str, ...] = ("crm",)) -> Found:
    module = Module(name="crm", path=root / "migrations", schemas=schemas, sources=(root,))
    return search_sources([module], Wanted.of(wanted or (PHONE,)), KNOWN)


def places(found: Found, root: Path, *, evidence: Evidence = Evidence.EXACT) -> set[str]:
    """`file:line name` of what uses the phone."""
    return {
        f"{os.path.relpath(each.place, root)} {each.name}"
        for each in found.consumptions
        if each.evidence is evidence
        if any(usage.object == PHONE or usage.every or PHONE in usage.others for usage in each.usages)
        or any(usage.inserts for usage in each.usages)
    }


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


SQL_IN_PYTHON = '''
"""A docstring that says SELECT phone FROM crm.customers is no code."""
ALL = """
    SELECT id,
           phone
    FROM crm.customers
"""
def by_alias(cursor):
    cursor.execute("SELECT c.phone FROM crm.customers AS c WHERE c.id = %s AND c.name = %(name)s", ())
def bare(cursor):
    cursor.execute("UPDATE customers SET phone = :phone WHERE id = ?")
def built(cursor, columns):
    cursor.execute(f"SELECT phone, {columns} FROM crm.customers WHERE id IN ({columns})")
def added(cursor):
    cursor.execute("INSERT INTO crm.customers (id, name) " + "VALUES (%s, %s)")
def other(cursor):
    cursor.execute("SELECT note AS phone FROM log.customers")
def other_column(cursor):
    cursor.execute("SELECT name FROM crm.customers")
def star(cursor):
    cursor.execute("SELECT * FROM crm.customers")
'''


def test_sql_in_python_is_parsed_and_found_on_its_own_line(tmp_path: Path) -> None:
    write(tmp_path, a_DOT_py=SQL_IN_PYTHON)
    assert places(search(tmp_path), tmp_path) == {
        "a.py:5 ALL",
        "a.py:9 by_alias",
        "a.py:11 bare",
        "a.py:13 built",
        "a.py:15 added",
        "a.py:21 star",
    }


def test_an_unqualified_name_means_the_module_s_own_table(tmp_path: Path) -> None:
    write(tmp_path, a_DOT_py='x = "SELECT phone FROM customers"\n')
    assert places(search(tmp_path), tmp_path) == {"a.py:1 x"}
    assert places(search(tmp_path, schemas=("log", "crm")), tmp_path) == set()  # log.customers has no phone


MODELS = """
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
class Base(DeclarativeBase):
    metadata = MetaData(schema="crm")
class Named:
    name: Mapped[str]
class Customer(Named, Base):
    __tablename__ = "customers"
    id = mapped_column(Integer, primary_key=True)
    mobile: Mapped[str] = mapped_column("phone", Text)
class Old(Base):
    __tablename__ = "customers"
    __table_args__ = ({"schema": "log"},)
    phone = Column(Text)
plain = Table("customers", MetaData(), Column("phone", Text), schema="crm")
link = Column(ForeignKey("crm.customers.phone"))
"""
USES = """
from sqlalchemy import insert, select, update
from app.models import Customer as C, plain
def read(session):
    return session.scalars(select(C.mobile))
def make(session):
    session.add(C(mobile="1"))
def change(session):
    session.execute(update(C).where(C.id == 1).values(mobile="2"))
def core(session):
    session.execute(select(plain.c.phone))
    session.execute(insert(plain).values(phone="3"))
def another(customer):
    return Customer.mobile
"""


def test_classes_of_sqlalchemy_and_what_uses_them(tmp_path: Path) -> None:
    write(tmp_path, app__models_DOT_py=MODELS, uses_DOT_py=USES)
    assert places(search(tmp_path), tmp_path) == {
        "app/models.py:11 Customer.mobile",
        "app/models.py:16 plain.phone",
        "app/models.py:17 link",
        "uses.py:5 read",
        "uses.py:7 make",
        "uses.py:9 change",
        "uses.py:11 core",
        "uses.py:12 core",
    }


def test_scripts_are_parsed_command_by_command(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_DOT_sql="\\\\set x 1\n-- phone of crm.customers, says a comment\nSELECT 1;\n\nSELECT phone\nFROM crm.customers;\n",
        b_DOT_sql="this is no SQL phone;\nSELECT phone FROM crm.customers WHERE id = :id;\n",
    )
    found = search(tmp_path)
    assert places(found, tmp_path) == {"a.sql:5 SELECT", "b.sql:2 SELECT"}
    assert any("1 files were not read: parts of .sql files" in each for each in found.not_read)


def test_words_near_each_other_are_told_as_no_more_than_that(tmp_path: Path) -> None:
    write(
        tmp_path,
        page_DOT_html="<p>\n{{ customer.phone }}\n</p>",
        far_DOT_html="customer" + "\n" * 30 + "phone",
        a_DOT_js="const customers = api();\n\nshow(row.phone)",
        name_DOT_js="customers\nname",
        readme_DOT_md="customers.phone",
        b_DOT_py="def f(customer):\n    # customer.phone in a comment\n    return customer['phone']\n",
    )
    found = search(tmp_path)
    assert places(found, tmp_path, evidence=Evidence.NAME) == {
        "page.html:2 crm.customers.phone",
        "a.js:3 crm.customers.phone",
        "b.py:3 crm.customers.phone",
    }
    assert places(found, tmp_path) == set()
    # A column whose name is everywhere says something only right beside its table's.
    name = ObjectName(ObjectKind.COLUMN, "crm", "customers", "name")
    assert [each.place for each in search(tmp_path, name).consumptions] == []


def test_a_function_that_is_called(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_DOT_py='q = "SELECT crm.dial(phone) FROM crm.customers"\n',
        b_DOT_py='q = "SELECT dial(1)"\n',
    )
    found = search(tmp_path, ObjectName(ObjectKind.FUNCTION, "crm", "dial"))
    assert {os.path.relpath(each.place, tmp_path) for each in found.consumptions} == {"a.py:1", "b.py:1"}


def test_what_is_not_ours_is_not_read_and_no_loop_is_entered(tmp_path: Path) -> None:
    text = 'x = "SELECT phone FROM crm.customers"\n'
    write(
        tmp_path,
        **{
            "own_DOT_py": text,
            "node_modules__a_DOT_py": text,
            ".venv__a_DOT_py": text,
            "env__a_DOT_py": text,
            "env__pyvenv_DOT_cfg": "",
            "migrations__versions__a_DOT_py": text,
            "broken_DOT_py": "def phone customers(:",
            "large_DOT_sql": "SELECT phone FROM crm.customers;\n" * (LARGEST // 30),
        },
    )
    (tmp_path / "data.py").write_bytes(b"\0customers phone")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "link.py").symlink_to(tmp_path / "own.py")
    (tmp_path / "no.py").write_text(text)
    found = search(tmp_path)
    assert places(found, tmp_path) == {"own.py:1 x", "no.py:1 x"}
    assert any(
        "files larger than 1 MB were not read" in each and "large.sql" in each for each in found.not_read
    )
    assert any("no Python that can be parsed" in each for each in found.not_read)


def test_sources_that_are_not_there_are_told_and_nested_ones_read_once(tmp_path: Path) -> None:
    text = 'x = "SELECT phone FROM crm.customers"\n'
    write(tmp_path, outer_DOT_py=text, inner__a_DOT_py=text)
    modules = [
        Module(name="crm", path=tmp_path / "m", schemas=("crm",), sources=(tmp_path,)),
        Module(
            name="billing",
            path=tmp_path / "n",
            schemas=("billing",),
            sources=(tmp_path / "inner", tmp_path / "gone"),
        ),
    ]
    found = search_sources(modules, Wanted.of([PHONE]), KNOWN)
    assert {(each.module, os.path.relpath(each.place, tmp_path)) for each in found.consumptions} == {
        ("crm", "outer.py:1"),
        ("billing", "inner/a.py:1"),
    }
    assert any("sources of module 'billing' are not there" in each for each in found.not_read)


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ("SELECT a FROM t WHERE b = %s AND c IN %(x)s", "t t.a t.b t.c"),
        ("SELECT a FROM t WHERE b = :b::int AND c = '12:30'", "t t.a t.b t.c"),
        ("SELECT a FROM t WHERE b = ? LIMIT ?", "t t.a t.b"),
        ("INSERT INTO t (a) VALUES %s", "t t.a t"),
        (f"SELECT a FROM t {HOLE}", "t t.a"),
        ("SELECT a FROM t WHERE {{ condition }}", "t t.a"),
        ("SELECT a % 2 FROM t WHERE b LIKE '%%x'", "t t.a t.b"),
    ],
)
def test_placeholders_of_every_driver_are_understood(text: str, objects: str) -> None:
    found = statements(text)
    assert found is not None
    named = [str(each.object) for each in found[0].body.effects if "_p_" not in str(each.object)]
    assert " ".join(named) == objects


@pytest.mark.parametrize("text", ["/* a */\n" * 40 + "body { }", "-- a\n" * 40 + "x", "(" * 5000 + "x"])
def test_comments_before_what_is_no_sql_cost_nothing(text: str) -> None:
    began = time.process_time()
    assert not looks_like_sql(text)
    assert time.process_time() - began < 0.5


def test_places_are_those_of_the_text_whatever_is_put_in_for_placeholders(tmp_path: Path) -> None:
    one = "SELECT name FROM crm.customers WHERE id IN (%s, %s, ?, :b, {{ x }});\n"
    write(tmp_path, a_DOT_sql=one * 3 + "SELECT phone FROM crm.customers WHERE id = %s;\n" * 3)
    assert places(search(tmp_path), tmp_path) == {f"a.sql:{line} SELECT" for line in (4, 5, 6)}


def test_odd_encodings_are_read_or_told(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_DOT_py='x = "SELECT \\ud83d, phone FROM crm.customers"\ny = "SELECT phone FROM crm.customers"\n',
    )
    (tmp_path / "b.sql").write_text("SELECT phone FROM crm.customers;\n", encoding="utf-8-sig")
    (tmp_path / "c.sql").write_text("SELECT phone FROM crm.customers;\n", encoding="utf-16")
    found = search(tmp_path)
    assert places(found, tmp_path) == {"a.py:2 y", "b.sql:1 SELECT"}
    assert [each for each in found.not_read if "files were not read" in each] == [
        "1 files were not read: they are no UTF-8"
    ]


def test_what_is_no_sql_is_no_statement() -> None:
    assert statements("select one of these, please") is None
    assert script_statements("\\d+ x\n")[0] == ()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("customers", "customer"),
        ("companies", "company"),
        ("boxes", "box"),
        ("status", "statu"),
        ("bus", "bus"),
        ("class", "class"),
    ],
)
def test_how_people_name_one_row(word: str, expected: str) -> None:
    assert singular(word) == expected
