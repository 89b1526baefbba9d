"""The command ``claims``: the verdict board in a terminal."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.text import Text

from helpers.cli.console import AsJson, output, print_json, short
from helpers.cli.run import RunFolder, chosen_run
from helpers.errors import ParameterError
from helpers.project import project_root

if TYPE_CHECKING:
    from helpers.claims.verdict import ClaimVerdict

app = typer.Typer()

COLOURS = {
    "holds": "green",
    "partly": "yellow",
    "fails": "red",
    "unresolved": "cyan",
    "not testable here": "dim",
    "not asked": "dim",
}
#: For a terminal whose encoding lacks the signs of the book.
PLAIN = dict(zip(COLOURS, "+~x?.-", strict=True))


@app.command()
def claims(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CLAIM]...", help="Show these in full; default: all, a line each."),
    ] = None,
    run: RunFolder = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
) -> None:
    """Show the verdicts of a run: repeated, sound, and against the strongest baseline left out."""
    from helpers.claims.register import load_register
    from helpers.claims.verdict import judge_run
    from helpers.run.seal import load_sealed

    root = project_root()
    folder = chosen_run(root, run)
    verdicts = judge_run(load_register(root / "data"), load_sealed(folder))
    if unknown := sorted(set(ids or ()) - {verdict.claim.id for verdict in verdicts}):
        msg = f"unknown claim {', '.join(unknown)}; `helpers claims` lists those there are"
        raise ParameterError(msg)
    shown = [verdict for verdict in verdicts if not ids or verdict.claim.id in ids]
    if as_json:
        print_json(
            [_row(verdict) | {"parts": [dataclasses.asdict(part) for part in verdict]} for verdict in shown]
        )
    elif as_csv:
        _csv([_row(verdict) for verdict in shown])
    elif ids:
        for verdict in shown:
            _full(verdict)
    else:
        output.print(f"[bold]{short(folder)}[/]", soft_wrap=True)
        _board(shown)


def _row(verdict: ClaimVerdict) -> dict[str, str]:
    claim = verdict.claim
    return {"id": claim.id, "chapter": claim.chapter, **verdict.outcomes, "claim": claim.claim}


def _csv(rows: Sequence[dict[str, str]]) -> None:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, ["id", "chapter", "repeated", "sound", "survives", "claim"])
    writer.writeheader()
    writer.writerows(rows)
    output.out(stream.getvalue(), end="", highlight=False)


def _board(verdicts: Sequence[ClaimVerdict]) -> None:
    """Print one line a claim: three signs, the id, and as much of the sentence as there is room for."""
    from helpers.display.board import summary

    signs = _signs()
    longest = max((len(verdict.claim.id) for verdict in verdicts), default=0)
    for verdict in verdicts:
        line = Text(" ").join(Text(signs[o], style=COLOURS[o]) for o in verdict.outcomes.values())
        line.append(f"  {verdict.claim.id:<{longest}}  ").append(verdict.claim.claim, style="dim")
        line.truncate(output.width)
        output.print(line, no_wrap=True, highlight=False)
    key = ", ".join(f"{sign} {outcome}" for outcome, sign in signs.items())
    output.print(f"[dim]repeated, sound, survives: {key}; in full: helpers claims ID[/]")
    output.print(escape(summary(verdicts)))


def _full(verdict: ClaimVerdict) -> None:
    """Print a claim with the reason and the rule of each part."""
    from helpers.display.tables import tier_text

    signs, claim = _signs(), verdict.claim
    output.print(f"[bold]{escape(claim.id)}[/] ({claim.chapter}): {escape(claim.claim)}")
    output.print(f"  [dim]{escape(claim.source)}; input: {escape(tier_text(verdict.tiers)) or 'not used'}[/]")
    for part in verdict:
        sign = f"[{COLOURS[part.outcome]}]{signs[part.outcome]} {escape(part.words)}[/]"
        output.print(f"  {part.part}: {sign}. {escape(part.reason)}")
        if part.rule:
            output.print(f"    [dim]rule: {escape(part.rule)}[/]")


def _signs() -> dict[str, str]:
    from helpers.display.tables import SYMBOLS

    try:
        "".join(SYMBOLS.values()).encode(output.encoding)
    except UnicodeEncodeError:
        return PLAIN
    return {str(outcome): sign for outcome, sign in SYMBOLS.items()}
