"""Cell-line-wise protocols of treatment pairs: every model in the same folds, scored pair by pair.

A treatment pair is the profile of a cell line before and after a drug; a model is fitted drug by drug.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_names, check_records, refuse
from helpers.data.pair_types import PerturbationPairs
from helpers.errors import DataError
from helpers.evaluation.protocol import Fold, Model, Progress, run
from helpers.studies.pertvae.metrics import MOST_CHANGED, change_correlation, spearman_rows

#: Below this number of lines every line is left out in turn.
FEW_LINES = 10
#: Names of the metrics: profiles on the scale of training and on log2, changes, 50 most changed genes.
METRICS = ("rho", "rho raw", "change", f"change {MOST_CHANGED}")
#: Between the seeds of two drugs: more than a drug has folds.
_SEEDS_A_DRUG = 10_000


def line_folds(
    lines: np.ndarray,
    n_splits: int = 5,
    n_repeats: int = 10,
    seed: int = 0,
    few: int = FEW_LINES,
    at_most: int | None = None,
) -> list[Fold]:
    """Split rows by cell line: folds of shuffled lines, or each line in turn where there are few.

    Lines are shuffled plainly; GroupKFold with renamed groups, as in the authors' later code, shuffles
    only groups of one size. All replicates of a line are in one fold. With five folds the test part is
    fold k, the validation part fold k + 1, and the other three (60 %) train. With fewer than ``few``
    lines each line is left out in turn, and a fifth of the others (at least one line) validates.

    Parameters
    ----------
    lines : array (rows,)
        Line of each row.
    n_splits, n_repeats, seed, few : int
    at_most : int, optional
        Folds of a repeat that are kept, the first ones; all by default. They stay the same folds.

    Returns
    -------
    list of Fold
        Sorted positions of rows; tag ``repeat``; the seed is ``seed`` plus the place of the fold.

    Raises
    ------
    DataError
        If there are fewer than three lines, or fewer than ``n_splits`` where folds are made, a line has no
        name, or a setting is no whole number.
    """
    settings = {"n_splits": n_splits, "n_repeats": n_repeats, "seed": seed, "few": few}
    for name, value in settings.items():
        check_number(name, value, 0, whole=True)
    if at_most is not None:
        check_number("at_most", at_most, 1, whole=True)
    if np.ndim(lines) != 1 or np.any(pd.isna(lines)):
        refuse("lines", f"must be a column with a name in every row; got shape {np.shape(lines)}")
    lines = np.asarray(lines).astype(str)
    names = np.unique(lines)
    if len(names) < 3 or n_splits < 3 or n_repeats < 1:
        msg = (
            f"training, validation and test need a line each: {len(names)} lines, {n_splits} folds, "
            f"{n_repeats} repeats"
        )
        raise DataError(msg)
    if len(names) >= few and len(names) < n_splits:
        msg = f"{len(names)} lines cannot make {n_splits} folds"
        raise DataError(msg)
    rng = np.random.default_rng(seed)
    folds = []
    for repeat in range(n_repeats):
        order = rng.permutation(names)
        if len(names) >= few:
            parts = np.array_split(order, n_splits)
            splits = [(str(k), parts[(k + 1) % n_splits], parts[k]) for k in range(n_splits)]
        else:
            held = max(1, round(len(names) / 5))
            splits = [
                (str(line), np.take(order, np.arange(k + 1, k + 1 + held), mode="wrap"), order[[k]])
                for k, line in enumerate(order)
            ]
        for place, (name, watched, left_out) in enumerate(splits[:at_most]):
            test, validation = np.isin(lines, left_out), np.isin(lines, watched)
            train = np.flatnonzero(~test & ~validation)
            seed_of_fold = seed + repeat * len(splits) + place
            rows = (np.flatnonzero(test), np.flatnonzero(validation))
            folds.append(Fold(name, train, *rows, seed=seed_of_fold, tags={"repeat": repeat}))
    return folds


@dataclass(frozen=True)
class GeneScaler:
    """Centre and spread of each gene; a constant gene keeps its spread of 1."""

    centre: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, profiles: np.ndarray) -> GeneScaler:
        """Learn from profiles (rows)."""
        spread = profiles.std(axis=0)
        return cls(profiles.mean(axis=0), np.where(spread > 1e-8, spread, 1.0))

    def __call__(self, profiles: np.ndarray) -> np.ndarray:
        """Scale profiles."""
        return (profiles - self.centre) / self.spread

    def back(self, profiles: np.ndarray) -> np.ndarray:
        """Undo the scaling."""
        return profiles * self.spread + self.centre


@dataclass(frozen=True, eq=False)
class PairTask:
    """What a model is given for one fold; profiles are scaled by what the training part taught.

    Attributes
    ----------
    train, validation : tuple of pre, post, lines
        Arrays (pairs, genes) twice, and the line of each pair.
    singletons, singleton_lines : arrays (profiles, genes) and (profiles,)
        Of lines that are neither in the test nor in the validation part.
    test : array (pairs, genes)
        Pre-treatment profiles to predict from.
    scaler : GeneScaler
        Of pairs.
    """

    train: tuple[np.ndarray, np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray, np.ndarray]
    singletons: np.ndarray
    singleton_lines: np.ndarray
    test: np.ndarray
    scaler: GeneScaler

    def with_singletons(self, count: int | None, seed: int) -> PairTask:
        """Keep ``count`` of the singletons, drawn with ``seed``; all for None or where there are fewer.

        Raises
        ------
        DataError
            If ``count`` is no whole number, or negative.
        """
        if count is not None:
            check_number("singletons", count, 0, whole=True)
        if count is None or count >= len(self.singletons):
            return self
        kept = np.sort(np.random.default_rng(seed).permutation(len(self.singletons))[:count])
        return replace(self, singletons=self.singletons[kept], singleton_lines=self.singleton_lines[kept])

    def known(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Training and validation pairs together, for models that stop on nothing."""
        pre, post, lines = (np.concatenate(parts) for parts in zip(self.train, self.validation, strict=True))
        return pre, post, lines


def make_task(data: PerturbationPairs, fold: Fold) -> PairTask:
    """Scale the profiles of a fold by its training part.

    z-score per gene: pairs by the training pairs (before and after together, so that a change stays a
    change), singletons by the singletons.

    Parameters
    ----------
    data : PerturbationPairs
        Pairs of one drug.
    fold : Fold
        Of :func:`line_folds`.

    Raises
    ------
    DataError
        If the fold has no validation rows.
    """
    if fold.validation is None:
        msg = f"fold {fold.name} has no validation rows, on which models of treatment pairs stop"
        raise DataError(msg)
    pre, post = data.pre.to_numpy(float), data.post.to_numpy(float)
    lines = data.pairs["line"].to_numpy(str)
    singletons = data.without_singletons_of(lines[np.concatenate([fold.validation, fold.test])])
    alone = singletons.to_numpy(float)
    scaler = GeneScaler.of(np.concatenate([pre[fold.train], post[fold.train]]))

    def part(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return scaler(pre[rows]), scaler(post[rows]), lines[rows]

    return PairTask(
        part(fold.train),
        part(fold.validation),
        singletons=GeneScaler.of(alone)(alone) if len(alone) else alone,
        singleton_lines=data.singleton_lines.loc[singletons.index].to_numpy(str),
        test=scaler(pre[fold.test]),
        scaler=scaler,
    )


def cross_validate_drug(
    data: PerturbationPairs,
    drug: str,
    models: Sequence[Model],
    *,
    n_splits: int = 5,
    n_repeats: int = 10,
    few_repeats: int | None = None,
    at_most: int | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Predict the test pairs of every fold of a drug with every model, and score them.

    Parameters
    ----------
    data : PerturbationPairs
    drug : str
        One model a drug, as in the paper.
    models : sequence of Model
        See :mod:`helpers.studies.pertvae.models`.
    n_splits, n_repeats, seed, at_most
        See :func:`line_folds`.
    few_repeats : int, optional
        Repeats where every line is left out in turn; default ``n_repeats``.
    n_jobs, progress
        See :func:`helpers.evaluation.protocol.run`.

    Returns
    -------
    DataFrame
        One row a test pair, model and metric: ``drug``, ``repeat``, ``fold``, ``seed``, ``line``,
        ``pair``, ``model``, ``metric`` (one of :data:`METRICS`), ``value``.

    Raises
    ------
    DataError
        If the drug is unknown, or as of :func:`line_folds`.
    """
    if not isinstance(data, PerturbationPairs):
        refuse("cross_validate_drug", f"data must be PerturbationPairs, got {type(data).__name__}")
    data = data.of_drug(drug)
    lines = data.pairs["line"].to_numpy(str)
    if few_repeats is not None and len(np.unique(lines)) < FEW_LINES:
        n_repeats = few_repeats
    folds = line_folds(lines, n_splits, n_repeats, seed, at_most=at_most)
    scores = run(data, folds, models, score_pairs, n_jobs=n_jobs, progress=progress)
    return scores.assign(drug=drug)


def cross_validate_drugs(
    data: PerturbationPairs,
    drugs: Iterable[str],
    models: Sequence[Model],
    *,
    memory: joblib.Memory | None = None,
    seed: int = 0,
    **protocol: Any,
) -> pd.DataFrame:
    """Run :func:`cross_validate_drug` drug by drug, so that a killed run resumes at the drug.

    Parameters
    ----------
    data, drugs, models
    memory : joblib.Memory, optional
        Cache on disk that a later run resumes from.
    seed : int
        Every drug has seeds of its own, by its place.
    **protocol
        Of :func:`cross_validate_drug`.

    Raises
    ------
    DataError
        As of :func:`cross_validate_drug`, or if there are no drugs, or one stands twice.
    """
    drugs = check_names(drugs, "drugs")
    if not drugs or len(set(drugs)) < len(drugs):
        refuse("drugs", f"must name some drugs, each once; got {drugs}")
    one = cross_validate_drug
    if memory is not None:
        one = memory.cache(one, ignore=["n_jobs", "progress"])
    tables = [
        one(data.of_drug(drug), drug, models, seed=seed + _SEEDS_A_DRUG * place, **protocol)
        for place, drug in enumerate(drugs)
    ]
    return pd.concat(tables, ignore_index=True)


def score_pairs(data: PerturbationPairs, fold: Fold, predicted: np.ndarray) -> pd.DataFrame:
    """Score the predicted post-treatment profiles of a fold, pair by pair.

    Raises
    ------
    DataError
        If a prediction has another shape than the measured profiles, or holds NaN.
    """
    task = make_task(data, fold)
    scaler, pre = task.scaler, task.test
    raw_post = data.post.to_numpy(float)[fold.test]
    post = scaler(raw_post)
    if not isinstance(predicted, np.ndarray):
        refuse("predictions", f"must be an array, got {type(predicted).__name__}")
    as_numbers(predicted, "predictions")
    if predicted.shape != post.shape or not np.isfinite(predicted).all():
        msg = f"predictions for fold {fold.name} have shape {predicted.shape}, not {post.shape}, or hold NaN"
        raise DataError(msg)
    pairs = data.pairs.iloc[fold.test]
    table = pd.DataFrame(
        {
            "line": pairs["line"].to_numpy(str),
            "pair": pairs.index.to_numpy(str),
            "rho": spearman_rows(predicted, post),
            "rho raw": spearman_rows(scaler.back(predicted), raw_post),
            "change": change_correlation(predicted, pre, post),
            f"change {MOST_CHANGED}": change_correlation(predicted, pre, post, MOST_CHANGED),
        }
    )
    return table.melt(["line", "pair"], var_name="metric", value_name="value")


def line_scores(scores: pd.DataFrame, metrics: Iterable[str] = METRICS) -> pd.DataFrame:
    """Average replicates, then repeats, of each line.

    Returns
    -------
    DataFrame
        ``drug``, ``model``, ``metric``, ``line``, ``value``.

    Raises
    ------
    DataError
        If there are no scores, a metric has none, or a name or a number is missing.
    """
    metrics = check_names(metrics, "metrics")
    check_records(scores, ("drug", "model", "metric", "line", "repeat"), ("value",), "scores")
    if not scores["metric"].isin(metrics).any():
        refuse("scores", f"no scores of the metric {', '.join(map(repr, metrics))}")
    part = scores[scores["metric"].isin(list(metrics))]
    keys = ["drug", "model", "metric", "line"]
    by_repeat = part.groupby([*keys, "repeat"], sort=False)["value"].mean()
    return by_repeat.groupby(keys, sort=False).mean().reset_index()


def split_scores(scores: pd.DataFrame, metric: str = "rho") -> pd.DataFrame:
    """Average the test pairs of each split, as the paper did.

    Returns
    -------
    DataFrame
        Index = (drug, repeat, fold), one column a model.

    Raises
    ------
    DataError
        If there are no scores of the metric, or a name or a number is missing.
    """
    check_records(scores, ("drug", "model", "metric", "line", "repeat", "fold"), ("value",), "scores")
    if not scores["metric"].eq(metric).any():
        refuse("scores", f"no scores of the metric {metric!r}")
    part = scores[scores["metric"] == metric]
    return part.pivot_table(
        index=["drug", "repeat", "fold"], columns="model", values="value", aggfunc="mean", sort=False
    )
