"""What an encoder that nothing trains sees of the lines: the published ablation before its first step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.studies.refdnn.features import PairFeatures
from helpers.studies.refdnn.model import Layout


def frozen_logits(features: Mapping[str, PairFeatures], draws: int = 20, seed: int = 0) -> pd.DataFrame:
    """Spread of the logits of randomly started encoders.

    Parameters
    ----------
    features : mapping of data set to PairFeatures
    draws : int
        Random starts.
    seed : int

    Returns
    -------
    DataFrame
        ``data``, ``what``, ``value``, ``n``: SD of the logits between and within reference drugs, and the
        share of logits beyond 4 in size, where the sigmoid says nearly the same of every line.

    Raises
    ------
    DataError
        If a number cannot be.
    """
    check_number("draws", draws, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    rows = []
    for name, known in features.items():
        x = known.expression
        layout = Layout(x.shape[1], len(known.drug_names), hidden=4)
        rng = np.random.default_rng(seed)
        logits = np.stack([x @ layout.initial_encoder(rng)[:-1] for _ in range(draws)])
        spread = {
            "SD between drugs": logits.mean(axis=1).std(axis=1).mean(),
            "SD between lines": logits.std(axis=1).mean(),
            "saturated share": (np.abs(logits) > 4).mean(),
        }
        rows += [(name, what, float(value), draws) for what, value in spread.items()]
    return pd.DataFrame(rows, columns=["data", "what", "value", "n"])
