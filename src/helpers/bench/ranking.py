"""One ranking: every model in the same folds, scores, and the book's intervals."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import as_numbers, refuse
from helpers.data.types import Provenance
from helpers.errors import DataError
from helpers.evaluation.comparison import compare_folds, compare_groups, summarise_folds, summarise_groups
from helpers.evaluation.protocol import Fold, Model, Progress, predictions
from helpers.sealed import read_sealed, write_sealed

#: What a judge takes: what each model predicts of the test rows of each fold.
Predicted = Mapping[str, Sequence[np.ndarray]]


@dataclass(frozen=True)
class Ranking:
    """What came out.

    Attributes
    ----------
    summary : DataFrame
        One row a model and metric, best first: ``model``, ``metric``, ``value``, ``low``, ``high``, ``n``.
    differences : DataFrame
        The best model minus each other one, of the metric that ranks: ``model``, ``difference``, ``low``,
        ``high`` and ``p``.
    excluded : list of str
        What has no value of the metric that ranks, and why.
    """

    summary: pd.DataFrame
    differences: pd.DataFrame
    excluded: list[str]


@dataclass(frozen=True, eq=False)
class Job:
    """What models are ranked on.

    Attributes
    ----------
    kind : {"pairs", "changes", "cells"}
    name : str
        Of the data.
    data : object
        What the models are given.
    asks : str
        What is unseen in the test, in words.
    target, metric : str
        What is predicted, and the metric that ranks (higher is better).
    folds : list of Fold
    unit : str
        What an interval is over, in words.
    judge : callable
        Makes the ranking of what the models predict.
    depends : tuple of arrays
        What predictions depend on, beside the folds and the code.
    counts : dict of str to int
        How much the data hold.
    provenance : Provenance
    reports : dict of str to DataFrame
        How names were joined (:func:`helpers.data.join.match`).
    """

    kind: str
    name: str
    data: Any
    asks: str
    target: str
    metric: str
    folds: list[Fold]
    unit: str
    judge: Callable[[Predicted], Ranking]
    depends: tuple[np.ndarray, ...]
    counts: dict[str, int]
    provenance: Provenance
    reports: dict[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what is predicted of one row: the genes of a change, else one number."""
        return np.shape(self.data.changes)[1:] if self.kind == "changes" else ()

    @property
    def seeds(self) -> int:
        """How often the folds were drawn."""
        return len({fold.seed for fold in self.folds})


def rank(
    job: Job, models: Sequence[Model], *, cache: Path | None = None, progress: Progress | None = None
) -> Ranking:
    """Fit every model in the same folds, and rank.

    Parameters
    ----------
    job : Job
    models : sequence of Model
        Over ``job.data``.
    cache : Path, optional
        Folder that keeps what each model predicted in each fold (or batch of folds that it fits at once): a
        killed run resumes from there. It belongs to one version of the code of all models.
    progress : callable, optional
        As for :func:`helpers.evaluation.protocol.run`; ``"all models"`` counts models.

    Raises
    ------
    ParameterError, DataError
        If a model fails or predicts NaN, two have one name, or none has a value of the metric.
    """
    if not isinstance(job, Job) or not isinstance(models, list | tuple) or not models:
        refuse("rank", "needs a Job and a list of models")
    names = [getattr(model, "name", None) for model in models]
    if None in names or len(set(names)) < len(names):
        refuse("rank", f"every model must be a Model with a name of its own; got {names}")
    cache = None if cache is None else Path(cache)
    predicted: dict[str, list[np.ndarray]] = {}
    for done, model in enumerate(models, 1):
        predicted |= _predicted(job, model, cache, progress)
        if progress is not None:
            progress("all models", done, len(models))
    return job.judge(predicted)


def judge_scores(
    scores: pd.DataFrame, metric: str, where: str, *, grouped: bool, n_splits: int, excluded: list[str]
) -> Ranking:
    """Rank models by their scores in folds or groups.

    Parameters
    ----------
    scores : DataFrame
        ``seed``, ``fold`` (or group), ``model``, ``metric``, ``value``.
    metric : str
        What ranks.
    where : str
        Name of the data, for messages.
    grouped : bool
        A group is the unit (Hodges-Lehmann intervals); else a fold (Nadeau-Bengio).
    n_splits : int
        Folds of each seed.
    excluded : list of str
        What is known to have no value; groups without one are added.

    Raises
    ------
    DataError
        If no model has a value of the metric.
    """
    ratio = 1 / (n_splits - 1)
    summary = summarise_groups(scores) if grouped else summarise_folds(scores, ratio)
    best = best_of(summary, metric, where)
    of_metric = scores[scores["metric"] == metric]
    with warnings.catch_warnings():
        # Models that predict a constant have one value in all folds, which a t-test warns of.
        warnings.filterwarnings("ignore", message="Precision loss")
        differences = compare_groups(of_metric, best) if grouped else compare_folds(of_metric, best, ratio)
    if grouped:
        empty = of_metric.groupby("fold")["value"].apply(lambda values: values.isna().all())
        named = {line.partition(":")[0] for line in excluded}
        excluded = excluded + [f"{name}: no value" for name in empty.index[empty] if name not in named]
    return ranked(summary, differences, metric, excluded)


def best_of(summary: pd.DataFrame, metric: str, where: str) -> str:
    """Return the model with the highest value of a metric."""
    chosen = summary[summary["metric"] == metric].dropna(subset="value")
    if chosen.empty:
        msg = f"{where}: no model has a value of {metric}; see that both labels occur in every drug or group"
        raise DataError(msg)
    return str(chosen["model"].iloc[int(chosen["value"].to_numpy().argmax())])


def ranked(summary: pd.DataFrame, differences: pd.DataFrame, metric: str, excluded: list[str]) -> Ranking:
    """Put tables into the order of the ranking."""
    chosen = summary[summary["metric"] == metric].sort_values("value", ascending=False, kind="stable")
    place = {name: at for at, name in enumerate(chosen["model"])}
    order = summary.assign(place=summary["model"].map(place), first=summary["metric"] != metric)
    order = order.sort_values(["first", "metric", "place"], kind="stable", ignore_index=True)
    differences = differences.reindex(columns=["model", "difference", "low", "high", "p"])
    return Ranking(
        order[["model", "metric", "value", "low", "high", "n"]],
        differences.sort_values(
            "model", key=lambda names: names.map(place), kind="stable", ignore_index=True
        ),
        excluded,
    )


def score_folds(
    folds: Sequence[Fold],
    predicted: Predicted,
    score: Callable[[np.ndarray, np.ndarray], dict[str, float]],
    group: np.ndarray | None,
) -> pd.DataFrame:
    """Score each fold, or each left-out group, of each model: the table that :func:`judge_scores` takes.

    Parameters
    ----------
    folds : sequence of Fold
    predicted : mapping
    score : callable
        ``score(rows, predicted)`` gives values by metric.
    group : array (rows,) of str, optional
    """
    rows = []
    for model, out in predicted.items():
        for fold, values in zip(folds, out, strict=True):
            parts = {fold.name: np.arange(len(fold.test))}
            if group is not None:
                names = group[fold.test]
                parts = {str(name): np.flatnonzero(names == name) for name in np.unique(names)}
            for name, at in parts.items():
                for metric, value in score(fold.test[at], values[at]).items():
                    rows.append((fold.seed, name, model, metric, value))
    return pd.DataFrame(rows, columns=["seed", "fold", "model", "metric", "value"])


def _predicted(
    job: Job, model: Model, cache: Path | None, progress: Progress | None
) -> dict[str, list[np.ndarray]]:
    """Predict all folds with one model, fold by fold or batch by batch, whatever of it was kept."""
    of_model = hashlib.sha256(repr((job.kind, model.name)).encode())
    for array in job.depends:
        _add(of_model, array)
    out: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(job.folds), model.batch):
        folds = job.folds[start : start + model.batch]

        def counted(name: str, done: int, _: int, start: int = start) -> None:
            if progress is not None:
                progress(name, start + done, len(job.folds))

        digest = of_model.copy()
        for fold in folds:
            for rows in (fold.train, fold.test):
                _add(digest, rows)
            digest.update(str(fold.seed).encode())
        kept = None if cache is None else cache / f"{digest.hexdigest()[:32]}.json"
        if kept is None or (found := read_sealed(kept)) is None:
            part = _fitted(job, folds, model, counted)
            if kept is not None:
                content = {name: [values.tolist() for values in own] for name, own in part.items()}
                write_sealed(kept, json.dumps(content).encode())
        else:
            part = {name: [np.array(v, float) for v in own] for name, own in json.loads(found).items()}
            counted(model.name, len(folds), len(folds))
        for name, own in part.items():
            out.setdefault(name, []).extend(own)
    return out


def _add(digest: Any, array: np.ndarray) -> None:
    """Hash an array with its shape, without which two of them could be cut elsewhere."""
    array = np.ascontiguousarray(array)
    digest.update(repr((array.shape, array.dtype.str)).encode() + array.tobytes())


def _fitted(job: Job, folds: Sequence[Fold], model: Model, progress: Progress) -> dict[str, list[np.ndarray]]:
    """Fit and predict; predictions that are no finite numbers of the right shape are refused."""
    out: dict[str, list[np.ndarray]] = {}
    for name, fold, predicted in predictions(job.data, folds, [model], progress=progress):
        values = as_numbers(predicted, f"{name}, fold {fold.name}", finite=True)
        shape = (len(fold.predicted), *job.shape)
        if values.size != np.prod(shape):
            refuse(f"{name}, fold {fold.name}", f"predicts an array {values.shape}, expected {shape}")
        out.setdefault(name, []).append(values.reshape(shape))
    return out
