"""Runs the scripts of a recipe as its service would: its shell, its variables, its programs, and nothing else."""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from tests.ci.recipes import Script, script
from tests.failures.site import Ended

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PATIENCE = 280.0  # seconds that a script may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A machine of the service: a checkout, a folder of programs that come first, and variables that every job has."""

    checkout: Path
    programs: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, file: str, place: str, **variables: str) -> Ended:
        """Run one script. `variables` are what the service's expressions stand for; all of them must be given."""
        found = script(file, place)
        told = {name: str(value) for name, value in found.variables.items()}
        missing = {name for name, value in told.items() if "${{" in value} - set(variables)
        assert not missing, f"{found} takes {sorted(missing)} from the service"
        done = subprocess.run(
            self._shell(found),
            cwd=self.checkout,
            env={
                **told,
                "PATH": f"{self.programs}:{os.environ['PATH']}",
                "HOME": str(self.programs.parent),
                **self.variables,
                **variables,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        return Ended(code=done.returncode, out=done.stdout, err=done.stderr)

    def _shell(self, found: Script) -> list[str]:
        if found.file.parent.name == "github":
            return ["bash", "--noprofile", "--norc", "-e", "-c", found.text]
        return ["sh", "-e", "-c", found.text]  # a runner takes bash where there is one, else sh


@dataclass(slots=True)
class Notes:
    """What a GitLab project knows: an artefact, and the notes of one merge request, of user 1 unless others are named."""

    artefact: bytes | None = None
    notes: dict[int, str] = field(default_factory=dict)
    authors: dict[int, int] = field(default_factory=dict)  # of a note, where it is not the token's user 1
    asked: list[str] = field(default_factory=list)  # method, path and the token's kind of each request
    address: str = ""


@contextmanager
def gitlab() -> Iterator[Notes]:
    """A server that answers the few requests that the pipeline makes."""
    state = Notes()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its base names it so
            """Say nothing."""

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def note(self) -> str:
            kinds = [name for name in ("JOB-TOKEN", "PRIVATE-TOKEN") if self.headers.get(name) == "token"]
            state.asked.append(f"{self.command} {urlsplit(self.path).path} {' '.join(kinds) or 'nobody'}")
            length = int(self.headers.get("Content-Length", 0))
            return parse_qs(self.rfile.read(length).decode()).get("body", [""])[0]

        def do_GET(self) -> None:
            self.note()
            parts = urlsplit(self.path)
            if parts.path.endswith("/raw/production.snapshot"):
                wanted = parse_qs(parts.query).get("job") == ["migrate snapshot"]
                self.answer(*((200, state.artefact) if state.artefact and wanted else (404, b"not found")))
                return
            if parts.path == "/user":
                self.answer(200, b'{"id": 1}')
                return
            self.answer(200, _listed(state))

        def do_POST(self) -> None:
            state.notes[max(state.notes, default=0) + 1] = self.note()
            self.answer(201, b"{}")

        def do_PUT(self) -> None:
            state.notes[int(unquote(self.path).rpartition("/")[2])] = self.note()
            self.answer(200, b"{}")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _listed(state: Notes) -> bytes:
    import json

    notes = [
        {"id": number, "body": body, "author": {"id": state.authors.get(number, 1)}}
        for number, body in state.notes.items()
    ]
    return json.dumps(notes).encode()
