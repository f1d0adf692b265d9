"""Where to rehearse: a word, or a table with the container's image or the server's URL."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from coordinator.settings import forms
from coordinator.settings.targets import holds_password
from coordinator.settings.values import Flags, NoTarget, Staging, StagingKind, UrlTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.settings.forms import Problems

_FORMS = {"kind": forms.staging_kind, "image": forms.text, "url": forms.text, "url_env": forms.text}
_WORDS = ", ".join(f'"{kind.value}"' for kind in StagingKind if kind is not StagingKind.SERVER)
_URL_WANTED = f"one of {_WORDS}, or the URL of a server"


def staging_form(value: object) -> dict[str, Any]:
    """`staging = "container"`, `staging = "postgresql://…"`, or a table with kind, image, url, url_env."""
    if isinstance(value, str):
        return _from_word(value)
    if not isinstance(value, dict):
        raise forms.WrongFormError(f'{_URL_WANTED}, or a table such as {{ image = "postgres:15" }}')
    found: dict[str, Any] = {}
    for key, item in value.items():
        if key not in _FORMS:
            raise forms.WrongFormError(f"a table with {', '.join(_FORMS)} only, not {key!r}")
        try:
            found[key] = _FORMS[key](item)
        except forms.WrongFormError as error:
            raise forms.WrongFormError(f"a table whose {key!r} is {error}") from error
    if "url" in found and holds_password(found["url"]):
        raise forms.WrongFormError(
            "without a password, since this file is committed: name a variable with url_env"
        )
    if {"url", "url_env"} & set(found):
        found.setdefault("kind", StagingKind.SERVER)
    elif found.get("kind") is StagingKind.SERVER:
        raise forms.WrongFormError('a table with the server\'s url or url_env when its kind is "server"')
    return found


def choose_staging(
    flags: Flags,
    variables: Mapping[str, str],
    table: Mapping[str, Any],
    file: Mapping[str, Any],
    problems: Problems,
) -> Staging:
    """What the flag or the variable says; the rest from the environment's table, then from the file."""
    typed, origin = flags.staging, "--staging"
    if typed is None:
        typed, origin = variables.get("MIGRATE_STAGING"), "MIGRATE_STAGING"
    chosen: dict[str, Any] = {**file.get("staging", {}), **table.get("staging", {})}
    if typed is None:
        origin = "staging in the settings"
    else:
        try:
            chosen |= _typed(typed)
        except forms.WrongFormError as error:
            problems.add_elsewhere(f"{origin} must be {error}.")
    return Staging(
        kind=chosen.get("kind", StagingKind.AUTO),
        image=chosen.get("image"),
        chosen_server=_server(chosen, variables, origin),
    )


def _typed(text: str) -> dict[str, Any]:
    """A URL that was typed may hold a password: it is written nowhere."""
    return {"kind": StagingKind.SERVER, "url": text} if "://" in text else _from_word(text)


def _from_word(value: str) -> dict[str, Any]:
    if "://" in value:
        if holds_password(value):
            raise forms.WrongFormError(
                'without a password, since this file is committed: { url_env = "NAME" }'
            )
        return {"kind": StagingKind.SERVER, "url": value}
    try:
        kind = forms.staging_kind(value)
    except forms.WrongFormError as error:
        near = difflib.get_close_matches(value, [kind.value for kind in StagingKind], n=1)
        question = f' (did you mean "{near[0]}"?)' if near else ""
        raise forms.WrongFormError(f"{_URL_WANTED}{question}") from error
    if kind is StagingKind.SERVER:
        raise forms.WrongFormError(_URL_WANTED)
    return {"kind": kind}


def _server(
    chosen: Mapping[str, Any], variables: Mapping[str, str], origin: str
) -> UrlTarget | NoTarget | None:
    if chosen.get("kind") is not StagingKind.SERVER:
        return None
    if "url" in chosen:
        return UrlTarget(text=chosen["url"], origin=origin)
    name = chosen["url_env"]
    if not variables.get(name, "").strip():
        return NoTarget(
            message=f"The staging server is named by {name}, which is not set or empty.",
            help=f"Set {name} to the server's URL, or choose another --staging.",
        )
    return UrlTarget(text=variables[name].strip(), origin=f"{name} (staging's url_env)")
