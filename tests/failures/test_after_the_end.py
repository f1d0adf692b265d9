"""A signal after a run's end: the exit code says what the run came to all the same, and so do the words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.failures.shop import BREAKS, build_shop
from tests.failures.site import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.failures.site import Ended, Site

# In the command's own process: both signals arrive whenever the named function is called.
STRIKE = """
import os, signal, sys
from functools import wraps
from importlib import import_module

if "coordinator" in sys.orig_argv:
    module, _, path = os.environ["STRUCK"].partition(":")
    *owners, name = path.split(".")
    owner = import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    real = getattr(owner, name)

    @wraps(real)
    def struck(*arguments, **named):
        print("struck", file=sys.stderr)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        return real(*arguments, **named)

    setattr(owner, name, struck)
"""
KEPT = "coordinator.workflow.carrying_out:CarryingOut._kept"
UNLOCKING = "coordinator.execution.monitor:WatchedLock.let_go"
WORKERS_END = "coordinator.execution.workers:Workers.__exit__"
SUMMARY = "coordinator.cli.summary:show_report"
ERROR = "coordinator.cli.failure:show_error"
EXIT = "sys:exit"


def strike(site: Site, tmp_path: Path, where: str) -> Ended:
    (tmp_path / "sitecustomize.py").write_text(STRIKE, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(REPOSITORY)])
    return site.migrate("all-modules", "--staging", "off", environment={"PYTHONPATH": path, "STRUCK": where})


@pytest.mark.parametrize("where", [KEPT, UNLOCKING, WORKERS_END, SUMMARY, EXIT])
def test_a_run_that_is_in_is_told_as_that(site: Site, tmp_path: Path, where: str) -> None:
    build_shop(site)
    ended = strike(site, tmp_path, where)
    assert "struck" in ended.err
    assert ended.code == 0, ended.err
    assert "interrupted" not in ended.said
    assert site.run_status() == "applied"


@pytest.mark.parametrize("where", [UNLOCKING, WORKERS_END, ERROR, EXIT])
def test_a_run_that_was_taken_back_is_told_as_that(site: Site, tmp_path: Path, where: str) -> None:
    build_shop(site, ("billing", BREAKS["billing", "rows"]))
    ended = strike(site, tmp_path, where)
    assert "struck" in ended.err
    assert ended.code == 3, ended.err
    assert "billing:b2 failed" in ended.said
    assert "nothing was written" not in ended.said
    assert site.run_status() == "reversed"
