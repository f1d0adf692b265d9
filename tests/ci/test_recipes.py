"""Each recipe is what its service takes, says only what this program understands, and gives nobody more than it needs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import jsonschema  # type: ignore[import-untyped]
import pytest

from coordinator import __version__
from coordinator.cli.main import migrate
from tests.ci.image import ENTRYPOINT, RECIPES
from tests.ci.recipes import (
    SHELL_FILES,
    YAML_FILES,
    Script,
    containers,
    document,
    documents,
    migrate_commands,
    script,
    scripts,
)
from tests.failures.site import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKFLOWS = sorted((RECIPES / "github").glob("*.yml"))
PIPELINE = RECIPES / "gitlab" / "migrate.gitlab-ci.yml"
HOOKS = next(file for file in YAML_FILES if file.name == ".pre-commit-hooks.yaml")
SECRET = re.compile(r"secrets\.[A-Za-z_]+")


def check_schema(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_is_one_and_every_job_has_a_time_limit(file: Path) -> None:
    check_schema("--builtin-schema", "vendor.github-workflows", str(file))
    for name, job in document(file)["jobs"].items():
        assert "uses" in job or job["timeout-minutes"] <= 60, name


def test_the_pipeline_is_one_and_every_job_has_a_time_limit() -> None:
    check_schema("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(PIPELINE))
    for name, job in document(PIPELINE).items():
        if isinstance(job, dict) and "script" in job:
            assert job["timeout"], name


@pytest.mark.parametrize("name", ["compose.yaml", "swarm-stack.yaml"])
def test_a_stack_is_one(name: str) -> None:
    check_schema("--builtin-schema", "vendor.compose-spec", str(RECIPES / "docker" / name))


@pytest.mark.parametrize(("name", "kind"), [("job.yaml", "Job"), ("deployment.yaml", "Deployment")])
def test_a_manifest_is_one(name: str, kind: str) -> None:
    schema = json.loads((Path(__file__).parent / "kubernetes-1.34.schema.json").read_text(encoding="utf-8"))
    (found,) = documents(RECIPES / "kubernetes" / name)
    assert found["kind"] == kind
    jsonschema.validate(found, {**schema, "$ref": f"#/definitions/{kind}"})
    found["spec"]["template"]["spec"]["restartPolicies"] = "Never"
    with pytest.raises(jsonschema.ValidationError, match="restartPolicies"):
        jsonschema.validate(found, {**schema, "$ref": f"#/definitions/{kind}"})
    del found["spec"]["template"]["spec"]["restartPolicies"]


def test_the_hooks_are_what_pre_commit_takes() -> None:
    known = {
        "id", "name", "description", "entry", "language", "additional_dependencies", "files", "pass_filenames",
        "require_serial", "stages",
    }  # fmt: skip
    for hook in document(HOOKS):
        assert {"id", "name", "entry", "language"} <= set(hook) <= known
        assert hook["language"] == "python"
        assert re.search(hook["files"], "modules/crm/migrations/versions/0001_create.py")
        assert re.search(hook["files"], "database_map.md")
        assert not re.search(hook["files"], "modules/crm/nexus_crm/models.py")
    config = document(RECIPES / "pre-commit" / "pre-commit-config.yaml")
    used = {hook["id"] for repository in config["repos"] for hook in repository["hooks"]}
    assert used == {hook["id"] for hook in document(HOOKS)}


# Every command that a recipe runs


def understood(arguments: tuple[str, ...]) -> None:
    """Let the command's own parser judge. Raises click's errors for what it does not know."""
    context = migrate.make_context("migrate", list(arguments))
    name, found, rest = migrate.resolve_command(context, [*context._protected_args, *context.args])
    assert found is not None
    assert name is not None
    inner = found.make_context(name, rest, parent=context)
    if isinstance(found, click.Group):
        name, leaf, rest = found.resolve_command(inner, [*inner._protected_args, *inner.args])
        assert leaf is not None
        leaf.make_context(name, rest, parent=inner)


def commands() -> Iterator[tuple[str, tuple[str, ...]]]:
    for each in scripts():
        for arguments in migrate_commands(each.text):
            yield str(each), arguments
    for hook in document(HOOKS):
        program, *rest = hook["entry"].split()
        assert program == "migrate"
        yield f"hook {hook['id']}", tuple(rest)
    for file, name, container in containers():
        words = [*container.get("command", ()), *container.get("args", ())]
        if words[:1] == ["migrate"]:
            yield f"{file.name}:{name}", tuple(words[1:])


COMMANDS = list(commands())


@pytest.mark.parametrize(
    ("place", "arguments"), COMMANDS, ids=[f"{place}-{words[0]}" for place, words in COMMANDS]
)
def test_every_command_is_one_that_the_program_understands(place: str, arguments: tuple[str, ...]) -> None:
    understood(arguments)


def test_every_recipe_that_should_run_a_command_was_looked_at() -> None:
    found = {(place.partition(":")[0], words[0]) for place, words in COMMANDS}
    assert {
        ("migrate-gate.yml", "gate"),
        ("migrate-snapshot.yml", "snapshot"),
        ("migrate-release.yml", "gate"),
        ("migrate-release.yml", "certificate"),
        ("migrate-release.yml", "all-modules"),
        ("migrate.gitlab-ci.yml", "gate"),
        ("migrate.gitlab-ci.yml", "snapshot"),
        ("migrate.gitlab-ci.yml", "certificate"),
        ("migrate.gitlab-ci.yml", "all-modules"),
        ("hook migrate-check", "check"),
        ("hook migrate-map-check", "map"),
        ("job.yaml", "all-modules"),
        ("deployment.yaml", "status"),
    } <= found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("migrate plan", [("plan",)]),
        ("if ! migrate check --lint; then exit 1; fi", [("check", "--lint")]),
        (
            'migrate gate \\\n  --baseline "$A/b" \\\n  --report text=- || status=$?',
            [("gate", "--baseline", "some-value/b", "--report", "text=-")],
        ),
        ("migrate plan >plan.txt 2>&1 | tee x", [("plan", "2")]),
        ("# migrate nothing\necho migrate all; migrate status", [("status",)]),
    ],
)
def test_commands_are_found_in_shell(text: str, found: list[tuple[str, ...]]) -> None:
    assert migrate_commands(text) == found


@pytest.mark.parametrize("arguments", [("gate", "--basline", "x"), ("certificate", "sing", "x"), ("gates",)])
def test_a_command_that_does_not_exist_would_be_seen(arguments: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        understood(arguments)


# Shell


@pytest.mark.parametrize("each", scripts(), ids=str)
def test_every_script_is_shell(each: Script) -> None:
    for shell in ("sh", "dash", "bash"):
        if shutil.which(shell):
            done = subprocess.run([shell, "-n"], input=each.text, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("each", scripts(), ids=str)
def test_shellcheck_has_nothing_to_say(each: Script) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed (Debian's package has the same name)")
    shell = "bash" if each.file.parent.name == "github" else "sh"
    done = subprocess.run(
        # 2153: a variable that the service sets looks misspelt beside another one.
        ["shellcheck", "--shell", shell, "--exclude", "SC2153", "-"],
        input=each.text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


# Who may do what


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_grants_nothing_and_each_job_only_what_it_needs(file: Path) -> None:
    workflow = document(file)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        writes = {key for key, value in job["permissions"].items() if value != "read"}
        assert writes <= {"pull-requests", "security-events"}
        ran = "\n".join(step.get("run", "") for step in job.get("steps", ()))
        if writes:
            assert "migrate" not in {words[0] for words in migrate_commands(ran)}, name
            assert not any("checkout" in step.get("uses", "") for step in job["steps"]), name


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_pinned_by_commit_with_its_version_beside_it(file: Path) -> None:
    for line in file.read_text(encoding="utf-8").splitlines():
        if (found := re.search(r"uses: (.+)", line)) and not found[1].startswith("./"):
            assert re.fullmatch(r"(actions|github)/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", found[1]), line


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_script_of_a_workflow_holds_an_expression(file: Path) -> None:
    for each in scripts():
        if each.file == file:
            assert "${{" not in each.text, f"{each}: what it stands for would become shell"


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_checkout_leaves_no_token_behind(file: Path) -> None:
    for job in document(file)["jobs"].values():
        for step in job.get("steps", ()):
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def steps_with_secrets(job: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for step in job.get("steps", ()) if SECRET.search(json.dumps(step))]


@pytest.mark.parametrize(
    ("file", "job", "environment", "secrets"),
    [
        ("migrate-gate.yml", "gate", None, []),
        ("migrate-gate.yml", "comment", None, []),
        ("migrate-gate.yml", "code-scanning", None, []),
        ("migrate-snapshot.yml", "snapshot", "production-snapshot", ["MIGRATE_DATABASE_URL"]),
        ("migrate-release.yml", "snapshot", None, []),
        ("migrate-release.yml", "certificate", None, []),
        ("migrate-release.yml", "sign", "release-signing", ["MIGRATE_CERTIFICATE_KEY"]),
        ("migrate-release.yml", "deploy", "production", ["MIGRATE_DATABASE_URL"]),
    ],
)
def test_a_secret_is_seen_by_one_step_of_one_job(
    file: str, job: str, environment: str | None, secrets: list[str]
) -> None:
    found = document(RECIPES / "github" / file)["jobs"][job]
    assert found.get("environment") == environment
    assert [name for step in steps_with_secrets(found) for name in step["env"] if name in secrets] == secrets
    assert SECRET.findall(json.dumps(found)) == [f"secrets.{name}" for name in secrets]


def test_a_workflow_that_is_called_gets_the_secrets_of_its_environment() -> None:
    calls = [
        job
        for file in WORKFLOWS
        for job in document(file)["jobs"].values()
        if job.get("uses", "").startswith("./")
    ]
    assert [job["secrets"] for job in calls] == ["inherit"]


def test_all_jobs_were_looked_at_for_secrets() -> None:
    marks = test_a_secret_is_seen_by_one_step_of_one_job.pytestmark  # type: ignore[attr-defined]
    looked_at = {(row[0], row[1]) for row in marks[0].args[1]}
    assert looked_at == {(file.name, job) for file in WORKFLOWS for job in document(file)["jobs"]}


def test_the_gate_looks_at_the_merge_result_with_all_of_its_history() -> None:
    workflow = document(RECIPES / "github" / "migrate-gate.yml")
    assert set(workflow["on"]) == {"pull_request", "merge_group"}
    (checkout,) = (step for step in workflow["jobs"]["gate"]["steps"] if "checkout" in step.get("uses", ""))
    assert checkout["with"]["fetch-depth"] == 0
    assert "ref" not in checkout["with"]
    assert "pull_request_target" not in (RECIPES / "github" / "migrate-gate.yml").read_text(encoding="utf-8")


def test_what_is_written_to_the_pull_request_is_left_out_for_forks() -> None:
    jobs = document(RECIPES / "github" / "migrate-gate.yml")["jobs"]
    for name in ("comment", "code-scanning"):
        assert "github.event.pull_request.head.repo.full_name == github.repository" in jobs[name]["if"]
        assert "!cancelled()" in jobs[name]["if"]
        assert jobs[name]["needs"] == "gate"


@pytest.mark.parametrize(
    ("place", "sees"),
    [
        ("migrate gate", set()),
        ("migrate certificate", set()),
        ("migrate sign", {"MIGRATE_CERTIFICATE_KEY"}),
        ("migrate comment", {"MIGRATE_NOTES_TOKEN"}),
    ],
)
def test_a_job_of_the_pipeline_names_only_its_own_secrets(place: str, sees: set[str]) -> None:
    text = script(PIPELINE.name, f"{place}/script").text
    told = set(re.findall(r"\$(MIGRATE_(?:DATABASE_URL|CERTIFICATE_KEY|NOTES_TOKEN))", text))
    assert told == sees
    if not sees:  # authors' code runs there
        before, gate, _ = text.partition("migrate gate")
        assert gate
        assert 'git remote set-url origin "$CI_PROJECT_URL.git"' in before
        taken = {word for line in re.findall(r"unset (.*)", before) for word in line.split()}
        assert taken >= {
            "CI_JOB_TOKEN",
            "CI_REPOSITORY_URL",
            "CI_REGISTRY_PASSWORD",
            "CI_DEPENDENCY_PROXY_PASSWORD",
        }


def test_only_the_jobs_with_an_environment_get_its_secrets() -> None:
    environments = {
        name: job["environment"]["name"]
        for name, job in document(PIPELINE).items()
        if isinstance(job, dict) and "environment" in job
    }
    assert environments == {
        "migrate snapshot": "production-snapshot",
        "migrate sign": "release-signing",
        "migrate deploy": "production",
    }


@pytest.mark.parametrize("place", [str(each) for each in scripts() if "pip install" in each.text])
def test_the_installation_imports_nothing_of_the_checkout(place: str) -> None:
    (each,) = (found for found in scripts() if str(found) == place)
    assert re.search(r"python -I -m pip install (--quiet )?\"\$MIGRATE_PACKAGE\"", each.text)


# Containers


@pytest.mark.parametrize(
    ("file", "name", "container"), list(containers()), ids=lambda value: str(value)[-30:]
)
def test_a_container_that_migrates_has_production_a_mounted_secret_and_a_read_only_root(
    file: Path, name: str, container: dict[str, Any]
) -> None:
    kubernetes = file.parent.name == "kubernetes"
    environment = container.get("environment") or {
        each["name"]: each["value"] for each in container.get("env", ())
    }
    migrates = "migrate" in str(container.get("command", "")) or "migrate" in str(
        container.get("entrypoint", "")
    )
    if not migrates:
        assert not any(key.startswith("MIGRATE_") for key in environment)
        return
    assert environment["MIGRATE_ENV"] == "production"
    assert environment["MIGRATE_DATABASE_URL_FILE"].startswith("/run/secrets/")
    assert not any("URL" in key and not key.endswith("_FILE") for key in environment)
    if kubernetes:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "/tmp" in {each["mountPath"] for each in container["volumeMounts"]}
    else:
        assert container["read_only"] is True
        assert container["cap_drop"] == ["ALL"]
        assert "/tmp" in str(container.get("tmpfs", container.get("volumes")))


def test_a_job_that_has_its_answer_is_not_started_again() -> None:
    spec = document(RECIPES / "kubernetes" / "job.yaml")["spec"]
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    drained, answered = spec["podFailurePolicy"]["rules"]
    assert drained["action"] == "Ignore"  # first: a drained node's run ends with 3
    assert answered == {
        "action": "FailJob",
        "onExitCodes": {"containerName": "migrate", "operator": "In", "values": [1, 2, 3, 4]},
    }


@pytest.mark.parametrize("name", ["job.yaml", "deployment.yaml"])
def test_no_pod_is_root_or_has_a_token(name: str) -> None:
    spec = document(RECIPES / "kubernetes" / name)["spec"]["template"]["spec"]
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert spec["automountServiceAccountToken"] is False


def test_an_application_of_the_stack_counts_as_started_only_when_it_answers() -> None:
    services = document(RECIPES / "docker" / "swarm-stack.yaml")["services"]
    assert services.pop("migrate")["deploy"]["mode"] == "replicated-job"
    for name, service in services.items():
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["environment"]["MIGRATE_START"] == "wait"
        assert service["environment"]["MIGRATE_WAIT"] == "20m"
        assert service["healthcheck"]["start_period"] == "25m"
        assert service["deploy"]["update_config"]["failure_action"] == "pause"
        assert service["deploy"]["restart_policy"]["max_attempts"] == 3


def test_the_image_is_labelled_with_this_version_and_its_base_is_an_argument() -> None:
    lines = (RECIPES / "docker" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert f"ARG VERSION={__version__}" in lines
    assert [line for line in lines if line.startswith("FROM ")] == [
        "FROM ${BASE} AS python",
        "FROM python AS build",
        "FROM python",
    ]
    assert [line for line in lines if line.startswith("USER ")][-1] == "USER 65532:65532"
    assert not any(line.startswith(("ADD ", "ENV MIGRATE_DATABASE_URL")) for line in lines)


def test_the_build_sees_only_what_is_listed() -> None:
    listed = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split("\n")
    told = [line for line in listed if line and not line.startswith("#")]
    assert told[0] == "*"
    assert {line[1:] for line in told if line.startswith("!")} == {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "coordinator",
        "wheels",
        "ci/recipes/docker/entrypoint.sh",
    }


def test_a_newcomer_finds_every_file_in_the_list() -> None:
    page = (RECIPES / "README.md").read_text(encoding="utf-8")
    linked = {RECIPES / target for target in re.findall(r"\]\(((?!\.\.)[^)]+)\)", page)}
    assert linked == {file for file in RECIPES.rglob("*") if file.is_file() and file.name != "README.md"}
    assert ENTRYPOINT in linked
    assert ENTRYPOINT.stat().st_mode & 0o111
    assert SHELL_FILES == [ENTRYPOINT]
