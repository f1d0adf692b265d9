"""What `migrate release` did, for people and machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from coordinator.reports.wording import moment

if TYPE_CHECKING:
    from coordinator.model.hold import Hold
    from coordinator.model.names import RevisionKey
    from coordinator.reports.page import Page


class ReleaseReport(Protocol):
    """What was let go, what had no hold, what is on hold still."""

    @property
    def target(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def released(self) -> tuple[Hold, ...]: ...
    @property
    def not_held(self) -> tuple[RevisionKey, ...]: ...
    @property
    def still_held(self) -> tuple[Hold, ...]: ...


def release_text(report: ReleaseReport, page: Page) -> str:
    """One line a revision, then what comes next."""
    lines: list[str] = []
    for hold in report.released:
        lines += page.wrapped(
            f" {hold.key}, on hold since run {hold.run} rolled it back ({moment(hold.since)})",
            then="  ",
            lead="released",
            colour="green",
        )
    for key in report.not_held:
        lines += page.wrapped(f"{key} is not on hold", then="  ")
    if not report.released and not report.not_held:
        lines.append("nothing is on hold")
    if report.still_held:
        names = ", ".join(str(each.key) for each in report.still_held)
        lines += page.wrapped(f"still on hold: {names}", then="  ")
    if report.released:
        lines += ["", *page.wrapped(_next(report), first="next:  ", then="       ")]
    return "\n".join(lines) + "\n"


def _next(report: ReleaseReport) -> str:
    if report.still_held:
        return "`migrate release --all` releases the rest too: `migrate all-modules` refuses while a pending one is on hold"
    it = "it" if len(report.released) == 1 else "them"
    return f"`migrate all-modules` applies {it} again"


def release_as_json(report: ReleaseReport) -> dict[str, object]:
    """The same for machines."""
    return {
        "target": report.target,
        "environment": report.environment,
        "released": [_hold(each) for each in report.released],
        "notHeld": [str(key) for key in report.not_held],
        "stillHeld": [_hold(each) for each in report.still_held],
    }


def _hold(hold: Hold) -> dict[str, object]:
    return {"revision": str(hold.key), "run": hold.run, "since": hold.since.isoformat()}
