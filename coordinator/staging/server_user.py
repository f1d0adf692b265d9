"""PostgreSQL refuses to run as root: which user it runs as instead, and what that user can reach."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from coordinator.errors import UnreachableError

if TYPE_CHECKING:
    from pathlib import Path


class Identity(TypedDict, total=False):
    """The part of `subprocess.Popen`'s arguments that says who runs the program."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUser:
    """The user that runs initdb and the server. It has a passwd entry, since initdb asks for its name."""

    uid: int
    gid: int
    dropped: bool  # we are root and step down to it

    @property
    def identity(self) -> Identity:
        """Arguments for `subprocess`; empty when it is ourselves."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.dropped else {}

    def own(self, path: Path) -> None:
        """Give it a file or directory that we have just made."""
        if not self.dropped:
            return
        try:
            os.chown(path, self.uid, self.gid)
        except OSError as exc:  # root of a container without rights, or of a namespace of one user
            raise UnreachableError(
                "PostgreSQL does not run as root, and this root may not hand it over to another user.",
                help="Run this command as an ordinary user.",
            ) from exc

    def can_enter(self, *paths: Path) -> bool:
        """Whether it can read and search every one of `paths`. Asked of the kernel: modes do not tell all."""
        if not self.dropped:
            return True
        script = 'for path do test -r "$path" && test -x "$path" || exit 1; done'
        done = subprocess.run(
            ["/bin/sh", "-c", script, "sh", *map(str, paths)], check=False, cwd="/", **self.identity
        )
        return done.returncode == 0


def server_user(data: Path) -> ServerUser:
    """Ourselves; as root the owner of `data` if it exists, else `postgres`, else `nobody`."""
    if os.geteuid() != 0:
        return ServerUser(uid=os.geteuid(), gid=os.getegid(), dropped=False)
    if data.exists():
        owner = data.stat()
        if owner.st_uid != 0:
            return ServerUser(uid=owner.st_uid, gid=owner.st_gid, dropped=True)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(uid=entry.pw_uid, gid=entry.pw_gid, dropped=True)
    raise UnreachableError(
        "PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody' to run it as.",
        help="Run this command as an ordinary user, or create the user 'postgres'.",
    )
