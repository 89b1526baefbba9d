"""Reconstruction of expression by latent size (the paper's figure 2), and maps of the latent space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA, FactorAnalysis

from helpers.bounds import check_number
from helpers.checks import as_matrix, check_records, check_same_rows, refuse
from helpers.data.pair_types import PerturbationPairs
from helpers.data.pairs_twin import PairTruth
from helpers.errors import DataError
from helpers.evaluation.protocol import Fold, Model, Progress, each_fold, predictions, run
from helpers.evaluation.statistics import Comparison
from helpers.studies.pertvae.baselines import MeanShift, RidgePairs
from helpers.studies.pertvae.metrics import spearman_rows
from helpers.studies.pertvae.model import VAE, PertVAE, align_effect
from helpers.studies.pertvae.models import CHANGE, pertvae_model, simple_models
from helpers.studies.pertvae.protocol import GeneScaler, line_folds, make_task
from helpers.studies.pertvae.statistics import bootstrap_mean, line_test


@dataclass(frozen=True, eq=False)
class ProfileSet:
    """Distinct profiles, treated or not, with the line of each.

    Attributes
    ----------
    levels : array (profiles, genes)
        Log2 expression.
    lines : array of str (profiles,)

    Raises
    ------
    DataError
        If they are no finite numbers, or a profile has no line.
    """

    levels: np.ndarray
    lines: np.ndarray

    def __post_init__(self) -> None:
        check_same_rows(self.levels, self.lines, "profiles")
        found = as_matrix(self.levels, "profiles").shape
        if not isinstance(self.levels, np.ndarray) or np.shape(self.lines) != found[:1]:
            refuse("profiles", f"must be an array with a line for each profile; got {found}")
        if np.any(pd.isna(self.lines)):
            refuse("profiles", "a line has no name")

    @classmethod
    def of(cls, data: PerturbationPairs) -> ProfileSet:
        """Take all profiles of the data; one that several pairs share counts once."""
        lines = data.pairs["line"].to_numpy(str)
        values = np.concatenate([data.pre, data.post, data.singletons]).astype(np.float32)
        names = np.concatenate([lines, lines, data.singleton_lines.to_numpy(str)])
        _, first = np.unique(values, axis=0, return_index=True)
        keep = np.sort(first)
        return cls(values[keep], names[keep])


def reconstruct_by_size(
    profiles: ProfileSet,
    sizes: Sequence[int],
    settings: Mapping[str, Any] | None = None,
    *,
    n_splits: int = 5,
    n_repeats: int = 1,
    at_most: int | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    factor_sizes: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Reconstruct profiles of left-out lines by VAE, PCA and factor analysis.

    The VAE trains on three fifths of the lines and stops on one; the linear models learn from both
    parts. Genes are z-scored by what the linear models learn from.

    Parameters
    ----------
    profiles : ProfileSet
    sizes : sequence of int
        Latent units, components, factors.
    settings : mapping, optional
        Of :class:`helpers.studies.pertvae.model.VAE`.
    n_splits, n_repeats, seed, n_jobs : int
    at_most : int, optional
        Folds of a repeat that are run, the first ones; all by default.
    factor_sizes : sequence of int, optional
        Sizes of factor analysis, the linear model with Gaussian noise of each gene; default ``sizes``.
    progress : callable, optional
        ``progress(what, done, in all)``.

    Returns
    -------
    DataFrame
        One row a line, model and size: ``model``, ``size``, ``line``, ``metric`` (``"rho"`` z-scored,
        ``"rho raw"`` log2), ``value`` (mean over the line's profiles and repeats).

    Raises
    ------
    DataError
        If sizes are not some whole numbers, each once, those of factor analysis among them.
    """
    if not np.iterable(sizes) or not len(sizes) or len(set(sizes)) < len(sizes):
        refuse("sizes", f"must be some whole numbers, each once; got {sizes!r}")
    for size in sizes:
        check_number("size", size, 1, whole=True)
    if set(factor_sizes or ()) - set(sizes):
        refuse("factor_sizes", f"{list(factor_sizes or ())} must be among the sizes {list(sizes)}")
    factor_sizes = sizes if factor_sizes is None else factor_sizes
    settings = dict(settings or {})
    models = []
    for size in sizes:
        models.append(Model(f"VAE {size}", each_fold(partial(_vae, settings={**settings, "latent": size}))))
        models.append(Model(f"PCA {size}", each_fold(partial(_pca, size=size))))
        if size in factor_sizes:
            models.append(Model(f"Factor analysis {size}", each_fold(partial(_factor_analysis, size=size))))
    folds = line_folds(profiles.lines, n_splits, n_repeats, seed, few=0, at_most=at_most)
    scores = run(profiles, folds, models, _score_profiles, n_jobs=n_jobs, progress=progress)
    names = scores["model"].str.rsplit(" ", n=1)
    scores = scores.assign(model=names.str[0], size=names.str[1].astype(int))
    return scores.groupby(["model", "size", "metric", "line"], sort=False)["value"].mean().reset_index()


def compare_sizes(
    table: pd.DataFrame, first: tuple[str, int], second: tuple[str, int], metric: str = "rho", seed: int = 0
) -> Comparison:
    """Compare two (model, size) over lines: mean difference, bootstrap interval, signed-rank p."""
    check_records(table, ("model", "size", "metric", "line"), ("value",), "reconstructions")
    part = table[table["metric"] == metric].set_index(["model", "size", "line"])["value"].sort_index()
    missing = [key for key in (first, second) if key not in part.index.droplevel("line")]
    if missing:
        msg = f"no reconstruction by {missing}; there are {sorted(set(part.index.droplevel('line')))}"
        raise DataError(msg)
    difference = part.loc[first] - part.loc[second]
    return line_test(difference.to_numpy(), seed=seed).comparison


def summarise_sizes(table: pd.DataFrame, n_boot: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Mean over lines of each model, size and metric, with a bootstrap interval over lines.

    Returns
    -------
    DataFrame
        ``model``, ``size``, ``metric``, ``value``, ``low``, ``high``, ``n`` (lines).
    """
    check_records(table, ("model", "size", "metric", "line"), ("value",), "reconstructions")
    rows = []
    for key, part in table.groupby(["model", "size", "metric"], sort=False):
        mean = bootstrap_mean(part["value"].to_numpy(), n_boot, seed)
        rows.append((*key, mean.difference, mean.low, mean.high, mean.n))
    return pd.DataFrame(rows, columns=["model", "size", "metric", "value", "low", "high", "n"])


def latent_map(
    model: PertVAE, pre: np.ndarray, post: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Show latent codes of pairs in the plane of their first two principal components.

    Parameters
    ----------
    model : fitted PertVAE
    pre, post : array (pairs, genes)

    Returns
    -------
    before, after, predicted : array (pairs, 2)
        Posterior mean of z1, of z2, and z1 + W z1 + b.

    Raises
    ------
    DataError
        If profiles before and after do not fit together, or the model has one latent unit.
    """
    check_same_rows(pre, post, "pre and post")
    if len(pre) != len(post) or model.latent < 2:
        refuse(
            "latent_map",
            f"{len(pre)} pre, {len(post)} post, {model.latent} latent unit(s): no plane of pairs",
        )
    before, after = model.latent_mean(pre), model.latent_mean(post)
    moved = before + before @ model.W_.T + model.b_
    plane = PCA(2, svd_solver="full").fit(np.concatenate([before, after]))
    return plane.transform(before), plane.transform(after), plane.transform(moved)


def effect_sizes(model: PertVAE) -> list[float]:
    """Length of b, and size of W (the root of the sum of its squares), in latent units."""
    return [float(np.linalg.norm(model.b_)), float(np.linalg.norm(model.W_))]


def recover_effect(
    data: PerturbationPairs,
    truth: PairTruth,
    drug: str,
    settings: Mapping[str, Any] | None = None,
    *,
    n_splits: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
) -> pd.DataFrame:
    """Hold learned effects of a simulated drug against the planted one, on left-out lines.

    Latent axes have no fixed directions, so W cannot be compared entry by entry; what a model does to a
    profile can. PertVAE's effect is its prediction minus its reconstruction.

    Parameters
    ----------
    data, truth
        :func:`helpers.data.pairs_twin.simulate_pairs`.
    drug : str
    settings : mapping, optional
        Of PertVAE.
    n_splits, seed, n_jobs : int

    Returns
    -------
    DataFrame
        ``model`` (PertVAE, Mean shift, Ridge), ``part``, ``value``, ``n`` (lines). ``"mean"``: Pearson
        correlation over genes of the mean learned with the mean planted change. ``"line"``: mean over
        pairs of the correlation of both changes minus their means, what is special to a line; 0 for a
        model that treats all lines alike.
    """
    of_drug = data.of_drug(drug)
    folds = line_folds(of_drug.pairs["line"].to_numpy(str), n_splits, 1, seed, few=0)
    models = [
        pertvae_model(settings or {}),
        simple_models({"Mean shift": MeanShift(), "Ridge": RidgePairs()}),
    ]
    planted = truth.change(of_drug.pairs).to_numpy()
    # In the order of the result; PertVAE's effect is what it puts on the measured profile.
    sources = {"PertVAE" + CHANGE: "PertVAE", "Mean shift": "Mean shift", "Ridge": "Ridge"}
    learned = {name: np.zeros_like(planted) for name in sources.values()}
    for source, fold, predicted in predictions(of_drug, folds, models, n_jobs=n_jobs):
        if source in sources:
            task = make_task(of_drug, fold)
            learned[sources[source]][fold.test] = (predicted - task.test) * task.scaler.spread
    rows = []
    for name, effect in learned.items():
        rows.append((name, "mean", _pearson(effect.mean(axis=0), planted.mean(axis=0))))
        special, true = np.zeros_like(planted), planted - planted.mean(axis=0)
        for fold in folds:  # within a fold one model made them
            special[fold.test] = effect[fold.test] - effect[fold.test].mean(axis=0)
        rows.append(
            (name, "line", float(np.mean([_pearson(a, b) for a, b in zip(special, true, strict=True)])))
        )
    lines = of_drug.pairs["line"].nunique()
    return pd.DataFrame(rows, columns=["model", "part", "value"]).assign(n=lines)


def special_to_lines(table: pd.DataFrame) -> pd.Series:
    """Rows of :func:`recover_effect` that ask for something: nothing special to a line is in a shift."""
    return ~((table["drug"] == "shift") & (table["part"] == "line"))


def recover_weights(
    data: PerturbationPairs,
    truth: PairTruth,
    drug: str,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Hold W and b of a PertVAE with the planted number of latent units against the planted ones.

    The model is fitted to all lines of the drug. Its codes are turned into the planted basis by the best
    affine map (:func:`helpers.studies.pertvae.model.align_effect`).

    Returns
    -------
    DataFrame
        ``what``, ``value``: ``explained`` (share of the variance of the planted states that the turned
        codes explain), ``W`` and ``b`` (Pearson correlation of the entries with the planted ones).
    """
    of_drug = data.of_drug(drug)
    latent = truth.states.shape[1]
    scaler = GeneScaler.of(np.concatenate([of_drug.pre, of_drug.post]).astype(float))
    pre, post = (scaler(table.to_numpy(float)) for table in (of_drug.pre, of_drug.post))
    lines = of_drug.pairs["line"].to_numpy(str)
    alone = data.singletons.to_numpy(float)
    model = PertVAE(**{**dict(settings or {}), "latent": latent}, random_state=seed).fit(
        pre,
        post,
        GeneScaler.of(alone)(alone) if len(alone) else None,
        lines=lines,
        singleton_lines=data.singleton_lines.to_numpy(str) if len(alone) else None,
    )
    states = truth.states.loc[lines].to_numpy()
    found = align_effect(model.W_, model.b_, model.latent_mean(pre), states)
    rows = [
        ("explained", found.explained),
        ("W", _pearson(found.W.ravel(), truth.weights[drug].ravel())),
        ("b", _pearson(found.b, truth.shifts[drug])),
    ]
    return pd.DataFrame(rows, columns=["what", "value"]).assign(n=len(truth.states))


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation; 0 where one side is constant."""
    a, b = a - a.mean(), b - b.mean()
    length = np.sqrt((a**2).sum() * (b**2).sum())
    return float(a @ b / length) if length > 1e-12 else 0.0


def _scaled(profiles: ProfileSet, fold: Fold) -> tuple[GeneScaler, np.ndarray, np.ndarray, np.ndarray]:
    """Scaler of the training and validation rows, and the scaled rows of all three parts."""
    validation = profiles.levels[fold.validation]
    train, test = profiles.levels[fold.train], profiles.levels[fold.test]
    scaler = GeneScaler.of(np.concatenate([train, validation]))
    return scaler, scaler(train), scaler(validation), scaler(test)


def _vae(profiles: ProfileSet, fold: Fold, settings: Mapping[str, Any]) -> np.ndarray:
    _, train, validation, test = _scaled(profiles, fold)
    model = VAE(**settings, random_state=fold.seed)
    return model.fit(train, lines=profiles.lines[fold.train], validation=validation).reconstruct(test)


def _pca(profiles: ProfileSet, fold: Fold, size: int) -> np.ndarray:
    _, train, validation, test = _scaled(profiles, fold)
    known = np.concatenate([train, validation]).astype(float)
    model = PCA(min(size, len(known) - 1, known.shape[1]), svd_solver="full").fit(known)
    return model.inverse_transform(model.transform(test))


def _factor_analysis(profiles: ProfileSet, fold: Fold, size: int) -> np.ndarray:
    _, train, validation, test = _scaled(profiles, fold)
    known = np.concatenate([train, validation]).astype(float)
    # The exact decomposition: no random numbers.
    model = FactorAnalysis(min(size, len(known) - 1, known.shape[1]), svd_method="lapack").fit(known)
    return model.transform(test.astype(float)) @ model.components_ + model.mean_


def _score_profiles(profiles: ProfileSet, fold: Fold, predicted: np.ndarray) -> pd.DataFrame:
    scaler, _, _, test = _scaled(profiles, fold)
    table = pd.DataFrame(
        {
            "line": profiles.lines[fold.test],
            "rho": spearman_rows(predicted, test),
            "rho raw": spearman_rows(scaler.back(predicted), profiles.levels[fold.test]),
        }
    )
    return table.melt("line", var_name="metric")
