"""Tidy tables of what the protocols found: scores, differences, the paper's tests, the strongest rival.

Each function takes results by name (``"CCLE"``, or ``"CCLE.unseen_lines"`` for a case of it); the name
becomes the column ``data``. ``Chapter.record_table`` records the tables as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import check_columns, check_names, refuse
from helpers.evaluation.comparison import (
    bonferroni_family,
    compare_folds,
    compare_groups,
    published_family,
    summarise_folds,
    summarise_groups,
)
from helpers.evaluation.metrics import weighted_metric
from helpers.evaluation.statistics import (
    Comparison,
    cluster_bootstrap,
    corrected_resampled_t,
    wilcoxon_exact,
)
from helpers.evaluation.strongest import against_strongest, strongest_row
from helpers.studies.refdnn.contenders import SCALE_MATCHED
from helpers.studies.refdnn.out_of_fold import OutOfFold

#: The paper's six metrics, and the one that gives no credit for knowing how many lines resist a drug.
METRICS = ["Accuracy", "AUCROC", "Precision", "Recall", "F1", "AUCPR"]
WITHIN = "AUCROC within drug"

Results = Mapping[str, OutOfFold]
#: Compares two models by their values of one metric (by seed and fold) at a confidence level.
Versus = Callable[[pd.Series, pd.Series, float], Comparison]


@dataclass(frozen=True)
class Family:
    """Models and metrics that the paper tested against RefDNN, and corrected for together."""

    models: Sequence[str]
    metrics: Sequence[str]


@dataclass(frozen=True, eq=False)
class Compared:
    """All models of a protocol, and RefDNN against each of them.

    Attributes
    ----------
    summary : DataFrame
        ``data``, ``model``, ``metric``, ``value``, ``low``, ``high``, ``n``, ``seeds`` and a spread.
    differences : DataFrame
        RefDNN minus ``model``: ``data``, ``model``, ``metric``, ``test`` (empty, or the paper's own test),
        ``difference``, ``low``, ``high``, ``p``, ``n``, ``note``. The strongest rival stands once more, with
        its role in place of its name, which is then in ``rival``.
    """

    summary: pd.DataFrame
    differences: pd.DataFrame

    def against(self, metric: str) -> pd.DataFrame:
        """Differences of one metric to every model, as :func:`helpers.plots.forest` draws them."""
        rows = self.differences[self.differences["model"].isin(self.summary["model"])]
        rows = rows[(rows["metric"] == metric) & (rows["test"] == "")]
        return rows.assign(label=rows["model"], group=rows["data"])

    def finding(self, data: str, metric: str, other: str = "") -> str:
        """Say what RefDNN is ahead of ``other``, or of the strongest rival, for the title of a figure."""
        rows = self.differences.query("data == @data and metric == @metric")
        rows = rows.query("model == @other and test == ''") if other else rows.dropna(subset="rival")
        if rows.empty:
            refuse(
                "comparison", f"RefDNN was not compared by {metric!r} on {data!r} with {other or 'a rival'}"
            )
        row = rows.iloc[0]
        # Two lines: with its interval the sentence is wider than a figure.
        return f"{data}: {metric} of RefDNN minus\n{other or row['rival']} {_signed(row)}"

    def tests_won(self, data: str, models: Sequence[str]) -> str:
        """Say how many of the paper's own tests RefDNN wins and loses at 0.05, for the title of a figure."""
        tested = self.differences.query("data == @data and model in @models and test != ''")
        found = tested[tested["p"] < 0.05]["difference"]
        return f"RefDNN wins {(found > 0).sum()} of {len(tested)} tests and loses {(found < 0).sum()}"

    def ranking(self, metrics: Sequence[str] = ("AUCROC", WITHIN, "AUCPR", "Accuracy", "F1")) -> pd.DataFrame:
        """Scores of all models, best AUROC of each data set first."""
        wide = self.summary.pivot_table(index=["data", "model"], columns="metric", values="value", sort=False)
        check_columns(wide, ("AUCROC", *metrics), "summary by metric")
        parts = wide[list(metrics)].groupby("data", sort=False, group_keys=False)
        return parts.apply(lambda part: part.sort_values("AUCROC", ascending=False))


def metric_table(
    results: Results, models: Sequence[str] | None = None, metrics: Sequence[str] | None = None
) -> pd.DataFrame:
    """Metrics of every fold, model and seed of several results (:meth:`OutOfFold.metrics`).

    Models that a result does not have are left out.

    Raises
    ------
    DataError
        If nothing is left, or names are no list.
    """
    for what, names in (("models", models), ("metrics", metrics)):
        if names is not None:
            check_names(names, what)
    kept = {
        name: result.models if models is None else [m for m in models if m in result.models]
        for name, result in results.items()
    }
    if not any(kept.values()):
        refuse("table of metrics", f"no result has one of the models {', '.join(models or ())}")
    table = pd.concat([result.metrics(kept[name]).assign(data=name) for name, result in results.items()])
    table = table if metrics is None else table[table["metric"].isin(metrics)]
    if table.empty:
        refuse("table of metrics", f"none of {', '.join(metrics or ())} is among the metrics")
    return table


def compare_settings(metrics: pd.DataFrame, *, family: Family, rivals: Sequence[str]) -> dict[str, Compared]:
    """Compare over groups under the settings of :func:`both_settings`."""
    swapped = metrics[metrics["model"] != "RefDNN"].replace({"model": {SCALE_MATCHED: "RefDNN"}})
    tables = {"": metrics, "_matched": swapped}
    return {name: compare_over_groups(t, family=family, rivals=rivals) for name, t in tables.items()}


def both_settings(results: Results) -> dict[str, Results]:
    """Return results at the study's constants (``""``), and with RefDNN scale-matched (``"_matched"``).

    Both have all other models, so that every comparison can be made under either reading.
    """
    swapped = {name: result.as_refdnn(SCALE_MATCHED) for name, result in results.items()}
    return {"": results, "_matched": swapped}


def compare_over_folds(
    metrics: pd.DataFrame,
    test_ratio: float,
    *,
    family: Family | None = None,
    rivals: Sequence[str] = (),
    rival_name: str = "strongest",
) -> Compared:
    """Compare RefDNN with all models over random folds.

    Parameters
    ----------
    metrics : DataFrame
        From :func:`metric_table`.
    test_ratio : float
        Test pairs over training pairs of a fold.
    family : Family, optional
        Adds Welch's test with Benjamini-Hochberg's correction over the family, as ``" (Welch)"``.
    rivals : collection of str
        The one of these with the best mean, metric by metric, stands once more as ``rival_name``.
    rival_name : str

    Raises
    ------
    DataError
        If RefDNN, a rival or a model of the family has no values, or the ratio cannot be.
    """
    check_number("test_ratio", test_ratio, 0, 1e12)
    return _compared(
        metrics,
        lambda part: summarise_folds(part, test_ratio),
        lambda part: compare_folds(part, "RefDNN", test_ratio),
        None if family is None else lambda found: _welch(found, family),
        lambda first, second, level: corrected_resampled_t((first - second).to_numpy(), test_ratio, level),
        (rivals, rival_name, ("AUCROC", "AUCPR", WITHIN)),
    )


def compare_over_groups(
    metrics: pd.DataFrame, *, family: Family | None = None, rivals: Sequence[str] = ()
) -> Compared:
    """Compare RefDNN with all models over left-out groups.

    As :func:`compare_over_folds`, with medians over groups, Hodges-Lehmann differences, and for a family the
    paper's Wilcoxon test with Bonferroni's correction, as ``" (Wilcoxon)"``. Each group counts once.
    """
    return _compared(
        metrics,
        summarise_groups,
        lambda part: compare_groups(part, "RefDNN"),
        None if family is None else lambda found: _wilcoxon(found, family),
        _over_groups,
        (rivals, "strongest", ("AUCROC", "AUCPR")),
    )


def paired_over_folds(
    metrics: pd.DataFrame, pairs: Sequence[tuple[str, str]], test_ratio: float
) -> pd.DataFrame:
    """Compare the first model of each pair with the second in the same folds, as :func:`compare_over_folds`.

    Returns
    -------
    DataFrame
        ``data``, ``first``, ``model`` (second), ``metric``, ``difference``, ``low``, ``high``, ``p``, ``n``
        (folds).

    Raises
    ------
    DataError
        If there are no pairs, or a model is not among the metrics.
    """
    _check_metrics(metrics, [model for pair in pairs for model in pair])
    if not pairs:
        refuse("table of metrics", "no pair of models to compare")
    columns = ["data", "first", "model", "metric", "difference", "low", "high", "p", "n"]
    tables = [
        compare_folds(part[part["model"].isin(pair)], pair[0], test_ratio).assign(data=name, first=pair[0])
        for name, part in metrics.groupby("data", sort=False)
        for pair in pairs
    ]
    return pd.concat(tables, ignore_index=True)[columns]


def weighted_over_groups(
    metrics: pd.DataFrame, others: Sequence[str], metric: str, n_boot: int, seed: int = 0
) -> pd.DataFrame:
    """Mean difference over left-out groups, each weighed by its pairs, with groups resampled.

    :func:`compare_over_groups` gives a cancer type of one line the weight of one of a hundred lines.

    Raises
    ------
    DataError
        If a model or the metric is not among the metrics, or a number cannot be.
    """
    _check_metrics(metrics, ["RefDNN", *check_names(others, "others")])
    if not len(others) or metric not in set(metrics["metric"]):
        refuse("table of metrics", f"no values of {metric!r}, or no other model")
    tables = []
    for other in others:
        found = {}
        for name, part in metrics[metrics["metric"] == metric].groupby("data", sort=False):
            wide = part.pivot_table(index="fold", columns="model", values=["value", "n"], dropna=False)
            gap = (wide["value", "RefDNN"] - wide["value", other]).dropna()
            pairs = wide.loc[gap.index, ("n", "RefDNN")].to_numpy()
            found[name] = cluster_bootstrap(_weighed(gap, pairs), gap.index, n_boot, seed, null=0)
        tables.append(comparison_table(found).assign(model=other))
    return pd.concat(tables, ignore_index=True)


def _weighed(gap: pd.Series, pairs: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda w: float(np.average(gap, weights=w * pairs))


def line_bootstrap(results: Results, other: str, n_boot: int, seed: int = 0) -> pd.DataFrame:
    """AUROC of RefDNN minus that of ``other``, all folds pooled, with whole cell lines resampled."""
    found = {}
    for name, result in results.items():
        net, rival = (weighted_metric("AUCROC", result.y, result.of(m)[0]) for m in ("RefDNN", other))
        found[name] = cluster_bootstrap(_gap(net, rival), result.lines, n_boot, seed, null=0)
    return comparison_table(found)


def _gap(
    first: Callable[[np.ndarray], float], second: Callable[[np.ndarray], float]
) -> Callable[[np.ndarray], float]:
    return lambda w: first(w) - second(w)


def median_gaps(first: Compared, second: Compared, metric: str = "AUCROC") -> pd.DataFrame:
    """Median of RefDNN over the groups of one protocol minus that over the groups of another."""
    medians = []
    for one in (first, second):
        medians.append(_of_refdnn(one, metric)["value"])
    return (medians[0] - medians[1]).rename("difference").reset_index()


def level_gaps(groups: Compared, folds: Compared, metric: str = "AUCROC") -> pd.DataFrame:
    """Median of RefDNN over left-out groups minus its mean over random folds, with the median's interval."""
    left_out, known = (_of_refdnn(one, metric) for one in (groups, folds))
    gap = left_out[["value", "low", "high"]].sub(known["value"], axis=0)
    return gap.rename(columns={"value": "difference"}).assign(n=left_out["n"]).reset_index()


def _of_refdnn(found: Compared, metric: str) -> pd.DataFrame:
    rows = found.summary[(found.summary["model"] == "RefDNN") & (found.summary["metric"] == metric)]
    if rows.empty:
        refuse("summary", f"has no {metric!r} of RefDNN")
    return rows.set_index("data")


def comparison_table(comparisons: Mapping[str, Comparison]) -> pd.DataFrame:
    """One row a comparison: ``data``, ``difference``, ``low``, ``high``, ``p``, ``n``."""
    columns = ["data", "difference", "low", "high", "p", "n"]
    rows = [(name, c.difference, c.low, c.high, c.p, c.n) for name, c in comparisons.items()]
    return pd.DataFrame(rows, columns=columns)


def result_ids(
    data: Sequence[str], protocol: str, models: Sequence[str], metrics: Sequence[str]
) -> dict[str, str]:
    """Label the results of a protocol for ``Chapter.compare_table``."""
    return {
        f"{name}, {model}, {metric}": f"{name}.{protocol}.{model}.{metric}"
        for name in data
        for model in models
        for metric in metrics
    }


def _compared(
    metrics: pd.DataFrame,
    summarise: Callable[[pd.DataFrame], pd.DataFrame],
    compare: Callable[[pd.DataFrame], pd.DataFrame],
    published_test: Callable[[pd.DataFrame], pd.DataFrame] | None,
    versus: Versus,
    rivals: tuple[Sequence[str], str, Sequence[str]],
) -> Compared:
    _check_metrics(metrics, ["RefDNN", *check_names(rivals[0], "rivals")])
    summaries, differences = [], []
    for name, part in metrics.groupby("data", sort=False):
        summary, found = summarise(part), compare(part)
        tables = [found.assign(test="", note=None)]
        if published_test is not None:
            tables.append(published_test(found).assign(p=lambda t: t["p_adjusted"]))
        tables += _strongest(part, versus, *rivals)
        columns = ["model", "metric", "test", "difference", "low", "high", "p", "n", "note", "rival"]
        summaries.append(summary.assign(data=name))
        differences += [table.reindex(columns=columns).assign(data=name) for table in tables]
    return Compared(
        pd.concat(summaries, ignore_index=True),
        pd.concat([table for table in differences if len(table)], ignore_index=True),
    )


def _check_metrics(metrics: pd.DataFrame, models: Sequence[str]) -> None:
    check_columns(metrics, ("data", "seed", "fold", "model", "metric", "value"), "table of metrics")
    absent = sorted(set(models) - set(metrics["model"]))
    if absent:
        refuse("table of metrics", f"has no value of {', '.join(absent)}", "see what metric_table was given")


def _welch(found: pd.DataFrame, family: Family) -> pd.DataFrame:
    tested = published_family(found, family.models, family.metrics)
    columns = {"welch_difference": "difference", "welch_low": "low", "welch_high": "high", "n_welch": "n"}
    return _renamed(tested, columns).assign(test=" (Welch)")


def _wilcoxon(found: pd.DataFrame, family: Family) -> pd.DataFrame:
    tested = bonferroni_family(found, family.models, family.metrics)
    columns = {"median_difference": "difference", "median_low": "low", "median_high": "high"}
    return _renamed(tested, columns).assign(test=" (Wilcoxon)")


def _renamed(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Put a test's own estimate, interval and n in the place of the sound ones."""
    return table.drop(columns=list(columns.values())).rename(columns=columns)


def _over_groups(first: pd.Series, second: pd.Series, level: float) -> Comparison:
    return wilcoxon_exact(first.groupby("fold").mean(), second.groupby("fold").mean(), level=level)


def _strongest(
    metrics: pd.DataFrame,
    versus: Versus,
    rivals: Sequence[str],
    role: str,
    names: Sequence[str],
) -> list[pd.DataFrame]:
    """Compare RefDNN with the rival of the best mean, metric by metric, over folds or groups."""
    rows = []
    for metric in names if rivals else ():
        part = metrics[metrics["metric"] == metric]
        wide = part.pivot_table(index=["seed", "fold"], columns="model", values="value", dropna=False)
        known = [model for model in rivals if model in wide]

        def compare(rival: str, level: float, wide: pd.DataFrame = wide) -> Comparison:
            return versus(wide["RefDNN"], wide[rival], level)

        best, found = against_strongest(wide[known].mean().to_dict(), compare, known)
        rows.append(strongest_row(best, found, len(known)).assign(model=role, metric=metric, test=""))
    return rows


def _signed(row: pd.Series) -> str:
    interval = f" [{row['low']:+.3f}, {row['high']:+.3f}]" if np.isfinite(row["low"]) else ""
    return f"{row['difference']:+.3f}{interval}"
