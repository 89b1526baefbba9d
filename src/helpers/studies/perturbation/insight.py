"""What models of expression changes learn, what their errors follow, and planted truth."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from joblib import parallel_config
from scipy.stats import binomtest
from sklearn.model_selection import GridSearchCV

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_names, check_records, refuse
from helpers.evaluation.protocol import Fold, Model, predictions
from helpers.evaluation.statistics import cluster_bootstrap, mean_statistic
from helpers.studies.perturbation.folds import random_rows
from helpers.studies.perturbation.metrics import (
    METRICS,
    additive_share,
    check_scores,
    mean_scores,
    mean_scores_by,
    row_scores,
)
from helpers.studies.perturbation.model import PUBLISHED, PerturbationNetwork
from helpers.studies.perturbation.protocol import Rows
from helpers.studies.perturbation.types import ExpressionChanges

#: Multiples of the published settings that :func:`tune_networks` tries.
TUNED = {"learning rate": (0.3, 1.0, 3.0), "epochs": (1 / 3, 1.0)}


def learned_additivity(data: ExpressionChanges, models: Sequence[Model], seed: int = 0) -> pd.DataFrame:
    """Fit models on all rows, let them predict every cell with every compound, and split the table.

    Parameters
    ----------
    data : ExpressionChanges
        Only its training rows take part.
    models : sequence of Model
    seed : int

    Returns
    -------
    DataFrame
        ``model``, ``value`` (share of the variance of its predictions that cell plus compound
        explain), ``n`` (rows predicted) and ``seeds`` (1).

    Raises
    ------
    DataError
        If there are no training rows.
    """
    kept = (data.rows["split"] == "train").to_numpy()
    if not kept.any():
        refuse(data.name, "no training rows to learn from")
    rows = data.rows[kept].reset_index(drop=True)
    cells, compounds = sorted(rows["cell"].unique()), rows.drop_duplicates("compound").sort_values("compound")
    grid = pd.concat([compounds.assign(cell=cell) for cell in cells])
    table = pd.concat([rows, grid], ignore_index=True)
    values = np.zeros((len(table), data.matrix.shape[1]), dtype=np.float32)
    values[: len(rows)] = data.matrix[kept]
    fold = Fold("all", np.arange(len(rows)), np.arange(len(rows), len(table)), seed=seed)
    shape = (len(cells), len(compounds), -1)
    found = [
        (name, additive_share(np.reshape(predicted, shape)), len(grid), 1)
        for name, _, predicted in predictions(Rows(table, values, data.significant), [fold], models)
    ]
    return pd.DataFrame(found, columns=["model", "value", "n", "seeds"])


def oracle_scores(
    data: ExpressionChanges, folds: Sequence[Fold], metrics: Sequence[str] = tuple(METRICS)
) -> pd.DataFrame:
    """Score the planted changes without noise on the test rows of all folds: no model can do better.

    Returns
    -------
    DataFrame
        ``model`` (``"oracle"``), ``metric``, ``value``, ``n`` (rows of the data); empty where nothing was
        planted.
    """
    columns = ["metric", "value", "model", "n"]
    if data.planted is None:
        return pd.DataFrame(columns=columns).astype({"value": float})
    unknown = set(check_names(metrics, "metrics")) - set(METRICS)
    if unknown or not len(folds):
        refuse(
            data.name, f"unknown metric(s) {sorted(unknown)}" if unknown else "there are no folds to score"
        )
    expected = data.planted
    tables = [row_scores(data.matrix[f.test], expected[f.test], data.significant) for f in folds]
    found = mean_scores(pd.concat(tables, ignore_index=True))
    table = pd.DataFrame({"metric": metrics, "value": [found[metric] for metric in metrics]})
    return table.assign(model="oracle", n=len(data.rows))


def largest_identity_gap(summary: pd.DataFrame) -> pd.DataFrame:
    """How far MAE is from a x MAE right + (1 - a) x MAE wrong, with a the sign accuracy, at most.

    Parameters
    ----------
    summary : DataFrame
        :func:`helpers.studies.perturbation.comparison.summarise_models`, with ``data`` and ``protocol``.

    Returns
    -------
    DataFrame
        One row with ``value`` and ``n`` (models, over all data sets and protocols).
    """
    wide = summary.pivot_table(index=["data", "protocol", "model"], columns="metric", values="value")
    right = wide["sign accuracy"]
    total = right * wide["MAE right"].fillna(0) + (1 - right) * wide["MAE wrong"].fillna(0)
    return pd.DataFrame({"value": [(wide["MAE"] - total).abs().max()], "n": len(wide)})


def errors_by_compound(
    scores: pd.DataFrame, models: Sequence[str] = ("GRU3", "GRU3-ATTN", "Transformer")
) -> pd.DataFrame:
    """Mean size of each compound's changes beside the models' errors on right signs, compounds x columns."""
    check_scores(scores, ("compound",), ("zero", *check_names(models, "models")))
    errors = {"mean |change|": scores[scores["model"] == "zero"].groupby("compound")["error"].mean()}
    for model in models:
        by = mean_scores_by(scores[scores["model"] == model], "compound")
        errors[model] = by.set_index("compound")["MAE right"]
    return pd.DataFrame(errors)


def error_ranges(scores: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Range of the absolute errors of models' rows within each cell.

    Returns
    -------
    DataFrame
        ``model``, ``group`` (cell), ``low``, ``mean``, ``high``.
    """
    check_scores(scores, ("cell",), check_names(models, "models"))
    table = scores[scores["model"].isin(models)]
    ranges = table.groupby(["model", "cell"])["error"].agg(low="min", mean="mean", high="max")
    return ranges.loc[list(models)].rename_axis(["model", "group"]).reset_index()


def error_follows_size(
    scores: pd.DataFrame, groups: Sequence[tuple[str, str]], model: str = "GRU3-ATTN"
) -> pd.DataFrame:
    """Rank correlation over groups of rows between a model's error and the mean size of the changes.

    Parameters
    ----------
    scores : DataFrame
        Test rows of one protocol, with the column ``data``.
    groups : sequence of (data set, "cell" or "compound")
    model : str

    Returns
    -------
    DataFrame
        ``data``, ``by``, ``model``, ``value`` (Spearman), ``n`` (groups).
    """
    rows = []
    for data, by in groups:
        check_scores(scores[scores["data"] == data], ("data", by), ("zero", model))
        error = scores[scores["data"] == data].groupby(["model", by])["error"].mean()
        value = error[model].corr(error["zero"], method="spearman")
        rows.append((data, by, model, value, len(error["zero"])))
    return pd.DataFrame(rows, columns=["data", "by", "model", "value", "n"])


def gain_over_coin(summary: pd.DataFrame, networks: Sequence[str]) -> pd.DataFrame:
    """Compare the best network with one constant sign a gene, both over the half that a coin gets right.

    Parameters
    ----------
    summary : DataFrame
        :func:`helpers.studies.perturbation.comparison.summarise_models` of one protocol, with ``data``.
    networks : sequence of str

    Returns
    -------
    DataFrame
        ``data``, ``best`` (sign accuracy of the best network), ``note`` (its name), ``share`` (what the
        constant has of its gain over 0.5).
    """
    check_records(summary, ("data", "model", "metric"), (), "summary")
    networks, rows = check_names(networks, "networks"), []
    table = summary[summary["metric"] == "sign accuracy"]
    for data, part in table.groupby("data", sort=False):
        value = part.set_index("model")["value"]
        missing = {*networks, "gene sign"} - set(value.index)
        if missing or not networks:
            refuse(data, f"no sign accuracy of {sorted(missing) or 'a network'}")
        best = value[list(networks)].max()
        note = f"best network on random rows: {value[list(networks)].idxmax()}"
        rows.append((data, best, note, (value["gene sign"] - 0.5) / (best - 0.5)))
    return pd.DataFrame(rows, columns=["data", "best", "note", "share"])


def tune_networks(
    data: ExpressionChanges, fold: Fold, epoch_share: float = 1.0, *, device: str = "cpu", n_jobs: int = 1
) -> pd.DataFrame:
    """Tune each network as the paper says it did, and score the winner where it was not tuned.

    Candidates are :data:`TUNED` multiples of the published learning rate and number of epochs; the one with
    the highest sign accuracy on a fifth of the training rows of ``fold`` is fitted on all of them.

    Parameters
    ----------
    data : ExpressionChanges
    fold : Fold
    epoch_share : float
        Share of the published epochs.
    device : {"cpu", "cuda"}
    n_jobs : int
        Fits at a time.

    Returns
    -------
    DataFrame
        ``model``; ``learning rate``, ``epochs`` (of the winner, multiples of the published ones); ``worst``,
        ``best`` (sign accuracy of the candidates on the fifth), ``published`` (that of the published
        setting there), ``value`` (of the winner on the test rows), ``n`` (test rows), ``seeds`` (1).

    Raises
    ------
    DataError
        If ``epoch_share`` is no positive number.
    """
    check_number("epoch_share", epoch_share, 1e-9, 1e9)
    table, values = data.rows.iloc[fold.train].reset_index(drop=True), data.matrix[fold.train]
    split = [(f.train, f.test) for f in random_rows(table, [fold.seed], n_used=1)]
    found = []
    for name, published in PUBLISHED.items():
        epochs = max(1, round(epoch_share * published.epochs))
        grid = {
            "learning_rate": [published.learning_rate * x for x in TUNED["learning rate"]],
            "epochs": [max(1, round(epochs * x)) for x in TUNED["epochs"]],
        }
        network = PerturbationNetwork(name, device=device, random_state=fold.seed)
        search = GridSearchCV(network, grid, scoring=_sign_accuracy, cv=split, error_score="raise")
        with parallel_config("threading", n_jobs=n_jobs):
            search.set_params(n_jobs=n_jobs).fit(table, values)
        scores, settings = search.cv_results_["mean_test_score"], search.cv_results_["params"]
        own = settings.index({"learning_rate": published.learning_rate, "epochs": epochs})
        tested = _sign_accuracy(search.best_estimator_, data.rows.iloc[fold.test], data.matrix[fold.test])
        chosen = search.best_params_
        multiples = chosen["learning_rate"] / published.learning_rate, chosen["epochs"] / epochs
        found.append((name, *multiples, scores.min(), scores.max(), scores[own], tested))
    columns = ["model", "learning rate", "epochs", "worst", "best", "published", "value"]
    return pd.DataFrame(found, columns=columns).assign(n=len(fold.test), seeds=1)


def _sign_accuracy(network: PerturbationNetwork, rows: pd.DataFrame, values: np.ndarray) -> float:
    return float((values * network.predict(rows) > 0).mean())


def shared_control_correlation(data: ExpressionChanges, n_boot: int = 500, seed: int = 0) -> pd.DataFrame:
    """Correlate the changes of two rows of one cell, with and without control measurements in common.

    Parameters
    ----------
    data : ExpressionChanges
        Without the column ``block`` no two rows share controls.
    n_boot, seed : int
        Bootstrap over cells.

    Returns
    -------
    DataFrame
        ``controls`` (shared, other), ``value`` (mean correlation), ``low``, ``high``, ``n`` (pairs of rows).
    """
    found = []
    for cell, rows in data.rows.groupby("cell"):
        for i, j in itertools.combinations(rows.index, 2):
            shared = "block" in rows and rows.loc[i, "block"] == rows.loc[j, "block"]
            r = np.corrcoef(data.matrix[i], data.matrix[j])[0, 1]
            found.append((cell, "shared" if shared else "other", r))
    table = pd.DataFrame(found, columns=["cell", "controls", "r"])
    out = []
    for controls, part in table.groupby("controls", sort=False):
        r = part["r"].to_numpy()
        boot = cluster_bootstrap(mean_statistic(r), part["cell"].to_numpy(), n_boot, seed)
        low, high = min(boot.low, boot.difference), max(boot.high, boot.difference)
        out.append((controls, boot.difference, low, high, len(part)))
    return pd.DataFrame(out, columns=["controls", "value", "low", "high", "n"])


def share_of_groups(
    scores: pd.DataFrame, pairs: Sequence[tuple[str, str]], by: str, column: str
) -> pd.DataFrame:
    """Count in how many groups of rows a model has a smaller error than another.

    Parameters
    ----------
    scores : DataFrame
        Test rows of one data set and protocol.
    pairs : sequence of (first, second)
    by : {"compound", "cell"}
    column : str
        A metric of :func:`helpers.studies.perturbation.metrics.mean_scores`; smaller is better.

    Returns
    -------
    DataFrame
        ``first``, ``second``, ``value`` (share of groups), ``low``, ``high`` (95 %, exact binomial), ``n``.
    """
    check_scores(scores, (by,), [name for pair in pairs for name in pair])
    if column not in tuple(METRICS):
        refuse("scores", f"unknown metric {column!r}; one of {', '.join(METRICS)}")
    named = scores[scores["model"].isin({name for pair in pairs for name in pair})]
    tables = {name: mean_scores_by(part, by).set_index(by)[column] for name, part in named.groupby("model")}
    rows = []
    for first, second in pairs:
        smaller = (tables[first] < tables[second]).sum()
        test = binomtest(int(smaller), len(tables[first]))
        low, high = test.proportion_ci(0.95)
        rows.append((first, second, test.statistic, low, high, len(tables[first])))
    return pd.DataFrame(rows, columns=["first", "second", "value", "low", "high", "n"])


def attention_weights(
    data: ExpressionChanges, epochs: int | None = None, seed: int = 0, device: str = "cpu"
) -> pd.DataFrame:
    """Train the network with attention on all rows and return where each step looks.

    Parameters
    ----------
    data : ExpressionChanges
        Only its training rows take part.
    epochs : int, optional
        Default: the published number.
    seed : int
    device : {"cpu", "cuda"}

    Returns
    -------
    DataFrame, features x features
        Mean attention over the rows, from the step of a row's feature to the step of a column's;
        each row adds up to 1. Without any preference every entry is 1 / 5.
    """
    kept = (data.rows["split"] == "train").to_numpy()
    rows = data.rows[kept].reset_index(drop=True)
    network = PerturbationNetwork("GRU3-ATTN", epochs=epochs, random_state=seed, device=device)
    network.fit(rows, data.matrix[kept])
    weights = dot_attention(_step_states(network, rows)).mean(axis=0)
    return pd.DataFrame(weights, index=network.features, columns=network.features)


def dot_attention(states: np.ndarray) -> np.ndarray:
    """Dot-product attention of each step over all steps: (rows, steps, units) to (rows, steps, steps)."""
    scores = np.einsum("nik,njk->nij", states, states)
    weights = np.exp(scores - scores.max(axis=2, keepdims=True))
    return weights / weights.sum(axis=2, keepdims=True)


def evenness(weights: pd.DataFrame) -> float:
    """Entropy of attention relative to looking everywhere alike: 1 is no preference, 0 a single step."""
    found = as_numbers(weights, "attention", finite=True)
    if (
        found.ndim != 2
        or found.shape[1] < 2
        or (found < 0).any()
        or not np.allclose(found.sum(axis=1), 1, atol=1e-3)
    ):
        refuse("attention", f"must be rows of two weights or more that add up to 1; got shape {found.shape}")
    w = weights.to_numpy()  # in their own precision
    return float(-(w * np.log(np.maximum(w, 1e-12))).sum(axis=1).mean() / np.log(w.shape[1]))


def _step_states(network: PerturbationNetwork, rows: pd.DataFrame) -> np.ndarray:
    """States of the stack that attention compares, rows x steps x units."""
    import keras

    model = network.keras_model()
    last = max(layer.name for layer in model.layers if layer.name.startswith("recurrent_"))
    below = keras.Model(model.inputs, model.get_layer(last).output)
    codes = network.encoder_.transform(rows)
    mask = np.ones((len(codes), network.design_.dense), np.float32)
    return keras.ops.convert_to_numpy(below([codes, mask], training=False))
