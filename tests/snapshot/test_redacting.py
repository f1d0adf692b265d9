"""Passwords are left out of what a snapshot holds; what only looks like one in a definition stays."""

from __future__ import annotations

import ast
import json

import pytest

from coordinator.snapshots.redacting import Redactor

SECRET = "hunter2"

DEFINITIONS = {
    "a role": f"CREATE ROLE x LOGIN PASSWORD '{SECRET}';",
    "a role, escaped": rf"ALTER ROLE x PASSWORD E'{SECRET}\'more';",
    "a role, doubled quote": f"ALTER ROLE x PASSWORD '{SECRET}''{SECRET}';",
    "options": f"CREATE FOREIGN TABLE t (a int) SERVER s OPTIONS (user 'u', password '{SECRET}');",
    "a URL": f"SELECT dblink('postgresql://u:{SECRET}@db.example.org/erp', 'SELECT 1')",
    "a connection": f"SELECT dblink_connect('host=db user=u password={SECRET} port=5432')",
    "a connection, password first": f"SELECT dblink_connect('password={SECRET} host=db')",
}
SOURCES = {
    **DEFINITIONS,
    "a name": f'PASSWORD = "{SECRET}"',
    "an argument": f'connect(user="u", password="{SECRET}")',
    "a dictionary": f'{{"api_key": "{SECRET}", "kind": "x"}}',
    "a token": f"ACCESS_TOKEN = '{SECRET}'",
    "a name of a type": f'password: str = "{SECRET}"',
    "a formatted text": f'password = f"{SECRET}"',
    "a text of lines": f'API_TOKEN = """a\n{SECRET}"""',
    "a text in brackets": f'password = ("{SECRET}")',
    "a quote in it": f'password = "it\'s {SECRET}"',
    "an escaped quote in it": f'secret = "ab\\"{SECRET}"',
    "a text in two": f'password = "a" "{SECRET}"',
    "bytes": f'encryption_key = b"{SECRET}"',
    "a key": f'sign(signing_key="{SECRET}")',
    "an attribute": f'config.password = "{SECRET}"',
    "an item": f'config["password"] = "{SECRET}"',
    "one of two": f'role, password = make("{SECRET}")',
    "a default": f'def connect(user, password="{SECRET}"): pass',
    "a default by name": f'def connect(user, *, token="{SECRET}"): pass',
    "behind letters of two bytes": f'x = "äöü"; password = "{SECRET}"',
    "SQL in Python": f"""op.execute("UPDATE crm.users SET token = '{SECRET}'")""",
    "no Python": f'password: str = "it\'s {SECRET}" ;;',
}
PLAIN = {
    "a condition": "SELECT * FROM crm.users WHERE host = h AND password = p_password",
    "a column": "CREATE TABLE crm.users (password text DEFAULT 'unset' NOT NULL, token text)",
    "a check": "CHECK (kind <> 'password' AND token <> 'x')",
    "an address": "DEFAULT 'https://example.org:8443/a@b'",
    "a body": "BEGIN IF NEW.password = OLD.password THEN RAISE 'password unchanged'; END IF; END",
}


@pytest.mark.parametrize("text", DEFINITIONS.values(), ids=DEFINITIONS)
def test_a_definition_is_redacted_and_stays_one(text: str) -> None:
    redactor = Redactor()
    told = redactor.definition(text)
    assert SECRET not in told
    assert "***" in told
    assert redactor.count == 1
    assert told.count("'") % 2 == 0
    assert Redactor().definition(told) == told


@pytest.mark.parametrize("text", SOURCES.values(), ids=SOURCES)
def test_a_source_is_redacted(text: str) -> None:
    redactor = Redactor()
    assert SECRET not in redactor.source(text)
    assert redactor.count == 1


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_a_definition_without_a_password_stays_to_the_letter(text: str) -> None:
    redactor = Redactor()
    assert redactor.definition(text) == text
    assert redactor.count == 0


@pytest.mark.parametrize("text", SOURCES.values(), ids=SOURCES)
def test_a_redacted_source_is_not_redacted_again(text: str) -> None:
    told = Redactor().source(text)
    again = Redactor()
    assert again.source(told) == told
    assert again.count == 0


def test_what_is_no_secret_stays_to_the_letter() -> None:
    source = (
        'sa.Column("password", sa.String(80), primary_key=True, comment="a word")\r\n'
        "op.create_foreign_key('fk', 'a', 'b', ['password'], ['token'])\r\n"
        'password = None; tokens = 3; x = f"{y}"; key = "id"'
    )
    assert Redactor().source(source) == source


def test_python_that_is_redacted_can_still_be_read() -> None:
    source = f'TOKEN = "{SECRET}"\n\ndef upgrade():\n    op.execute("CREATE ROLE x PASSWORD \'{SECRET}\'")\n'
    told = Redactor().source(source)
    assert SECRET not in told
    ast.parse(told)


def test_json_is_redacted_value_by_value_and_stays_json() -> None:
    text = json.dumps({"description": [f"role x PASSWORD '{SECRET}'", 1, None], "password": "not a literal"})
    told = json.loads(Redactor().document(text))
    assert told == {"description": ["role x PASSWORD '***'", 1, None], "password": "not a literal"}


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        (f"options user=u, password={SECRET}, table_name=t", "options user=u, password=***, table_name=t"),
        (f"options password={SECRET}, sslpassword={SECRET}", "options password=***, sslpassword=***"),
        (f"options password=a, {SECRET}", "options password=***"),
        (f"options password=a, {SECRET}, table_name=t", "options password=***, table_name=t"),
        (f"options of the server password={SECRET}", "options of the server password=***"),
    ],
)
def test_options_as_a_catalog_prints_them(printed: str, kept: str) -> None:
    redactor = Redactor()
    assert (
        redactor.catalog(f"owner a\nserver s {printed}\ncomment c") == f"owner a\nserver s {kept}\ncomment c"
    )
    assert redactor.count == printed.count("password=")
    assert redactor.catalog(f"server s {kept}") == f"server s {kept}"
