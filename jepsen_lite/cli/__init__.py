"""The command line of jepsen-lite.

Each command has a file of its own, which imports what it needs only when it runs; here they are
gathered, and every way for one to end becomes a sentence and an exit code (see `exits`).
A command returns its exit code, and raises `UsageFault` for what it cannot work with.
"""

import shlex
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from jepsen_lite.cli import exits
from jepsen_lite.cli.check import check
from jepsen_lite.cli.run import run

app = typer.Typer(
    name="jepsen-lite",
    help="Break a real cluster on purpose, and judge what its clients saw.",
    add_completion=False,
    rich_markup_mode=None,  # plain text: an error is a sentence, not a picture
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from huffleraft import __version__  # noqa: PLC0415

        print(f"jepsen-lite {__version__}")
        raise typer.Exit


@app.callback()
def _jepsen_lite(
    version: Annotated[  # typer hands it to the callback
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Break a real cluster on purpose, and judge what its clients saw."""


app.command()(run)
app.command()(check)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code. *arguments* default to the command line's."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    """The exit code of one command; all that goes wrong is told in one sentence."""
    given = None if arguments is None else list(arguments)
    try:
        code = app(given, prog_name="jepsen-lite", standalone_mode=False)
    except exits.UsageFault as fault:
        return _tell(str(fault), exits.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return _tell("interrupted", exits.INTERRUPTED)
    except Exception as error:  # noqa: BLE001  # the last door: no traceback leaves here
        # typer raises what its parser refuses as exceptions of a library it may carry inside.
        format_message = getattr(error, "format_message", None)
        if format_message is not None:
            return _tell(f"{format_message()} (see jepsen-lite --help)", exits.USAGE)
        return _tell(_internal(error, sys.argv[1:] if given is None else given), exits.INTERNAL)
    if code == exits.INTERRUPTED:  # typer makes a code of the interruption, and says nothing
        return _tell("interrupted", code)
    return code if isinstance(code, int) else 0


def _internal(error: Exception, arguments: Sequence[str]) -> str:
    """What went wrong inside, where, and what to report, in one printable sentence."""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    place = traceback.extract_tb(error.__traceback__)[-1]
    command = shlex.join(["jepsen-lite", *arguments])
    told = (
        f"internal error, a fault of jepsen-lite itself: {what[:_ERROR_SHOWN_MAX]} "
        f"(in {Path(place.filename).name}, line {place.lineno}); please report this line together "
        f"with the files of the command: {command}"
    )
    return told.encode("unicode_escape").decode()


_ERROR_SHOWN_MAX = 300


def _tell(sentence: str, code: int) -> int:
    print(f"jepsen-lite: {sentence}", file=sys.stderr)
    return code
