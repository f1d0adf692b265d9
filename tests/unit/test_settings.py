"""Settings: found, typed, refused with file and line, and taken in one order of precedence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.errors import SettingsError, UsageError
from coordinator.model.durations import format_duration, parse_duration
from coordinator.model.plan import Atomicity
from coordinator.settings.load import load_settings
from coordinator.settings.source import key_lines
from coordinator.settings.values import (
    EmbeddedTarget,
    Flags,
    Settings,
    StagingKind,
    UrlTarget,
    WhenAhead,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL = 'environment = "local"\n[tool.migrate.environments.local]\ntarget = "embedded"\n'


def write(root: Path, text: str, name: str = "pyproject.toml") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    file = root / name
    file.write_text(text, encoding="utf-8")
    return file


def load(
    root: Path,
    text: str | None = None,
    *,
    flags: Flags | None = None,
    given: Mapping[str, str] | None = None,
    **variables: str,
) -> Settings:
    if text is not None:
        write(root, "[tool.migrate]\n" + text)
    return load_settings(start=root, environment={**(given or {}), **variables}, flags=flags or Flags())


def told(
    root: Path,
    text: str,
    *,
    flags: Flags | None = None,
    given: Mapping[str, str] | None = None,
    **variables: str,
) -> str:
    """All that the refusal says."""
    with pytest.raises(SettingsError) as refusal:
        _ = load(root, text, flags=flags, given=given, **variables).target
    error = refusal.value
    assert error.exit_code == 2
    return "\n".join((error.message, *error.details, error.help or ""))


def url_of(settings: Settings) -> str:
    assert isinstance(settings.target, UrlTarget)
    return settings.target.text


class TestFindingTheFile:
    def test_it_is_found_by_walking_up(self, tmp_path: Path) -> None:
        file = write(tmp_path, "[tool.migrate]\n" + LOCAL)
        below = tmp_path / "modules" / "crm"
        below.mkdir(parents=True)
        settings = load(below)
        assert (settings.file, settings.root) == (file, tmp_path)

    def test_a_pyproject_of_a_module_without_our_table_is_passed_over(self, tmp_path: Path) -> None:
        file = write(tmp_path, "[tool.migrate]\n" + LOCAL)
        write(tmp_path / "crm", "[project]\nname = 'crm'\n")
        assert load(tmp_path / "crm").file == file

    @pytest.mark.parametrize("text", ["map = 'm.md'\n", "[tool.migrate]\nmap = 'm.md'\n"])
    def test_migrate_toml_holds_them_with_or_without_the_tables_name(self, tmp_path: Path, text: str) -> None:
        write(tmp_path, text, "migrate.toml")
        assert load(tmp_path).map == tmp_path / "m.md"

    def test_two_files_in_one_folder_are_refused(self, tmp_path: Path) -> None:
        write(tmp_path, "", "migrate.toml")
        assert "Both" in told(tmp_path, LOCAL)

    def test_no_file_at_all_names_the_next_command(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="No settings were found") as refusal:
            load(tmp_path)
        assert "migrate.toml" in str(refusal.value.help)

    def test_what_is_not_toml_is_told_with_its_line(self, tmp_path: Path) -> None:
        assert "line 2" in told(tmp_path, "map = \n")

    def test_binary_rubbish_is_told_without_a_traceback(self, tmp_path: Path) -> None:
        (tmp_path / "migrate.toml").write_bytes(b"\x00\xff\xfe")
        with pytest.raises(SettingsError, match="not UTF-8"):
            load(tmp_path)


class TestMistakes:
    def test_all_are_told_at_once_each_with_its_line(self, tmp_path: Path) -> None:
        text = (
            "mapp = 'x'\n"
            "wait = 60\n"
            "[tool.migrate.modules.crm]\n"
            "schemas = 'crm'\n"
            "shemas = ['crm']\n"
            "[tool.migrate.environments.production]\n"
            "atomic = 'never'\n"
        )
        message = told(tmp_path, text)
        file = tmp_path / "pyproject.toml"
        assert "5 problems" in message
        assert f"{file}:2: Unknown key 'mapp' in the settings. Did you mean 'map'?" in message
        assert f"{file}:3: 'wait' must be a length of time" in message
        assert f"{file}:5: 'schemas' must be a list" in message
        assert f"{file}:6: Unknown key 'shemas' in [modules.crm]. Did you mean 'schemas'?" in message
        assert f'{file}:8: \'atomic\' must be one of "auto", "run", "step"' in message

    def test_a_single_mistake_is_the_message(self, tmp_path: Path) -> None:
        assert told(tmp_path, "map = 3\n").startswith(
            f"{tmp_path / 'pyproject.toml'}:2: 'map' must be a text"
        )

    def test_a_mistake_in_another_environment_is_told_too(self, tmp_path: Path) -> None:
        assert "'wait' must be" in told(
            tmp_path, LOCAL + "[tool.migrate.environments.production]\nwait='soon'\n"
        )

    def test_lines_are_right_behind_values_of_many_lines(self) -> None:
        text = 'a = """\n[b]\nc = 1\n"""\n[x."y z"]\nl = [\n 1,\n]\nb = { s = 1 }\n[[t]]\nk = 1\n'
        lines = key_lines(text)
        assert lines["a",] == 1
        assert lines["x", "y z", "l"] == 6
        assert lines["x", "y z", "b", "s"] == 9
        assert lines["t",] == 10
        assert ("b",) not in lines

    def test_lines_are_right_with_other_line_ends_too(self) -> None:
        assert key_lines('a = "x\u2028y"\r\n\r\n[t]\r\nb = 1\r\n') == {("a",): 1, ("t",): 3, ("t", "b"): 4}

    def test_a_password_in_the_file_is_refused_and_not_shown(self, tmp_path: Path) -> None:
        for url in (
            "postgresql://me:hunter2@db/erp",
            "host=db password=hunter2",
            "postgres://db/x?password=hunter2",
        ):
            message = told(tmp_path, f"[tool.migrate.environments.production]\nurl = '{url}'\n")
            assert "url_env" in message
            assert "hunter2" not in message

    def test_a_url_without_a_password_may_stand_in_the_file(self, tmp_path: Path) -> None:
        for url in (
            "postgresql://me@db:5432/erp?user=me@corp",
            "postgresql://h1:1,h2:2/erp",
            "host=db user=me",
        ):
            text = f"environment = 'e'\n[tool.migrate.environments.e]\nurl = '{url}'\n"
            assert url_of(load(tmp_path, text)) == url

    def test_a_database_named_twice_is_refused(self, tmp_path: Path) -> None:
        text = "[tool.migrate.environments.e]\ntarget = 'embedded'\nurl_env = 'X'\n"
        assert "names its database twice: target and url_env" in told(tmp_path, text)

    def test_a_wrong_flag_and_a_wrong_variable_are_named(self, tmp_path: Path) -> None:
        message = told(tmp_path, LOCAL, flags=Flags(wait="long"), MIGRATE_ATOMIC="maybe")
        assert "--wait must be a length of time" in message
        assert "MIGRATE_ATOMIC must be one of" in message


class TestEnvironment:
    TEXT = (
        LOCAL
        + "wait = '1s'\n"
        + "[tool.migrate.environments.production]\nurl_env = 'PROD'\nwait = '2s'\n"
        + "require_certificate = true\n"
    )

    def test_flag_then_variable_then_file(self, tmp_path: Path) -> None:
        assert load(tmp_path, self.TEXT).environment == "local"
        assert load(tmp_path, MIGRATE_ENV="production").environment == "production"
        assert load(tmp_path, flags=Flags(env="local"), MIGRATE_ENV="production").environment == "local"

    def test_its_table_decides_options_below_flag_and_variable(self, tmp_path: Path) -> None:
        production = load(tmp_path, "wait = '3s'\nlock_wait = '4s'\n" + self.TEXT, MIGRATE_ENV="production")
        assert (production.wait, production.lock_wait) == (2.0, 4.0)
        assert production.require_certificate
        assert load(tmp_path, MIGRATE_ENV="production", MIGRATE_WAIT="5s").wait == 5.0
        flags = Flags(wait="6s", atomic="step", when_ahead="refuse")
        typed = load(tmp_path, flags=flags, MIGRATE_ENV="production", MIGRATE_WAIT="5s")
        assert (typed.wait, typed.atomic, typed.when_ahead) == (6.0, Atomicity.STEP, WhenAhead.REFUSE)

    def test_defaults_hold_when_nothing_is_said(self, tmp_path: Path) -> None:
        settings = load(tmp_path, "")
        assert (settings.environment, settings.wait, settings.wait_server) == (None, 600.0, 0.0)
        assert (settings.atomic, settings.staging.kind) == (Atomicity.AUTO, StagingKind.AUTO)

    @pytest.mark.parametrize("name", ["prodution", ""])
    def test_one_without_a_table_is_refused(self, tmp_path: Path, name: str) -> None:
        message = told(tmp_path, self.TEXT, MIGRATE_ENV=name)
        assert "[tool.migrate.environments." in message
        assert "production" in message


class TestTarget:
    PRODUCTION = "environment = 'production'\n[tool.migrate.environments.production]\nurl_env = 'PROD'\n"

    def test_the_embedded_database_only_when_named(self, tmp_path: Path) -> None:
        named = load(tmp_path, LOCAL).target
        assert named == EmbeddedTarget(
            directory=tmp_path / ".migrate/target", origin="target of environment 'local'"
        )
        assert isinstance(load(tmp_path, "", flags=Flags(database_url="embedded:")).target, EmbeddedTarget)
        message = told(tmp_path, "")
        assert "MIGRATE_DATABASE_URL" in message
        assert 'target = "embedded"' in message

    def test_an_embedded_url_with_something_behind_it_is_refused(self, tmp_path: Path) -> None:
        assert "nothing more" in told(tmp_path, "", flags=Flags(database_url="embedded:x"))

    def test_the_order_is_flag_variable_table_and_what_is_left(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("postgresql://file\n")
        variables = {
            "MIGRATE_DATABASE_URL": "postgresql://direct",
            "MIGRATE_DATABASE_URL_FILE": str(secret),
            "PROD": "postgresql://table",
            "DATABASE_URL": "postgresql://pooled",
            "PGSERVICE": "erp",
            "PGHOST": "h",
            "PGUSER": "u",
        }
        flags = Flags(database_url="postgresql://flag")
        assert url_of(load(tmp_path, self.PRODUCTION, flags=flags, given=variables)) == "postgresql://flag"
        expected = ["direct", "file", "table"]
        for name, url in zip(list(variables)[:3], expected, strict=True):
            assert url_of(load(tmp_path, given=variables)) == f"postgresql://{url}"
            variables.pop(name)
        assert url_of(load(tmp_path, "", given=variables)) == "postgresql://pooled"
        variables.pop("DATABASE_URL")
        assert url_of(load(tmp_path, "", given=variables)) == "postgresql:///?service=erp"
        variables.pop("PGSERVICE")
        assert url_of(load(tmp_path, "", given=variables)) == "postgresql:///?host=h&user=u"

    @pytest.mark.parametrize("value", ["", "  ", None])
    def test_an_empty_url_env_is_never_replaced_by_another_database(
        self, tmp_path: Path, value: str | None
    ) -> None:
        variables = {"DATABASE_URL": "postgresql://pooled", "PGHOST": "h"} | (
            {} if value is None else {"PROD": value}
        )
        message = told(tmp_path, self.PRODUCTION, given=variables)
        assert "PROD, which is not set or empty" in message

    @pytest.mark.parametrize("name", ["MIGRATE_DATABASE_URL", "MIGRATE_DATABASE_URL_FILE"])
    def test_an_empty_variable_does_not_fall_back_to_the_embedded_database(
        self, tmp_path: Path, name: str
    ) -> None:
        assert f"{name} is set and empty" in told(tmp_path, LOCAL, given={name: ""})

    def test_a_secret_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        gone = str(tmp_path / "gone")
        assert gone in told(tmp_path, LOCAL, MIGRATE_DATABASE_URL_FILE=gone)

    def test_url_file_and_service_of_an_environment(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("postgresql://s\n")
        text = "environment='e'\n[tool.migrate.environments.e]\n"
        assert url_of(load(tmp_path, text + "url_file='secret'\n")) == "postgresql://s"
        assert url_of(load(tmp_path, text + "service='erp'\n")) == "postgresql:///?service=erp"

    def test_a_password_is_in_no_repr(self, tmp_path: Path) -> None:
        flags = Flags(database_url="postgresql://me:hunter2@db/erp", staging="postgresql://me:hunter2@s/x")
        settings = load(tmp_path, LOCAL, flags=flags)
        assert url_of(settings) == flags.database_url
        for value in (flags, settings, settings.target, settings.staging):
            assert "hunter2" not in repr(value) + str(value)

    def test_a_command_that_needs_no_database_is_not_stopped(self, tmp_path: Path) -> None:
        assert load(tmp_path, self.PRODUCTION).map == tmp_path / "database_map.md"

    def test_a_password_command_is_a_list_or_a_command_line(self, tmp_path: Path) -> None:
        for written in ("['aws', 'token', 'a b']", "\"aws token 'a b'\""):
            text = self.PRODUCTION + f"password_command = {written}\n"
            assert load(tmp_path, text).password_command == ("aws", "token", "a b")


class TestStaging:
    def staging(
        self, root: Path, line: str, flag: str | None = None, given: Mapping[str, str] | None = None
    ) -> tuple[str, str | None, str]:
        settings = load(root, line + "\n", flags=Flags(staging=flag), given=given).staging
        return settings.kind.value, settings.image, settings.server.text if settings.server else ""

    def test_a_word_a_url_or_a_table(self, tmp_path: Path) -> None:
        assert self.staging(tmp_path, "staging = 'off'") == ("off", None, "")
        assert self.staging(tmp_path, "staging.image = 'my/pg:15'") == ("auto", "my/pg:15", "")
        assert self.staging(tmp_path, "staging = 'postgresql://s/x'") == ("server", None, "postgresql://s/x")
        assert self.staging(tmp_path, "staging.url_env = 'S'", given={"S": "postgresql://e"}) == (
            "server",
            None,
            "postgresql://e",
        )

    def test_a_flag_wins_and_keeps_the_image(self, tmp_path: Path) -> None:
        line = "staging = { kind = 'embedded', image = 'my/pg:15' }"
        assert self.staging(tmp_path, line, "container") == ("container", "my/pg:15", "")
        assert self.staging(tmp_path, line, "postgresql://u:p@s") == (
            "server",
            "my/pg:15",
            "postgresql://u:p@s",
        )

    def test_an_empty_variable_is_told_when_staging_is_needed(self, tmp_path: Path) -> None:
        settings = load(tmp_path, "staging.url_env = 'S'\n")
        with pytest.raises(SettingsError, match="S, which is not set"):
            _ = settings.staging.server

    @pytest.mark.parametrize(
        ("line", "wanted"),
        [
            ("staging = 'dockr'", "container"),
            ("staging = 3", "a table"),
            ("staging.imag = 'x'", "image"),
            ("staging.kind = 'server'", "url_env"),
            ("staging.url = 'postgresql://u:hunter2@s'", "url_env"),
            ("staging = 'postgresql://u:hunter2@s'", "url_env"),
        ],
    )
    def test_a_wrong_form_is_refused(self, tmp_path: Path, line: str, wanted: str) -> None:
        message = told(tmp_path, line + "\n")
        assert f"{tmp_path / 'pyproject.toml'}:2: 'staging' must be" in message
        assert wanted in message
        assert "hunter2" not in message


class TestModules:
    def test_folders_are_modules_and_the_settings_complete_them(self, tmp_path: Path) -> None:
        for name in ("crm", "billing"):
            (tmp_path / "modules" / name / "migrations" / "versions").mkdir(parents=True)
        (tmp_path / "modules" / "no_tree").mkdir()
        text = (
            LOCAL
            + "[tool.migrate.modules.crm]\nschemas = ['crm', 'crm_log']\nowner = 'crm_owner'\n"
            + "[tool.migrate.modules.stock]\npath = '../stock/migrations'\n"
            + "interpreter = '../stock/.venv/bin/python'\n"
            + "version_table = 'public.alembic_version_stock'\nnaming_convention = 'stock.models:metadata'\n"
            + "sources = ['../stock/src']\nimport_paths = ['../stock']\n"
            + "baseline = { sql = '../stock/base.sql', revision = '9c' }\n"
        )
        root = tmp_path / "erp"
        (tmp_path / "modules").rename(root.parent / "kept")
        root.mkdir()
        (tmp_path / "kept").rename(root / "modules")
        billing, crm, stock = load(root, text).modules
        assert (billing.name, billing.schemas, billing.path) == (
            "billing",
            ("billing",),
            root / "modules/billing/migrations",
        )
        assert billing.import_paths == (root / "modules/billing", root)
        assert (crm.schemas, crm.owner, crm.path) == (
            ("crm", "crm_log"),
            "crm_owner",
            root / "modules/crm/migrations",
        )
        assert stock.path == tmp_path / "stock/migrations"
        assert stock.interpreter == str(tmp_path / "stock/.venv/bin/python")
        assert stock.qualified_version_table == ("public", "alembic_version_stock")
        assert (stock.sources, stock.import_paths) == ((tmp_path / "stock/src",), (tmp_path / "stock",))
        assert stock.baseline is not None
        assert (stock.baseline.sql, stock.baseline.revision) == (tmp_path / "stock/base.sql", "9c")

    def test_two_owners_of_one_schema_are_refused(self, tmp_path: Path) -> None:
        text = LOCAL + "[tool.migrate.modules.a]\n[tool.migrate.modules.b]\nschemas = ['b', 'a']\n"
        message = told(tmp_path, text)
        assert message.startswith(f"{tmp_path / 'pyproject.toml'}:7: Modules 'a'")
        assert "both own schema 'a'" in message

    def test_a_baseline_without_its_revision_is_refused(self, tmp_path: Path) -> None:
        message = told(tmp_path, LOCAL + "[tool.migrate.modules.a]\nbaseline = { sql = 'b.sql' }\n")
        assert "A baseline needs revision" in message

    def test_an_unknown_name_gets_the_nearest(self, tmp_path: Path) -> None:
        (tmp_path / "modules/billing/migrations/versions").mkdir(parents=True)
        settings = load(tmp_path, LOCAL)
        assert settings.module("billing") is settings.modules[0]
        with pytest.raises(UsageError, match="no module 'biling'") as refusal:
            settings.module("biling")
        assert refusal.value.help == "Did you mean 'billing'?"

    def test_a_folder_with_an_odd_name_is_a_module_like_any_other(self, tmp_path: Path) -> None:
        name = 'a "b" <script>\'é'
        (tmp_path / "modules" / name / "migrations" / "versions").mkdir(parents=True)
        (module,) = load(tmp_path, LOCAL).modules
        assert (module.name, module.schema) == (name, name)

    def test_a_name_with_a_colon_is_refused(self, tmp_path: Path) -> None:
        assert "no colon" in told(tmp_path, LOCAL + "[tool.migrate.modules.'a:b']\n")


class TestStateDirectory:
    def test_beside_the_file_unless_a_variable_says_otherwise(self, tmp_path: Path) -> None:
        assert load(tmp_path, LOCAL).state_directory == tmp_path / ".migrate"
        assert load(tmp_path, MIGRATE_STATE_DIR="/var/tmp/m").state_directory == Path("/var/tmp/m")

    def test_a_read_only_checkout_gets_a_folder_in_the_temp_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A read-only mount cannot be had in a test; the answer of the system is.
        monkeypatch.setattr(os, "access", lambda *_: False)
        first, again = load(tmp_path, LOCAL).state_directory, load(tmp_path).state_directory
        assert first == again
        assert not first.is_relative_to(tmp_path / ".migrate")
        assert first.name.startswith(f"migrate-{os.getuid()}-")


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("60s", 60), ("10m", 600), ("1h30m", 5400), ("500ms", 0.5), ("0s", 0), ("1.5s", 1.5)],
    )
    def test_read(self, text: str, seconds: float) -> None:
        assert parse_duration(text) == seconds

    @pytest.mark.parametrize("text", ["", "60", "m", "10 parsecs", "30m1h", "1h 30m", "-5s", "5s5s"])
    def test_refused_with_the_wanted_form(self, text: str) -> None:
        with pytest.raises(ValueError, match="a length of time such as"):
            parse_duration(text)

    @pytest.mark.parametrize("text", ["1m", "10m", "1h30m", "500ms", "0s", "2d1h"])
    def test_written_as_read(self, text: str) -> None:
        assert format_duration(parse_duration(text)) == text
