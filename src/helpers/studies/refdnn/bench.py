"""What chapters 01 and 02 enter into ``helpers bench``: models of labelled pairs of lines and drugs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from helpers.evaluation.protocol import Fold, Model, each_fold
from helpers.studies.refdnn.contenders import (
    fixed_contenders,
    left_out_contenders,
    unseen_drug_contenders,
)
from helpers.studies.refdnn.protocol import Contender, PairTable, cross_validate

# Published steps; the constants of the larger set where there are more pairs than its smaller set has.
_STEPS, _MANY = 5000, 20_000
# The bench has these itself, for labels and for values.
_OF_THE_BENCH = ("Prevalence", "Line only", "Additive", "Kernel ridge")


def contenders(job: Any, *, networks: bool) -> list[Model]:
    """Return the models of labels, at the study's constants; for unseen drugs those that can rank lines."""
    if job.kind != "pairs" or job.target != "resistant":
        return []
    table = PairTable.from_data(job.data.data)
    features, dataset = table.features, "GDSC" if len(table) > _MANY else "CCLE"
    of_study = fixed_contenders(features, dataset, steps=_STEPS, device="auto")
    if not networks:
        of_study = [one for one in of_study if not one.name.startswith("RefDNN")]
    if job.data.split == "drugs":
        left_out = unseen_drug_contenders(features, every=False)
    else:
        left_out = left_out_contenders(features, search=False, every=False)
    chosen = [*of_study, *(one for one in left_out if one.name not in _OF_THE_BENCH)]
    return [Model(_named(one.name), each_fold(partial(_fit_predict, table, one))) for one in chosen]


def _named(name: str) -> str:
    """Tell the study's forest and elastic net, on expression alone, from others of the ranking."""
    return f"{name}, published" if name in ("Random Forest", "Elastic Net") else name


def _fit_predict(table: PairTable, contender: Contender, _: Any, fold: Fold) -> np.ndarray:
    found = cross_validate(table, [[fold]], [contender], seed=fold.seed)
    return found.scores[contender.name][0, fold.test]
