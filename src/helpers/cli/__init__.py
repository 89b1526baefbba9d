"""The command ``helpers``."""

from __future__ import annotations

import errno
import sys
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from helpers import __version__
from helpers.cli import bench, book, claims, compare, data, new, run
from helpers.cli.console import errors, output, show_what_can_be_shown
from helpers.errors import HelpersError

# What reads notebooks imports jsonschema, which builds a grammar of every kind of address: seconds, and more
# than half of what most commands take. No schema here asks for an address; without it, none is checked.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


#: What a machine refuses, whatever the command: rights, a full disk, a disk that is read-only or broken.
_MACHINE = {errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


class _Commands(TyperGroup):
    """Commands whose expected errors end in one message and exit code 1, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        show_what_can_be_shown()
        try:
            return super().invoke(ctx)
        except HelpersError as error:
            errors.print(f"[red]error:[/] {escape(str(error))}", soft_wrap=True)
            raise typer.Exit(1) from error
        except OSError as error:
            if error.errno not in _MACHINE:
                raise
            where = f"{error.filename}: " if error.filename else ""
            errors.print(f"[red]error:[/] {escape(f'{where}{error.strerror}')}", soft_wrap=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(130) from error


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    help=(
        "Re-execute the chapters of the drug-response book and read the verdicts.\n\n"
        "A first session:\n\n"
        "  [bold]helpers doctor[/]                  is everything here?\n\n"
        "  [bold]helpers data fetch[/]              download the panel data, check their hashes\n\n"
        "  [bold]helpers run 01 --profile quick[/]  re-execute one chapter into runs/quick\n\n"
        "  [bold]helpers claims[/]                  which claims hold in that run\n\n"
        "  [bold]helpers build[/]                   the book, in _build/html\n\n"
        "Errors end with exit code 1 and one message; Ctrl-C ends a run with 130 and keeps what is finished."
    ),
)


def _say_version(wanted: bool) -> None:
    if wanted:
        output.print(f"helpers {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    pass


app.add_typer(data.app, name="data")
app.add_typer(run.app)
app.add_typer(claims.app)
app.add_typer(compare.app)
app.add_typer(book.app)
app.add_typer(new.app)
app.add_typer(bench.app)
