"""Waiting until a command is in the middle of a step."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.failures.shop import SLEEPER

if TYPE_CHECKING:
    import subprocess

    from tests.failures.site import Site


def await_sleeper(site: Site, process: subprocess.Popen[str]) -> None:
    """Wait until the step sleeps on the server; a command that has ended instead is told at once."""
    with site.session() as session:
        while not session.value(SLEEPER):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
