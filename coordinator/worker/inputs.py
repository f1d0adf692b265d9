"""In the worker: which files of the modules a revision read or imported while it ran.

An audit hook sees every `open`, and a layer over `import` sees also those imports that Python answers from memory: two
revisions that use one helper both depend on it, though its file is opened once. What one file imported or read is
remembered for good, so that a file which a helper reads once counts for every revision that uses the helper.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import os
import sys
from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

_NEVER = frozenset(("site-packages", "dist-packages", "__pycache__"))
_OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")


class Inputs:
    """The files that count, and who reached for which of them."""

    def __init__(self) -> None:
        self._roots: Tuple[str, ...] = ()
        self._used: Dict[str, Set[str]] = {}  # file -> what it imported or read
        self._known: Dict[str, bool] = {}

    def add_roots(self, folders: Iterable[str]) -> None:
        """Count the files below these folders from now on."""
        more = (os.path.join(os.path.abspath(each), "") for each in folders)
        self._roots = tuple(sorted({*self._roots, *more}, key=len, reverse=True))
        self._known.clear()

    def found(self, file: str) -> List[str]:
        """The file itself, and all that it reached directly or through others; absolute and sorted."""
        start = os.path.abspath(file)
        seen = {start}
        waiting = [start]
        while waiting:
            for each in self._used.get(waiting.pop(), ()):
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
        return sorted(seen)

    def note_open(self, path: Any, mode: Any, flags: Any) -> None:
        """The audit event `open`: remember a file that is opened to be read, also one that turns out not to be there."""
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, str) or _only_writes(mode, flags):
            return
        file = _source(os.path.abspath(path))
        if self._counts(file):
            reader = self._reader()
            if reader is not None and reader != file:
                self._used.setdefault(reader, set()).add(file)

    def note_import(self, importer: Any, names: Iterable[str]) -> None:
        """An import statement of a file that counts was answered with these modules."""
        if not isinstance(importer, str) or not self._counts(os.path.abspath(importer)):
            return
        reader = os.path.abspath(importer)
        for name in names:
            file = getattr(sys.modules.get(name), "__file__", None)
            if isinstance(file, str) and self._counts(os.path.abspath(file)):
                self._used.setdefault(reader, set()).add(os.path.abspath(file))

    def _counts(self, file: str) -> bool:
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = self._is_below(file)
        return known

    def _is_below(self, file: str) -> bool:
        for root in self._roots:
            if file.startswith(root):
                # By its place below the root: a module may itself be installed among the packages.
                return not file.startswith(_OURS) and not _NEVER.intersection(file[len(root) :].split(os.sep))
        return False

    def _reader(self) -> Optional[str]:
        """The innermost running file that counts; None when only Python's, Alembic's or our own code is at work."""
        frame: Any = sys._getframe(2)
        while frame is not None:
            file = frame.f_code.co_filename
            if os.path.isabs(file) and self._counts(file):
                return str(file)
            frame = frame.f_back
        return None


def watch_inputs(inputs: Inputs) -> None:
    """Make `inputs` hear of every file that is opened and every module that is imported."""

    def hook(event: str, arguments: Any) -> None:
        if event == "open":
            inputs.note_open(*arguments)

    sys.addaudithook(hook)
    _watch_statements(inputs)
    _watch_function(inputs)


def _watch_statements(inputs: Inputs) -> None:
    original = builtins.__import__

    def imported(name: str, *arguments: Any, **options: Any) -> Any:
        found = original(name, *arguments, **options)
        places = ("globals", "locals", "fromlist", "level")
        given = dict(zip(places, arguments), **options)  # noqa: B905 - Python 3.8 knows no `strict`
        importer = given.get("globals") or sys._getframe(1).f_globals
        if importer.get("__file__"):
            names = _named(name, importer, given.get("fromlist"), given.get("level", 0))
            inputs.note_import(importer["__file__"], names)
        return found

    builtins.__import__ = imported


def _watch_function(inputs: Inputs) -> None:
    original = importlib.import_module

    def import_module(name: str, package: Optional[str] = None) -> Any:
        found = original(name, package)
        full = importlib.util.resolve_name(name, package) if name.startswith(".") else name
        inputs.note_import(sys._getframe(1).f_globals.get("__file__"), _with_parents(full))
        return found

    importlib.import_module = import_module


def _named(name: str, importer: Dict[str, Any], fromlist: Any, level: int) -> List[str]:
    """Full names of the modules that an import statement may have meant: the one it names, its parents, its parts."""
    base = name
    if level:
        package = importer.get("__package__") or str(importer.get("__name__", "")).rpartition(".")[0]
        parts = package.split(".")
        kept = ".".join(parts[: len(parts) - level + 1])
        base = "{}.{}".format(kept, name) if name else kept
    return [*_with_parents(base), *("{}.{}".format(base, each) for each in fromlist or () if each != "*")]


def _with_parents(name: str) -> List[str]:
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _only_writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return not ("r" in mode or "+" in mode)
    return isinstance(flags, int) and flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR) == os.O_WRONLY


def _source(file: str) -> str:
    """The file that a compiled one was made from; Python opens the compiled one when there is one."""
    if not file.endswith(".pyc"):
        return file
    try:
        return importlib.util.source_from_cache(file)
    except ValueError:  # compiled, and no source beside it
        return file
