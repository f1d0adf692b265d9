"""The forms of a database's address that people have in their environments."""

from __future__ import annotations

import pytest

from coordinator.errors import SettingsError
from coordinator.postgres.url import parse_url, url_from_environment, with_database

PLAIN = {"host": "db", "port": "5433", "user": "ana", "password": "p", "dbname": "erp"}


@pytest.mark.parametrize(
    "scheme",
    ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+asyncpg", "POSTGRES"],
)
def test_every_scheme_of_postgresql_means_the_same(scheme: str) -> None:
    assert parse_url(f"{scheme}://ana:p@db:5433/erp").parameters == PLAIN


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("postgresql://db", {"host": "db"}),
        ("postgresql:///erp", {"dbname": "erp"}),
        (
            "postgresql://ana:p%40%2F%3A%23+%20@db/erp",
            {"user": "ana", "password": "p@/:#+ ", "host": "db", "dbname": "erp"},
        ),
        ("postgresql://h1:1,h2:2/erp", {"host": "h1,h2", "port": "1,2", "dbname": "erp"}),
        ("postgresql://h1,h2/erp", {"host": "h1,h2", "dbname": "erp"}),
        ("postgresql://h1:5,h2:5/erp", {"host": "h1,h2", "port": "5", "dbname": "erp"}),
        ("postgresql://[::1]:5432/erp", {"host": "::1", "port": "5432", "dbname": "erp"}),
        ("postgresql:///erp?host=/run/postgresql", {"host": "/run/postgresql", "dbname": "erp"}),
        ("postgresql://%2Frun%2Fpg/erp", {"host": "/run/pg", "dbname": "erp"}),
        ("postgresql:///erp?host=a:1&host=b:2", {"host": "a,b", "port": "1,2", "dbname": "erp"}),
        (
            "postgres://db/erp?sslmode=verify-full&target_session_attrs=read-write&options=-c%20a%3Db",
            {
                "host": "db",
                "dbname": "erp",
                "sslmode": "verify-full",
                "target_session_attrs": "read-write",
                "options": "-c a=b",
            },
        ),
        ("postgresql+asyncpg://db/erp?ssl=require", {"host": "db", "dbname": "erp", "sslmode": "require"}),
        ("postgresql://db/erp?pgbouncer=true&connection_limit=1", {"host": "db", "dbname": "erp"}),
        (
            "postgresql://db:5432/erp?user=ana@azure",
            {"host": "db", "port": "5432", "dbname": "erp", "user": "ana@azure"},
        ),
        ("service=erp", {"service": "erp"}),
        (
            "host=db dbname='the erp' password='a = b'",
            {"host": "db", "dbname": "the erp", "password": "a = b"},
        ),
        ("  postgresql://db/erp\n", {"host": "db", "dbname": "erp"}),
    ],
)
def test_each_form_becomes_libpq_parameters(text: str, wanted: dict[str, str]) -> None:
    assert parse_url(text).parameters == wanted


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ana:s3cret@db/erp",
        "postgresql://db/erp?user=ana&password=s3cret",
        "postgresql://db/erp?sslpassword=s3cret",
        "host=db password=s3cret dbname=erp",
        "host=db password='s3cret' dbname=erp options='-c x=s3cret'",
    ],
)
def test_the_password_is_never_shown(text: str) -> None:
    url = parse_url(text)
    assert "s3cret" in str(dict(url.parameters))
    assert "s3cret" not in f"{url} {url!r}"
    assert "db" in str(url)


def test_the_shown_form_names_hosts_database_and_tls() -> None:
    url = parse_url("postgres://ana:p@h1:1,h2:2/erp?sslmode=require")
    assert str(url) == "postgresql://ana@h1:1,h2:2/erp?sslmode=require"
    assert str(with_database(url, "other")) == "postgresql://ana@h1:1,h2:2/other?sslmode=require"
    assert str(parse_url("service=erp")) == "service=erp"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("mysql://ana:s3cret@db/erp", "begins with 'mysql://'"),
        ("jdbc:postgresql://ana:s3cret@db/erp", "begins with 'jdbc:postgresql://'"),
        ("sqlite:///s3cret", "begins with 'sqlite://'"),
        ("s3cret", "neither a scheme"),
        ("postgresql://ana:p@s3cret@db/erp", "percent-encoded"),
        ("postgresql://ana:p/s3cret@db/erp", "percent-encoded"),
        ("postgresql://ana:p?s3cret@db/erp", "percent-encoded"),
        ("postgresql://ana:p#s3cret@db/erp", "percent-encoded"),
        ("postgresql://ana:12?s3cret@db/erp", "does not know"),
        ("postgresql://db:s3cret/erp", "not of the form 'host:port'"),
        ("postgresql://db/erp?sslmod=require", "'sslmod'"),
        ("host=db pass word s3cret", "cannot be read"),
        ("hst=db password=s3cret", "'hst'"),
    ],
)
def test_what_is_not_understood_is_refused_without_quoting_the_password(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_url(text)
    assert said in caught.value.message
    assert "s3cret" not in f"{caught.value.message} {caught.value.help}"
    assert caught.value.help


def test_a_misspelt_parameter_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_url("postgresql://db/erp?sslmod=require")
    assert caught.value.help == "Did you mean 'sslmode'?"


def test_libpqs_variables_name_a_database_only_with_a_place() -> None:
    assert url_from_environment({"PGUSER": "ana", "PGPASSWORD": "s3cret"}) is None
    url = url_from_environment({"PGHOST": "db", "PGUSER": "ana", "PGPASSWORD": "s3cret", "PGDATABASE": "erp"})
    assert url is not None
    assert url.parameters == {"host": "db", "user": "ana", "password": "s3cret", "dbname": "erp"}
    assert str(url) == "postgresql://ana@db/erp"
