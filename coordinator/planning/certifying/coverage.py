"""Does the certificate cover exactly what is pending, in the order that would run? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.planning.certifying.finding import against
from coordinator.planning.certifying.today import steps_done, steps_left

if TYPE_CHECKING:
    from coordinator.model.certificate import Certificate, CertifiedStep
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.planning.certifying.today import Today


def covered_plan(certificate: Certificate, today: Today) -> RunPlan | None:
    """The plan with the order that was rehearsed, or None."""
    wanted = tuple(step.key for step in steps_left(certificate, today))
    return next((plan for plan in today.plans if _keys(plan) == wanted), None)


def coverage_findings(certificate: Certificate, today: Today) -> tuple[Finding, ...]:
    """Other revisions, another order, another cut into transactions, and what was applied besides."""
    found = [*_other_revisions(certificate, today), *_other_applied(certificate, today)]
    if not any(each.severity is Severity.ERROR for each in found):
        found.extend(_other_order(certificate, today))
    return tuple(found)


def _other_revisions(certificate: Certificate, today: Today) -> list[Finding]:
    wanted = {step.key for step in steps_left(certificate, today)}
    here = _keys(today.plans[0])
    found = [
        against(
            "certificate-other-revisions",
            f"{key} would be applied, and the certificate does not cover it",
            key=key,
        )
        for key in here
        if key not in wanted
    ]
    found.extend(
        against(
            "certificate-other-revisions",
            f"{step.key} is in the certificate, and is neither in the target nor among what would be applied",
            key=step.key,
            remedy="a certificate is for its whole plan: deploy the checkout that it was made of, without --module",
        )
        for step in steps_left(certificate, today)
        if step.key not in here
    )
    return found


def _other_applied(certificate: Certificate, today: Today) -> list[Finding]:
    """Of a module that it changes the certificate knows what was in; others may have moved on, which is told."""
    found: list[Finding] = []
    changed = {step.key.module for step in certificate.steps}
    certified = {step.key for step in certificate.steps}
    for module in certificate.modules:
        then = frozenset(module.applied)
        own = {key.revision for key in certified if key.module == module.name}
        now = today.applied.get(module.name, frozenset()) - own
        came, went = sorted(now - then), sorted(then - now)
        if not came and not went:
            continue
        what = [f"{module.name}:{each} is in" for each in came] + [
            f"{module.name}:{each} is out" for each in went
        ]
        if module.name in changed:
            message = f"module {module.name!r}, which the plan changes, has moved since it was rehearsed"
            found.append(against("certificate-other-start", message, what))
        else:
            message = (
                f"module {module.name!r} has moved since this was rehearsed; the plan does not change it"
            )
            note = against("certificate-drift", message, what, severity=Severity.NOTE)
            found.append(note)
    return found


def _other_order(certificate: Certificate, today: Today) -> list[Finding]:
    """The rest must be the end of the order that ran; and nothing of it may have changed its transaction."""
    done, left = steps_done(certificate, today), steps_left(certificate, today)
    if certificate.steps[: len(done)] != done:
        late = next(step for step in certificate.steps if step not in done)
        early = next(step for step in done if certificate.steps.index(step) > certificate.steps.index(late))
        return [
            against(
                "certificate-other-order",
                f"{early.key} is in, and {late.key}, which was rehearsed before it, is not",
                key=late.key,
            )
        ]
    plan = covered_plan(certificate, today)
    if plan is None:
        return [_moved(left, today.plans[0])]
    rest = _rest(certificate, {step.key for step in left})
    return [] if _cut(plan) == rest else [_recut(certificate, plan, len(rest))]


def _rest(certificate: Certificate, left: set[RevisionKey]) -> tuple[tuple[RevisionKey, ...], ...]:
    """The transactions that were rehearsed, less what is in already."""
    segments = (tuple(step.key for step in segment if step.key in left) for segment in certificate.segments)
    return tuple(segment for segment in segments if segment)


def _moved(left: tuple[CertifiedStep, ...], plan: RunPlan) -> Finding:
    position = next(
        number for number, (then, now) in enumerate(zip(left, plan.steps, strict=True)) if then.key != now.key
    )
    then, now = left[position], plan.steps[position]
    before = {each.key for each in plan.steps[:position]}
    # What stands here now had to wait for nothing; what stood here is told to wait by one of its edges.
    waits = next(step for step in plan.steps if step.key == then.key)
    why = [each.why for each in waits.because if each.before not in before]
    return against(
        "certificate-other-order",
        f"step {now.position} was {then.key} in the rehearsal and is {now.key} now",
        why,
        key=now.key,
    )


def _recut(certificate: Certificate, plan: RunPlan, then: int) -> Finding:
    what = "the plan" if len(plan.steps) == len(certificate.steps) else "what is left of the plan"
    now = len(plan.segments)
    how = f"the rehearsal had --atomic {certificate.atomicity.value}, and this is --atomic {plan.atomicity.value}"
    return against(
        "certificate-other-transactions",
        f"{what} was rehearsed in {_counted(then)}, and would run in {_counted(now)} cut elsewhere",
        [how] if certificate.atomicity is not plan.atomicity else [],
    )


def _counted(number: int) -> str:
    return "1 transaction" if number == 1 else f"{number} transactions"


def _keys(plan: RunPlan) -> tuple[RevisionKey, ...]:
    return tuple(step.key for step in plan.steps)


def _cut(plan: RunPlan) -> tuple[tuple[RevisionKey, ...], ...]:
    return tuple(tuple(step.key for step in segment.steps) for segment in plan.segments)
