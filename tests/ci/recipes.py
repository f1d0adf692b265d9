"""The shipped recipes as values: their documents, the scripts in them, and the `migrate` commands in these."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from tests.ci.image import RECIPES
from tests.failures.site import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

YAML_FILES = sorted(
    [*RECIPES.rglob("*.yml"), *RECIPES.rglob("*.yaml"), REPOSITORY / ".pre-commit-hooks.yaml"]
)
SHELL_FILES = sorted(RECIPES.rglob("*.sh"))
_ENDS = frozenset(
    {";", "&&", "||", "|", "&", "(", ")", "{", "}", "then", "do", "else", "if", "!", "exec", "elif"}
)
_JOB_KEYS = frozenset({"script", "before_script", "after_script"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One piece of shell in a recipe: whose it is, and what the service would run."""

    file: Path
    place: str
    text: str
    variables: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.file.name}:{self.place}"


@cache
def document(file: Path) -> Any:
    """The only document of a file."""
    return documents(file)[0]


@cache
def documents(file: Path) -> tuple[Any, ...]:
    """All documents of a file, with anchors and merge keys resolved."""
    reader = YAML(typ="safe", pure=True)
    return tuple(reader.load_all(file.read_text(encoding="utf-8")))


def scripts() -> list[Script]:
    """Every script of every recipe."""
    found: list[Script] = []
    for file in YAML_FILES:
        for each in documents(file):
            match file.parent.name:
                case "github":
                    found.extend(_github(file, each))
                case "gitlab":
                    found.extend(_gitlab(file, each))
    found.extend(
        Script(file=file, place="all", text=file.read_text(encoding="utf-8"), variables={})
        for file in SHELL_FILES
    )
    return found


def script(file: str, place: str) -> Script:
    """The script of a step or a job, by the names that people give them."""
    found = [each for each in scripts() if each.file.name == file and each.place == place]
    assert len(found) == 1, f"{file} has {len(found)} scripts {place!r}"
    return found[0]


def _github(file: Path, workflow: Mapping[str, Any]) -> Iterator[Script]:
    for job, body in workflow["jobs"].items():
        for step in body.get("steps", ()):
            if "run" in step:
                variables = {**workflow.get("env", {}), **body.get("env", {}), **step.get("env", {})}
                yield Script(file=file, place=f"{job}/{step['name']}", text=step["run"], variables=variables)


def _gitlab(file: Path, pipeline: Mapping[str, Any]) -> Iterator[Script]:
    for job, body in pipeline.items():
        if not isinstance(body, dict):
            continue
        for key in sorted(_JOB_KEYS & set(body)):
            # A runner gives all entries of a list to one shell, one after the other.
            text = "\n".join(body[key])
            yield Script(file=file, place=f"{job}/{key}", text=text, variables=body.get("variables", {}))


def migrate_commands(text: str) -> list[tuple[str, ...]]:
    """The arguments of each `migrate` in a shell script; a parameter's value is some word."""
    commands: list[tuple[str, ...]] = []
    for line in _lines(text):
        words = list(_words(line))
        for at, word in enumerate(words):
            if word == "migrate" and (at == 0 or words[at - 1] in _ENDS):
                rest = words[at + 1 :]
                end = next((place for place, each in enumerate(rest) if each in _ENDS), len(rest))
                commands.append(_without_redirections(rest[:end]))
    return commands


def _lines(text: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", " ", text)
    return [line for line in joined.splitlines() if not line.lstrip().startswith("#")]


def _words(line: str) -> Iterator[str]:
    lexer = shlex.shlex(re.sub(r"\$\{?\w+\}?", "some-value", line), posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    try:
        yield from lexer
    except ValueError:
        return  # a line inside a longer quotation


def _without_redirections(words: list[str]) -> tuple[str, ...]:
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif re.fullmatch(r"[<>]+&?", word):
            skip = True
        else:
            kept.append(word)
    return tuple(kept)


def containers() -> Iterator[tuple[Path, str, Mapping[str, Any]]]:
    """Every container of the manifests and stacks: file, name and what it is made of."""
    for file in YAML_FILES:
        for each in documents(file):
            if file.parent.name == "kubernetes":
                spec = each["spec"]["template"]["spec"]
                for container in (*spec.get("initContainers", ()), *spec["containers"]):
                    yield file, container["name"], container
            elif file.parent.name == "docker":
                for name, service in each["services"].items():
                    yield file, name, service
