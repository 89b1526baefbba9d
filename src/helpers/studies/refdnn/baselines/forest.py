"""Random forests: as published on expression alone, and with drug features."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from helpers.errors import ParameterError
from helpers.evaluation.space import Integer, Space
from helpers.studies.refdnn.baselines.base import COUNT, POSITIVE, SEED, Limits, PairClassifier
from helpers.studies.refdnn.baselines.design import drug_matrix, need_two_classes, weighted_lines
from helpers.studies.refdnn.features import PairFeatures

#: Published search space of the random forest.
FOREST_SPACE: Space = {"n_estimators": Integer(10, 100), "max_depth": Integer(3, 10)}

#: Published fixed hyperparameters of the leave-one-group-out protocols.
FOREST_FIXED: dict[str, dict[str, Any]] = {
    "CCLE": {"n_estimators": 53, "max_depth": 3},
    "GDSC": {"n_estimators": 51, "max_depth": 7},
}


_DEPTH = Limits(1, whole=True, optional=True)


class ExpressionForest(PairClassifier):
    """The published random forest: expression only, scikit-learn's defaults.

    Equal in distribution to a forest on one row a pair: equal rows are never split apart, so each
    tree is grown on the distinct (line, label) rows, weighted by how often a bootstrap of the pairs
    draws them (a multinomial draw).

    Parameters
    ----------
    features : PairFeatures
    n_estimators : int
    max_depth : int or None
    random_state : int

    Attributes
    ----------
    trees_ : list of DecisionTreeClassifier
    """

    limits: ClassVar = {"n_estimators": COUNT, "max_depth": _DEPTH, "random_state": SEED}

    def __init__(
        self,
        features: PairFeatures,
        n_estimators: int = 100,
        max_depth: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.features = features
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.random_state = random_state

    def _fit(self, codes: np.ndarray, y: np.ndarray, validation: object, value: object) -> None:
        need_two_classes(y, self)
        line, label, count = weighted_lines(codes[:, 0], y)
        x = self.features.expression[line]
        rng = np.random.default_rng(self.random_state)
        self.trees_ = []
        for _ in range(self.n_estimators):
            tree = DecisionTreeClassifier(
                max_features="sqrt", max_depth=self.max_depth, random_state=int(rng.integers(2**31))
            )
            drawn = rng.multinomial(len(y), count / len(y)).astype(float)
            self.trees_.append(tree.fit(x, label, sample_weight=drawn, check_input=False))

    def _score(self, codes: np.ndarray) -> np.ndarray:
        line, row = np.unique(codes[:, 0], return_inverse=True)
        x = self.features.expression[line]
        return np.mean([tree.predict_proba(x, check_input=False)[:, 1] for tree in self.trees_], axis=0)[row]


class PairForest(PairClassifier):
    """The same forest with drug features, on pairs.

    Trees cannot be grown by lines and drugs apart, so this model, alone here, does build a pairs x
    features matrix (float32: 88,000 pairs x 733 features take 260 MB), in ``fit`` and, in blocks, in
    ``predict_proba``.

    Parameters
    ----------
    features : PairFeatures
    n_estimators : int
    max_depth : int or None
    drug_features : {"none", "one-hot", "similarity", "fingerprint"}
        See :func:`helpers.studies.refdnn.baselines.design.drug_matrix`.
    max_samples : int, float or None
        Pairs drawn for each tree, as a number or a share; None draws as many as there are.
    random_state : int

    Attributes
    ----------
    forest_ : RandomForestClassifier
    """

    limits: ClassVar = ExpressionForest.limits | {"max_samples": Limits(POSITIVE.low, optional=True)}

    def __init__(
        self,
        features: PairFeatures,
        n_estimators: int = 100,
        max_depth: int | None = None,
        drug_features: str = "one-hot",
        max_samples: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.features = features
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.drug_features = drug_features
        self.max_samples = max_samples
        self.random_state = random_state

    def _fit(self, codes: np.ndarray, y: np.ndarray, validation: object, value: object) -> None:
        need_two_classes(y, self)
        drawn = self.max_samples
        if drawn is not None and drawn > (len(y) if isinstance(drawn, Integral) else 1):
            msg = f"PairForest: max_samples={drawn} is more than the {len(y)} training pairs or a share of 1"
            raise ParameterError(msg)
        self._drug_matrix = drug_matrix(self.features, self.drug_features, codes[:, 1])
        self.forest_ = RandomForestClassifier(
            n_estimators=self.n_estimators,
            max_depth=self.max_depth,
            max_samples=self.max_samples,
            random_state=self.random_state,
            n_jobs=1,
        ).fit(self._design(codes), y)

    def _score(self, codes: np.ndarray) -> np.ndarray:
        blocks = np.array_split(codes, max(1, len(codes) // 20_000))
        return np.concatenate([self.forest_.predict_proba(self._design(block))[:, 1] for block in blocks])

    def _design(self, codes: np.ndarray) -> np.ndarray:
        genes = self.features.expression.shape[1]
        design = np.empty((len(codes), genes + self._drug_matrix.shape[1]), dtype=np.float32)
        design[:, :genes] = self.features.expression[codes[:, 0]]
        design[:, genes:] = self._drug_matrix[codes[:, 1]]
        return design
