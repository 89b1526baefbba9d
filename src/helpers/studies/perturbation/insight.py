"""What predictors of expression changes learn: how additive their answers are, and planted truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.evaluation.protocol import Fold, Model, predictions
from helpers.studies.perturbation.metrics import additive_share, mean_scores, row_scores
from helpers.studies.perturbation.model import PerturbationNetwork
from helpers.studies.perturbation.protocol import Rows
from helpers.studies.perturbation.twin import ChangeTruth
from helpers.studies.perturbation.types import ChangeData


def learned_additivity(data: ChangeData, models: Sequence[Model], seed: int = 0) -> pd.DataFrame:
    """Fit models on all rows, let them predict every cell with every compound, and split the table.

    Parameters
    ----------
    data : ChangeData
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


def oracle_scores(data: ChangeData, truth: ChangeTruth, folds: Sequence[Fold]) -> dict[str, float]:
    """Score the planted changes without noise on the test rows of all folds: no predictor can do better."""
    expected = truth.expected.to_numpy()
    tables = [row_scores(data.matrix[f.test], expected[f.test], data.significant) for f in folds]
    return mean_scores(pd.concat(tables, ignore_index=True))


def attention_weights(data: ChangeData, epochs: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Train the network with attention on all rows and return where each step looks.

    Parameters
    ----------
    data : ChangeData
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
