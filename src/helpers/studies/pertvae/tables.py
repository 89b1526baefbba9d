"""Tidy tables of what the chapter found: one result a row, with the columns that name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from helpers.checks import refuse
from helpers.claims.numbers import format_p
from helpers.data.pair_types import PerturbationPairs
from helpers.evaluation.statistics import Comparison
from helpers.evaluation.strongest import against_strongest, strongest_row
from helpers.studies.pertvae.comparison import check_models, compare_all_drugs, compare_over_lines, table_1
from helpers.studies.pertvae.latent import compare_sizes
from helpers.studies.pertvae.metrics import identity_scores, replicate_ceiling, shared_effect
from helpers.studies.pertvae.models import LATENT_SHIFT, RECONSTRUCTION, UPPER
from helpers.studies.pertvae.null_test import visible_gain
from helpers.studies.pertvae.protocol import line_scores
from helpers.studies.pertvae.statistics import bootstrap_mean

#: Lines of a drug below which it is not looked at by itself.
FEWEST = 5

#: How alike profiles before and after treatment are: column of ``identity_scores`` by what it compares.
_ALIKE = {
    "log2 values": "raw",
    "genes z-scored": "scaled",
    "average profile before treatment": "average",
}
_PRINTED = {("PertVAE", "rho"): "rho_pred", ("PertVAE reconstruction", "rho"): "rho_rec"}
_TESTS = {  # test: columns of its difference, p and n, and a note
    "Mann-Whitney": (
        ("difference", "p", "splits"),
        "mean over splits; one-sided Mann-Whitney on dependent splits, as published",
    ),
    "Holm": (("line_difference", "p_holm", "lines"), "mean over lines; signed-rank test, Holm over drugs"),
}


def p_text(p: float) -> str:
    """Write a p-value for a table: two digits, ``< 0.0001`` below that."""
    return format_p(p).removeprefix("= ")


def before_and_after(pairs: PerturbationPairs, n_boot: int, seed: int) -> pd.DataFrame:
    """Mean over lines of the correlation of profiles before and after: ``what``, ``value``, limits, ``n``."""
    scores = identity_scores(pairs)
    rows = []
    for what, column in _ALIKE.items():
        by_line = scores[column].groupby(pairs.pairs["line"]).mean()
        mean = bootstrap_mean(by_line.to_numpy(), n_boot, seed)
        rows.append((what, mean.difference, mean.low, mean.high, mean.n))
    return pd.DataFrame(rows, columns=["what", "value", "low", "high", "n"])


def ceilings(sets: Sequence[PerturbationPairs]) -> pd.DataFrame:
    """Mean over conditions of the correlation of replicates: ``data``, ``kind``, ``value``, ``n``."""
    tables = [replicate_ceiling(pairs).assign(data=pairs.name) for pairs in sets]
    long = pd.concat(tables).melt(["data"], ["post", "post scaled", "change"], var_name="kind")
    return long.groupby(["data", "kind"], sort=False)["value"].agg(value="mean", n="size").reset_index()


def printed_counts(printed: pd.DataFrame) -> pd.DataFrame:
    """Count what the printed table 1 shows: ``what``, ``value``, ``n``, ``published``."""
    many = printed[printed["lines"] >= 50]
    rows = [
        ("drugs with 50 lines.passing", int(many["passes"].sum()), len(many), 5),
        ("drugs with 50 lines.passing after Holm", int(many["passes_holm"].sum()), len(many), 5),
        ("all drugs.median difference", printed["difference"].median(), len(printed), None),
        ("all drugs.gains", int((printed["difference"] > 0).sum()), len(printed), None),
    ]
    rows += [
        (f"visible gain with {lines} lines", visible_gain(printed, lines), lines, None) for lines in (56, 19)
    ]
    return pd.DataFrame(rows, columns=["what", "value", "n", "published"])


def with_printed(summary: pd.DataFrame, published: Mapping[str, float]) -> pd.DataFrame:
    """Put the number of the paper's table 1 beside each mean over lines, where the paper has the drug."""

    def printed(row: pd.Series) -> float | None:
        drug = "".join(letter for letter in row["drug"].lower() if letter.isalnum())
        return published.get(f"pertvae.t1.{drug}.{_PRINTED.get((row['model'], row['metric']))}")

    return summary.assign(published=summary.apply(printed, axis=1))


def both_tests(scores: pd.DataFrame, prediction: str, reconstruction: str, seed: int = 0) -> pd.DataFrame:
    """Compare prediction and reconstruction drug by drug, as the paper did and over lines.

    Returns
    -------
    DataFrame
        :func:`helpers.studies.pertvae.comparison.table_1` with ``line_difference``, ``low``, ``high``,
        ``p_lines``, ``p_flip``, ``p_holm``, ``wins``.
    """
    table = table_1(scores, prediction, reconstruction)
    lines = compare_over_lines(scores, prediction, [reconstruction], seed=seed).set_index("drug")
    lines = lines.rename(columns={"difference": "line_difference", "p": "p_lines"})
    return table.join(lines[["line_difference", "low", "high", "p_lines", "p_flip", "p_holm", "wins"]])


def results_of_tests(table: pd.DataFrame) -> pd.DataFrame:
    """Bring :func:`both_tests` into one row a drug and test.

    Returns
    -------
    DataFrame
        ``drug``, ``test`` (Mann-Whitney, on splits; Holm, over lines), ``difference``, ``low``, ``high``,
        ``p``, ``n``, ``note``.
    """
    parts = []
    for test, (columns, note) in _TESTS.items():
        limits = {"split_low": "low", "split_high": "high"} if test == "Mann-Whitney" else {}
        part = table[list(columns)].set_axis(["difference", "p", "n"], axis=1)
        part = part.join(table[list(limits) or ["low", "high"]].rename(columns=limits))
        parts.append(part.rename_axis("drug").reset_index().assign(test=test, note=note))
    return pd.concat(parts, ignore_index=True)


def tests_of_models(scores: pd.DataFrame, names: Sequence[str], seed: int = 0) -> pd.DataFrame:
    """Run :func:`both_tests` for several models, each against its own reconstruction, as rows of results.

    Returns
    -------
    DataFrame
        :func:`results_of_tests` with ``first``, the model; a model counts the splits that it was run in.
    """
    tables = []
    for name in names:
        own = scores[scores["model"].isin([name, name + RECONSTRUCTION])]
        table = both_tests(own, name, name + RECONSTRUCTION, seed)
        tables.append(results_of_tests(table).assign(first=name))
    return pd.concat(tables, ignore_index=True)


def in_folds_of(scores: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return both tables together, ``scores`` in the folds only that ``other`` has too."""
    rows = other[["drug", "repeat", "fold"]].drop_duplicates()
    return pd.concat([scores.merge(rows), other], ignore_index=True)


def differences(
    scores: pd.DataFrame,
    first: str,
    others: Sequence[str],
    metrics: Sequence[str],
    *,
    by_drug: bool = True,
    scope: str = "all drugs",
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Subtract other models from the first: over all drugs, and for each drug if asked.

    Returns
    -------
    DataFrame
        ``scope`` (the one given, or a drug), ``first``, ``model``, ``metric``, ``difference``, ``low``,
        ``high``, ``p``, ``n`` lines.
    """
    tables = []
    for metric in metrics:
        overall = compare_all_drugs(scores, first, others, metric, n_boot, seed)
        tables.append(overall.assign(metric=metric, scope=scope))
        if by_drug:
            each = compare_over_lines(scores, first, others, metric, n_boot, seed)
            tables.append(each.assign(metric=metric).rename(columns={"drug": "scope"}))
    columns = ["scope", "first", "model", "metric", "difference", "low", "high", "p", "n"]
    return pd.concat(tables, ignore_index=True).assign(first=first)[columns]


def against_simple(
    scores: pd.DataFrame,
    first: str,
    rivals: Sequence[str],
    metrics: Sequence[str],
    *,
    scope: str = "all drugs",
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare a model with the strongest of the rivals, by its mean over lines, corrected for the choice.

    Returns
    -------
    DataFrame
        One row a metric: ``metric``, ``scope``, ``first``, ``model`` ("strongest"), and the columns of
        :func:`helpers.evaluation.strongest.strongest_row`.

    Raises
    ------
    DataError
        If a model or a metric is not in the table.
    """
    check_models(scores, first, rivals)
    parts = []
    for metric in metrics:
        by_line = line_scores(scores, [metric]).pivot_table("value", "line", "model")
        means = by_line[list(rivals)].mean().to_dict()

        def compare(rival: str, level: float, by_line: pd.DataFrame = by_line) -> Comparison:
            return bootstrap_mean((by_line[first] - by_line[rival]).to_numpy(), n_boot, seed, level)

        best, comparison = against_strongest(means, compare, rivals)
        parts.append(strongest_row(best, comparison, len(rivals)).assign(metric=metric))
    return pd.concat(parts, ignore_index=True).assign(scope=scope, first=first, model="strongest")


def decomposition(
    scores: pd.DataFrame, metric: str = "rho", *, name: str = "PertVAE", n_boot: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Take the way from the measured profile before treatment to the prediction apart, step by step.

    Returns
    -------
    DataFrame
        ``step``, ``difference``, ``low``, ``high``, ``p``, ``n`` lines: what passing through encoder and
        decoder costs (reconstruction minus identity), what the mean shift of the codes adds, what W and b
        add to that, the sum, and what is left to the model's own reconstruction of the answer.
    """
    steps = {
        "decoder": (name + RECONSTRUCTION, "Identity"),
        "mean latent shift": (name + LATENT_SHIFT, name + RECONSTRUCTION),
        "W": (name, name + LATENT_SHIFT),
        "sum": (name, "Identity"),
        "left to the answer": (name + UPPER, name),
    }
    parts = [
        compare_all_drugs(scores, first, [second], metric, n_boot, seed).assign(step=step)
        for step, (first, second) in steps.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[["step", "difference", "low", "high", "p", "n"]]


def shared_effects(sets: Sequence[PerturbationPairs], n_boot: int, seed: int) -> pd.DataFrame:
    """Mean over lines of :func:`helpers.studies.pertvae.metrics.shared_effect`, for drugs with five or more.

    Returns
    -------
    DataFrame
        ``data``, ``drug``, ``value``, ``low``, ``high`` (bootstrap over lines), ``n`` lines.
    """
    rows = []
    for pairs in sets:
        for drug, part in shared_effect(pairs).groupby("drug", sort=False):
            mean = bootstrap_mean(part["value"].to_numpy(), n_boot, seed)
            rows.append((pairs.name, drug, mean.difference, mean.low, mean.high, mean.n))
    table = pd.DataFrame(rows, columns=["data", "drug", "value", "low", "high", "n"])
    return table[table["n"] >= FEWEST]


def shared_title(table: pd.DataFrame, least: float = 0.1) -> str:
    """Say, as a title of :func:`shared_effects`, how many drugs surely share more than ``least``."""
    many = int((table["low"] > least).sum())
    return f"{many} of {len(table)} drugs do the same in different lines (interval above {least:g})"


def gain_title(table: pd.DataFrame, what: str) -> str:
    """Say, as a title of differences, in how many rows the interval lies above and below zero."""
    above, below = int((table["low"] > 0).sum()), int((table["high"] < 0).sum())
    return f"{what}: above zero in {above},\nbelow in {below} of {len(table)} comparisons"


def steps_title(steps: Mapping[str, pd.DataFrame]) -> str:
    """Say, as a title of :func:`decomposition` by data set, what the decoder loses and the effect brings."""
    parts = []
    for name, table in steps.items():
        value = table.set_index("step")["difference"]
        brought = value["mean latent shift"] + value["W"]
        parts.append(f"{name}: decoder {value['decoder']:+.3f}, drug effect {brought:+.3f}")
    return "\n".join(parts)


def sizes_title(gaps: pd.DataFrame) -> str:
    """Say, as a title of :func:`size_gaps`, at which sizes the autoencoder is surely ahead of PCA."""
    rows = gaps[gaps["models"] == "VAE-PCA"]
    size = rows["what"].str.removeprefix("rho at ")
    ahead, behind = ", ".join(size[rows["low"] > 0]), ", ".join(size[rows["high"] < 0])
    return f"Autoencoder ahead of PCA at {ahead or 'no size'},\nbehind at {behind or 'no size'}"


def curve_title(curve: pd.DataFrame) -> str:
    """Say, as a title of :func:`singleton_curve`, what all singletons add to each model."""
    ends = {}
    for model, part in curve.sort_values("size").groupby("model", sort=False):
        ends[model] = part["value"].iloc[-1] - part["value"].iloc[0]
    return "All unpaired profiles add " + ",\n".join(
        f"{gain:+.3f} to {model}" for model, gain in ends.items()
    )


def singleton_curve(
    scores: pd.DataFrame, metric: str = "rho", n_boot: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Mean over lines of the models of :func:`helpers.studies.pertvae.models.singleton_models`.

    Returns
    -------
    DataFrame
        ``model``, ``size`` (number of singletons), ``value``, ``low``, ``high``, ``n`` lines.
    """
    lines = line_scores(scores, [metric])
    named = lines["model"].str.extract(r"^(?P<model>.*), (?P<size>\d+) singletons$")
    table = lines[["line", "value"]].join(named).dropna()
    if table.empty:
        refuse("scores", "no model is named '<model>, <number> singletons'")
    rows = []
    for (model, size), part in table.groupby(["model", "size"], sort=False):
        mean = bootstrap_mean(part.groupby("line")["value"].mean().to_numpy(), n_boot, seed)
        rows.append((model, int(size), mean.difference, mean.low, mean.high, mean.n))
    return pd.DataFrame(rows, columns=["model", "size", "value", "low", "high", "n"])


def readings_of_stopping(
    scores: pd.DataFrame, models: Mapping[str, str], *, n_boot: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Prediction minus reconstruction under every stopping rule, drug by drug.

    Parameters
    ----------
    scores : DataFrame
    models : mapping of model to the words for what stops it
    n_boot, seed : int

    Returns
    -------
    DataFrame
        ``stops``, and the columns of :func:`differences` for the drugs and all of them.
    """
    tables = [
        differences(
            scores, model, [model + RECONSTRUCTION, "Identity"], ["rho", "change"], n_boot=n_boot, seed=seed
        ).assign(stops=words)
        for model, words in models.items()
    ]
    return pd.concat(tables, ignore_index=True)


def size_gaps(
    by_size: pd.DataFrame, sizes: Sequence[int], factor_sizes: Sequence[int], seed: int = 0
) -> pd.DataFrame:
    """Compare the VAE with PCA and factor analysis of its size, and 10 with 100 units.

    Returns
    -------
    DataFrame
        ``models``, ``what`` (result), ``label``, ``difference``, ``low``, ``high``, ``p``, ``n``.
    """
    wanted = [
        (f"VAE-{other}", f"rho at {size}", f"VAE minus {other}, size {size}", ("VAE", size), (other, size))
        for size in sizes
        for other in ("PCA", "Factor analysis")
        if other == "PCA" or size in factor_sizes
    ]
    wanted.append(("VAE 10-VAE 100", "rho", "VAE, 10 minus 100 units", ("VAE", 10), ("VAE", 100)))
    rows = []
    for models, what, label, first, second in wanted:
        gap = compare_sizes(by_size, first, second, seed=seed)
        rows.append((models, what, label, gap.difference, gap.low, gap.high, gap.p, gap.n))
    return pd.DataFrame(rows, columns=["models", "what", "label", "difference", "low", "high", "p", "n"])
