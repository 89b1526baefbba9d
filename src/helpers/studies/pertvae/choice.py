"""The choice of learning rate and stopping rule: on lines that no test fold of the choice's drug holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from helpers.data.pair_types import PerturbationPairs
from helpers.studies.pertvae.models import STOPS, pertvae_model
from helpers.studies.pertvae.protocol import cross_validate_drugs, line_folds, line_scores

LEARNING_RATES = (5e-4, 1e-3, 2e-3)


def known_part(data: PerturbationPairs, drug: str, seed: int = 0) -> PerturbationPairs:
    """Return training and validation pairs of the first outer fold of ``drug``; its test lines are gone.

    Their profiles without a partner are gone as well.
    """
    of_drug = data.of_drug(drug)
    lines = of_drug.pairs["line"].to_numpy(str)
    test = line_folds(lines, n_repeats=1, seed=seed, few=0)[0].test
    kept = of_drug.subset(~np.isin(np.arange(len(lines)), test))
    alone = of_drug.without_singletons_of(lines[test])
    return PerturbationPairs(
        data.name,
        kept.pre,
        kept.post,
        kept.pairs,
        alone,
        data.singleton_lines.loc[alone.index],
        data.provenance,
    )


def score_choices(
    data: PerturbationPairs,
    drug: str,
    settings: Mapping[str, Any],
    *,
    rates: Sequence[float] = LEARNING_RATES,
    seed: int = 0,
    **protocol: Any,
) -> pd.DataFrame:
    """Score every learning rate with every stopping rule in folds inside :func:`known_part`.

    Parameters
    ----------
    data : PerturbationPairs
    drug : str
    settings : mapping
        Of PertVAE; learning rate and ``watch`` are replaced.
    rates : sequence of float
    seed : int
    **protocol
        Of :func:`helpers.studies.pertvae.protocol.cross_validate_drugs`.

    Returns
    -------
    DataFrame
        ``rate``, ``stops``, ``metric`` (``"rho"``, ``"change"``), ``value`` (mean over lines), ``n`` lines.
    """
    names = {f"{rate:g} {watch}": (rate, watch) for rate, watch in product(rates, STOPS)}
    models = [
        pertvae_model({**settings, "learning_rate": rate, "watch": watch}, name, by_products=False)
        for name, (rate, watch) in names.items()
    ]
    scores = cross_validate_drugs(known_part(data, drug, seed), [drug], models, seed=seed, **protocol)
    lines = line_scores(scores[scores["model"].isin(names)], ["rho", "change"])
    means = lines.groupby(["model", "metric"], sort=False)["value"].agg(value="mean", n="size").reset_index()
    means.insert(0, "rate", [names[name][0] for name in means["model"]])
    means.insert(1, "stops", [names[name][1] for name in means["model"]])
    return means.drop(columns="model")
