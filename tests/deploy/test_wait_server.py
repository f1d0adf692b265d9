"""A database that comes up after its application: the start waits for it, and goes through."""

from __future__ import annotations

import shutil
import socket
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.commands_site import write_shop

if TYPE_CHECKING:
    from tests.failures.site import Site

STARTING = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
REFUSED = b"E" + (len(STARTING) + 4).to_bytes(4, "big") + STARTING


def test_a_server_that_comes_up_during_the_wait_gets_its_run(site: Site) -> None:
    write_shop(site.root)
    parameters = site.url.parameters
    real = Path(str(parameters["host"])) / f".s.PGSQL.{parameters['port']}"
    folder = Path(tempfile.mkdtemp(prefix="migrate-"))  # a short path, as sockets need it
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / real.name))
            listener.listen()
            listener.settimeout(60)
            process = site.start(
                *("all-modules", "--yes", "--staging", "off", "--wait-server", "60s"),
                url=replace(site.url, parameters={**parameters, "host": str(folder)}),
            )
            for answer in (b"", REFUSED):
                client, _ = listener.accept()
                with client:
                    client.recv(4096)
                    client.sendall(answer)
            (folder / real.name).unlink()
        (folder / real.name).symlink_to(real)
        ended = site.end(process)
    finally:
        shutil.rmtree(folder)

    assert ended.code == 0, ended.err
    assert "3 steps applied" in ended.said
