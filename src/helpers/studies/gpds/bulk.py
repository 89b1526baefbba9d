"""Prediction of bulk response: the study's split, many such splits, cross-validation, grid search.

Every model runs in the same splits; the fits of a network in all splits, drugs and seeds are one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import KFold, train_test_split
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from helpers.errors import DataError
from helpers.evaluation.splits import Fold
from helpers.studies.gpds.model import (
    GPDSRegressor,
    fit_many,
    gpds_pipeline,
    gpds_preprocessing,
    grid_candidates,
)

Repeats = list[list[Fold]]
Splitter = Callable[[int], Repeats]
_KEYS = ["drug", "seed", "fold", "model"]


def study_splits(n_lines: int, n_repeats: int = 100, test_size: float = 0.05, seed: int = 42) -> Repeats:
    """Split as the study did, 95 to 5 %, then again with the next seeds.

    The first split has the study's seed; each repeat has one fold.
    """
    return [[_split(n_lines, test_size, seed + i)] for i in range(n_repeats)]


def repeated_folds(n_lines: int, n_splits: int = 5, n_repeats: int = 10, seed: int = 0) -> Repeats:
    """Shuffled folds of lines, repeated with the next seeds."""
    if n_lines < n_splits:
        msg = f"{n_lines} lines cannot make {n_splits} folds"
        raise DataError(msg)
    return [
        [
            Fold(str(i), train, test)
            for i, (train, test) in enumerate(
                KFold(n_splits, shuffle=True, random_state=seed + repeat).split(np.arange(n_lines))
            )
        ]
        for repeat in range(n_repeats)
    ]


def bulk_predictions(
    expression: pd.DataFrame,
    response: pd.Series | pd.DataFrame,
    models: Mapping[str, BaseEstimator],
    splits: Splitter = study_splits,
    *,
    n_inits: int = 1,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> pd.DataFrame:
    """Predict the held-out lines of every split with every model.

    Parameters
    ----------
    expression : DataFrame, lines x genes
        log2(TPM + 1).
    response : Series, or DataFrame lines x drugs
        Lines without a value are left out, drug by drug.
    models : mapping of str to estimator
        Pipelines that end in a :class:`GPDSRegressor` are fitted in one batch; see
        :func:`helpers.studies.gpds.baselines.bulk_baselines` for the others.
    splits : callable
        ``splits(n_lines)`` -> repeats of folds, e.g. ``partial(study_splits, n_repeats=20)`` or
        :func:`repeated_folds`.
    n_inits : int
        Networks a split, with seeds ``seed``, ``seed + 1``, ...
    n_jobs : int
    progress : callable, optional
        Called with (what, done, all).

    Returns
    -------
    DataFrame
        One row a held-out line: ``drug``, ``seed`` (repeat), ``fold``, ``model``, ``init``, ``line``,
        ``measured``, ``predicted`` (NaN if training diverged), ``training_mean``.

    Examples
    --------
    ``models = {"Network": gpds_pipeline()} | bulk_baselines(panel.lines["lineage"])``;
    ``bulk_metrics(bulk_predictions(panel.expression, panel.response["Camptothecin"], models))``
    """
    cases = [
        _Case(drug, x, y, repeat, fold)
        for drug, x, y in _drugs(expression, response)
        for repeat, folds in enumerate(splits(len(y)))
        for fold in folds
    ]
    networks = {name: model for name, model in models.items() if _is_network(model)}
    others = {name: model for name, model in models.items() if name not in networks}
    tables = []
    for done, (name, model) in enumerate(networks.items()):
        tables += _network_predictions(name, model, cases, n_inits, seed, n_jobs)
        if progress:
            progress("networks", done + 1, len(networks))
    work = list(product(cases, others.items()))
    with threadpool_limits(1):
        found = Parallel(n_jobs=n_jobs, return_as="generator")(
            delayed(_fit_predict)(clone(model), case.train_x, case.train_y, case.test_x)
            for case, (_, model) in work
        )
        for done, ((case, (name, _)), predicted) in enumerate(zip(work, found, strict=True)):
            tables.append(case.table(name, 0, predicted))
            if progress:
                progress("baselines", done + 1, len(work))
    return pd.concat(tables, ignore_index=True)


def bulk_metrics(predictions: pd.DataFrame, *, by_init: bool = False) -> pd.DataFrame:
    """Errors and correlations of every model in every split.

    Parameters
    ----------
    predictions : DataFrame
        From :func:`bulk_predictions`.
    by_init : bool
        One row a network instead of the mean over the networks of a split.

    Returns
    -------
    DataFrame
        ``drug``, ``seed``, ``fold``, ``model``, (``init``,) ``metric``, ``value``, ``n`` test lines. Metrics:
        ``MSE`` (infinite where training diverged); ``MSE/Var``, over the variance of the test lines;
        ``R2`` = 1 - MSE/Var; ``Pearson``, ``Spearman`` and ``slope`` (predicted on measured), NaN for a
        constant prediction; ``SD`` of the predictions.
    """
    rows = []
    for key, part in predictions.groupby([*_KEYS, "init"], sort=False):
        values = line_metrics(part["measured"].to_numpy(), part["predicted"].to_numpy())
        rows += [(*key, metric, value, len(part)) for metric, value in values.items()]
    table = pd.DataFrame(rows, columns=[*_KEYS, "init", "metric", "value", "n"])
    if by_init:
        return table
    return table.groupby([*_KEYS, "metric", "n"], sort=False, as_index=False)["value"].mean()


def line_metrics(measured: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Metrics of one set of lines; see :func:`bulk_metrics`."""
    measured, predicted = np.asarray(measured, float), np.asarray(predicted, float)
    names = ("MSE", "MSE/Var", "R2", "Pearson", "Spearman", "slope", "SD")
    if not np.isfinite(predicted).all():
        return dict(zip(names, (np.inf, np.inf, -np.inf, *[np.nan] * 4), strict=True))
    mse, variance = ((measured - predicted) ** 2).mean(), measured.var()
    ratio = mse / variance if variance > 0 else np.nan
    # A constant prediction may differ in its last digit from line to line.
    varies = np.ptp(predicted) > 1e-9 * (1 + np.abs(predicted).max()) and variance > 0
    pearson = stats.pearsonr(measured, predicted).statistic if varies else np.nan
    spearman = stats.spearmanr(measured, predicted).statistic if varies else np.nan
    slope = stats.linregress(measured, predicted).slope if varies else np.nan
    values = (mse, ratio, 1 - ratio, pearson, spearman, slope, predicted.std())
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def ensemble(predictions: pd.DataFrame, model: str, name: str) -> pd.DataFrame:
    """Average the networks of a split: rows of a model ``name`` to append to ``predictions``."""
    part = predictions[predictions["model"] == model]
    keys = ["drug", "seed", "fold", "line", "measured", "training_mean"]
    mean = part.groupby(keys, sort=False, as_index=False)["predicted"].mean()
    return mean.assign(model=name, init=0)[predictions.columns]


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
        "z-scored target": gpds_pipeline(other(scale_target=True)),
        "learning rate 0.001": gpds_pipeline(other(lr=0.001)),
        "learning rate 0.001, weight decay 0.01": gpds_pipeline(other(lr=0.001, weight_decay=0.01)),
    }


@dataclass(frozen=True, eq=False)
class GridResult:
    """A grid search in several splits.

    Attributes
    ----------
    trials : DataFrame
        One row a split and candidate: ``seed``, ``fold``, ``candidate``, its settings, ``test_mse``,
        ``test_r2``, ``inner_mse`` (mean over inner folds; NaN without them) and ``diverged``. A candidate
        that diverged has an infinite error.
    chosen : DataFrame
        One row a split and ``selection``: "best on test (optimistic)", as the study apparently chose;
        "inner folds"; "mean", the training mean. Columns ``candidate``, ``test_mse``, ``test_r2``.
    """

    trials: pd.DataFrame
    chosen: pd.DataFrame


def grid_search(
    expression: pd.DataFrame,
    response: pd.Series,
    splits: Splitter,
    grid: dict[str, tuple] | None = None,
    *,
    n_inner: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
) -> GridResult:
    """Score every candidate of a grid on the test lines and in inner folds of the training lines.

    The test error of the candidate that is best on the test lines is too good; that of the candidate
    that is best in the inner folds is not.

    Parameters
    ----------
    expression, response, splits
        As :func:`bulk_predictions`; one drug.
    grid : dict, optional
        As :data:`helpers.studies.gpds.model.GRID` (default, 864 candidates).
    n_inner : int
        Inner folds; 0 leaves the nested search out.
    seed : int
        Start values of all networks and the inner folds.
    """
    candidates = grid_candidates(grid)
    (_, x, y), *more = _drugs(expression, response)
    if more:
        msg = "grid_search takes the response to one drug, a Series"
        raise DataError(msg)
    cases = [_Case("", x, y, r, fold) for r, folds in enumerate(splits(len(y))) for fold in folds]
    rows, chosen = [], []
    for case in cases:
        test = _candidate_errors(
            case.train_x, case.train_y, case.test_x, case.test_y, candidates, seed, n_jobs
        )
        inner = np.full((max(n_inner, 1), len(candidates)), np.nan)
        folds = KFold(n_inner, shuffle=True, random_state=seed).split(case.train_y) if n_inner else []
        for i, (train, held) in enumerate(folds):
            a, b = case.train_x.iloc[train], case.train_x.iloc[held]
            inner[i] = _candidate_errors(
                a, case.train_y[train], b, case.train_y[held], candidates, seed, n_jobs
            )
        inner, variance = inner.mean(axis=0), case.test_y.var()
        for i, candidate in enumerate(candidates):
            settings = candidate | {"hidden": "-".join(map(str, candidate["hidden"]))}
            key = {"seed": case.repeat, "fold": case.fold.name, "candidate": i}
            scores = {"test_mse": test[i], "test_r2": 1 - test[i] / variance, "inner_mse": inner[i]}
            rows.append(key | settings | scores | {"diverged": not np.isfinite(test[i])})
        constant = ((case.test_y - case.train_y.mean()) ** 2).mean()
        picks = [("best on test (optimistic)", int(test.argmin()), test.min()), ("mean", -1, constant)]
        if n_inner:
            picks.append(("inner folds", int(inner.argmin()), test[inner.argmin()]))
        chosen += [(case.repeat, case.fold.name, *pick, 1 - pick[2] / variance) for pick in picks]
    columns = ["seed", "fold", "selection", "candidate", "test_mse", "test_r2"]
    return GridResult(pd.DataFrame(rows), pd.DataFrame(chosen, columns=columns))


@dataclass(frozen=True, eq=False)
class _Case:
    """One split of one drug."""

    drug: str
    x: pd.DataFrame
    y: np.ndarray
    repeat: int
    fold: Fold

    @property
    def train_x(self) -> pd.DataFrame:
        return self.x.iloc[self.fold.train]

    @property
    def train_y(self) -> np.ndarray:
        return self.y[self.fold.train]

    @property
    def test_x(self) -> pd.DataFrame:
        return self.x.iloc[self.fold.test]

    @property
    def test_y(self) -> np.ndarray:
        return self.y[self.fold.test]

    def table(self, model: str, init: int, predicted: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "drug": self.drug,
                "seed": self.repeat,
                "fold": self.fold.name,
                "model": model,
                "init": init,
                "line": self.x.index[self.fold.test],
                "measured": self.test_y,
                "predicted": predicted,
                "training_mean": self.train_y.mean(),
            }
        )


def _drugs(
    expression: pd.DataFrame, response: pd.Series | pd.DataFrame
) -> list[tuple[str, pd.DataFrame, np.ndarray]]:
    """Lines with a value, drug by drug."""
    table = response.to_frame(response.name or "response") if isinstance(response, pd.Series) else response
    lines = expression.index.intersection(table.index)
    found = []
    for drug in table.columns:
        y = table.loc[lines, drug].dropna()
        if len(y) < 10:
            msg = f"{drug}: only {len(y)} lines have both expression and a response; at least 10 are needed"
            raise DataError(msg)
        found.append((drug, expression.loc[y.index], y.to_numpy(float)))
    return found


def _split(n_lines: int, test_size: float, seed: int) -> Fold:
    train, test = train_test_split(np.arange(n_lines), test_size=test_size, random_state=seed)
    return Fold("0", np.sort(train), np.sort(test))


def _is_network(model: BaseEstimator) -> bool:
    return isinstance(model, Pipeline) and isinstance(model.steps[-1][1], GPDSRegressor)


def _network_predictions(
    name: str, model: Pipeline, cases: Sequence[_Case], n_inits: int, seed: int, n_jobs: int
) -> list[pd.DataFrame]:
    jobs, tests = [], []
    for case in cases:
        before = clone(model[:-1])
        train = before.fit_transform(case.train_x, case.train_y)
        tests.append(before.transform(case.test_x))
        for init in range(n_inits):
            network = clone(model.steps[-1][1]).set_params(random_state=seed + init)
            jobs.append((network, train, case.train_y))
    fitted = iter(fit_many(jobs, n_jobs))
    return [
        case.table(name, init, next(fitted).predict(test))
        for case, test in zip(cases, tests, strict=True)
        for init in range(n_inits)
    ]


def _fit_predict(
    model: BaseEstimator, train_x: pd.DataFrame, train_y: np.ndarray, test_x: pd.DataFrame
) -> np.ndarray:
    return np.asarray(model.fit(train_x, train_y).predict(test_x), float)


def _candidate_errors(
    train_x: pd.DataFrame,
    train_y: np.ndarray,
    test_x: pd.DataFrame,
    test_y: np.ndarray,
    candidates: list[dict],
    seed: int,
    n_jobs: int,
) -> np.ndarray:
    """Mean squared error of every candidate on the second lines; infinite where training diverged."""
    before = gpds_preprocessing()
    train = before.fit_transform(train_x)
    test = before.transform(test_x)
    jobs = [(GPDSRegressor(**candidate, random_state=seed), train, train_y) for candidate in candidates]
    errors = np.array([((m.predict(test) - test_y) ** 2).mean() for m in fit_many(jobs, n_jobs)])
    return np.where(np.isfinite(errors), errors, np.inf)
