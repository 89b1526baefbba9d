"""Reconstruction of expression by latent size (the paper's figure 2), and maps of the latent space."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.decomposition import PCA, FactorAnalysis

from helpers.data.pair_types import PerturbationPairs
from helpers.data.pairs_twin import PairTruth
from helpers.errors import DataError
from helpers.evaluation.statistics import Comparison
from helpers.studies.pertvae.baselines import MeanShift, RidgePairs
from helpers.studies.pertvae.contenders import pertvae_job
from helpers.studies.pertvae.metrics import spearman_rows
from helpers.studies.pertvae.model import VAE, PertVAE, align_effect, fit_many
from helpers.studies.pertvae.protocol import GeneScaler, PairFold, make_task, pair_folds
from helpers.studies.pertvae.statistics import bootstrap_mean, line_test


@dataclass(frozen=True, eq=False)
class ProfileSet:
    """Distinct profiles, treated or not, with the line of each.

    Attributes
    ----------
    levels : array (profiles, genes)
        Log2 expression.
    lines : array of str (profiles,)
    """

    levels: np.ndarray
    lines: np.ndarray

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
    settings: Mapping[str, object] | None = None,
    *,
    n_splits: int = 5,
    at_most: int | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    factor_sizes: Sequence[int] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
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
    n_splits, seed, n_jobs : int
    at_most : int, optional
        Folds that are run, the first ones; all by default.
    factor_sizes : sequence of int, optional
        Sizes of factor analysis, the linear model with Gaussian noise of each gene; default ``sizes``.
    progress : callable, optional
        ``progress(what, done, in all)``.

    Returns
    -------
    DataFrame
        One row a line, model and size: ``model``, ``size``, ``line``, ``metric`` (``"rho"`` z-scored,
        ``"rho raw"`` log2), ``value`` (mean over the line's profiles).
    """
    factor_sizes = sizes if factor_sizes is None else factor_sizes
    folds = pair_folds(profiles.lines, n_splits, 1, seed, few=0)[:at_most]
    parts = [_part(profiles, fold) for fold in folds]
    tables = []
    for done, size in enumerate(sizes):
        if progress is not None:
            progress("latent sizes", done, len(sizes))
        jobs = []
        for number, (fold, (_, train, validation, _)) in enumerate(zip(folds, parts, strict=True)):
            vae = VAE(size, **dict(settings or {}), random_state=seed + number)
            arguments = {"X": train, "lines": profiles.lines[fold.train], "validation": validation}
            jobs.append((vae, arguments))
        rebuilt = {"VAE": [m.reconstruct(p[3]) for m, p in zip(fit_many(jobs, n_jobs), parts, strict=True)]}
        linear = Parallel(n_jobs, prefer="threads")(
            delayed(_linear)(p, size, size in factor_sizes) for p in parts
        )
        for model in linear[0]:
            rebuilt[model] = [one[model] for one in linear]
        for model, predictions in rebuilt.items():
            for fold, (scaler, _, _, test), predicted in zip(folds, parts, predictions, strict=True):
                values = {
                    "rho": spearman_rows(predicted, test),
                    "rho raw": spearman_rows(scaler.back(predicted), profiles.levels[fold.test]),
                }
                table = pd.DataFrame(values).assign(line=profiles.lines[fold.test], model=model, size=size)
                tables.append(table.melt(["line", "model", "size"], var_name="metric"))
    long = pd.concat(tables, ignore_index=True)
    return long.groupby(["model", "size", "metric", "line"], sort=False)["value"].mean().reset_index()


def compare_sizes(
    table: pd.DataFrame, first: tuple[str, int], second: tuple[str, int], metric: str = "rho", seed: int = 0
) -> Comparison:
    """Compare two (model, size) over lines: mean difference, bootstrap interval, signed-rank p."""
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
    """
    before, after = model.latent_mean(pre), model.latent_mean(post)
    moved = before + before @ model.W_.T + model.b_
    plane = PCA(2, svd_solver="full").fit(np.concatenate([before, after]))
    return plane.transform(before), plane.transform(after), plane.transform(moved)


def recover_effect(
    data: PerturbationPairs,
    truth: PairTruth,
    drug: str,
    settings: Mapping[str, object] | None = None,
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
    folds = pair_folds(of_drug.pairs["line"].to_numpy(str), n_splits, 1, seed, few=0)
    tasks = [make_task(of_drug, fold, seed=seed + place) for place, fold in enumerate(folds)]
    models = fit_many([pertvae_job(task, settings or {}) for task, _ in tasks], n_jobs)
    planted = truth.change(of_drug.pairs).to_numpy()
    learned = {name: np.zeros_like(planted) for name in ("PertVAE", "Mean shift", "Ridge")}
    for fold, (task, scaler), model in zip(folds, tasks, models, strict=True):
        effects = {"PertVAE": model.predict(task.test) - model.reconstruct(task.test)}
        for name, simple in (("Mean shift", MeanShift()), ("Ridge", RidgePairs())):
            effects[name] = simple.fit(*task.known()).predict(task.test) - task.test
        for name, effect in effects.items():
            learned[name][fold.test] = effect * scaler.spread
    rows = []
    for name, effect in learned.items():
        rows.append((name, "mean", _pearson(effect.mean(axis=0), planted.mean(axis=0))))
        special, true = np.zeros_like(planted), planted - planted.mean(axis=0)
        for fold in folds:  # within a fold one model made them
            special[fold.test] = effect[fold.test] - effect[fold.test].mean(axis=0)
        rows.append((name, "line", np.mean([_pearson(a, b) for a, b in zip(special, true, strict=True)])))
    lines = of_drug.pairs["line"].nunique()
    return pd.DataFrame(rows, columns=["model", "part", "value"]).assign(n=lines)


def recover_weights(
    data: PerturbationPairs,
    truth: PairTruth,
    drug: str,
    settings: Mapping[str, object] | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Hold W and b of a PertVAE with the planted number of latent units against the planted ones.

    The model is fitted to all lines of the drug. Its codes are turned into the planted basis by the best
    affine map (:func:`helpers.studies.pertvae.model.align_effect`).

    Returns
    -------
    dict
        ``explained`` (share of the variance of the planted states that the turned codes explain),
        ``W`` and ``b`` (Pearson correlation of the entries with the planted ones).
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
    return {
        "explained": found.explained,
        "W": _pearson(found.W.ravel(), truth.weights[drug].ravel()),
        "b": _pearson(found.b, truth.shifts[drug]),
    }


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation; 0 where one side is constant."""
    a, b = a - a.mean(), b - b.mean()
    length = np.sqrt((a**2).sum() * (b**2).sum())
    return float(a @ b / length) if length > 1e-12 else 0.0


def _part(profiles: ProfileSet, fold: PairFold) -> tuple[GeneScaler, np.ndarray, np.ndarray, np.ndarray]:
    known = np.concatenate([fold.train, fold.validation])
    scaler = GeneScaler.of(profiles.levels[known])
    return scaler, *(scaler(profiles.levels[rows]) for rows in (fold.train, fold.validation, fold.test))


def _linear(part: tuple, size: int, factors: bool) -> dict[str, np.ndarray]:
    _, train, validation, test = part
    known = np.concatenate([train, validation]).astype(float)
    pca = PCA(min(size, len(known) - 1, known.shape[1]), svd_solver="full").fit(known)
    rebuilt = {"PCA": pca.inverse_transform(pca.transform(test))}
    if factors:
        # The exact decomposition: no random numbers.
        model = FactorAnalysis(min(size, len(known) - 1, known.shape[1]), svd_method="lapack").fit(known)
        rebuilt["Factor analysis"] = model.transform(test.astype(float)) @ model.components_ + model.mean_
    return rebuilt
