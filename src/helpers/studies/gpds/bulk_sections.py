"""Sections of the chapter on bulk lines: what is recorded and shown of each protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator

from helpers.bounds import check_number
from helpers.checks import refuse
from helpers.evaluation.comparison import compare_folds, summarise_folds
from helpers.evaluation.statistics import Comparison, corrected_resampled_t
from helpers.evaluation.strongest import against_strongest, strongest_row
from helpers.studies.gpds.bulk import bulk_metrics, bulk_predictions
from helpers.studies.gpds.checks import check_response
from helpers.studies.gpds.folds import repeated_folds, smaller_training, study_splits
from helpers.studies.gpds.results import Found, central, named, result, results
from helpers.studies.gpds.tasks import REPORT_LINES, Inputs

#: Test lines over training lines of a fold of five.
RATIO = 0.25
SHOWN = ("MSE/Var", "Spearman")


def report_split(splits: pd.DataFrame, response: pd.Series) -> Found:
    """Results of the report's own split, the first of many.

    Parameters
    ----------
    splits : DataFrame
        From :func:`~helpers.studies.gpds.bulk.bulk_predictions` with models "network" and "training mean".
    response : Series
        Of all lines.
    """
    first = splits.query("seed == 0 and model == 'network'")
    scores = bulk_metrics(splits.query("seed == 0")).set_index(["metric", "model"])["value"]
    n = len(first)
    note = "in units of the response here, of the AUC in the report"
    over_all = scores["MSE", "network"] / response.var(ddof=0)
    rows = [
        result("GDSC2.split_42.network.MSE over the variance of all lines", over_all, n=n, seeds=1),
        result("gpds_mlp_mse", scores["MSE", "network"], n=n, seeds=1, note=note),
        result("gpds_mlp_r2", scores["R2", "network"], n=n, seeds=1, note=note),
        result("gpds_target_variance", response.var(ddof=0), note="over all lines"),
        result("GDSC2.split_42.network.slope", scores["slope", "network"], n=n, seeds=1),
        result("GDSC2.split_42.training mean.R2", scores["R2", "training mean"], n=n, seeds=1),
        result(
            "GDSC2.split_42.network-training mean.MSE/Var",
            scores["MSE/Var", "network"] - scores["MSE/Var", "training mean"],
            n=n,
            unit="difference",
        ),
        result("GDSC2.split_42.test variance", first["measured"].var(ddof=0), n=n),
    ]
    return Found(results(rows), first)


def derived_variance(published: Mapping[str, float]) -> Found:
    """Work out the variance of the report's test lines from its MSE and R2."""
    mse, r2 = published["gpds_mlp_mse"], published["gpds_mlp_r2"]
    variance = mse / (1 - r2)
    rows = [result("gpds_derived_test_variance", variance, note="from the report's numbers")]
    shown = {"MSE of the network": mse, "MSE of the mean of the test lines, implied": variance}
    return Found(results(rows), pd.Series(shown, name="report").to_frame())


def many_splits(splits: pd.DataFrame) -> Found:
    """R2 over many splits of the report's kind: mean and central 95 % of the splits."""
    scores = bulk_metrics(splits).query("metric == 'R2'")
    note = "mean and central 95 % of the splits"
    rows = [
        {"id": f"GDSC2.splits.{model}.R2", "note": note, **central(part["value"])}
        for model, part in scores.groupby("model", sort=False)
    ]
    return Found(results(rows), scores)


def test_shares(
    expression: pd.DataFrame,
    response: pd.Series,
    models: Mapping[str, BaseEstimator],
    *,
    shares: Sequence[float] = (0.05, 0.1, 0.2, 0.33),
    n_splits: int = 20,
    seed: int = 42,
    n_jobs: int = 1,
) -> Found:
    """How much R2 depends on the split, by the share of lines that are held out."""
    if not isinstance(shares, Sequence) or not shares:
        refuse("test_shares", f"needs shares of the lines, one at least; got {shares!r}")
    tables = []
    for share in shares:
        split = partial(study_splits, n_repeats=n_splits, test_size=share)
        found = bulk_predictions(expression, response, models, split, seed=seed, n_jobs=n_jobs)
        tables.append(bulk_metrics(found).query("metric == 'R2'").assign(share=share))
    table = pd.concat(tables, ignore_index=True).groupby(["model", "share"], sort=False, as_index=False)
    spread = table.agg(mean=("value", "mean"), sd=("value", "std"), n=("n", "first"))
    rows = [
        result(
            f"GDSC2.share.{row.share:g}.{row.model}.SD of R2", row.sd, n=n_splits, note=f"{row.n} test lines"
        )
        for row in spread.itertuples()
    ]
    return Found(results(rows), spread)


def summarise(scores: pd.DataFrame, metrics: Sequence[str] = SHOWN) -> pd.DataFrame:
    """Mean over folds of each model; folds in which a metric is undefined are left out, and ``n`` says so."""
    return summarise_folds(_defined(scores[scores["metric"].isin(metrics)]), RATIO)


def _defined(scores: pd.DataFrame) -> pd.DataFrame:
    """Leave out folds in which training diverged, which have an infinite error, or a metric is undefined."""
    return scores[np.isfinite(scores["value"])]


def cross_validated(
    folds: pd.DataFrame, response: pd.Series, references: Sequence[str] = ("network", "network, tuned")
) -> tuple[Found, pd.DataFrame]:
    """All models in the same folds, and the networks minus every other one.

    Parameters
    ----------
    folds : DataFrame
        Predictions of all models.
    references : sequence of str
        Models that all others are compared with.

    Returns
    -------
    found : Found
        Results ``GDSC2.cv.<model>.<metric>``, ``GDSC2.cv.<reference>-<model>.<metric>`` and those of
        :func:`against_strongest_baseline`; table models x metrics.
    versus : DataFrame
        The comparisons, with the column ``reference``.
    """
    scores = bulk_metrics(folds)
    summary = summarise(scores)
    defined = _defined(scores[scores["metric"].isin(SHOWN)])
    versus = pd.concat(
        [compare_folds(defined, name, RATIO).assign(reference=name) for name in references], ignore_index=True
    ).dropna(subset="difference")
    rows = named(summary, "GDSC2.cv.{model}.{metric}")
    rows += named(versus, "GDSC2.cv.{reference}-{model}.{metric}")
    spread = scores[scores["metric"] == "SD"].groupby("model")["value"].mean() / response.std()
    rows += [
        result(f"GDSC2.cv.{name}.spread of predictions", spread[name], note="over the SD of the response")
        for name in references
    ]
    table = summary.pivot_table(index="model", columns="metric", values="value", sort=False)
    found = pd.concat([results(rows), against_strongest_baseline(folds, references)[0]], ignore_index=True)
    return Found(found, table.sort_values("MSE/Var")), versus


def against_strongest_baseline(
    folds: pd.DataFrame, references: Sequence[str] = ("network", "network, tuned"), metric: str = "MSE/Var"
) -> tuple[pd.DataFrame, str]:
    """Compare networks with the strongest baseline by its mean error in the same folds.

    Returns
    -------
    rows : DataFrame
        Results ``GDSC2.cv.<reference>-strongest.<metric>``; limits are corrected for the choice.
    best : str
        The strongest of all models that are no network.
    """
    scores = _defined(bulk_metrics(folds))
    wide = scores[scores["metric"] == metric].pivot_table(
        index=["seed", "fold"], columns="model", values="value"
    )
    rivals = [name for name in wide.columns if not name.startswith(("network", "mean of the", "Permuted"))]
    rows, best = [], ""
    for name in references:
        # A tuned network may stand in the folds of the first repetition only.
        same = wide.dropna(subset=name)

        def compare(rival: str, level: float, name: str = name, same: pd.DataFrame = same) -> Comparison:
            return corrected_resampled_t((same[name] - same[rival]).to_numpy(), RATIO, level)

        best, found = against_strongest(same.mean().to_dict(), compare, rivals, lower_is_better=True)
        table = strongest_row(best, found, len(rivals))
        rows += named(table, f"GDSC2.cv.{name}-strongest.{metric}")
    return results(rows), best


def of_report_lines(folds: pd.DataFrame, lines: pd.DataFrame, published: Mapping[str, float]) -> Found:
    """Look up the report's four lines in the bulk panel: measured, and predicted while held out.

    Parameters
    ----------
    folds : DataFrame
        Predictions in folds, with the models "network" and "Ridge".
    lines : DataFrame
        ``name``; index = line.
    published : mapping of id to float
        The report's measured values and modes.
    """
    part = folds[folds["model"].isin(["network", "Ridge", "training mean"])]
    name = part["line"].map(lines["name"])
    wide = part.assign(name=name)[name.isin(REPORT_LINES)]
    table = wide.pivot_table(index="name", columns="model", values="predicted").reindex(REPORT_LINES)
    table = table.reindex(columns=["network", "Ridge", "training mean"])
    table.insert(0, "measured", wide.groupby("name")["measured"].first())
    short = pd.Series(REPORT_LINES)
    table["report: measured"] = [published[f"gpds_sc_{key}_true"] for key in short]
    table["report: mode of the cells"] = [published[f"gpds_sc_{key}_pred"] for key in short]
    there = table.dropna(subset="measured")
    rows = [result(f"GDSC2.report lines.{row}.measured", there.loc[row, "measured"]) for row in there.index]
    return Found(results([result("GDSC2.report lines", len(there)), *rows]), table)


def variants_found(predictions: pd.DataFrame, prefix: str = "GDSC2.variants") -> Found:
    """Variants of a model in the same folds."""
    summary = summarise(bulk_metrics(predictions))
    table = summary.pivot_table(index="model", columns="metric", values="value", sort=False)
    return Found(results(named(summary, prefix + ".{model}.{metric}")), table)


def learning_curve(
    expression: pd.DataFrame,
    response: pd.Series,
    models: Mapping[str, BaseEstimator],
    *,
    sizes: Sequence[int] = (60, 120, 240),
    n_repeats: int = 1,
    seed: int = 0,
    n_jobs: int = 1,
) -> Found:
    """Test the same folds with ever more training lines, up to all of them.

    Returns
    -------
    Found
        Results ``GDSC2.curve.<n or "all">.<model>.Spearman``; table ``model``, ``lines``, ``value``, ``low``,
        ``high``.
    """
    tables = []
    for size in [*sizes, None]:
        split = partial(smaller_training, size=size, n_repeats=n_repeats, seed=seed)
        found = bulk_predictions(expression, response, models, split, seed=seed, n_jobs=n_jobs)
        summary = summarise(bulk_metrics(found), ("Spearman",))
        full = round(len(response.dropna()) * 0.8)
        tables.append(summary.assign(lines=size or full, size=size or "all"))
    table = pd.concat(tables, ignore_index=True)
    return Found(results(named(table, "GDSC2.curve.{size}.{model}.Spearman")), table)


def drugs_found(predictions: pd.DataFrame, drug: str) -> Found:
    """R2 of each model on several drugs, and on how many the network wins."""
    scores = bulk_metrics(predictions).query("metric == 'R2'")
    table = scores.pivot_table(index="drug", columns="model", values="value", sort=False)
    table = table.sort_values("network", ascending=False)
    n = len(table)
    rows = [
        result("GDSC2.drugs.count", n),
        result(
            "GDSC2.drugs.network above training mean", (table["network"] > table["training mean"]).sum(), n=n
        ),
        result("GDSC2.drugs.network above Ridge", (table["network"] > table["Ridge"]).sum(), n=n),
        result("GDSC2.drugs.rank of camptothecin", table["network"].rank(ascending=False)[drug], n=n),
    ]
    return Found(results(rows), table)


def other_responses(inputs: Inputs) -> dict[str, tuple[pd.DataFrame, pd.Series]]:
    """Expression and response by name: as in the chapter, on the scale of an AUC, and of the other screen.

    Without a second screen there is only the first.
    """
    found = {"as in the chapter": (inputs.panel.expression, inputs.response)}
    screen = inputs.screen
    if screen is None:
        return found
    if "max_concentration" in screen.drugs:
        highest = float(screen.drugs.loc[inputs.task.drug, "max_concentration"])
        found["AUC-like"] = (inputs.panel.expression, auc_like(inputs.response, highest))
    found["other screen"] = (screen.expression, screen.response[inputs.task.drug])
    return found


def by_response(
    inputs: Inputs, predict: Callable[..., pd.DataFrame], models: Mapping[str, BaseEstimator]
) -> Found:
    """Fit the same models on each of :func:`other_responses`; and the agreement of the two screens.

    Parameters
    ----------
    predict : callable
        :func:`~helpers.studies.gpds.bulk.bulk_predictions`, with its seed and jobs.
    """
    parts = {
        name: variants_found(predict(x, y, models, repeated(1)), f"GDSC2.response, {name}")
        for name, (x, y) in other_responses(inputs).items()
    }
    rows = [part.results for part in parts.values()]
    table = pd.concat({name: part.table for name, part in parts.items()}, axis=1)
    return Found(pd.concat([*rows, ceiling(inputs)], ignore_index=True), table)


def ceiling(inputs: Inputs) -> pd.DataFrame:
    """Agreement of two screens of the drug over the lines that both have; null without a second one."""
    if inputs.screen is None:
        return results([result("GDSC2.ceiling.Spearman", np.nan)])
    other = inputs.screen.response[inputs.task.drug]
    twice = pd.concat([inputs.response, other], axis=1, join="inner").dropna().to_numpy()
    return results([result("GDSC2.ceiling.Spearman", stats.spearmanr(*twice.T).statistic, n=len(twice))])


def auc_like(ln_ic50: pd.Series, highest: float, folds: float = 1000.0) -> pd.Series:
    """Area under a dose curve of slope 1 with a given IC50, as a share of full viability.

    Parameters
    ----------
    ln_ic50 : Series
        ln uM.
    highest : float
        Highest tested concentration (uM).
    folds : float
        Highest over lowest concentration; GDSC2 tests a thousandfold range.

    Returns
    -------
    Series
        0 to 1; the mean of 1 / (1 + c / IC50) over ln c, in closed form. Lines beyond the tested range are
        squeezed together, as they are in a measured AUC.

    Raises
    ------
    DataError
        If the response is no Series of numbers, or a concentration is not positive.
    """
    check_number("highest", highest, np.finfo(float).tiny, np.finfo(float).max)
    check_number("folds", folds, 1 + 1e-9, np.finfo(float).max)
    if not isinstance(ln_ic50, pd.Series):
        refuse("auc_like", f"needs a Series of ln IC50, got {type(ln_ic50).__name__}")
    check_response(ln_ic50)
    ic50 = np.exp(ln_ic50)
    lowest = highest / folds
    return np.log((highest / (ic50 + highest)) / (lowest / (ic50 + lowest))) / np.log(folds)


def board_found(board: pd.DataFrame, drug: str, usable: float = 0.3) -> Found:
    """Count the drugs that are predictable within lineages, and find the place of one."""
    n = len(board)
    rows = [
        result("GDSC2.board.drugs", n),
        result("GDSC2.board.within lineages above 0.3", (board["within lineages"] > usable).sum(), n=n),
        result("GDSC2.board.ridge above lineage mean", (board["ridge"] > board["lineage mean"]).sum(), n=n),
        result("GDSC2.board.median ridge", board["ridge"].median(), n=n),
        result(
            "GDSC2.board.median ceiling", board["ceiling"].median(), n=int(board["ceiling"].notna().sum())
        ),
    ]
    place = board.index[board["drug"] == drug]
    if len(place):
        rows.append(result("GDSC2.board.rank of camptothecin", place[0] + 1, n=n))
    return Found(results(rows), board)


def repeated(n_repeats: int) -> partial:
    """Five folds of lines, repeated."""
    return partial(repeated_folds, n_repeats=n_repeats)
