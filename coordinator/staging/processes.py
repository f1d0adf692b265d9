"""Who owns a thing that outlives its maker, and whether that process still lives."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

_LINUX = Path("/proc/self/stat").exists()


class Life(Enum):
    """What can be said of an owner from here."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"  # another machine, another boot or another container: its pids mean nothing here


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process, told apart from a later one with the same pid. `text` is how it is written on labels."""

    pid: int
    started: str  # in the kernel's own clock; compared, never read
    boot: str  # which boot of which kernel, and which pid namespace

    @property
    def text(self) -> str:
        return f"{self.pid}:{self.started}:{self.boot}"


def this_process() -> Owner:
    """The owner that we are."""
    return Owner(pid=os.getpid(), started=started(os.getpid()) or "", boot=boot())


def read_owner(text: str) -> Owner | None:
    """The inverse of `Owner.text`; None when it is no owner."""
    pid, _, rest = text.partition(":")
    start, _, boot_text = rest.partition(":")
    if not (pid.isdigit() and start and boot_text):
        return None
    return Owner(pid=int(pid), started=start, boot=boot_text)


def life(owner: Owner) -> Life:
    """Whether `owner` still runs; UNKNOWN when that cannot be seen from here."""
    if owner.boot != boot():
        return Life.UNKNOWN
    return Life.ALIVE if started(owner.pid) == owner.started else Life.DEAD


def started(pid: int) -> str | None:
    """When `pid` began, as text without ':'; None when no such process runs (a zombie does not)."""
    if _LINUX:
        fields = _stat(pid)
        return None if not fields or fields[0] in {"Z", "X"} else fields[19]
    done = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, start = done.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else "-".join(start.replace(":", ".").split())


def age(pid: int) -> float:
    """Seconds since `pid` began; infinite when it does not run."""
    if _LINUX:
        fields = _stat(pid)
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        return uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK") if fields else float("inf")
    done = subprocess.run(["ps", "-o", "etime=", "-p", str(pid)], capture_output=True, text=True, check=False)
    parts = [int(word) for word in done.stdout.strip().replace("-", ":").split(":") if word]
    scale = (1, 60, 3600, 86400)  # [[days-]hours:]minutes:seconds, read from its end
    elapsed = sum(part * unit for part, unit in zip(reversed(parts), scale, strict=False))
    return elapsed if parts else float("inf")


def _stat(pid: int) -> list[str]:
    """The kernel's line on `pid`, from its state on; empty when there is no such process."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    # The name in parentheses may hold spaces and parentheses of its own.
    return line.rpartition(")")[2].split()


@cache
def boot() -> str:
    """This boot of this machine and this pid namespace. Two containers of one kernel differ."""
    if _LINUX:
        kernel = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{kernel}/{os.readlink('/proc/self/ns/pid').strip('pid:[]')}"
    done = subprocess.run(
        ["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
