"""Simple predictors of post-treatment expression, with one contract: ``fit(pre, post, groups, singletons)``.

Each predicts the post-treatment profile of a cell line from its pre-treatment profile. Training lines
count equally, however many replicates they have. Profiles without a partner are given to all, as to
PertVAE; principal components can use them, means and regressions of the change cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted

from helpers.bounds import check_number
from helpers.checks import check_same_rows, refuse
from helpers.errors import DataError
from helpers.studies.pertvae.model.profiles import check_profiles, gene_names, line_weights

_INNER_FOLDS = 5


class PairPredictor(BaseEstimator):
    """Base of predictors of post-treatment profiles; checks inputs, averages shifts over lines.

    Attributes
    ----------
    shift_ : array (genes,)
        Mean of post minus pre over training lines.
    """

    def fit(
        self,
        pre: np.ndarray,
        post: np.ndarray,
        groups: np.ndarray | None = None,
        singletons: np.ndarray | None = None,
    ) -> PairPredictor:
        """Fit.

        Parameters
        ----------
        pre, post : array (pairs, genes)
            Profiles before and after treatment, on one scale.
        groups : array (pairs,), optional
            Line of each pair; default: every pair is a line of its own.
        singletons : array (profiles, genes), optional
            Profiles without a partner, each gene on the scale of the pairs or z-scored by itself.

        Raises
        ------
        DataError
            If shapes, lengths, genes or the names of rows differ, a value is no finite number, a line has no
            name, or a setting is out of range.
        """
        self.genes_ = gene_names(pre)
        pre, post, groups = check_pairs(pre, post, groups)
        self.n_features_in_ = pre.shape[1]
        self.singletons_ = np.zeros((0, pre.shape[1]))
        if singletons is not None and np.shape(singletons)[:1] != (0,):
            self.singletons_ = check_profiles(singletons, "singletons", self.genes_, pre.shape[1], float)
        self.weights_ = line_weights(groups)
        self.shift_ = self.weights_ @ (post - pre)
        self._fit(pre, post, groups)
        return self

    def predict(self, pre: np.ndarray) -> np.ndarray:
        """Predict post-treatment profiles (pairs, genes).

        Raises
        ------
        DataError
            If profiles are empty, have other genes than in the fit, or a value is no finite number.
        """
        check_is_fitted(self, "n_features_in_")
        return self._predict(check_profiles(pre, "pre", self.genes_, self.n_features_in_, float))

    def _fit(self, pre: np.ndarray, post: np.ndarray, groups: np.ndarray) -> None:
        """Learn more than the mean shift."""

    def _predict(self, pre: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class Identity(PairPredictor):
    """No effect: the post-treatment profile is the pre-treatment profile."""

    def _predict(self, pre: np.ndarray) -> np.ndarray:
        return pre.copy()


class MeanPost(PairPredictor):
    """The mean post-treatment profile of the training lines: knows nothing of the line."""

    def _fit(self, pre: np.ndarray, post: np.ndarray, groups: np.ndarray) -> None:
        self.mean_ = self.weights_ @ post

    def _predict(self, pre: np.ndarray) -> np.ndarray:
        return np.tile(self.mean_, (len(pre), 1))


class MeanShift(PairPredictor):
    """``x1`` plus the mean shift of the training lines: PertVAE with W = 0, in gene space."""

    def _predict(self, pre: np.ndarray) -> np.ndarray:
        return pre + self.shift_


class ScaledShift(PairPredictor):
    """``x1`` plus ``a`` times the mean shift, with ``a`` from left-out training lines.

    ``a`` minimises the squared error of each training line's shift predicted by the mean shift of the
    others, and is kept within 0 and 1; 1 with a single line.

    Attributes
    ----------
    scale_ : float
    """

    def _fit(self, pre: np.ndarray, post: np.ndarray, groups: np.ndarray) -> None:
        shifts = np.stack([(post - pre)[groups == name].mean(axis=0) for name in np.unique(groups)])
        n = len(shifts)
        self.scale_ = 1.0
        if n > 1:
            others = (shifts.sum(axis=0) - shifts) / (n - 1)
            power = (others**2).sum()
            self.scale_ = float(np.clip((others * shifts).sum() / power, 0, 1)) if power > 0 else 0.0

    def _predict(self, pre: np.ndarray) -> np.ndarray:
        return pre + self.scale_ * self.shift_


class PCAShift(PairPredictor):
    """``x1`` rebuilt from its principal components, plus the mean shift: what a lossy decoder costs.

    Parameters
    ----------
    n_components : int
        Of all training profiles, pre, post and singletons together; fewer where there are fewer profiles.
    """

    def __init__(self, n_components: int = 100) -> None:
        self.n_components = n_components

    def _fit(self, pre: np.ndarray, post: np.ndarray, groups: np.ndarray) -> None:
        check_number("n_components", self.n_components, 1, whole=True)
        profiles = np.concatenate([pre, post, self.singletons_])
        n = min(self.n_components, len(profiles) - 1, profiles.shape[1])
        # The full decomposition is exact and small here; no random solver.
        self.pca_ = PCA(n, svd_solver="full").fit(profiles)

    def _predict(self, pre: np.ndarray) -> np.ndarray:
        return self.pca_.inverse_transform(self.pca_.transform(pre)) + self.shift_


class _Tuned(PairPredictor):
    """A predictor of the shift (or of the post-treatment profile) with one setting chosen over lines."""

    target = "shift"
    #: Setting that is chosen, its smallest value, and whether it is a whole number.
    choice: tuple[str, float, bool]

    def _candidates(self, n: int) -> Sequence[float]:
        """Return the settings that ``n`` training pairs allow, the most shrunk first."""
        raise NotImplementedError

    def _path(self, x: np.ndarray, y: np.ndarray, test: np.ndarray, settings: Sequence[Any]) -> np.ndarray:
        """Predict ``y`` at ``test`` with every setting: array (settings, test, genes)."""
        raise NotImplementedError

    def _fit(self, pre: np.ndarray, post: np.ndarray, groups: np.ndarray) -> None:
        if self.target not in ("shift", "post"):
            msg = f"unknown target {self.target!r}; 'shift' or 'post'"
            raise DataError(msg)
        name, low, whole = self.choice
        choices = getattr(self, name)
        if not isinstance(choices, Sequence | np.ndarray) or isinstance(choices, str) or not len(choices):
            refuse(type(self).__name__, f"{name} must be some numbers to choose from; got {choices!r}")
        for one in choices:
            check_number(name, one, low, 1e300, whole=whole)
        self.x_, self.y_ = pre, post if self.target == "post" else post - pre
        folds = list(inner_folds(groups))
        settings = self._candidates(min((len(train) for train, _ in folds), default=len(pre)))
        errors = np.zeros(len(settings))
        for train, test in folds:
            predicted = self._path(pre[train], self.y_[train], pre[test], settings)
            squares = ((predicted - self.y_[test]) ** 2).mean(axis=2)
            errors += squares @ line_weights(groups[test])
        # The first of equals is the most shrunk.
        self.chosen_ = settings[int(np.argmin(errors))]

    def _predict(self, pre: np.ndarray) -> np.ndarray:
        predicted = self._path(self.x_, self.y_, pre, [self.chosen_])[0]
        return predicted if self.target == "post" else pre + predicted


class RidgePairs(_Tuned):
    """Linear map of ``x1`` to the shift, shrunk towards the mean shift (dual ridge regression).

    Parameters
    ----------
    alphas : sequence of float
        Penalties, times the number of genes; the best over left-out lines is taken.
    target : {"shift", "post"}
        What is predicted.

    Attributes
    ----------
    chosen_ : float
    """

    choice = ("alphas", 1e-12, False)

    def __init__(
        self, alphas: Sequence[float] = (1000, 100, 30, 10, 3, 1, 0.1), target: str = "shift"
    ) -> None:
        self.alphas = alphas
        self.target = target

    def _candidates(self, n: int) -> Sequence[float]:
        return sorted(self.alphas, reverse=True)

    def _path(self, x: np.ndarray, y: np.ndarray, test: np.ndarray, settings: Sequence[Any]) -> np.ndarray:
        centre, mean = x.mean(axis=0), y.mean(axis=0)
        x, y, test = x - centre, y - mean, test - centre
        # One decomposition of the pairs x pairs kernel serves every penalty.
        values, vectors = np.linalg.eigh(x @ x.T)
        rotated, kernel = vectors.T @ y, test @ x.T @ vectors
        shrink = [1 / (np.maximum(values, 0) + setting * x.shape[1]) for setting in settings]
        return np.stack([mean + (kernel * factor) @ rotated for factor in shrink])


class PLSPairs(_Tuned):
    """Partial least squares of the shift on ``x1``.

    Parameters
    ----------
    components : sequence of int
        Numbers of components to choose from, over left-out lines.

    Attributes
    ----------
    chosen_ : int
    """

    choice = ("components", 1, True)

    def __init__(self, components: Sequence[int] = (1, 2, 3, 5)) -> None:
        self.components = components

    def _candidates(self, n: int) -> Sequence[int]:
        return [k for k in sorted(self.components) if k < min(n, self.n_features_in_)] or [1]

    def _path(self, x: np.ndarray, y: np.ndarray, test: np.ndarray, settings: Sequence[Any]) -> np.ndarray:
        centre, mean = x.mean(axis=0), y.mean(axis=0)
        if not (y - mean).any() or not (x - centre).any():
            return np.tile(mean, (len(settings), len(test), 1))
        # Rotating both tables into the space of their few rows changes no prediction and saves time.
        basis_x, basis_y = (
            np.linalg.svd(values, full_matrices=False)[2].T for values in (x - centre, y - mean)
        )
        model = PLSRegression(max(settings), scale=False, tol=1e-12, max_iter=5000).fit(
            (x - centre) @ basis_x, (y - mean) @ basis_y
        )
        score = (test - centre) @ basis_x @ model.x_rotations_
        loadings = basis_y @ model.y_loadings_
        # A model with fewer components is the first part of one with more.
        return np.stack([mean + score[:, :k] @ loadings[:, :k].T for k in settings])


class NearestLines(_Tuned):
    """``x1`` plus the mean shift of the training pairs whose ``x1`` correlates best with it.

    Parameters
    ----------
    neighbours : sequence of int
        Numbers of neighbours to choose from, over left-out lines.

    Attributes
    ----------
    chosen_ : int
    """

    choice = ("neighbours", 1, True)

    def __init__(self, neighbours: Sequence[int] = (20, 10, 5, 3, 1)) -> None:
        self.neighbours = neighbours

    def _candidates(self, n: int) -> Sequence[int]:
        return [k for k in sorted(self.neighbours, reverse=True) if k <= n] or [1]

    def _path(self, x: np.ndarray, y: np.ndarray, test: np.ndarray, settings: Sequence[Any]) -> np.ndarray:
        nearest = np.argsort(-(_standardised(test) @ _standardised(x).T), axis=1, kind="stable")
        return np.stack([y[nearest[:, :k]].mean(axis=1) for k in settings])


def _standardised(x: np.ndarray) -> np.ndarray:
    """Rows with mean 0 and length 1, so that a product is Pearson's correlation."""
    centred = x - x.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.where(length > 0, length, 1)


def pair_baselines(n_components: int = 100) -> dict[str, PairPredictor]:
    """Return all simple predictors by name."""
    return {
        "Identity": Identity(),
        "Mean post": MeanPost(),
        "Mean shift": MeanShift(),
        "Scaled shift": ScaledShift(),
        "PCA + shift": PCAShift(n_components),
        "Ridge": RidgePairs(),
        "Ridge to post": RidgePairs(target="post"),
        "PLS": PLSPairs(),
        "Nearest lines": NearestLines(),
    }


def inner_folds(groups: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Deal whole lines, in sorted order, into five folds (or one a line); one line gives none."""
    names, code = np.unique(groups, return_inverse=True)
    n = min(_INNER_FOLDS, len(names))
    for fold in range(n if n > 1 else 0):
        is_test = code % n == fold
        yield np.flatnonzero(~is_test), np.flatnonzero(is_test)


def check_pairs(
    pre: np.ndarray, post: np.ndarray, groups: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return checked float arrays and groups; DataError where they do not fit together."""
    for table, what in ((post, "pre and post"), (groups, "pre and groups")):
        check_same_rows(pre, table, what)
    genes = gene_names(pre)
    pre = check_profiles(pre, "pre", None, None, float)
    post = check_profiles(post, "post", genes, pre.shape[1], float)
    if len(pre) != len(post):
        msg = f"pairs need one row before and one after the drug: {len(pre)} pre, {len(post)} post"
        raise DataError(msg)
    if groups is not None and np.any(pd.isna(groups)):
        refuse("groups", "a line has no name", "name every pair")
    groups = np.arange(len(pre)) if groups is None else np.asarray(groups)
    if groups.shape != (len(pre),):
        msg = f"groups must name a line for each of {len(pre)} pairs; got shape {groups.shape}"
        raise DataError(msg)
    return pre, post, groups.astype(str) if groups.dtype == object else groups
