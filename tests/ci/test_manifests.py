"""What the Kubernetes manifests start, started for real: the Job's container, and the one that waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coordinator.postgres.url import as_words
from tests.ci.image import ended
from tests.ci.recipes import containers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.ci.image import Image
    from tests.failures.site import Ended


def container(file: str, name: str) -> Mapping[str, Any]:
    (found,) = (each for path, called, each in containers() if (path.name, called) == (file, name))
    return found


def start(image: Image, what: Mapping[str, Any], *more: str) -> Ended:
    """Run a container's command with its variables; only the secret lies elsewhere."""
    secret = image.programs.parent / "mounted"
    secret.write_text(as_words(image.url.parameters), encoding="utf-8")
    variables = {each["name"]: each["value"] for each in what["env"]}
    assert variables["MIGRATE_DATABASE_URL_FILE"].startswith(what["volumeMounts"][0]["mountPath"])
    variables["MIGRATE_DATABASE_URL_FILE"] = str(secret)
    return ended(image.command([*what["command"], *what["args"], *more], variables))


def test_the_job_migrates_and_the_pods_that_wait_go_on(image: Image) -> None:
    job, waiting = container("job.yaml", "migrate"), container("deployment.yaml", "wait-for-revisions")

    early = start(image, waiting, "--wait", "1s")
    assert early.code == 1, early.err

    done = start(image, job)
    assert done.code == 0, done.err
    assert "environment: production" in done.said
    assert "3 steps applied" in done.said

    there = start(image, waiting)
    assert there.code == 0, there.err
    assert "every revision of this checkout is in" in there.out
