"""The difference to the strongest of several rivals, corrected for the choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.errors import DataError
from helpers.evaluation.statistics import Comparison

#: Compares the reference with one rival at a confidence level.
Compare = Callable[[str, float], Comparison]


def against_strongest(
    means: Mapping[str, float], compare: Compare, candidates: Sequence[str], *, lower_is_better: bool = False
) -> tuple[str, Comparison]:
    """Compare a model with the strongest of several rivals by their mean on the same test parts.

    To beat the strongest rival is to beat every rival, so the lower limit is the least of the uncorrected
    lower limits (an intersection-union test needs no correction). A rival that looks strongest in k tries
    is partly lucky, so the upper limit is the least of k upper limits at level ``1 - 0.05 / k``. Where
    lower is better the two change places.

    Parameters
    ----------
    means : mapping of model to mean of the metric over the same test parts
    compare : callable (rival, level) -> Comparison
        Reference minus rival, with an interval at that level.
    candidates : sequence of str
        The rivals to choose from; those without a mean are left out.
    lower_is_better : bool
        Whether the metric is an error.

    Returns
    -------
    str
        The strongest by its mean.
    Comparison
        Difference to that one; ``low`` and ``high`` as above, NaN where a rival has no interval.

    Raises
    ------
    DataError
        If none of the candidates has a mean.
    """
    known = [name for name in candidates if name in means and not np.isnan(means[name])]
    if not known:
        msg = f"none of {list(candidates)} has a value"
        raise DataError(msg)
    best = (min if lower_is_better else max)(known, key=lambda name: means[name])
    chosen = compare(best, 0.95)
    plain = [compare(name, 0.95) for name in known]
    corrected = [compare(name, 1 - 0.05 / len(known)) for name in known]
    if lower_is_better:
        # np.max keeps NaN: a rival without an interval leaves the question open.
        low, high = np.max([c.low for c in corrected]), np.max([c.high for c in plain])
    else:
        low, high = np.min([c.low for c in plain]), np.min([c.high for c in corrected])
    # The rival with the best mean need not have the smallest rank-based difference.
    low, high = np.minimum(low, chosen.difference), np.maximum(high, chosen.difference)
    method = f"{chosen.method}, against the strongest of {len(known)}"
    return best, Comparison(chosen.difference, float(low), float(high), chosen.p, chosen.n, method)


def strongest_row(best: str, comparison: Comparison, n_candidates: int) -> pd.DataFrame:
    """Return the comparison as a table of one row, with a note that names the chosen rival."""
    note = f"strongest of {n_candidates} by mean: {best}; limits corrected for the choice"
    return pd.DataFrame(
        [
            {
                "rival": best,
                "difference": comparison.difference,
                "low": comparison.low,
                "high": comparison.high,
                "n": comparison.n,
                "note": note,
            }
        ]
    )
