"""What a protocol leaves: each model's score of every pair that it had not seen.

Any metric, subset or bootstrap is computed from them afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import (
    as_numbers,
    check_column,
    check_keep,
    check_labels,
    check_names,
    check_unique,
    refuse,
)
from helpers.evaluation.metrics import classification_metrics, group_auroc, joint_code


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Scores of every model for every pair that was in a test part.

    Attributes
    ----------
    y, lines, drugs : arrays (n,)
    drug_names : array (drugs,) of str
    fold_names : list of str
    folds : array (seeds, n)
        Position in ``fold_names`` of the fold that tested the pair; -1 where none did.
    scores : dict of str to array (seeds, n), float32
    chosen : DataFrame
        Hyperparameters found: seed, fold, model, value of the inner objective, one column a parameter.
    trials : DataFrame
        All candidates of all searches.
    kept : dict (model, seed, fold name) -> object
    seconds : dict of str to float
        Wall time of each model's searches and fits.

    Raises
    ------
    DataError
        If arrays differ in length, or name a fold or a drug that is not there.
    """

    y: np.ndarray
    lines: np.ndarray
    drugs: np.ndarray
    drug_names: np.ndarray
    fold_names: list[str]
    folds: np.ndarray
    scores: dict[str, np.ndarray]
    chosen: pd.DataFrame = field(default_factory=pd.DataFrame)
    trials: pd.DataFrame = field(default_factory=pd.DataFrame)
    kept: dict[tuple[str, int, str], Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where, n = "out-of-fold scores", len(np.atleast_1d(self.y))
        check_labels(self.y, n, where)
        check_column(self.lines, n, f"{where}, lines")
        for what in ("drug_names", "fold_names"):
            check_unique(pd.Index(getattr(self, what)), where, f"{what} repeat a name")
        if np.ndim(self.folds) != 2 or np.shape(self.folds)[1] != n or not isinstance(self.scores, dict):
            refuse(where, f"need folds (seeds, {n}) and a dict of scores, got folds {np.shape(self.folds)}")
        codes = (("drugs", self.drugs, self.drug_names, 0), ("folds", self.folds, self.fold_names, -1))
        for what, code, names, least in codes:
            if np.min(code, initial=least) < least or np.max(code, initial=least) >= len(names):
                refuse(where, f"{what} hold a number that is none of the {len(names)} names")
        check_column(self.drugs, n, f"{where}, drugs")
        for model, p in self.scores.items():
            if as_numbers(p, f"{where}, {model}", np.float32).shape != np.shape(self.folds):
                refuse(
                    where,
                    f"{model} has scores {np.shape(p)}, folds {np.shape(self.folds)}: one a seed and pair",
                )

    @property
    def models(self) -> list[str]:
        """Names of the models."""
        return list(self.scores)

    @property
    def n_seeds(self) -> int:
        """Number of repetitions."""
        return len(self.folds)

    def of(self, model: str) -> np.ndarray:
        """Scores of a model, array (seeds, n).

        Raises
        ------
        DataError
            If it did not take part.
        """
        if model not in self.models:
            refuse("out-of-fold scores", f"no model {model!r}; there are {', '.join(self.models)}")
        return self.scores[model]

    def metrics(self, models: Sequence[str] | None = None) -> pd.DataFrame:
        """Six metrics per seed, fold and model, and the mean AUROC within drugs.

        Returns
        -------
        DataFrame
            Columns ``seed``, ``fold``, ``model``, ``metric``, ``value``, ``n``. The metric
            ``"AUCROC within drug"`` is the mean over the drugs of the fold that have both classes.
        """
        rows = []
        for model in self.models if models is None else check_names(models, "models"):
            for seed, fold, test in self._parts():
                y, p = self.y[test], self.of(model)[seed, test]
                values = classification_metrics(y, p)
                within = group_auroc(y, p, self.drugs[test])["auroc"]
                values["AUCROC within drug"] = within.mean() if within.notna().any() else np.nan
                rows += [(seed, fold, model, metric, value, len(y)) for metric, value in values.items()]
        return pd.DataFrame(rows, columns=["seed", "fold", "model", "metric", "value", "n"])

    def drug_auroc(self, model: str, strata: np.ndarray | None = None) -> pd.DataFrame:
        """AUROC of each drug over its tested pairs, averaged over seeds.

        Only pairs that one fit has scored are compared with each other, so that a model which says the same
        of every line has 0.5 in every protocol.

        Parameters
        ----------
        model : str
        strata : array (n,), optional
            Only pairs of one stratum, e.g. a cancer type, are compared with each other.

        Returns
        -------
        DataFrame
            Columns ``drug``, ``auroc``, ``n``, ``n_minority``; drugs without two comparable pairs have NaN.
        """
        tables = []
        for seed in range(self.n_seeds):
            rows = np.flatnonzero(self.folds[seed] >= 0)
            cells = self.cells(rows, seed, strata)
            tables.append(group_auroc(self.y[rows], self.of(model)[seed, rows], self.drugs[rows], cells))
        table = tables[0].assign(auroc=np.mean([t["auroc"] for t in tables], axis=0))
        return table.assign(drug=self.drug_names[table["group"]]).drop(columns="group")

    def cells(self, rows: np.ndarray, seed: int, strata: np.ndarray | None = None) -> np.ndarray:
        """Return a number for each row that is shared by pairs of one fit (and, if asked, of one stratum)."""
        if strata is None:
            return joint_code(self.folds[seed, rows])
        return joint_code(self.folds[seed, rows], check_column(strata, len(self.y), "strata")[rows])

    def subset(self, keep: np.ndarray) -> OutOfFold:
        """Restrict the evaluation to pairs where ``keep`` is true; nothing is fitted again."""
        keep = check_keep(keep, len(self.y), "out-of-fold scores")
        if not keep.any():
            refuse("out-of-fold scores", "no pair is left after the subset")
        return replace(
            self,
            y=self.y[keep],
            lines=self.lines[keep],
            drugs=self.drugs[keep],
            folds=self.folds[:, keep],
            scores={model: p[:, keep] for model, p in self.scores.items()},
        )

    def as_refdnn(self, model: str) -> OutOfFold:
        """Put another setting of RefDNN in its place, for the same comparisons with the others."""
        others = {name: p for name, p in self.scores.items() if name not in ("RefDNN", model)}
        return replace(self, scores={"RefDNN": self.of(model)} | others)

    def _parts(self) -> list[tuple[int, str, np.ndarray]]:
        return [
            (seed, name, rows)
            for seed in range(self.n_seeds)
            for i, name in enumerate(self.fold_names)
            if len(rows := np.flatnonzero(self.folds[seed] == i))
        ]
