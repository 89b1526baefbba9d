"""Why a network might answer the same for every cell: four possible reasons, each with a test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from helpers.bounds import check_number
from helpers.checks import refuse
from helpers.studies.gpds.cells import model_inputs
from helpers.studies.gpds.checks import check_lines
from helpers.studies.gpds.folds import is_network
from helpers.studies.gpds.model import GPDSRegressor, out_of_range, saturation


def cell_hypotheses(
    model: Pipeline,
    table: pd.DataFrame,
    reference: pd.DataFrame,
    held_out: pd.DataFrame,
    response: pd.Series,
    *,
    bins: str = "bulk-edges",
    n_shuffles: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    """Feed a fitted network what each hypothesis says it got.

    Parameters
    ----------
    model : Pipeline
        :func:`helpers.studies.gpds.model.gpds_pipeline`, fitted on ``reference``.
    table : DataFrame, cells x genes
        From :func:`helpers.studies.gpds.cells.cell_expression`, genes as ``reference``.
    reference : DataFrame, lines x genes
        Training lines.
    held_out : DataFrame, lines x genes
        Bulk profiles of lines that were not trained on.
    response : Series
        Of the training lines.
    bins : str
        How the cells are binned, one of :data:`helpers.studies.gpds.cells.CELL_BINS`.
    n_shuffles : int
        Orders of the genes that H3 tries.

    Returns
    -------
    DataFrame
        One row a condition: ``hypothesis``, ``condition``, ``median``, ``sd`` and ``n`` of the predictions,
        ``saturated_1``, ``saturated_2`` (share of hidden activations beyond 0.99), ``out_of_range`` (share of
        inputs beyond 3 SD of the training lines) and ``lowest`` (share of inputs that are the lowest value
        that the gene has in training; NaN for inputs that are not scaled). The first row is the measured
        response of the training lines.

    Raises
    ------
    DataError
        If the model is no fitted network of two hidden layers, a table lacks a gene, or none of the training
        lines has a response.
    """
    check_number("n_shuffles", n_shuffles, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    if not is_network(model):
        refuse("cell_hypotheses", f"needs a pipeline that ends in a network, got {model!r}")
    check_is_fitted(model.steps[-1][1], "network_")
    if len(model.steps[-1][1].hidden) != 2:
        refuse("cell_hypotheses", "needs a network of two hidden layers")
    check_lines(response, reference.index, "the response")
    network: GPDSRegressor = model.steps[-1][1]
    trained = model[:-1].transform(reference)
    floor = trained.min(axis=0).to_numpy()
    rng = np.random.default_rng(seed)

    def row(hypothesis: str, condition: str, x: np.ndarray, scaled: bool = True) -> dict:
        x = np.asarray(x, float)
        predicted = network.network_.predict(x) * network.target_scale_ + network.target_mean_
        first, second = saturation(network.network_, x)
        return {
            "hypothesis": hypothesis,
            "condition": condition,
            "median": np.median(predicted),
            "sd": predicted.std(),
            "n": len(predicted),
            "saturated_1": first,
            "saturated_2": second,
            "out_of_range": out_of_range(x),
            "lowest": float((x <= floor + 1e-6).mean()) if scaled else np.nan,
        }

    cells = model_inputs(model, table, bins=bins)
    unscaled = model_inputs(model, table, bins=bins, scale="none")
    unbinned = model.named_steps["filter"].transform(table) if "filter" in model.named_steps else table
    shuffled = [cells.to_numpy()[:, rng.permutation(cells.shape[1])] for _ in range(n_shuffles)]
    rows = [
        row("", "cells, as treated", cells),
        row("H1", "every gene in its lowest bin", floor[None]),
        row("H2", "cells binned, not scaled", unscaled, scaled=False),
        row("H2", "cells neither binned nor scaled", unbinned, scaled=False),
        row("H3", f"cells, genes in {n_shuffles} other orders", np.vstack(shuffled)),
        row("H4", "bulk profiles of held-out lines", model[:-1].transform(held_out)),
        row("H4", "bulk profiles of the training lines", trained),
    ]
    y = response.reindex(reference.index).dropna()
    measured: dict[str, Any] = {"hypothesis": "", "condition": "measured, training lines"}
    measured |= {"median": y.median(), "sd": y.std(ddof=0), "n": len(y)}
    return pd.DataFrame([measured, *rows])
