"""What models of expression changes learn, what their errors follow, and planted truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.evaluation.protocol import Fold, Model, predictions
from helpers.studies.perturbation.metrics import (
    METRICS,
    additive_share,
    mean_scores,
    mean_scores_by,
    row_scores,
)
from helpers.studies.perturbation.model import PerturbationNetwork
from helpers.studies.perturbation.protocol import Rows
from helpers.studies.perturbation.twin import PlantedTruth
from helpers.studies.perturbation.types import ExpressionChanges


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
    """
    kept = (data.rows["split"] == "train").to_numpy()
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
    data: ExpressionChanges,
    truth: PlantedTruth,
    folds: Sequence[Fold],
    metrics: Sequence[str] = tuple(METRICS),
) -> pd.DataFrame:
    """Score the planted changes without noise on the test rows of all folds: no model can do better.

    Returns
    -------
    DataFrame
        ``model`` (``"oracle"``), ``metric``, ``value``, ``n`` (rows of the data).
    """
    expected = truth.expected.to_numpy()
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
    errors = {"mean |change|": scores[scores["model"] == "zero"].groupby("compound")["error"].mean()}
    for model in models:
        by = mean_scores_by(scores[scores["model"] == model], "compound")
        errors[model] = by.set_index("compound")["MAE right"]
    return pd.DataFrame(errors)


def error_ranges(scores: pd.DataFrame, model: str = "GRU3-ATTN") -> pd.DataFrame:
    """Range of the errors of a model's rows within each cell.

    Returns
    -------
    DataFrame
        ``quantity`` (MAE right, MAE wrong, MAE), ``group`` (cell), ``low``, ``mean``, ``high``.
    """
    table = scores[scores["model"] == model]
    errors = {
        "MAE right": table["right_error"] / table["right"],
        "MAE wrong": table["wrong_error"] / table["wrong"],
        "MAE": table["error"],
    }
    ranges = {
        what: error.groupby(table["cell"]).agg(low="min", mean="mean", high="max")
        for what, error in errors.items()
    }
    return pd.concat(ranges, names=["quantity", "group"]).reset_index()


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
    rows = []
    table = summary[summary["metric"] == "sign accuracy"]
    for data, part in table.groupby("data", sort=False):
        value = part.set_index("model")["value"]
        best = value[list(networks)].max()
        note = f"best network on random rows: {value[list(networks)].idxmax()}"
        rows.append((data, best, note, (value["gene sign"] - 0.5) / (best - 0.5)))
    return pd.DataFrame(rows, columns=["data", "best", "note", "share"])


def attention_weights(data: ExpressionChanges, epochs: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Train the network with attention on all rows and return where each step looks.

    Parameters
    ----------
    data : ExpressionChanges
        Only its training rows take part.
    epochs : int, optional
        Default: the published number.
    seed : int

    Returns
    -------
    DataFrame, features x features
        Mean attention over the rows, from the step of a row's feature to the step of a column's;
        each row adds up to 1. Without any preference every entry is 1 / 5.
    """
    kept = (data.rows["split"] == "train").to_numpy()
    rows = data.rows[kept].reset_index(drop=True)
    network = PerturbationNetwork("GRU3-ATTN", epochs=epochs, random_state=seed)
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
    w = weights.to_numpy()
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
