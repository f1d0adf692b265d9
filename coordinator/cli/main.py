"""`migrate`: finds the command, runs it, and turns failures into one message and an exit code."""

from __future__ import annotations

import importlib
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from coordinator import __version__
from coordinator.cli.streams import prepare_streams, reader_has_left, write_line
from coordinator.errors import CoordinatorError
from coordinator.execution.interrupts import as_before, ignore_from_now_on

if TYPE_CHECKING:
    from types import FrameType

# Name -> module of the command and one line of help. Modules are imported when their command runs, so that
# `migrate --help` and shell completion stay instant.
COMMANDS: dict[str, tuple[str, str]] = {
    "all-modules": (
        "coordinator.cli.all_modules",
        "Order, rehearse and apply all pending revisions of all modules.",
    ),
    "plan": ("coordinator.cli.plan", "Show the ordered steps, their reasons and what the run can promise."),
    "impact": (
        "coordinator.cli.impact",
        "Show who uses what a module's new revisions change, and who breaks.",
    ),
    "gate": ("coordinator.cli.gate", "Judge what is pending before it is merged: one verdict, and why."),
    "certificate": (
        "coordinator.cli.certificate",
        "Show, verify or sign a certificate of what was rehearsed.",
    ),
    "status": ("coordinator.cli.status", "Show which revisions are in and which are pending."),
    "history": ("coordinator.cli.history", "Show past runs, or one run step by step."),
    "check": ("coordinator.cli.check", "Look for what is wrong, without changing anything."),
    "snapshot": (
        "coordinator.cli.snapshot",
        "Write down what the target is, without its rows, as a baseline for plans and gates.",
    ),
    "map": ("coordinator.cli.map", "Check, show, write or draw the database map."),
    "rollback": (
        "coordinator.cli.rollback",
        "Take back what is in already, with all that stands on it.",
    ),
    "release": ("coordinator.cli.release", "Let revisions be applied again that a rollback put on hold."),
    "accept": (
        "coordinator.cli.accept",
        "Accept that the file of an applied revision was edited.",
    ),
    "recover": (
        "coordinator.cli.recover",
        "Explain and settle a run that was not finished or not taken back.",
    ),
    "cancel": ("coordinator.cli.cancel", "Stop the run at work, on whatever host, and say how it ended."),
    "gc": (
        "coordinator.cli.gc",
        "Remove containers, databases and directories that killed runs left behind.",
    ),
}

_HELP = frozenset({"-h", "--help"})
# What these have done when a signal stops them, they leave done.
_WRITING_BIT_BY_BIT = frozenset({"accept", "gc", "map", "recover", "release", "snapshot"})


class LazyGroup(click.Group):
    """Lists its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        shows_help = not _HELP.isdisjoint(ctx.args)  # click takes them out of the context as it goes on
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            if shows_help and reader_has_left():
                raise
            # click would take every one for a reader that has seen enough, and would end without a word.
            raise RuntimeError("the other end of a pipe is gone") from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        import difflib

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="migrate")
@click.option(
    "-v", "--verbose", is_flag=True, help="Show every step of a rehearsal, and tracebacks of authors' code."
)
@click.pass_context
def migrate(context: click.Context, *, verbose: bool) -> None:
    """Migrations of many modules in one PostgreSQL database: one safe order, rehearsed, all of it or nothing."""
    context.obj = {"verbose": verbose}


def main() -> None:
    """Run the command line and leave with the exit code that says what happened."""
    prepare_streams()
    signal.signal(signal.SIGTERM, _as_interrupt)
    code = _run(sys.argv[1:])
    ignore_from_now_on()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command in a process that goes on afterwards; its exit code."""
    with as_before():
        return _run(arguments)


def _run(arguments: list[str]) -> int:
    from coordinator.cli.failure import show_error, show_mistake, show_usage_error

    verbose = "-v" in arguments or "--verbose" in arguments
    try:
        result: Any = migrate.main(arguments, prog_name="migrate", standalone_mode=False)
        return int(result) if isinstance(result, int) else 0
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        show_usage_error(error)
        return error.exit_code
    except CoordinatorError as error:
        show_error(error, verbose=verbose)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        write_line(_interrupted(arguments), sys.stderr, colour=False)
        return 130
    except SystemExit:  # click ends so when the reader of its help has left
        return 0
    except Exception as error:  # our own mistake: said in one sentence, with the way to the rest of it
        return show_mistake(error, verbose=verbose)


def _interrupted(arguments: list[str]) -> str:
    """Most commands cannot be stopped any more once they write."""
    written = _WRITING_BIT_BY_BIT.intersection(arguments)
    return "interrupted" if written else "interrupted; nothing was written"


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    """SIGTERM means the same as Ctrl-C: stop, and take back what has begun."""
    raise KeyboardInterrupt
