"""The command line: each module a command, each command a call of one library function."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import typer

from epidyn.cli import (
    audit,
    calibrate,
    crossval,
    demo,
    evaluate,
    explain,
    fetch,
    import_,
    info,
    kmers,
    motifs,
    predict,
    report,
    scan,
    simulate,
    train,
    tune,
)
from epidyn.cli.options import LOG_HANDLER
from epidyn.described import visible
from epidyn.errors import EpidynError
from epidyn.files import NO_ROOM

MISTAKE, INTERRUPTED = 2, 130
UNREAD = 1  # whoever was to read the output has gone, as `head` does; nothing to complain of

# click's base of all complaints about options. Reached through typer, which from some version on carries a click
# of its own.
_Misuse: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="epidyn",
    help="Predict enhancer-promoter interactions from DNA sequence, and know how far to trust them.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("simulate")(simulate.simulate)
app.command("fetch")(fetch.fetch)
app.command("info")(info.info)
app.command("kmers")(kmers.kmers)
app.command("train")(train.train)
app.command("crossval")(crossval.crossval)
app.command("tune")(tune.tune)
app.command("predict")(predict.predict)
app.command("evaluate")(evaluate.evaluate)
app.command("calibrate")(calibrate.calibrate)
app.command("audit")(audit.audit)
app.command("scan")(scan.scan)
app.command("explain")(explain.explain)
app.command("motifs")(motifs.motifs)
app.command("report")(report.report)
app.command("import")(import_.import_)


def _version(show: bool) -> None:
    if show:
        from epidyn import __version__

        typer.echo(f"epidyn {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 2 for what the user can mend, with a message and no traceback.

    Interrupted it returns 130; 1 where a pipe was closed before all was written.
    """
    _log_to_stderr()
    try:
        result = app(args=list(argv) if argv is not None else None, prog_name="epidyn", standalone_mode=False)
        sys.stdout.flush()
    except OSError as error:
        if isinstance(error, EpidynError):
            return _complain(str(error))
        if not (_takes_no_more(sys.stdout) or error.errno in NO_ROOM):  # whatever writes files says which is full
            raise
        if isinstance(error, BrokenPipeError):
            return UNREAD
        return _complain(f"cannot write to standard output: {error.strerror}. Free space, or send it elsewhere.")
    except EpidynError as error:
        return _complain(str(error))
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"):  # torch's, of a GPU
            raise
        whose = str(error).partition(".")[0] or "of this machine"
        return _complain(
            f"there is no memory left ({whose}). Lower --batch-size or --stem-memory, where the command has them, "
            "or take a machine with more."
        )
    except _Misuse as error:
        message = error.format_message().rstrip(".")  # type: ignore[attr-defined]
        return _complain(f"{message}. See `epidyn --help`.")
    except (typer.Abort, KeyboardInterrupt):  # some versions of typer raise, others return 130
        result = INTERRUPTED
    if result == INTERRUPTED:
        print("Interrupted.", file=sys.stderr)
    return result if isinstance(result, int) else 0


def _complain(message: str) -> int:
    print(f"Error: {visible(message)}", file=sys.stderr)
    return MISTAKE


def _takes_no_more(stream: IO[str]) -> bool:
    """Tell whether a stream is of no use; what it holds then goes nowhere, so that Python ends in peace."""
    try:
        stream.flush()
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        return True
    return False


def _log_to_stderr() -> None:
    """Show what the library reports; replaced at every call, so that it follows sys.stderr."""
    log = logging.getLogger("epidyn")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.set_name(LOG_HANDLER)
    for old in [each for each in log.handlers if each.get_name() == LOG_HANDLER]:
        log.removeHandler(old)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
