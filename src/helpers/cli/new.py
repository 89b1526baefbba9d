"""The command ``new``: the skeleton of a study."""

from __future__ import annotations

from typing import Annotated

import typer

from helpers.cli.console import output
from helpers.project import project_root

app = typer.Typer()


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and underscores.")],
    title: Annotated[str | None, typer.Option(help="Title of the chapter. Default: from the name.")] = None,
) -> None:
    """Write the skeleton of a new study: notebook, package, data, tests; all of it runs.

    The example in it is replaced piece by piece; book/adding-a-study.md says in which order. All files are
    written, or none.
    """
    from helpers.new import write_study

    study = write_study(project_root(), name, title)
    for path in study.files:
        output.print(f"wrote {path}", soft_wrap=True)
    for path in study.changed:
        output.print(f"added {study.chapter} to {path}", soft_wrap=True)
    output.print(f"next: helpers run {study.chapter[:2]} --profile smoke", soft_wrap=True)
