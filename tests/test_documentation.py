"""What the pages promise is what the program does: every command, option, example and exit code."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from coordinator import errors
from coordinator.checks.integrity.registry import INTEGRITY_CHECKS
from coordinator.checks.preflight.registry import PREFLIGHT_CHECKS
from coordinator.cli.main import COMMANDS, migrate
from coordinator.errors import CoordinatorError, FindingsError

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = (DOCS / "commands.md").read_text(encoding="utf-8")
ABSTRACT = (CoordinatorError, FindingsError)  # never raised as they are
SHARED = {"--env", "--database-url", "--wait-server", "--help", "-h"}


def section(name: str) -> str:
    """The part of the page about one command."""
    _, heading, rest = PAGE.partition(f"\n## migrate {name}\n")
    assert heading, f"docs/commands.md has no section about {name}"
    return rest.partition("\n## ")[0]


def command(name: str) -> click.Command:
    found = importlib.import_module(COMMANDS[name][0]).command
    assert isinstance(found, click.Command)
    return found


def leaves(name: str) -> dict[str, click.Command]:
    """The command itself, or each command of a group."""
    found = command(name)
    if isinstance(found, click.Group):
        return {f"{name} {inner}": each for inner, each in found.commands.items()}
    return {name: found}


EXAMPLES = [
    line.removeprefix("$ migrate ").split(" | ")[0]
    for page in sorted(DOCS.glob("*.md"))
    for line in page.read_text(encoding="utf-8").splitlines()
    if line.startswith("$ migrate ")
]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_its_line_in_the_list_of_commands(name: str) -> None:
    done = CliRunner().invoke(migrate, [name, "--help"])
    assert done.exit_code == 0
    told = done.output.partition("\n\n")[2]
    assert len(told.strip().splitlines()[0]) > 20, "the help says nothing about the command"
    listed = " ".join(CliRunner().invoke(migrate, ["--help"]).output.split())
    assert f"{name} {COMMANDS[name][1]}" in listed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help_and_is_in_the_commands_section(name: str) -> None:
    text = section(name)
    for full_name, each in leaves(name).items():
        assert full_name.split()[-1] in text
        for parameter in each.params:
            if isinstance(parameter, click.Option) and not set(parameter.opts) & SHARED:
                assert parameter.help, f"{full_name} {parameter.opts[0]} has no help"
                assert f"`{parameter.opts[0]}" in text, f"{full_name} {parameter.opts[0]} is not on the page"


@pytest.mark.parametrize("option", sorted(SHARED - {"--help", "-h"}))
def test_shared_options_are_described_once_at_the_top(option: str) -> None:
    assert f"| `{option} " in PAGE.partition("\n## ")[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_section_names_an_option_that_the_command_does_not_have(name: str) -> None:
    known = {opt for each in leaves(name).values() for parameter in each.params for opt in parameter.opts}
    rows = re.findall(r"^\| `(--[a-z-]+)", section(name), re.MULTILINE)
    assert set(rows) <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_every_section_shows_a_real_output(name: str) -> None:
    assert re.search(rf"^```\n\$ migrate {name}.*\n.+", section(name), re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_command_line_that_is_understood(example: str) -> None:
    words = shlex.split(example)
    found, rest = command(words[0]), words[1:]
    if isinstance(found, click.Group):
        found, rest = found.commands[rest[0]], rest[1:]
    found.make_context(words[0], rest)  # raises for an unknown option or a wrong value


def test_the_first_commands_of_the_page_are_all_of_them() -> None:
    assert re.findall(r"^## migrate (.+)$", PAGE, re.MULTILINE) == list(COMMANDS)


def test_the_table_says_of_every_command_whether_it_writes() -> None:
    assert re.findall(r"^\| \[`(.+?)`\]\(#migrate-", PAGE, re.MULTILINE) == list(COMMANDS)


def exit_rows() -> dict[int, set[str]]:
    """Code -> names of the errors in its row."""
    page = (DOCS / "exit-codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \|([^|]*)\|", page, re.MULTILINE)
    return {int(code): set(re.findall(r"`(\w+)`", names)) for code, names in rows}


def test_the_page_of_exit_codes_equals_the_errors() -> None:
    promised: dict[int, set[str]] = {}
    for name, each in vars(errors).items():
        if isinstance(each, type) and issubclass(each, CoordinatorError) and each not in ABSTRACT:
            promised.setdefault(each.exit_code, set()).add(name)
    told = {code: names for code, names in exit_rows().items() if names}
    assert told == promised
    assert set(exit_rows()) - set(told) == {0, 130}


@pytest.mark.parametrize("name", [check.name for check in INTEGRITY_CHECKS])
def test_every_integrity_check_has_a_row_and_a_section(name: str) -> None:
    page = (DOCS / "checks.md").read_text(encoding="utf-8")
    assert f"| [`{name}`](#{name}) |" in page
    assert f"\n## {name}\n" in page


@pytest.mark.parametrize("name", [check.name for check in PREFLIGHT_CHECKS])
def test_every_preflight_check_is_on_its_page(name: str) -> None:
    assert f"`{name}`" in (DOCS / "checks-preflight.md").read_text(encoding="utf-8")


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in (*DOCS.rglob("*.md"), DOCS.parent / "README.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
