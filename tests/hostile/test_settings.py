"""Settings that are missing, misspelt, rubbish or empty, and words on the command line that nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hostile.harness import PASSWORD, URL_SETTINGS, migrate, untouched
from tests.trees import project

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl

COMMANDS = (("all-modules",), ("plan",), ("status",), ("gc",))


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_without_settings_nothing_is_guessed(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    migrate(tmp_path, *arguments).check(
        2, "No settings were found in", "any folder above it", "Wanted is a migrate.toml", "[tool.migrate]"
    )
    assert not list(tmp_path.iterdir())


def test_misspelt_keys_are_all_told_with_line_and_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.migrate]\natomicc = "auto"\n[tool.migrate.environments.local]\ntargett = "embedded"\n'
        '[tool.migrate.modules.crm]\nschema = ["crm"]\n',
        encoding="utf-8",
    )
    migrate(tmp_path, "all-modules").check(
        2,
        "The settings have 3 problems",
        "pyproject.toml:2: Unknown key 'atomicc'",
        "Did you mean 'atomic'?",
        "pyproject.toml:4: Unknown key 'targett'",
        "Did you mean 'target'?",
        "pyproject.toml:6: Unknown key 'schema'",
        "Did you mean 'schemas'?",
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bytes(range(256)), ("is not UTF-8 text: byte 128", "Save it as UTF-8.")),
        (b"\x00\x01\x02", ("is not TOML", "line 1", "docs/settings.md")),
        (b"[tool.migrate]\nmap = \n", ("is not TOML", "line 2", "docs/settings.md")),
        (b"[tool]\nmigrate = 3\n", ("must be a table",)),
    ],
    ids=["no text", "NUL", "no TOML", "no table"],
)
def test_rubbish_as_settings_is_told_in_one_sentence(
    tmp_path: Path, content: bytes, words: tuple[str, ...]
) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    migrate(tmp_path, "all-modules").check(2, "pyproject.toml", *words)


@pytest.mark.parametrize("arguments", [("all-modules",), ("plan",), ("check",)], ids=" ".join)
def test_a_checkout_without_modules_is_no_success(
    tmp_path: Path, database: DatabaseUrl, target: str, arguments: tuple[str, ...]
) -> None:
    """A folder that was not copied into an image must not turn a deploy green."""
    root = project(tmp_path / "erp", settings=URL_SETTINGS)
    with untouched(database):
        migrate(root, *arguments, MIGRATE_DATABASE_URL=target).check(
            2, "There is no module", "modules/NAME/migrations", "[tool.migrate.modules.NAME]"
        )


def test_a_module_without_revisions_has_nothing_to_do(
    tmp_path: Path, database: DatabaseUrl, target: str
) -> None:
    root = project(tmp_path / "erp", modules=("crm",), settings=URL_SETTINGS)
    with untouched(database):
        for arguments in (("all-modules",), ("plan",)):
            migrate(root, *arguments, MIGRATE_DATABASE_URL=target).check(0, "nothing to do")


@pytest.mark.parametrize(
    "name", ["MIGRATE_DATABASE_URL", "MIGRATE_DATABASE_URL_FILE", "DATABASE_URL", "DATABASE_URL_FILE"]
)
def test_an_empty_variable_is_never_the_embedded_database(tmp_path: Path, name: str) -> None:
    """A secret that did not mount. The environment is said to be none that names the embedded database itself."""
    settings = 'environment = "ci"\n[tool.migrate.environments.ci]\n'
    root = project(tmp_path / "erp", modules=("crm",), settings=settings)
    migrate(root, "all-modules", **{name: ""}).check(2, f"{name} is set and empty", "URL")
    assert not (root / ".migrate").exists()


def test_an_empty_url_wins_over_an_environment_that_says_embedded(tmp_path: Path) -> None:
    root = project(tmp_path / "erp", modules=("crm",))
    migrate(root, "all-modules", MIGRATE_DATABASE_URL="").check(2, "MIGRATE_DATABASE_URL is set and empty")
    migrate(root, "all-modules", "--database-url", " ").check(2, "--database-url is set and empty")
    assert not (root / ".migrate").exists()


def test_with_no_target_named_both_ways_out_are_told(tmp_path: Path) -> None:
    root = project(tmp_path / "erp", modules=("crm",), settings="")
    migrate(root, "all-modules").check(
        2,
        "No database is named.",
        "MIGRATE_DATABASE_URL",
        "--database-url",
        'target = "embedded"',
        "embedded:",
    )
    assert not (root / ".migrate").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--module", "cmr"), ("There is no module 'cmr'", "Did you mean 'crm'?")),
        (("--module", "zzzzz"), ("There is no module 'zzzzz'", "Known: billing, crm.")),
        (("--staging", "contianer"), ("--staging must be one of", 'did you mean "container"?')),
        (("--staging", "nosuch"), ("--staging must be one of", '"embedded"', "the URL of a server")),
        (("--env", "tset"), ("--env names environment 'tset'", "Did you mean 'test'?")),
        (("--atomic", "runn"), ("'runn' is not one of", "'run'")),
        (("--wait", "soon"), ("--wait must be a length of time", "10m")),
        (("--modul", "crm"), ("--modul", "--module")),
        (("--database-url", "erp"), ("neither a scheme nor 'key=value'", "postgresql://")),
        (("--database-url", f"mysql://ana:{PASSWORD}@db/erp"), ("mysql://", "Only PostgreSQL is supported")),
        (("--database-url", f"postgresql://ana:{PASSWORD}@db/erp"), ("must be percent-encoded", "%40")),
        (("--database-url", f"host=db password={PASSWORD} 'x"), ("'key=value' words cannot be read",)),
        (("--database-url", "postgresql://db/erp?sslmod=require"), ("'sslmod'", "Did you mean 'sslmode'?")),
    ],
)
def test_a_word_that_nobody_knows_is_answered_with_what_is_known(
    erp: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    migrate(erp, "all-modules", *arguments, MIGRATE_DATABASE_URL="postgresql://127.0.0.1:1/erp").check(
        2, *words
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('url_file = "secret/url"', ("secret/url", "cannot be read: No such file", "Mount the secret there")),
        ('url = "postgresql://ana:geheim@db/erp"', ("has a password in it", "url_env", "pyproject.toml:4")),
        ('service = "nosuch"', ("in no service file", "PGSERVICEFILE")),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(
    tmp_path: Path, line: str, words: tuple[str, ...]
) -> None:
    settings = f'environment = "test"\n[tool.migrate.environments.test]\n{line}\n'
    root = project(tmp_path / "erp", modules=("crm",), settings=settings)
    done = migrate(root, "all-modules")
    done.check(done.code, *words)
    assert done.code == (6 if "service" in line else 2)
