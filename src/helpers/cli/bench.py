"""The command ``bench``: own data, own model, one ranking."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from helpers.cli.console import errors, output, short
from helpers.errors import ParameterError

app = typer.Typer()

_PAIRS, _CHANGES, _CELLS = "Lines and drugs", "Tables of perturbation", "Single cells"


@app.command()
def bench(
    expression: Annotated[
        str | None, typer.Option(metavar="FILE", help="Lines x genes, in any usual layout.")
    ] = None,
    response: Annotated[
        str | None, typer.Option(metavar="FILE", help="Fitted curves, a long table, or a matrix.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="pairs, lines, types or drugs: what the test has never seen.")
    ] = None,
    changes: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Cell, compound, change of each gene.", rich_help_panel=_CHANGES),
    ] = None,
    cells: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="h5ad, gene table or MTX folder.", rich_help_panel=_CELLS),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Cells, resistant or sensitive.", rich_help_panel=_CELLS),
    ] = None,
    drug: Annotated[
        str | None, typer.Option(help="The drug of the bulk response.", rich_help_panel=_CELLS)
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="Column of cells: line, patient.", rich_help_panel=_CELLS)
    ] = None,
    structures: Annotated[
        str | None, typer.Option(metavar="FILE", help="Drugs with SMILES or bits.", rich_help_panel=_PAIRS)
    ] = None,
    lines: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="DepMap's Model.csv: joins ids.", rich_help_panel=_PAIRS),
    ] = None,
    drugs: Annotated[
        str | None, typer.Option(metavar="FILE", help="Ids and synonyms of drugs.", rich_help_panel=_PAIRS)
    ] = None,
    target: Annotated[
        str, typer.Option(help="resistant, value (ln IC50) or auc.", rich_help_panel=_PAIRS)
    ] = "resistant",
    measure: Annotated[
        str | None, typer.Option(help="What a matrix holds, e.g. ln_ic50.", rich_help_panel=_PAIRS)
    ] = None,
    linear: Annotated[
        bool,
        typer.Option("--linear", help="The expression is linear (TPM, RPKM).", rich_help_panel=_PAIRS),
    ] = False,
    model: Annotated[str | None, typer.Option(metavar="FILE:NAME", help="Your scikit-learn model.")] = None,
    features: Annotated[
        str | None, typer.Option(help="What it sees: one-hot, structure, expression; by commas.")
    ] = None,
    networks: Annotated[bool, typer.Option(help="Run the networks of the studies too.")] = True,
    folds: Annotated[int, typer.Option(min=2, help="Folds of each seed.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of the folds.")] = 1,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the results.")] = Path("runs/bench"),
) -> None:
    """Rank the contenders of the book, and a model of yours, on your own data.

    Lines and drugs (--expression, --response, --split), a table of perturbation (--changes, --split), or
    single cells (--cells, --drug, and bulk --expression and --response). Files may be registered ones, by key
    (`helpers data list`). Every model runs in the same folds; what is learned from data is learned in the
    training part. Results: results.json and index.html in --out. The same command resumes a killed run.
    """
    from helpers import bench as benches

    bulk = {"structures": structures, "lines": lines, "drugs": drugs, "measure": measure, "linear": linear}
    need = _need({"--expression": expression, "--response": response, "--split": split, "--drug": drug})
    job: benches.Job
    if changes is not None:
        need("--changes", "--split")
        job = benches.changes_of(changes, str(split), n_splits=folds, seeds=seeds)
    elif cells is not None:
        need("--cells", "--expression", "--response", "--drug")
        options: dict[str, Any] = {"labels": labels, "unit": unit, "seeds": seeds, **bulk}
        job = benches.cells_of(cells, str(expression), str(response), str(drug), **options)
    else:
        need("--expression", "--response", "--split")
        options = {"target": target, "n_splits": folds, "seeds": seeds, **bulk}
        job = benches.pairs_of(str(expression), str(response), str(split), **options)
    with Progress(
        *Progress.get_default_columns()[:-1],
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    ) as progress:
        tasks: dict[str, Any] = {}
        since = time.monotonic()

        def show(name: str, done: int, total: int) -> None:
            if not errors.is_terminal and done == total:  # a log file shows what is finished
                errors.print(
                    f"{escape(name)}: {done} of {total}, {time.monotonic() - since:.0f} s after the start"
                )
            if name not in tasks:
                tasks[name] = progress.add_task(escape(name), total=total)
            progress.update(tasks[name], completed=done)

        ranking, page = benches.bench(
            job,
            out,
            model=model,
            features=None if features is None else [part.strip() for part in features.split(",")],
            networks=networks,
            progress=show,
        )
    table = Table("model", job.metric, "95 % interval", "n")
    shown = ranking.summary[ranking.summary["metric"] == job.metric]
    for row in shown.itertuples():
        between = "none" if row.low != row.low else f"{row.low:.3f} to {row.high:.3f}"
        table.add_row(escape(row.model), f"{row.value:.3f}", between, str(row.n))
    output.print(table)
    if ranking.excluded:
        output.print(f"not scored: {escape('; '.join(ranking.excluded))}", soft_wrap=True)
    output.print(f"page: {short(page)}", soft_wrap=True)


def _need(given: dict[str, str | None]) -> Any:
    def need(*names: str) -> None:
        missing = [name for name in names if name in given and given[name] is None]
        if missing:
            msg = f"{', '.join(missing)} is missing; {' '.join(names)} belong together (helpers bench --help)"
            raise ParameterError(msg)

    return need
