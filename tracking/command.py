"""What the commands of this package share: lines on stderr, and exit codes."""

from __future__ import annotations

from collections.abc import Sequence

import typer

INTERRUPTED = 130


def note(message: str) -> None:
    """Says on stderr what a user should know of a run that goes on."""
    typer.echo(f"note: {message}", err=True)


def fail(message: str, code: int) -> int:
    """Says on stderr why a run ended, and returns its exit code."""
    typer.echo(f"error: {message}", err=True)
    return code


def describe(error: ValueError | OSError) -> str:
    """What went wrong, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def run_app(app: typer.Typer, name: str, argv: Sequence[str] | None) -> int:
    """Runs a command and returns its exit code; 2, with one line, for wrong usage.

    Args:
        app: Returns its exit code.
        name: As the user calls it.
        argv: `None` for those of the process.
    """
    try:
        return int(app(argv, prog_name=name, standalone_mode=False) or 0)
    except Exception as error:
        # Typer's usage errors have no public base class; they format themselves.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        return fail(f"{message().rstrip('.')}; --help shows all options", 2)
