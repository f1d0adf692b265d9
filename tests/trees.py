"""Real projects in a temporary folder: a settings file, modules, and revision files as authors write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def write_revision(
    folder: Path,
    revision: str,
    *,
    after: str | tuple[str, ...] | None = None,
    upgrade: str = "pass",
    downgrade: str = "pass",
    message: str = "",
    file: str | None = None,
    header: str = "",
    **names: Any,
) -> Path:
    """One revision file in `folder` (a module's folder, or its `versions`); returns the file.

    `upgrade` and `downgrade` are the bodies, one statement a line; `names` are more module-level names
    (`requires=["crm:a1"]`); `header` is put above them as it stands.
    """
    versions = folder if folder.name == "versions" else folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    declared = {"revision": revision, "down_revision": after, **names}
    lines = [
        f'"""{message or f"revision {revision}"}"""',
        "",
        "import sqlalchemy as sa",
        "from alembic import op",
        "",
        *([header] if header else []),
        *(f"{name} = {value!r}" for name, value in declared.items()),
        "",
        "",
        "def upgrade():",
        *(f"    {line}" for line in upgrade.splitlines()),
        "",
        "",
        "def downgrade():",
        *(f"    {line}" for line in downgrade.splitlines()),
        "",
    ]
    target = versions / (file or f"{revision}.py")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines), encoding="utf-8")
    return target


def project(
    root: Path,
    *,
    modules: dict[str, dict[str, Any]] | tuple[str, ...] = (),
    settings: str = 'environment = "local"\n[tool.migrate.environments.local]\ntarget = "embedded"\n',
) -> Path:
    """A project with a pyproject.toml and an empty tree for each module; returns its folder.

    `modules` maps a module's name to more settings of it (`{"crm": {"schemas": ["crm", "crm_log"]}}`), or is
    a tuple of names. `settings` is what stands below `[tool.migrate]`.
    """
    root.mkdir(parents=True, exist_ok=True)
    tables = {name: {} for name in modules} if isinstance(modules, tuple) else modules
    text = ["[tool.migrate]", settings.rstrip()]
    for name, values in tables.items():
        (versions_of(root, name)).mkdir(parents=True, exist_ok=True)
        if values:
            text.append(f"[tool.migrate.modules.{json.dumps(name)}]")
            text.extend(f"{key} = {_toml(value)}" for key, value in values.items())
    (root / "pyproject.toml").write_text("\n".join(text) + "\n", encoding="utf-8")
    return root


def versions_of(root: Path, module: str) -> Path:
    """The folder of a module's revision files in a project made by `project`."""
    return root / "modules" / module / "migrations" / "versions"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)
