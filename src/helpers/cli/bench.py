"""The command ``bench``: own data, own model, one ranking."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Table

from helpers.cli.console import errors, output, short

app = typer.Typer()


@app.command()
def bench(
    expression: Annotated[str, typer.Option(metavar="FILE", help="Lines x genes, in any usual layout.")],
    response: Annotated[str, typer.Option(metavar="FILE", help="Fitted curves, a long table, or a matrix.")],
    split: Annotated[str, typer.Option(help="pairs, lines, types or drugs: what the test has never seen.")],
    structures: Annotated[str | None, typer.Option(metavar="FILE", help="Drugs with SMILES or bits.")] = None,
    lines: Annotated[str | None, typer.Option(metavar="FILE", help="DepMap's Model.csv: joins ids.")] = None,
    drugs: Annotated[str | None, typer.Option(metavar="FILE", help="Ids and synonyms of drugs.")] = None,
    model: Annotated[str | None, typer.Option(metavar="FILE:NAME", help="Your scikit-learn model.")] = None,
    features: Annotated[
        str, typer.Option(help="What your model sees, separated by commas.")
    ] = "one-hot,structure,expression",
    target: Annotated[str, typer.Option(help="resistant, value (ln IC50) or auc.")] = "resistant",
    measure: Annotated[
        str | None, typer.Option(help="What the values of a matrix are, e.g. ln_ic50.")
    ] = None,
    linear: Annotated[bool, typer.Option("--linear", help="The expression is linear (TPM, RPKM).")] = False,
    folds: Annotated[int, typer.Option(min=2, help="Folds of each seed.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of the folds.")] = 1,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the results.")] = Path("runs/bench"),
) -> None:
    """Rank baselines, and a model of yours, on your own tables of expression and response.

    Files may be registered ones, by key (`helpers data list`). Every model runs in the same folds; what is
    learned from data is learned in the training part. Results: results.json and index.html in --out.
    """
    from helpers.bench import bench as run_bench

    with Progress(
        *Progress.get_default_columns()[:-1],
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    ) as progress:
        tasks: dict[str, int] = {}

        def show(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(escape(name), total=total)
            progress.update(tasks[name], completed=done)  # type: ignore[arg-type]

        ranking, page = run_bench(
            expression,
            response,
            split=split,
            out=out,
            structures=structures,
            lines=lines,
            drugs=drugs,
            measure=measure,
            linear=linear,
            model=model,
            features=[part.strip() for part in features.split(",")],
            target=target,
            n_splits=folds,
            seeds=seeds,
            progress=show,
        )
    table = Table("model", ranking.metric, "95 % interval", "n")
    shown = ranking.summary[ranking.summary["metric"] == ranking.metric]
    for row in shown.itertuples():
        table.add_row(escape(row.model), f"{row.value:.3f}", f"{row.low:.3f} to {row.high:.3f}", str(row.n))
    output.print(table)
    if ranking.excluded:
        output.print(f"not scored: {escape('; '.join(ranking.excluded))}", soft_wrap=True)
    output.print(f"page: {short(page)}", soft_wrap=True)
