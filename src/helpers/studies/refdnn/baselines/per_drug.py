"""Simple models that know the drug: one elastic net a drug, drug x cancer-type means, gradient boosting.

A ridge regression for each drug is :class:`~helpers.studies.refdnn.baselines.kronecker.KroneckerRidge` with a
linear kernel of lines and an identity of drugs.
"""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
from scipy.special import expit
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet
from sklearn.preprocessing import StandardScaler

from helpers.errors import DataError
from helpers.evaluation.space import Float, Integer, Space
from helpers.studies.refdnn.baselines.base import COUNT, POSITIVE, SEED, SHARE, Limits, PairClassifier
from helpers.studies.refdnn.baselines.design import need_two_classes
from helpers.studies.refdnn.features import PairFeatures

#: Search spaces, for protocols in which RefDNN is searched; each model then gets as many candidates.
RIDGE_SPACE: Space = {"alpha": Float(0.1, 100.0, log=True)}
PER_DRUG_SPACE: Space = {"alpha": Float(0.003, 0.1, log=True), "l1_ratio": Float(0.1, 0.9)}
TYPE_SPACE: Space = {"prior": Float(0.3, 100.0, log=True)}
BOOSTING_SPACE: Space = {
    "learning_rate": Float(0.03, 0.3, log=True),
    "max_leaf_nodes": Integer(8, 64),
    "l2": Float(0.01, 100.0, log=True),
}


class DrugElasticNet(PairClassifier):
    """An elastic net on expression for each drug alone: no drug learns from another.

    The label minus the drug's share of resistant lines, ``(R + m) / (n + 1)`` with ``m`` the overall share,
    is regressed on standardised expression by coordinate descent. A drug without training pairs starts from
    ``m``, one with a single label from its share.

    Parameters
    ----------
    features : PairFeatures
    alpha, l1_ratio : float
        Strength of the penalty and share of its L1 part, as in scikit-learn's ``ElasticNet``.
    max_iter : int
        Passes over the genes at most. The default penalty needs some thirty. Weak ones, which overfit anyway,
        would take hundreds: at ``alpha=0.01, l1_ratio=0.1`` on GDSC pairs the AUROC is 0.785 with 100 and
        with 1,000 passes, in a seventh of the time.

    Attributes
    ----------
    coef_ : array (drugs, genes)
        On standardised expression.
    drug_mean_ : array (drugs,)
    """

    limits: ClassVar = {"alpha": Limits(), "l1_ratio": SHARE, "max_iter": COUNT}

    def __init__(
        self, features: PairFeatures, alpha: float = 0.05, l1_ratio: float = 0.3, max_iter: int = 100
    ) -> None:
        self.features = features
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.max_iter = max_iter

    def _fit(self, codes: np.ndarray, y: np.ndarray, validation: object, value: object) -> None:
        n_drugs = len(self.features.drug_names)
        n = np.bincount(codes[:, 1], minlength=n_drugs)
        self.drug_mean_ = (np.bincount(codes[:, 1], weights=y, minlength=n_drugs) + y.mean()) / (n + 1)
        self._scaler = StandardScaler().fit(self._expression(np.unique(codes[:, 0])))
        self.coef_ = np.zeros((n_drugs, self.features.expression.shape[1]))
        self._offset = np.zeros(n_drugs)
        model = ElasticNet(alpha=self.alpha, l1_ratio=self.l1_ratio, tol=1e-3, max_iter=self.max_iter)
        for drug in np.flatnonzero(n):
            rows = codes[:, 1] == drug
            if np.ptp(y[rows]) == 0:
                continue
            x = self._scaler.transform(self._expression(codes[rows, 0]))
            with warnings.catch_warnings():
                # A weak penalty on few lines stops at the limit of passes.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(x, y[rows] - self.drug_mean_[drug])
            self.coef_[drug], self._offset[drug] = model.coef_, model.intercept_

    def _score(self, codes: np.ndarray) -> np.ndarray:
        lines, row = np.unique(codes[:, 0], return_inverse=True)
        fitted = self._scaler.transform(self._expression(lines)) @ self.coef_.T + self._offset
        # As for the kernel ridge: strictly increasing, the threshold stays at 0.5.
        return expit(4 * (fitted[row, codes[:, 1]] + self.drug_mean_[codes[:, 1]] - 0.5))

    def _expression(self, lines: np.ndarray) -> np.ndarray:
        return self.features.expression[lines].astype(np.float64)


class DrugTypeMean(PairClassifier):
    """Share of resistant lines of the drug in the line's cancer type, shrunk to the drug's share.

    ``(R + prior * m) / (n + prior)`` over the training pairs of drug and type, with ``m`` the drug's own
    share ``(R + 0.5) / (n + 1)``. An unseen type gets the drug's share, an unseen drug the share over all
    pairs.

    Parameters
    ----------
    features : PairFeatures
        With ``line_types``.
    prior : float
        Pairs that the drug's share counts for.

    Attributes
    ----------
    share_ : array (types, drugs)

    Raises
    ------
    DataError
        From ``fit``, if the features do not say the cancer types.
    """

    limits: ClassVar = {"prior": POSITIVE}

    def __init__(self, features: PairFeatures, prior: float = 5.0) -> None:
        self.features = features
        self.prior = prior

    def _fit(self, codes: np.ndarray, y: np.ndarray, validation: object, value: object) -> None:
        if self.features.line_types is None:
            msg = "DrugTypeMean needs features with line_types, the cancer type of each line"
            raise DataError(msg)
        types, self._type = np.unique(self.features.line_types, return_inverse=True)
        n_drugs, shape = len(self.features.drug_names), (len(types), len(self.features.drug_names))
        n = np.bincount(codes[:, 1], minlength=n_drugs)
        resistant = np.bincount(codes[:, 1], weights=y, minlength=n_drugs)
        overall = (y.sum() + 0.5) / (len(y) + 1)
        of_drug = np.where(n > 0, (resistant + 0.5) / (n + 1), overall)
        cell = self._type[codes[:, 0]] * n_drugs + codes[:, 1]
        size = np.bincount(cell, minlength=shape[0] * n_drugs).reshape(shape)
        hits = np.bincount(cell, weights=y, minlength=shape[0] * n_drugs).reshape(shape)
        self.share_ = (hits + self.prior * of_drug) / (size + self.prior)

    def _score(self, codes: np.ndarray) -> np.ndarray:
        return self.share_[self._type[codes[:, 0]], codes[:, 1]]


class PairBoosting(PairClassifier):
    """Gradient-boosted trees on principal components of expression, with the drug as a category.

    Trees cannot be grown by lines and drugs apart: this model builds a table of pairs x (components + 1),
    float32 (88,000 pairs take 11 MB). An unseen drug is a missing value.

    Parameters
    ----------
    features : PairFeatures
    n_components : int
        Components of standardised expression, learnt on the training lines.
    learning_rate, max_leaf_nodes, l2, max_iter
        As ``learning_rate``, ``max_leaf_nodes``, ``l2_regularization`` and ``max_iter`` of scikit-learn's
        ``HistGradientBoostingClassifier``.
    random_state : int

    Attributes
    ----------
    model_ : HistGradientBoostingClassifier
    """

    limits: ClassVar = {
        "n_components": COUNT,
        "learning_rate": POSITIVE,
        "max_leaf_nodes": Limits(2, whole=True, optional=True),
        "l2": Limits(),
        "max_iter": COUNT,
        "random_state": SEED,
    }

    def __init__(
        self,
        features: PairFeatures,
        n_components: int = 30,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 31,
        l2: float = 1.0,
        max_iter: int = 60,
        random_state: int = 0,
    ) -> None:
        self.features = features
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.l2 = l2
        self.max_iter = max_iter
        self.random_state = random_state

    def _fit(self, codes: np.ndarray, y: np.ndarray, validation: object, value: object) -> None:
        need_two_classes(y, self)
        lines = np.unique(codes[:, 0])
        expression = self.features.expression
        self._scaler = StandardScaler().fit(expression[lines])
        n = min(self.n_components, len(lines), expression.shape[1])
        self._pca = PCA(n, svd_solver="full").fit(self._scaler.transform(expression[lines]))
        known = np.unique(codes[:, 1])
        # Categories of scikit-learn's histograms are at most 255.
        as_category = len(known) <= 255
        self._drug = np.full(len(self.features.drug_names), np.nan, dtype=np.float32)
        self._drug[known] = np.arange(len(known))
        self.model_ = HistGradientBoostingClassifier(
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            l2_regularization=self.l2,
            max_iter=self.max_iter,
            categorical_features=[n] if as_category else None,
            early_stopping=False,
            random_state=self.random_state,
        ).fit(self._design(codes), y)

    def _score(self, codes: np.ndarray) -> np.ndarray:
        return self.model_.predict_proba(self._design(codes))[:, 1]

    def _design(self, codes: np.ndarray) -> np.ndarray:
        lines, row = np.unique(codes[:, 0], return_inverse=True)
        components = self._pca.transform(self._scaler.transform(self.features.expression[lines]))
        return np.column_stack([components.astype(np.float32)[row], self._drug[codes[:, 1]]])
