"""The certificate of what was rehearsed, when nothing stands against it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from coordinator.certificates.file import write_certificate
from coordinator.errors import RefusedError, UsageError
from coordinator.model.gate import GateOutcome, GateStage
from coordinator.workflow.certificate import certify
from coordinator.workflow.gate.interface import Check, Said, skipped

if TYPE_CHECKING:
    from coordinator.workflow.gate.bench import Bench

_AGAINST = (GateOutcome.FAILED, GateOutcome.UNAVAILABLE, GateOutcome.NOT_RUN)


def _certify(bench: Bench) -> Said:
    path = bench.request.certificate
    assert path is not None, "the check is only there when a certificate was asked for"
    against = [each.name for each in bench.done if each.outcome in _AGAINST]
    if against:
        why = f"only what is approved is certified, and {against[0]!r} did not pass"
        return Said(told=why, outcome=GateOutcome.NOT_RUN)
    if bench.rehearsed is None:
        return skipped("nothing is pending, so there is nothing to certify")
    file = certify(
        settings=bench.settings,
        project=bench.project,
        baseline=bench.baseline,
        state=bench.state,
        captured=bench.captured,
        rehearsed=bench.rehearsed,
        valid_for=datetime.timedelta(seconds=bench.request.valid_for),
    )
    try:
        write_certificate(path, file)
    except UsageError as error:  # it could be when the gate began: now nobody can deploy by it
        raise RefusedError(error.message, help="name another file with --certificate") from error
    bench.certificate = str(path)
    return Said(told=f"{path}, {file.digest[:12]}")


CERTIFICATE = Check(
    name="certificate",
    stage=GateStage.APPROVAL,
    title="a certificate of what was rehearsed",
    run=_certify,
)
