"""The study's network with scikit-learn's interface, alone or many at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from helpers.bounds import check_number
from helpers.errors import ParameterError
from helpers.evaluation.contract import Table, fit_inputs, new_table
from helpers.studies.gpds.model.binning import EqualFrequencyBinner
from helpers.studies.gpds.model.filters import MeanVarianceFilter, filter_steps
from helpers.studies.gpds.model.network import ACTIVATIONS, Network, Task, rhythm, train

#: Best setting that the study reports; it is the default of :class:`GPDSRegressor`.
PUBLISHED = {"hidden": (32, 16), "activation": "tanh", "lr": 0.01, "batch_size": 16, "epochs": 100}

#: Grid of the protocol sheet. The study gives no values; its best setting lies within these.
GRID = {
    "h1": (32, 64, 128, 256),
    "h2": (16, 32, 64),
    "activation": ("relu", "tanh"),
    "lr": (0.1, 0.01, 0.001, 0.0001),
    "batch_size": (16, 32, 64),
    "epochs": (50, 100, 200),
}

#: Most models, and most first-layer weights, that are trained together; larger batches do not run faster
#: on a CPU, as their weights no longer fit its cache.
BATCH, BATCH_WEIGHTS = 64, 1_500_000

Job = tuple["GPDSRegressor", Table, np.ndarray]


class GPDSRegressor(RegressorMixin, BaseEstimator):
    """Hidden layers and a linear output, trained on the response of one drug.

    PyTorch's default start values, Adam, mean squared error on minibatches that are shuffled every epoch
    (the last one may be smaller), no dropout and no early stopping. Defaults are the study's best setting.

    Parameters
    ----------
    hidden : tuple of int
        Units of each hidden layer.
    activation : {"tanh", "relu"}
    lr : float
    batch_size, epochs : int
    weight_decay : float
        Not in the study; for the variants whose units are not saturated.
    scale_target : bool
        Train on the z-scored response. The study shows no sign of it.
    random_state : int
    device : {"cpu", "cuda", "auto"}

    Attributes
    ----------
    network_ : Network
    diverged_ : bool
        The loss became NaN or infinite: training stopped and ``predict`` gives NaN, whose error
        counts as infinite in the grid search.
    losses_ : array (epochs,)
        Training loss, in the units of the target that was trained on.

    Examples
    --------
    >>> x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40.0)
    >>> GPDSRegressor(epochs=2).fit(x, y).predict(x).shape
    (40,)
    """

    def __init__(
        self,
        hidden: tuple[int, ...] = (32, 16),
        activation: str = "tanh",
        lr: float = 0.01,
        batch_size: int = 16,
        epochs: int = 100,
        weight_decay: float = 0.0,
        scale_target: bool = False,
        random_state: int = 0,
        device: str = "cpu",
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.lr = lr
        self.batch_size = batch_size
        self.epochs = epochs
        self.weight_decay = weight_decay
        self.scale_target = scale_target
        self.random_state = random_state
        self.device = device

    def fit(self, X: Table, y: np.ndarray) -> GPDSRegressor:
        """Train on lines x genes (scaled) and one response a line.

        Raises
        ------
        DataError
            If tables are empty, hold NaN, or lengths differ.
        ParameterError
            If a setting is out of range or no GPU is there for ``device="cuda"``.
        """
        return fit_many([(self, X, y)])[0]

    def predict(self, X: Table) -> np.ndarray:
        """Predicted response, array (n,); NaN throughout if training diverged."""
        check_is_fitted(self, "network_")
        output = self.network_.predict(new_table(self, X))
        return output * self.target_scale_ + self.target_mean_

    @property
    def diverged_(self) -> bool:
        """Whether the guard stopped the training."""
        return self.network_.diverged

    @property
    def losses_(self) -> np.ndarray:
        """Mean training loss of each epoch."""
        return self.network_.losses

    def _check_settings(self) -> None:
        if not isinstance(self.hidden, tuple | list):
            msg = f"hidden must be a tuple of units, one a layer, got {self.hidden!r}"
            raise ParameterError(msg)
        sizes = {"batch_size": self.batch_size, "epochs": self.epochs}
        sizes |= {f"hidden[{i}]": size for i, size in enumerate(self.hidden)}
        for name, value in {**sizes, "random_state": self.random_state}.items():
            check_number(name, value, whole=True, error=ParameterError)
        check_number("random_state", self.random_state, 0, whole=True, error=ParameterError)
        for name in ("lr", "weight_decay"):
            check_number(name, getattr(self, name), high=np.finfo(float).max, error=ParameterError)
        if not isinstance(self.scale_target, bool | np.bool_):
            msg = f"scale_target must be True or False, got {self.scale_target!r}"
            raise ParameterError(msg)
        if not self.hidden:
            msg = "hidden=(): the network needs at least one hidden layer"
            raise ParameterError(msg)
        for name, value in sizes.items():
            if value < 1:
                msg = f"{name} must be at least 1, got {value}"
                raise ParameterError(msg)
        if self.activation not in tuple(ACTIVATIONS):
            msg = f"activation={self.activation!r} is not one of {', '.join(ACTIVATIONS)}"
            raise ParameterError(msg)
        if not self.lr > 0 or self.weight_decay < 0:
            msg = f"lr must be positive and weight_decay not negative, got {self.lr} and {self.weight_decay}"
            raise ParameterError(msg)

    def _task(self, inputs: np.ndarray, y: np.ndarray) -> Task:
        """Return settings and data of the fit, the target scaled if asked for."""
        self.target_mean_, self.target_scale_ = 0.0, 1.0
        if self.scale_target:
            spread = float(y.std())
            self.target_mean_, self.target_scale_ = float(y.mean()), spread if spread > 0 else 1.0
        return Task(
            inputs,
            ((y - self.target_mean_) / self.target_scale_).astype(np.float32),
            tuple(self.hidden),
            self.activation,
            self.lr,
            self.weight_decay,
            self.batch_size,
            (self.epochs,),
            self.random_state,
        )


def fit_many(jobs: list[Job], n_jobs: int = 1) -> list[GPDSRegressor]:
    """Fit many networks together: candidates x seeds x folds x drugs on one model axis.

    Networks that differ in nothing but ``epochs`` (same table, response, seed and settings) share one
    training run, from which each takes its own epoch.

    Parameters
    ----------
    jobs : list of (estimator, X, y)
        Pass the *same* table object for jobs with the same data: it is then held once.
    n_jobs : int
        Batches that run side by side, in threads.

    Returns
    -------
    list of GPDSRegressor
        The estimators, fitted, in the order of ``jobs``, with the numbers of separate fits up to the
        rounding of float32.

    Raises
    ------
    DataError, ParameterError
        As :meth:`GPDSRegressor.fit`.
    """
    inputs: dict[int, np.ndarray] = {}
    runs: dict[tuple, tuple[Task, list[int]]] = {}
    for i, (estimator, X, y) in enumerate(jobs):
        estimator._check_settings()
        values, target = fit_inputs(estimator, X, y)
        x = inputs.setdefault(id(X), np.ascontiguousarray(values, np.float32))
        task = estimator._task(x, target)
        key = (
            id(x),
            task.y.tobytes(),
            task.hidden,
            *rhythm(task)[:-1],
            task.lr,
            task.weight_decay,
            task.seed,
        )
        runs.setdefault(key, (task, []))[1].append(i)
    tasks = [_with_checkpoints(task, [jobs[i][0].epochs for i in rows]) for task, rows in runs.values()]
    groups = _groups(tasks)
    device = _device(jobs[0][0].device) if jobs else "cpu"
    with threadpool_limits(1):
        trained = Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(train)([tasks[i] for i in group], device) for group in groups
        )
    rows_of = [rows for _, rows in runs.values()]
    for group, networks in zip(groups, trained, strict=True):
        for i, kept in zip(group, networks, strict=True):
            by_epoch: dict[int, Network] = dict(zip(tasks[i].checkpoints, kept, strict=True))
            for row in rows_of[i]:
                jobs[row][0].network_ = by_epoch[jobs[row][0].epochs]
    return [estimator for estimator, *_ in jobs]


def grid_candidates(grid: dict[str, tuple] | None = None) -> list[dict]:
    """All settings of a grid as keyword arguments of :class:`GPDSRegressor`.

    Parameters
    ----------
    grid : dict, optional
        As :data:`GRID` (the default, 864 candidates); give fewer values for a smaller one.

    Raises
    ------
    ParameterError
        If a name is missing or unknown, or has no values.
    """
    grid = GRID if grid is None else grid
    if not isinstance(grid, dict) or set(grid) != set(GRID):
        found = ", ".join(map(str, grid)) if isinstance(grid, dict) else repr(grid)
        msg = f"the grid must name {', '.join(GRID)}; got {found}"
        raise ParameterError(msg)
    empty = [name for name, values in grid.items() if not isinstance(values, tuple | list) or not values]
    if empty:
        msg = f"the grid needs a tuple of values, one at least, of {', '.join(empty)}"
        raise ParameterError(msg)
    return [
        {"hidden": (h1, h2), "activation": activation, "lr": lr, "batch_size": batch, "epochs": epochs}
        for activation in grid["activation"]
        for h1 in grid["h1"]
        for h2 in grid["h2"]
        for lr in grid["lr"]
        for batch in grid["batch_size"]
        for epochs in grid["epochs"]
    ]


def gpds_preprocessing(
    *,
    n_bins: int = 20,
    scope: str = "gene",
    ties: str = "average",
    gene_filter: bool | MeanVarianceFilter = True,
    scale: bool = True,
) -> Pipeline:
    """Filter, binning and scaler of the study, to be fitted on training lines.

    Steps ``filter``, ``bins`` and ``scale``; tables in, tables out (DataFrames keep their genes).
    ``gene_filter=False`` leaves the filter out, for genes that were chosen before, ``scale=False`` the
    scaler.
    """
    steps: list[tuple] = [*filter_steps(gene_filter), ("bins", EqualFrequencyBinner(n_bins, scope, ties))]
    if scale:
        steps.append(("scale", StandardScaler()))
    return Pipeline(steps).set_output(transform="pandas")


def gpds_pipeline(network: GPDSRegressor | None = None, **preprocessing: Any) -> Pipeline:
    """Build the whole study as one estimator: preprocessing, then the network (step ``network``).

    Examples
    --------
    ``gpds_pipeline().fit(expression.loc[train], response[train]).predict(expression.loc[test])``
    """
    steps = gpds_preprocessing(**preprocessing).steps
    network = GPDSRegressor() if network is None else network
    if not isinstance(network, GPDSRegressor):
        msg = f"network must be a GPDSRegressor, got {network!r}"
        raise ParameterError(msg)
    return Pipeline([*steps, ("network", network)]).set_output(transform="pandas")


def _with_checkpoints(task: Task, epochs: list[int]) -> Task:
    return replace(task, checkpoints=tuple(sorted(set(epochs))))


def _groups(tasks: list[Task]) -> list[list[int]]:
    """Positions of tasks trained together: equal layers, like inputs and epochs: little is padding."""
    groups: dict[tuple, list[int]] = {}
    for i, task in enumerate(tasks):
        like = task.x.shape[1].bit_length(), task.steps.bit_length()
        groups.setdefault((*rhythm(task), task.hidden, *like), []).append(i)
    parts = []
    for group in groups.values():
        weights = max(tasks[i].x.shape[1] for i in group) * tasks[group[0]].hidden[0]
        size = min(BATCH, max(4, BATCH_WEIGHTS // weights))
        parts += [group[i : i + size] for i in range(0, len(group), size)]
    return parts


def _device(device: str) -> str:
    if device not in ("auto", "cpu", "cuda"):
        msg = f"unknown device {device!r}; one of auto, cpu, cuda"
        raise ParameterError(msg)
    if device == "cuda" and not torch.cuda.is_available():
        msg = "device 'cuda' was asked for, but torch finds no GPU; use device='cpu' or 'auto'"
        raise ParameterError(msg)
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
