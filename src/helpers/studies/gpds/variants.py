"""The report's network in other ways: choices that it leaves open, and other depths."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline

from helpers.studies.gpds.model import PUBLISHED, GPDSRegressor, gpds_pipeline, gpds_preprocessing


def sensitivity_models(network: GPDSRegressor | None = None) -> dict[str, Pipeline]:
    """Networks that differ from the study's in one choice that the report leaves open."""
    network = GPDSRegressor() if network is None else network

    def other(**settings: object) -> GPDSRegressor:
        return clone(network).set_params(**settings)

    return {
        "as chosen": gpds_pipeline(clone(network)),
        "bins over a line's genes": gpds_pipeline(clone(network), scope="line"),
        "bins over all values": gpds_pipeline(clone(network), scope="global"),
        "no bins": gpds_pipeline(clone(network), scope="none"),
        "tied bins dropped": gpds_pipeline(clone(network), ties="drop"),
        "no gene filter": gpds_pipeline(clone(network), gene_filter=False),
        "no scaling": gpds_pipeline(clone(network), scale=False),
        "z-scored target": gpds_pipeline(other(scale_target=True)),
        "learning rate 0.001": gpds_pipeline(other(lr=0.001)),
        "learning rate 0.001, weight decay 0.01": gpds_pipeline(other(lr=0.001, weight_decay=0.01)),
    }


def deeper_networks(depths: Sequence[int] = (1, 2, 3, 4), seed: int = 0) -> dict[str, Pipeline]:
    """Give the report's training other numbers of hidden layers: 32 units, then 16 in each further one.

    scikit-learn's network: Glorot's start values in place of PyTorch's, all else alike; no early stop.
    """

    def network(depth: int) -> MLPRegressor:
        return MLPRegressor(
            hidden_layer_sizes=(32, *[16] * (depth - 1)),
            activation=PUBLISHED["activation"],
            learning_rate_init=PUBLISHED["lr"],
            batch_size=PUBLISHED["batch_size"],
            max_iter=PUBLISHED["epochs"],
            n_iter_no_change=PUBLISHED["epochs"],
            alpha=0.0,
            tol=0.0,
            random_state=seed,
        )

    return {
        f"{depth} hidden layer{'s' if depth > 1 else ''}": Pipeline(
            [*gpds_preprocessing().steps, ("network", _Quiet(network(depth)))]
        ).set_output(transform="pandas")
        for depth in depths
    }


class _Quiet(RegressorMixin, BaseEstimator):
    """Fit without the warning that the last epoch was reached: it is meant to be."""

    def __init__(self, regressor: BaseEstimator) -> None:
        self.regressor = regressor

    def fit(self, X: np.ndarray, y: np.ndarray) -> _Quiet:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.regressor_ = clone(self.regressor).fit(X, y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.regressor_.predict(X)
