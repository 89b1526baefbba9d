"""What predictors of expression changes learn: how additive their answers are, and planted truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.datasets.change_types import ChangeData
from helpers.datasets.simulate_changes import ChangeTruth
from helpers.evaluation.change_folds import ChangeFold
from helpers.evaluation.change_metrics import additive_share, mean_scores, row_scores
from helpers.evaluation.change_protocols import Baseline, Network


def learned_additivity(data: ChangeData, models: Sequence[Baseline | Network], seed: int = 0) -> pd.DataFrame:
    """Fit models on all rows, let them predict every cell with every compound, and split the table.

    Parameters
    ----------
    data : ChangeData
        Only its training rows take part.
    models : sequence of Baseline or Network
    seed : int

    Returns
    -------
    DataFrame
        ``model``, ``value`` (share of the variance of its predictions that cell plus compound
        explain) and ``n`` (pairs predicted).
    """
    kept = (data.rows["split"] == "train").to_numpy()
    rows = data.rows[kept].reset_index(drop=True)
    cells, compounds = sorted(rows["cell"].unique()), rows.drop_duplicates("compound").sort_values("compound")
    grid = pd.concat([compounds.assign(cell=cell) for cell in cells])
    table = pd.concat([rows, grid], ignore_index=True)
    train, pairs = np.arange(len(rows)), np.arange(len(rows), len(table))
    values = np.zeros((len(table), data.matrix.shape[1]), dtype=np.float32)
    values[train] = data.matrix[kept]
    found = []
    for model in models:
        (predicted,) = model.predict_many([(train, pairs, seed)], table, values)
        full = np.reshape(predicted, (len(cells), len(compounds), -1))
        found.append((model.name, additive_share(full), len(pairs)))
    return pd.DataFrame(found, columns=["model", "value", "n"])


def oracle_scores(data: ChangeData, truth: ChangeTruth, folds: Sequence[ChangeFold]) -> dict[str, float]:
    """Score the planted changes without noise on the test rows of all folds: no predictor can do better."""
    expected = truth.expected.to_numpy()
    tables = [row_scores(data.matrix[f.test], expected[f.test], data.significant) for f in folds]
    return mean_scores(pd.concat(tables, ignore_index=True))
