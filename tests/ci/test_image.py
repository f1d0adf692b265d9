"""The coordinator's image, really built and run: any uid, a read-only root, no home, against a server in a container."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import tomllib
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.commands_site import write_shop
from tests.failures.site import REPOSITORY, Ended

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

NAME = f"migrate-test-{uuid4().hex[:8]}"
NOBODYS_UID = "54321:54321"  # no line of the image's /etc/passwd has it
PASSWORD = "s3cret-of-the-test"
MAP = "# Map\n\n- Module CRM\n  - table: customers (id, name, telefone2)\n"
SETTINGS = '[tool.migrate.environments.production]\nurl_env = "MIGRATE_DATABASE_URL"\nstaging = "off"\n'


def docker(*arguments: str, check: bool = True) -> Ended:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    ended = Ended(code=done.returncode, out=done.stdout, err=done.stderr)
    assert ended.code == 0 or not check, f"docker {arguments[0]}: {ended.err}"
    return ended


def python_in(image: str) -> str:
    """The version of Python that the image will have: its own, or Debian's of its release."""
    codename = docker(
        "run", "--rm", "--entrypoint", "sh", image, "-c", ". /etc/os-release; echo $VERSION_CODENAME"
    )
    return {"bookworm": "3.11", "trixie": "3.13"}[codename.out.strip()]


def collect_wheels(folder: Path, python: str) -> None:
    """What the image is made of, fetched outside of it: the build reaches no index here."""
    with (REPOSITORY / "pyproject.toml").open("rb") as stream:
        told = tomllib.load(stream)
    project = told["project"]
    names = [
        *project["dependencies"],
        *project["optional-dependencies"]["sign"],
        *told["build-system"]["requires"],
    ]
    machine = platform.machine()
    platforms = [
        f"--platform={name}_{machine}" for name in ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
    ]
    pip = shutil.which("pip") or str(REPOSITORY / ".venv" / "bin" / "pip")
    done = subprocess.run(
        [
            pip,
            "download",
            "--quiet",
            "--only-binary=:all:",
            f"--python-version={python}",
            *platforms,
            "--dest",
            folder,
            *names,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"the wheels for the image cannot be fetched: {done.stderr.strip().splitlines()[-1]}")


@pytest.fixture(scope="module")
def built(docker_engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The coordinator's image from this checkout, on the only image that is surely there."""
    context = tmp_path_factory.mktemp("context")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".dockerignore"):
        shutil.copy(REPOSITORY / name, context / name)
    shutil.copytree(REPOSITORY / "coordinator", context / "coordinator")
    shutil.copytree(REPOSITORY / "ci" / "recipes", context / "ci" / "recipes")
    (context / ".env").write_text("PASSWORD=never in the image\n", encoding="utf-8")
    collect_wheels(context / "wheels", python_in(docker_engine))
    words = [
        "build", "--quiet", "--file", str(context / "ci" / "recipes" / "docker" / "Dockerfile"),
        "--build-arg", f"BASE={docker_engine}", "--build-arg", "PIP_NO_INDEX=1", "--build-arg", "REVISION=0123abc",
    ]  # fmt: skip
    stage, tag = f"{NAME}:stage", f"{NAME}:coordinator"
    try:
        # The stage gets a name too, so that nothing nameless is left behind.
        docker(*words, "--target", "build", "--tag", stage, str(context))
        docker(*words, "--tag", tag, str(context))
        yield tag
    finally:
        docker("rmi", "--force", tag, stage, check=False)


@pytest.fixture(scope="module")
def module_image(built: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One module's image by the shipped recipe: crm alone."""
    folder = tmp_path_factory.mktemp("module")
    write_shop(folder)
    shutil.rmtree(folder / "modules" / "billing")
    (folder / "pyproject.toml").unlink()
    (folder / "migrate.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "database_map.md").write_text(MAP, encoding="utf-8")
    recipe = REPOSITORY / "ci" / "recipes" / "docker" / "module.Dockerfile"
    tag = f"{NAME}:crm"
    try:
        docker(
            "build",
            "--quiet",
            "--file",
            str(recipe),
            "--build-arg",
            f"COORDINATOR={built}",
            "--tag",
            tag,
            str(folder),
        )
        yield tag
    finally:
        docker("rmi", "--force", tag, check=False)


@contextmanager
def network() -> Iterator[str]:
    docker("network", "create", NAME)
    try:
        yield NAME
    finally:
        docker("network", "rm", NAME, check=False)


@pytest.fixture
def server(docker_engine: str, tmp_path: Path) -> Iterator[Path]:
    """A PostgreSQL on a network of its own; the file that holds its URL."""
    with network():
        docker(
            "run", "--detach", "--rm", "--name", f"{NAME}-db", "--network", NAME,
            "--env", f"POSTGRES_PASSWORD={PASSWORD}", "--env", "POSTGRES_DB=erp", docker_engine,
        )  # fmt: skip
        secret = tmp_path / "database_url"
        secret.write_text(f"postgresql://postgres:{PASSWORD}@{NAME}-db:5432/erp\n", encoding="utf-8")
        secret.chmod(0o444)
        try:
            yield secret
        finally:
            docker("rm", "--force", f"{NAME}-db", check=False)


def restricted(image: str, secret: Path | None, *words: str, entrypoint: str | None = None) -> Ended:
    """Run the image as a cluster would that allows nothing."""
    mounts = ["--volume", f"{secret}:/run/secrets/database_url:ro"] if secret else []
    variables = ["--env", "MIGRATE_DATABASE_URL_FILE=/run/secrets/database_url"] if secret else []
    return docker(
        "run", "--rm", "--read-only", "--tmpfs", "/tmp", "--user", NOBODYS_UID, "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", *(["--network", NAME] if secret else []), *mounts, *variables,
        *(["--entrypoint", entrypoint] if entrypoint else []), image, *words, check=False,
    )  # fmt: skip


def test_the_image_is_small_in_what_it_says_and_may(built: str) -> None:
    (told,) = json.loads(docker("image", "inspect", built).out)
    config = told["Config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["migrate"]
    assert config["Healthcheck"] == {"Test": ["NONE"]}
    assert "MIGRATE_ENV=production" in config["Env"]
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert config["Labels"]["org.opencontainers.image.revision"] == "0123abc"

    listed = restricted(
        built,
        None,
        "-c",
        "find / -name .env -o -path /source -o -name pip 2>/dev/null; true",
        entrypoint="sh",
    )
    assert "/.env" not in listed.out
    assert "/source" not in listed.out
    assert "/opt/migrate/bin/pip" not in listed.out
    assert restricted(built, None, "--version").out.startswith("migrate, version ")


def test_a_missing_secret_is_exit_2(module_image: str) -> None:
    ended = restricted(module_image, None, "echo", "started")
    assert ended.code == 2, ended.err
    assert "MIGRATE_DATABASE_URL, which is not set or empty" in ended.said
    assert "started" not in ended.out


def test_a_module_migrates_starts_and_is_waited_for(module_image: str, server: Path) -> None:
    early = restricted(
        module_image, server, "status", "--wait", "1s", "--wait-server", "60s", entrypoint="migrate"
    )
    assert early.code == 1, early.err

    first = restricted(module_image, server, "sh", "-c", 'echo "started as $(id -u)"; touch /app/x')
    assert first.code != 0  # the application's own touch: its root is read-only
    assert "started as 54321" in first.out, first.err
    assert "2 steps applied" in first.said
    assert PASSWORD not in first.out + first.err

    second = restricted(module_image, server, "echo", "started")
    assert (second.code, second.out) == (0, "started\n"), second.err
    assert "nothing to do" in second.said

    there = restricted(module_image, server, "status", "--wait", "5s", entrypoint="migrate")
    assert there.code == 0, there.err
    assert "every revision of this checkout is in" in there.out
