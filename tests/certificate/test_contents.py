"""A file counts with its bytes, whichever step of its module was rehearsed with it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from coordinator.model.capture import InputFile
from coordinator.model.certificate import CertifiedStep
from coordinator.model.definition import Made
from coordinator.model.names import RevisionKey
from coordinator.planning.certifying.contents import content_findings

C1, C2 = RevisionKey("crm", "c1"), RevisionKey("crm", "c2")


def step(key: RevisionKey, *inputs: InputFile) -> CertifiedStep:
    file = f"versions/{key.revision}.py"
    return CertifiedStep(key=key, transactional=True, file=file, digest="", inputs=inputs, made=Made())


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (InputFile(path="../a.sql", sha256="1"), None),
        (
            InputFile(path="../a.sql", sha256="2"),
            "../a.sql is read, and had other bytes when it was rehearsed",
        ),
        (InputFile(path="../b.sql", sha256="1"), "../b.sql is read, and was not when it was rehearsed"),
    ],
)
def test_a_file_that_only_a_step_which_is_in_was_rehearsed_with(read: InputFile, told: str | None) -> None:
    certificate: Any = SimpleNamespace(
        steps=(step(C1, InputFile(path="../a.sql", sha256="1")), step(C2)), modules=()
    )
    today: Any = SimpleNamespace(
        is_applied=lambda each: each.key == C1, files={}, digests={}, inputs={C2: (read,)}
    )
    found = content_findings(certificate, today)
    assert [each.message.splitlines()[1:] for each in found] == ([[told]] if told else [])
