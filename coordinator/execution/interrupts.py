"""Keeps Ctrl-C and SIGTERM out of what must not be left half done, and lets one of them stop a run where it may."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def shielded() -> Iterator[None]:
    """Ignore both signals inside the block: what it does must come to its end."""
    with _handled(_ignore):
        yield


@contextmanager
def held() -> Iterator[None]:
    """Keep a signal back until the block is over: what it does and what is noted of it belong together."""
    came: list[int] = []
    try:
        with _handled(lambda number, _: came.append(number)):
            yield
    finally:
        handler = signal.getsignal(came[0]) if came else None
        if callable(handler):
            handler(came[0], None)


@contextmanager
def stopped_once() -> Iterator[None]:
    """Let the first signal raise KeyboardInterrupt and the later ones do nothing.

    People press Ctrl-C again when nothing seems to happen; the second one would end the taking back that the
    first one began.
    """

    came: list[int] = []

    def stop(number: int, _: object) -> None:
        came.append(number)
        if len(came) == 1:
            raise KeyboardInterrupt

    with _handled(stop):
        yield


def ignore_from_now_on() -> None:
    """Let no signal stop what is left to do: how it ended is known, and the exit code has to say that."""
    _handle(_ignore)


@contextmanager
def as_before() -> Iterator[None]:
    """Let signals do after the block what they did before it, whatever the block made of them."""
    if not _is_main_thread():
        yield
        return
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, previous in before.items():
            signal.signal(each, previous)


def _ignore(number: int, _: object) -> None:
    """Do nothing. Not SIG_IGN: a worker that is started meanwhile would inherit that."""


@contextmanager
def _handled(handler: Any) -> Iterator[None]:
    """Handle both signals that way during the block."""
    with as_before():
        _handle(handler)
        yield


def _handle(handler: Any) -> None:
    """Handle both signals that way; only the main thread can, so elsewhere do nothing."""
    if _is_main_thread():
        for each in _SIGNALS:
            signal.signal(each, handler)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def ignored() -> bool:
    """Whether a signal that came now would do nothing; for other threads."""
    return signal.getsignal(signal.SIGTERM) is _ignore


def interrupt() -> None:
    """Stop the main thread as Ctrl-C would; from another thread."""
    # A shell that starts a command in its background lets it ignore SIGINT.
    number = signal.SIGTERM if callable(signal.getsignal(signal.SIGTERM)) else signal.SIGINT
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, number)
