"""Tidy tables of what the chapter found: one result a row, with the columns that name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from helpers.data.pair_types import PerturbationPairs
from helpers.studies.pertvae.comparison import best_of, compare_all_drugs, compare_over_lines, table_1
from helpers.studies.pertvae.latent import compare_sizes
from helpers.studies.pertvae.metrics import identity_scores, replicate_ceiling
from helpers.studies.pertvae.statistics import bootstrap_mean

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
        part = table[list(columns)].set_axis(["difference", "p", "n"], axis=1)
        if test == "Holm":
            part = part.join(table[["low", "high"]])
        parts.append(part.rename_axis("drug").reset_index().assign(test=test, note=note))
    return pd.concat(parts, ignore_index=True)


def passing_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Share of the drugs of :func:`both_tests` that pass: ``on`` (splits, lines), ``value``, ``n``."""
    on_splits = (table["p"] <= 0.001) & (table["difference"] > 0)
    over_lines = (table["p_holm"] < 0.05) & (table["line_difference"] > 0)
    # With fewer than ten splits no result can reach 0.001.
    share = on_splits.mean() if table["splits"].min() >= 10 else None
    rows = [("passing on splits", share, len(table)), ("passing over lines", over_lines.mean(), len(table))]
    return pd.DataFrame(rows, columns=["what", "value", "n"])


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


def strongest(summary: pd.DataFrame, overall: pd.DataFrame, rivals: Sequence[str]) -> pd.DataFrame:
    """Pick from the differences over all drugs those to the best rival, by its mean over drugs.

    Returns
    -------
    DataFrame
        One row a metric: those of ``overall`` with ``rival`` and a ``note`` that names it; ``model`` is
        ``"strongest"``.
    """
    parts = []
    for metric, part in overall.groupby("metric", sort=False):
        rival = best_of(summary, rivals, str(metric))
        note = f"strongest by mean: {rival}"
        parts.append(part[part["model"] == rival].assign(model="strongest", rival=rival, note=note))
    return pd.concat(parts, ignore_index=True)


def share_above(table: pd.DataFrame, drugs: Sequence[str], model: str, metric: str = "rho") -> pd.DataFrame:
    """Share of the drugs whose difference to ``model`` has its whole interval above zero."""
    rows = table[table["scope"].isin(drugs) & (table["model"] == model) & (table["metric"] == metric)]
    return pd.DataFrame({"value": [float((rows["low"] > 0).sum()) / len(drugs)], "n": [len(drugs)]})


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
