"""Cell-line-wise protocols for pre/post pairs: every model in the same folds, scored pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from helpers.data.pair_types import PerturbationPairs
from helpers.errors import DataError
from helpers.studies.pertvae.metrics import MOST_CHANGED, change_correlation, spearman_rows

#: Below this number of lines every line is left out in turn.
FEW_LINES = 10
SCALINGS = ("source", "joint", "none")
#: Called with what is done, how much of it, and how much in all.
Progress = Callable[[str, int, int], None]
#: Names of the metrics: profiles on the scale of training and on log2, changes, 50 most changed genes.
METRICS = ("rho", "rho raw", "change", f"change {MOST_CHANGED}")


@dataclass(frozen=True, eq=False)
class PairFold:
    """One split of the pairs of a drug by cell line.

    Attributes
    ----------
    repeat : int
    name : str
        Number of the fold, or the line left out.
    train, validation, test : array of int64
        Sorted positions of pairs; no line is in two of them.
    """

    repeat: int
    name: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def pair_folds(
    lines: np.ndarray, n_splits: int = 5, n_repeats: int = 10, seed: int = 0, few: int = FEW_LINES
) -> list[PairFold]:
    """Split pairs by line: folds of shuffled lines, or each line in turn where there are few.

    Lines are shuffled plainly; GroupKFold with renamed groups, as in the authors' later code, shuffles
    only groups of one size. All replicates of a line are in one fold. With five folds the test part is
    fold k, the validation part fold k + 1, and the other three (60 %) train. With fewer than ``few``
    lines each line is left out in turn, and a fifth of the others (at least one line) validates.

    Parameters
    ----------
    lines : array (pairs,)
        Line of each pair.
    n_splits, n_repeats, seed, few : int

    Raises
    ------
    DataError
        If there are fewer than three lines, or fewer than ``n_splits`` where folds are made.
    """
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
                (order[k], np.take(order, np.arange(k + 1, k + 1 + held), mode="wrap"), order[[k]])
                for k in range(len(order))
            ]
        for name, validation, test in splits:
            is_test, is_validation = np.isin(lines, test), np.isin(lines, validation)
            folds.append(
                PairFold(
                    repeat,
                    str(name),
                    np.flatnonzero(~is_test & ~is_validation),
                    np.flatnonzero(is_validation),
                    np.flatnonzero(is_test),
                )
            )
    return folds


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
    seed : int
        Differs from fold to fold, and is the same for every model.
    """

    train: tuple[np.ndarray, np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray, np.ndarray]
    singletons: np.ndarray
    singleton_lines: np.ndarray
    test: np.ndarray
    seed: int

    def known(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Training and validation pairs together, for models that stop on nothing."""
        pre, post, lines = (np.concatenate(parts) for parts in zip(self.train, self.validation, strict=True))
        return pre, post, lines


class PairContender(Protocol):
    """A model of a protocol, or several that share a fit."""

    def predict_tasks(
        self, tasks: Sequence[PairTask], n_jobs: int = 1, progress: Progress | None = None
    ) -> list[dict[str, np.ndarray]]:
        """Return, for each task, the post-treatment profiles of the test pairs by model name."""
        ...


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

    @classmethod
    def none(cls, genes: int) -> GeneScaler:
        """Change nothing."""
        return cls(np.zeros(genes), np.ones(genes))

    def __call__(self, profiles: np.ndarray) -> np.ndarray:
        """Scale profiles."""
        return (profiles - self.centre) / self.spread

    def back(self, profiles: np.ndarray) -> np.ndarray:
        """Undo the scaling."""
        return profiles * self.spread + self.centre


def make_task(
    data: PerturbationPairs, fold: PairFold, scaling: str = "source", seed: int = 0
) -> tuple[PairTask, GeneScaler]:
    """Scale the profiles of a fold by its training part.

    Parameters
    ----------
    data : PerturbationPairs
        Pairs of one drug.
    fold : PairFold
    scaling : {"source", "joint", "none"}
        ``"source"``: z-score per gene, pairs by the training pairs (before and after together, so that
        a change stays a change), singletons by the singletons. ``"joint"``: one z-score of both.
    seed : int

    Returns
    -------
    task : PairTask
    scaler : GeneScaler
        Of pairs.
    """
    if scaling not in SCALINGS:
        msg = f"unknown scaling {scaling!r}; one of {', '.join(SCALINGS)}"
        raise DataError(msg)
    pre, post = data.pre.to_numpy(float), data.post.to_numpy(float)
    lines = data.pairs["line"].to_numpy(str)
    held_out = lines[np.concatenate([fold.validation, fold.test])]
    singletons = data.without_singletons_of(held_out)
    alone = singletons.to_numpy(float)
    seen = np.concatenate([pre[fold.train], post[fold.train]])
    if scaling == "none":
        scaler = of_singletons = GeneScaler.none(pre.shape[1])
    elif scaling == "joint" or not len(alone):
        scaler = of_singletons = GeneScaler.of(np.concatenate([seen, alone]))
    else:
        scaler, of_singletons = GeneScaler.of(seen), GeneScaler.of(alone)
    part = {
        name: (scaler(pre[rows]), scaler(post[rows]), lines[rows])
        for name, rows in (("train", fold.train), ("validation", fold.validation))
    }
    task = PairTask(
        **part,
        singletons=of_singletons(alone),
        singleton_lines=data.singleton_lines.loc[singletons.index].to_numpy(str),
        test=scaler(pre[fold.test]),
        seed=seed,
    )
    return task, scaler


def cross_validate_pairs(
    data: PerturbationPairs,
    drugs: Sequence[str],
    contenders: Sequence[PairContender],
    *,
    n_splits: int = 5,
    n_repeats: int = 10,
    few_repeats: int | None = None,
    at_most: int | None = None,
    scaling: str = "source",
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Predict the test pairs of every fold of every drug with every contender, and score them.

    All drugs go to a contender at once, so that it can batch all fits.

    Parameters
    ----------
    data : PerturbationPairs
    drugs : sequence of str
        One model a drug, as in the paper.
    contenders : sequence of PairContender
    n_splits, n_repeats, seed
        See :func:`pair_folds`; the seed of a drug depends on its place in ``drugs``.
    few_repeats : int, optional
        Repeats where every line is left out in turn; default ``n_repeats``.
    at_most : int, optional
        Folds of a repeat that are run, the first ones; all by default. They stay the same folds.
    scaling : {"source", "joint", "none"}
        See :func:`make_task`.
    n_jobs : int
        Folds, or batches of them, at a time; the result does not depend on it.
    progress : callable, optional
        ``progress(what, done, in all)``.

    Returns
    -------
    DataFrame
        One row a test pair, model and metric: ``drug``, ``repeat``, ``fold``, ``line``, ``pair``,
        ``model``, ``metric`` (one of :data:`METRICS`), ``value``.
    """
    jobs = []
    for number, drug in enumerate(drugs):
        of_drug = data.of_drug(drug)
        lines = of_drug.pairs["line"].to_numpy(str)
        few = len(np.unique(lines)) < FEW_LINES
        repeats = few_repeats if few and few_repeats is not None else n_repeats
        folds = pair_folds(lines, n_splits, repeats, seed + 1000 * number)
        # The seed of a fold does not depend on how many others there are.
        for place, fold in enumerate(folds):
            if at_most is not None and place % (len(folds) // repeats) >= at_most:
                continue
            task, scaler = make_task(of_drug, fold, scaling, seed + 1000 * number + place)
            jobs.append((drug, of_drug, fold, task, scaler))
    tasks = [task for _, _, _, task, _ in jobs]
    tables = []
    for contender in contenders:
        for job, predictions in zip(jobs, contender.predict_tasks(tasks, n_jobs, progress), strict=True):
            tables += [_scores(*job, model, values) for model, values in predictions.items()]
    return pd.concat(tables, ignore_index=True)


def _scores(
    drug: str,
    data: PerturbationPairs,
    fold: PairFold,
    task: PairTask,
    scaler: GeneScaler,
    model: str,
    predicted: np.ndarray,
) -> pd.DataFrame:
    pre, raw_post = task.test, data.post.to_numpy(float)[fold.test]
    post = scaler(raw_post)
    if predicted.shape != post.shape or not np.isfinite(predicted).all():
        msg = f"{model}: predictions for {drug}, fold {fold.name}, have shape {predicted.shape} or hold NaN"
        raise DataError(msg)
    values = {
        "rho": spearman_rows(predicted, post),
        "rho raw": spearman_rows(scaler.back(predicted), raw_post),
        "change": change_correlation(predicted, pre, post),
        f"change {MOST_CHANGED}": change_correlation(predicted, pre, post, MOST_CHANGED),
    }
    pairs = data.pairs.iloc[fold.test]
    table = pd.DataFrame(values).assign(line=pairs["line"].to_numpy(str), pair=pairs.index.to_numpy(str))
    long = table.melt(["line", "pair"], var_name="metric", value_name="value")
    return long.assign(drug=drug, repeat=fold.repeat, fold=fold.name, model=model)


def line_scores(scores: pd.DataFrame, metrics: Iterable[str] = METRICS) -> pd.DataFrame:
    """Average replicates, then repeats, of each line.

    Returns
    -------
    DataFrame
        ``drug``, ``model``, ``metric``, ``line``, ``value``.
    """
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
    """
    part = scores[scores["metric"] == metric]
    return part.pivot_table(
        index=["drug", "repeat", "fold"], columns="model", values="value", aggfunc="mean", sort=False
    )
