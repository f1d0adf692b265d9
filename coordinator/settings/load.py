"""Read the settings once, in one order of precedence: flag, variable, environment's table, file, default."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, Final

from coordinator.errors import SettingsError
from coordinator.settings import forms
from coordinator.settings.certificate import choose_certificate
from coordinator.settings.forms import Problems, read_table
from coordinator.settings.gate import read_gate
from coordinator.settings.lint import read_lint
from coordinator.settings.modules import below, read_modules
from coordinator.settings.source import Source, find_source
from coordinator.settings.staging import choose_staging, staging_form
from coordinator.settings.targets import TARGET_KEYS, choose_target, holds_password
from coordinator.settings.values import Flags, NoTarget, Settings, suggest
from coordinator.temporary import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Options of which each may come from a flag (--lock-wait), a variable (MIGRATE_LOCK_WAIT),
# the environment's table or the file itself; the defaults stand in `Settings`.
_OPTIONS: Final[dict[str, forms.Form]] = {
    "atomic": forms.atomicity,
    "when_ahead": forms.when_ahead,
    "require_certificate": forms.boolean,
    "lock_wait": forms.duration,
    "lock_patience": forms.duration,
    "max_hold": forms.duration,
    "keep": forms.boolean,
    "keep_limit": forms.size,
    "keep_hold": forms.duration,
    "keep_for": forms.duration,
    "check_budget": forms.check_budget,
    "throughput": forms.throughput,
    "wait": forms.duration,
    "wait_server": forms.duration,
    "worker_timeout": forms.duration,
    "exec_timeout": forms.duration,
}
_SHARED: Final[dict[str, forms.Form]] = {
    **_OPTIONS,
    "staging": staging_form,
    "certificate": forms.text,
    "certificate_keys": forms.texts,
}
FILE_KEYS: Final[dict[str, forms.Form]] = {
    "map": forms.text,
    "environment": forms.text,
    "modules": forms.any_table,
    "environments": forms.any_table,
    "gate": forms.any_table,
    "lint": forms.any_table,
    **_SHARED,
}


def _embedded(value: object) -> str:
    if value != "embedded":
        raise forms.WrongFormError('"embedded"; a server is named by url_env, url_file, service or url')
    return "embedded"


ENVIRONMENT_KEYS: Final[dict[str, forms.Form]] = {
    "target": _embedded,
    "url": forms.text,
    "url_env": forms.text,
    "url_file": forms.text,
    "service": forms.text,
    "password_command": forms.command,
    **_SHARED,
}


def load_settings(*, start: Path, environment: Mapping[str, str], flags: Flags) -> Settings:
    """The settings that hold in `start`; `environment` are the process's variables.

    Raises SettingsError with everything that is wrong, each with file and line. A missing target is no
    error yet, since many commands need none: `Settings.target` raises it.
    """
    source = find_source(start.absolute())
    problems = Problems(source)
    file = read_table(dict(source.table), FILE_KEYS, (), problems)
    tables = _environments(file.get("environments", {}), problems)
    name = _chosen_environment(file, tables, environment, flags, problems)
    table = tables.get(name, {}) if name is not None else {}
    root = source.file.parent
    modules = read_modules(root, file.get("modules", {}), problems)
    options = _options(flags, environment, table, file, problems)
    staging = choose_staging(flags, environment, table, file, problems)
    gate_commands = read_gate(file.get("gate", {}), problems)
    lint = read_lint(file.get("lint", {}), problems)
    _raise(source, problems)
    state = _state_directory(root, start, environment)
    return Settings(
        file=source.file,
        root=root,
        map=_map(root, start, flags, environment, file),
        map_named=bool(flags.map or environment.get("MIGRATE_MAP") or "map" in file),
        environment=name,
        chosen_target=choose_target(
            flags=flags, variables=environment, table=table, environment=name, root=root, state=state
        ),
        chosen_state=state,
        modules=modules,
        password_command=table.get("password_command", ()),
        staging=staging,
        certificate=choose_certificate(
            flags=flags,
            variables=environment,
            table=table,
            file=file,
            environment=name,
            root=root,
            start=start,
        ),
        gate_commands=gate_commands,
        lint=lint,
        url_variables=_url_variables(file, tables),
        **options,
    )


def _url_variables(file: Mapping[str, Any], tables: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Names of variables that hold the URL of a database of any environment, or of a staging server."""
    owners = [file, *tables.values()]
    named = [each["url_env"] for each in owners if "url_env" in each]
    staging = [each["staging"]["url_env"] for each in owners if "url_env" in each.get("staging", {})]
    return frozenset((*named, *staging))


def _raise(source: Source, problems: Problems) -> None:
    if len(problems.lines) == 1:
        raise SettingsError(problems.lines[0])
    if problems.lines:
        message = f"The settings have {len(problems.lines)} problems ({source.file})."
        raise SettingsError(message, details=tuple(problems.lines))


def _environments(raw: Mapping[str, Any], problems: Problems) -> dict[str, dict[str, Any]]:
    """Every environment is read, not only the chosen one: a mistake in production's shows on a laptop."""
    tables = {}
    for name, value in raw.items():
        at = ("environments", name)
        table = tables[name] = read_table(value, ENVIRONMENT_KEYS, at, problems)
        named = [key for key in TARGET_KEYS if key in table]
        if len(named) > 1:
            problems.add(
                (*at, named[1]), f"Environment {name!r} names its database twice: {' and '.join(named)}."
            )
        if holds_password(table.get("url", "")):
            problems.add(
                (*at, "url"),
                f"The url of environment {name!r} has a password in it, and this file is committed. "
                "Name the variable that holds the URL (url_env) or the file (url_file) instead.",
            )
    return tables


def _chosen_environment(
    file: Mapping[str, Any],
    tables: Mapping[str, object],
    variables: Mapping[str, str],
    flags: Flags,
    problems: Problems,
) -> str | None:
    if flags.env is not None:
        name, origin = flags.env, "--env"
    elif "MIGRATE_ENV" in variables:
        name, origin = variables["MIGRATE_ENV"], "MIGRATE_ENV"
    elif "environment" in file:
        name, origin = file["environment"], "environment"
    else:
        return None
    if name not in tables:
        what = f"names environment {name!r}, which has no table" if name else "is set and empty"
        message = (
            f"{origin} {what}. Wanted: [{_table_name(problems.source, name)}]. {suggest(name, list(tables))}"
        )
        if origin == "environment":
            problems.add(("environment",), message)
        else:
            problems.add_elsewhere(message)
    return name


def _table_name(source: Source, name: str) -> str:
    return ".".join((*source.prefix, "environments", name or "NAME"))


def _options(
    flags: Flags,
    variables: Mapping[str, str],
    table: Mapping[str, Any],
    file: Mapping[str, Any],
    problems: Problems,
) -> dict[str, Any]:
    chosen = {key: values[key] for values in (file, table) for key in _OPTIONS if key in values}
    for key, form in _OPTIONS.items():
        typed = getattr(flags, key)
        variable = f"MIGRATE_{key.upper()}"
        origin, text = (
            (f"--{key.replace('_', '-')}", typed)
            if typed is not None
            else (variable, variables.get(variable))
        )
        if text is None:
            continue
        try:
            chosen[key] = form(text)
        except forms.WrongFormError as error:
            problems.add_elsewhere(f"{origin} must be {error}, not {text!r}.")
    return chosen


def _map(
    root: Path, start: Path, flags: Flags, variables: Mapping[str, str], file: Mapping[str, Any]
) -> Path:
    typed = flags.map or variables.get("MIGRATE_MAP")
    return below(start.absolute(), typed) if typed else below(root, file.get("map", "database_map.md"))


def _state_directory(root: Path, start: Path, variables: Mapping[str, str]) -> Path | NoTarget:
    """Where the embedded database, caches and reports live; a temp directory for a read-only checkout, if there is one."""
    if "MIGRATE_STATE_DIR" in variables:
        if not variables["MIGRATE_STATE_DIR"]:
            raise SettingsError(
                "MIGRATE_STATE_DIR is set and empty.", help="Give it a folder, or leave it out."
            )
        return below(start.absolute(), variables["MIGRATE_STATE_DIR"])
    usual = root / ".migrate"
    # One that is there is kept even when it cannot be written: a new, empty database elsewhere would pass for it.
    if usual.exists() or os.access(root, os.W_OK | os.X_OK):
        return usual
    name = f"migrate-{os.getuid()}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"
    try:
        folder = temporary_directory() / name
    except SettingsError as error:  # most commands need neither
        return NoTarget(
            message=f"There is no place for the state directory: {root} cannot be written. {error.message}",
            help=f"{error.help} Or set MIGRATE_STATE_DIR to a folder that can be written.",
        )
    if folder.exists() and folder.stat().st_uid != os.getuid():
        raise SettingsError(
            f"{folder} belongs to another user.", help="Set MIGRATE_STATE_DIR to a folder of your own."
        )
    return folder
