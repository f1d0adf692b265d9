"""One module's revision files become a ModuleTree, without running them; the only reader of version files."""

from __future__ import annotations

import ast
import configparser
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from coordinator.errors import CoordinatorError, RevisionError
from coordinator.model.finding import Finding
from coordinator.model.names import Place, RevisionKey
from coordinator.model.revision import ModuleTree, Revision
from coordinator.revisions.declarations import DeclarationError, read_declarations, revision_id
from coordinator.revisions.digest import digest_of_tree
from coordinator.revisions.headers import Header, read_header
from coordinator.revisions.order import assemble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.model.module import Module

#: Runs a file of a module and returns its module-level names; the worker's work, since it is authors' code.
HeaderOf: TypeAlias = Callable[[Path], Mapping[str, object]]
_PYTHON = "Correct the file; nothing is planned while one file of a module cannot be read."


def read_trees(
    modules: Sequence[Module], *, header_of: Callable[[Module, Path], Mapping[str, object]] | None = None
) -> tuple[ModuleTree, ...]:
    """The trees of all modules. Raises RevisionError with the problems of all of them at once."""
    trees: list[ModuleTree] = []
    findings: list[Finding] = []
    for module in modules:
        run = None if header_of is None else _bound(header_of, module)
        try:
            trees.append(read_tree(module, header_of=run))
        except RevisionError as error:
            findings.extend(error.findings)
    _raise(findings, "The modules' revisions")
    return tuple(trees)


def read_tree(module: Module, *, header_of: HeaderOf | None = None) -> ModuleTree:
    """The revisions below `module.versions`, parents first. Raises RevisionError with every problem.

    Nothing is run. When a name is computed, `header_of` runs that file and gives its names; without it a
    computed name is a problem. A `depends_on` that names nothing in this tree is kept as it is written:
    only who sees all the trees can say what it means.
    """
    reading = _Reading(module=module, header_of=header_of)
    if not module.versions.is_dir():
        reading.report(
            "missing-versions-folder",
            f"Module {module.name!r} has no folder {module.versions}.",
            Place(str(module.versions)),
            help=f"Wanted is a folder with {module.name}'s revision files; "
            f"[tool.migrate.modules.{module.name}] path says where the folder that holds versions/ is.",
        )
    found = [each for file in _files(module) if (each := reading.read(file)) is not None]
    revisions, wrong = assemble(module.name, found)
    reading.findings.extend(wrong)
    _raise(reading.findings, f"The revisions of module {module.name!r}")
    return ModuleTree(module=module, revisions=revisions)


def read_revision(module: Module, file: Path, *, header_of: HeaderOf | None = None) -> Revision:
    """The revision in one file of a module, wherever the file lies. Raises RevisionError when there is none to be read."""
    reading = _Reading(module=module, header_of=header_of)
    revision = reading.read(file)
    if revision is None and not reading.findings:
        reading.report("no-revision-id", f"{file} holds no revision.", Place(str(file)))
    _raise(reading.findings, f"The revision in {file}")
    assert revision is not None
    return revision


def _bound(header_of: Callable[[Module, Path], Mapping[str, object]], module: Module) -> HeaderOf:
    return lambda file: header_of(module, file)


def _raise(findings: Sequence[Finding], what: str) -> None:
    if len(findings) == 1:
        one = findings[0]
        raise RevisionError(one.message, tuple(findings), help=one.help)
    if findings:
        raise RevisionError(f"{what} have {len(findings)} problems.", tuple(findings))


def _files(module: Module) -> list[Path]:
    """The files that Alembic would load, by name; below sub folders only where alembic.ini says so."""
    pattern = "**/*.py" if _is_recursive(module) else "*.py"
    return sorted(
        file
        for file in module.versions.glob(pattern)
        if file.name != "__init__.py"
        and not any(
            part.startswith(".") or part == "__pycache__" for part in file.relative_to(module.versions).parts
        )
    )


def _is_recursive(module: Module) -> bool:
    config = configparser.RawConfigParser(strict=False)
    for folder in (module.path, module.path.parent):
        try:
            read = config.read(folder / "alembic.ini", encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # it is Alembic's file and Alembic's complaint; without it Alembic does not recurse
        if read:
            return config.get("alembic", "recursive_version_locations", fallback="").strip().lower() == "true"
    return False


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One tree being read, and all that is wrong with it so far."""

    module: Module
    header_of: HeaderOf | None
    findings: list[Finding] = field(default_factory=list)

    def report(self, rule: str, message: str, place: Place, *, help: str | None = None) -> None:  # noqa: A002 - the name in Finding
        self.findings.append(
            Finding(rule=rule, message=message, module=self.module.name, place=place, help=help)
        )

    def read(self, file: Path) -> Revision | None:
        """The revision in a file; None when it has none, or when it cannot be read, which is reported."""
        try:
            source = file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.report(
                "not-utf8",
                f"{file} is not UTF-8 text: byte {error.start} cannot be read.",
                Place(str(file)),
                help="Save it as UTF-8, or move it out of versions/.",
            )
            return None
        except OSError as error:
            self.report("not-readable", f"{file} cannot be read: {error.strerror}.", Place(str(file)))
            return None
        tree = self._parse(source, file)
        if tree is None:
            return None
        header = self._completed(read_header(tree), file)
        if header is None or "revision" not in header.values:
            return None
        return self._revision(header, file, source, digest_of_tree(tree))

    def _parse(self, source: str, file: Path) -> ast.Module | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an odd escape in an author's text is not our business
                return ast.parse(source, filename=str(file))
        except SyntaxError as error:
            place = Place(str(file), error.lineno or 0, error.offset or 0)
            self.report("syntax-error", f"{place} is not Python: {error.msg}.", place, help=_PYTHON)
        except (ValueError, RecursionError, MemoryError) as error:
            self.report("syntax-error", f"{file} is not Python: {error}.", Place(str(file)), help=_PYTHON)
        return None

    def _completed(self, header: Header, file: Path) -> Header | None:
        """The header with its computed names, which only running the file can tell."""
        if "revision" not in header.lines:
            if header.migrates:
                self._report_no_id(file, "defines upgrade() but no `revision`")
            return None
        if not header.computed:
            return header
        if self.header_of is not None:
            try:
                names = self.header_of(file)
            except CoordinatorError as error:
                self._report_not_loadable(header, file, error)
                return None
            told = {name: names[name] for name in header.computed if name in names}
            if "revision" in header.computed and "revision" not in told:
                self._report_no_id(file, "has no `revision` when it is run")
            return replace(header, values={**header.values, **told}, computed=())
        for name in header.computed:
            place = Place(str(file), header.lines[name])
            self.report(
                "computed-name",
                f"{place}: `{name}` is computed, so it cannot be read without running the file.",
                place,
                help="Write its value as it is.",
            )
        return None

    def _report_not_loadable(self, header: Header, file: Path, error: CoordinatorError) -> None:
        """The file had to be run for a name that it computes, and does not run."""
        name = header.computed[0]
        place = Place(str(file), getattr(error, "line", 0) or header.lines[name])
        self.report(
            "not-loadable",
            f"{place}: the file does not run, and it computes `{name}`: {error.message.rstrip('.')}.",
            place,
            help=error.help
            or f"Write the value of `{name}` as it is, or make what the file imports importable: "
            f"[tool.migrate.modules.{self.module.name}] import_paths, interpreter.",
        )

    def _report_no_id(self, file: Path, what: str) -> None:
        self.report(
            "no-revision-id",
            f"{file} {what}.",
            Place(str(file)),
            help='Write `revision = "…"` at its top, or move the file out of versions/.',
        )

    def _revision(self, header: Header, file: Path, source: str, digest: str) -> Revision | None:
        fields, wrong = read_declarations(header.values)
        try:
            revision = revision_id(header.values["revision"])
        except DeclarationError as error:
            wrong["revision"] = str(error)
            revision = ""
        for name, wanted in wrong.items():
            place = Place(str(file), header.lines.get(name, 0))
            self.report("bad-declaration", f"{place}: `{name}` must be {wanted}.", place, help=_PYTHON)
        if not revision:
            return None
        return Revision(
            key=RevisionKey(self.module.name, revision),
            place=Place(str(file), header.lines["revision"]),
            message=header.message,
            source=source,
            digest=digest,
            **fields,
        )
