"""A plan's identity: equal for equal plans, another for any other step, order, segment or revision."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan


def digest_of(plan: RunPlan, contents: Mapping[RevisionKey, str] | None = None) -> str:
    """The plan's digest in hex (SHA-256). `contents` are the digests of the revisions' source."""
    known = contents or {}
    document = {
        "atomicity": plan.atomicity.value,
        "segments": [
            {
                "transactional": segment.transactional,
                "steps": [
                    [str(step.key), step.direction.value, known.get(step.key, ""), step.transactional]
                    for step in segment.steps
                ],
            }
            for segment in plan.segments
        ],
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
