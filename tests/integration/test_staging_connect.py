"""Every way a connection can fail, broken for real: one sentence, what to do, never the password."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from coordinator.errors import UnreachableError
from coordinator.model.target import DatabaseUrl
from coordinator.postgres.connect import connect
from coordinator.postgres.url import parse_url, with_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.staging.cluster import LocalCluster

SECRET = "s3cret-word"


def failure(url: DatabaseUrl, *, timeout: float = 3) -> UnreachableError:
    with pytest.raises(UnreachableError) as caught:
        connect(url, application_name="test", timeout=timeout)
    error = caught.value
    assert SECRET not in f"{error.message} {error.help} {error.details} {error.__cause__}"
    assert error.exit_code == 6
    assert error.help
    assert error.message.endswith(".")
    return error


def changed(url: DatabaseUrl, **parameters: str) -> DatabaseUrl:
    return DatabaseUrl(parameters={**url.parameters, **parameters}, shown="the server")


@contextmanager
def answering(words: bytes | None) -> Iterator[int]:
    """A port where something accepts, answers `words` and closes; None: it keeps silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                client, _ = listener.accept()
                held.append(client)
                if client.recv(100) == b"stop":
                    return
                if words is not None:
                    client.sendall(words)
                    client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        yield port
        with socket.create_connection(("127.0.0.1", port)) as last:
            last.sendall(b"stop")
            thread.join()
        for client in held:
            client.close()


def test_a_connection_is_in_autocommit_and_prepares_nothing(database: DatabaseUrl) -> None:
    with connect(database, application_name="migrate test") as connection:
        assert connection.autocommit
        assert connection.prepare_threshold is None
        row = connection.execute("SHOW application_name").fetchone()
    assert row == ("migrate test",)


def test_a_dead_peer_is_noticed_on_every_connection(database: DatabaseUrl) -> None:
    with connect(database, application_name="test") as connection:
        parameters = connection.info.get_parameters()
    assert parameters["keepalives_idle"] == "30"
    assert parameters["tcp_user_timeout"] == "60000"


def test_a_wrong_password_is_named_as_such(server: LocalCluster) -> None:
    assert "refused the user or the password" in failure(changed(server.url(), password=SECRET)).message


def test_a_missing_password_is_named_as_such(server: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")
    assert "refused the user or the password" in failure(changed(server.url(), password="")).message


def test_an_unknown_database_is_named_as_such(server: LocalCluster) -> None:
    error = failure(with_database(changed(server.url()), "no_such_erp"))
    assert "no such database" in error.message
    assert "no_such_erp" in str(error)


def test_a_port_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failure(parse_url(f"postgresql://ana:{SECRET}@127.0.0.1:{port}/erp"))
    assert error.message == f"Nothing answers at 'postgresql://ana@127.0.0.1:{port}/erp'."


def test_a_socket_directory_without_a_server(tmp_path: Path) -> None:
    assert "Nothing answers" in failure(parse_url(f"host='{tmp_path}' password={SECRET}")).message


def test_an_unknown_host() -> None:
    assert "host name" in failure(parse_url(f"postgresql://ana:{SECRET}@no-such-host.invalid/erp")).message


def test_an_unknown_service() -> None:
    assert "service" in failure(parse_url("service=no_such_service")).message


@pytest.mark.parametrize("tls", ["disable", "prefer"])
@pytest.mark.parametrize(
    "words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\x01garbage"]
)
def test_a_server_that_is_no_postgresql(words: bytes, tls: str) -> None:
    with answering(words) as port:
        error = failure(parse_url(f"postgresql://ana:{SECRET}@127.0.0.1:{port}/erp?sslmode={tls}"))
    assert "not a PostgreSQL server" in error.message


def test_a_server_that_hangs_up() -> None:
    with answering(b"") as port:
        error = failure(parse_url(f"postgresql://ana:{SECRET}@127.0.0.1:{port}/erp?sslmode=disable"))
    assert "may be no PostgreSQL server" in error.message


def test_a_server_that_keeps_silent_costs_the_timeout_and_no_more() -> None:
    with answering(None) as port:
        error = failure(parse_url(f"postgresql://ana:{SECRET}@127.0.0.1:{port}/erp"), timeout=2)
    assert "did not answer in time" in error.message


def test_tls_that_the_server_does_not_speak(server: LocalCluster) -> None:
    with answering(b"N") as port:
        error = failure(parse_url(f"postgresql://ana:{SECRET}@127.0.0.1:{port}/erp?sslmode=require"))
    assert "does not speak TLS" in error.message


def test_no_server_of_the_wanted_kind(server: LocalCluster) -> None:
    assert "of the wanted kind" in failure(changed(server.url(), target_session_attrs="standby")).message


def test_the_next_host_is_taken_when_the_first_does_not_answer(database: DatabaseUrl, tmp_path: Path) -> None:
    host = database.parameters["host"]
    several = changed(database, host=f"{tmp_path},{host}", port="5432,5432", hostaddr=",")
    with connect(several, application_name="test") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_password_command_runs_for_every_connection(database: DatabaseUrl, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    script = tmp_path / "password of today"
    script.write_text(
        f"#!/bin/sh\necho x >>{calls}\nprintf '%s\\nsecond line\\n' '{database.parameters['password']}'\n"
    )
    script.chmod(0o755)
    url = DatabaseUrl(parameters={**database.parameters, "password": "old"}, password_command=(str(script),))
    for _ in range(2):
        connect(url, application_name="test").close()
    assert calls.read_text() == "x\nx\n"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f"echo {SECRET}; echo {SECRET} >&2; exit 3", "gave no password (it ended with 3)"),
        ("exit 0", "gave no password (it ended with 0)"),
    ],
)
def test_a_password_command_that_fails_shows_nothing_of_its_output(
    database: DatabaseUrl, tmp_path: Path, script: str, said: str
) -> None:
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    url = DatabaseUrl(parameters=database.parameters, password_command=(str(command),))
    assert said in failure(url).message


def test_a_password_command_that_is_not_there_is_named(database: DatabaseUrl) -> None:
    url = DatabaseUrl(parameters=database.parameters, password_command=("no-such-command", SECRET))
    assert failure(url).message == "The password command 'no-such-command' cannot be run."


def test_a_variable_does_not_change_what_a_named_server_means(
    database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {key: text for key, text in database.parameters.items() if key != "options"}
    monkeypatch.setenv("PGOPTIONS", "-c search_path=nowhere")
    with connect(DatabaseUrl(parameters=parameters), application_name="test") as connection:
        assert connection.execute("SHOW search_path").fetchone() == ('"$user", public',)
