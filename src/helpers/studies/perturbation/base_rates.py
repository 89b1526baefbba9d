"""What constants score on the signs of a table, and how one-sided genes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import as_numbers, refuse
from helpers.studies.perturbation.metrics import three_classes
from helpers.studies.perturbation.types import ExpressionChanges


def genes_up(means: ExpressionChanges) -> pd.DataFrame:
    """Share of genes with a positive mean change: ``cell``, ``value``, ``n`` (genes), one row a cell."""
    table = pd.DataFrame({"cell": means.rows["cell"], "value": (means.matrix > 0).mean(axis=1)})
    return table.assign(n=means.matrix.shape[1])


def sign_agreement(means: ExpressionChanges) -> pd.DataFrame:
    """Share of genes whose mean changes have the same sign in two cells, cells x cells."""
    signs, cells = np.sign(means.matrix), means.rows["cell"]
    return pd.DataFrame((signs[:, None] == signs[None]).mean(axis=2), index=cells, columns=cells)


def mean_sign_agreement(agreement: pd.DataFrame) -> pd.DataFrame:
    """Mean over the pairs of two cells: one row with ``value`` and ``n`` (pairs).

    Raises
    ------
    DataError
        If it is no table cells x cells of two cells or more.
    """
    found = as_numbers(agreement, "agreement", finite=True).shape
    if len(found) != 2 or found[0] != found[1] or found[0] < 2:
        refuse("agreement", f"must be a table cells x cells of two cells or more; got {found}")
    off_diagonal = agreement.to_numpy()[np.triu_indices(len(agreement), 1)]
    return pd.DataFrame({"value": [off_diagonal.mean()], "n": len(off_diagonal)})


def shares_up(sets: Mapping[str, ExpressionChanges]) -> pd.DataFrame:
    """Share of positive entries, what "always up" scores: ``data``, ``value``, ``n`` (rows)."""
    rows = [(name, class_shares(data.matrix)["up"], len(data.rows)) for name, data in sets.items()]
    return pd.DataFrame(rows, columns=["data", "value", "n"])


def class_table(sets: Mapping[str, ExpressionChanges], thresholds: Sequence[float]) -> pd.DataFrame:
    """:func:`class_shares` of several data sets: ``data``, ``threshold``, and a column for each class."""
    rows = [
        {"data": name, "threshold": threshold, **class_shares(data.matrix, threshold)}
        for name, data in sets.items()
        for threshold in thresholds
    ]
    return pd.DataFrame(rows)


def class_shares(y: np.ndarray, threshold: float = 0.0) -> dict[str, float]:
    """Share of entries that go up, go down, and do not respond: what each constant answer scores.

    Raises
    ------
    DataError
        If the values are none, or no finite numbers, or the threshold is no number, or negative.
    """
    check_number("threshold", threshold, 0)
    y = as_numbers(y, "changes", finite=True)
    if not y.size:
        refuse("changes", "there are none")
    classes = three_classes(y, threshold)
    return {
        "up": float((classes > 0).mean()),
        "down": float((classes < 0).mean()),
        "no response": float((classes == 0).mean()),
    }
