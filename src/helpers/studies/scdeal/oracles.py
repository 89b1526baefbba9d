"""What target labels buy: answers that look at them, as yardsticks for answers that must not.

Nothing here is a method. A cluster-majority answer bounds every method that treats the cells of a cluster
alike; the two-state split shows the value of one bit, the side; few-shot shows the value of six cells.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import kneighbors_graph
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from helpers.bounds import check_number
from helpers.checks import as_matrix, as_numbers, refuse
from helpers.errors import DataError
from helpers.studies.scdeal.metrics import CELL_METRICS, cell_metrics, chance_levels

# At most; fewer where there are fewer cells or genes.
_NEIGHBOURS, _COMPONENTS = 10, 50


def two_states(x: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Split the cells into two groups without any label: normalised cut of the graph of neighbours.

    The graph is that of the published clustering (10 neighbours on 50 components). A cut that weighs the
    size of both sides is used because two-means, and merged Leiden clusters, single out outlying cells.

    Parameters
    ----------
    x : array (cells, genes)
        Log expression or z-scores.
    seed : int

    Returns
    -------
    array (cells,) of 0 and 1
        Which group is called 1 means nothing.

    Raises
    ------
    DataError
        If there are fewer than three cells or a value is not finite.

    References
    ----------
    Shi and Malik, Normalized cuts and image segmentation, IEEE TPAMI 22:888 (2000).
    """
    x = _matrix(x, seed)
    with threadpool_limits(1):
        z = PCA(min(_COMPONENTS, *np.subtract(x.shape, 1)), svd_solver="full").fit_transform(x)
        graph = kneighbors_graph(z, min(_NEIGHBOURS, len(x) - 1)).toarray()
        # Parts without any edge between them would make the cut arbitrary: near cells are tied a little.
        squared = pairwise_distances(z, metric="sqeuclidean")
        affinity = (graph + graph.T) / 2 + 1e-3 * np.exp(-squared / np.median(squared))
        cut = SpectralClustering(2, affinity="precomputed", random_state=seed, assign_labels="kmeans")
        return cut.fit_predict(affinity).astype(int)


def label_free_splits(x: np.ndarray, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Split the cells into two groups in several ways, none of which sees a label.

    Parameters
    ----------
    x : array (cells, genes)
    seed : int

    Returns
    -------
    dict of str to array (cells,) of 0 and 1
        ``graph cut`` (:func:`two_states`), ``median of component 1``, ``2``, ``3`` (principal components)
        and ``two-means``.
    """
    x = _matrix(x, seed)
    with threadpool_limits(1):
        z = PCA(min(_COMPONENTS, *np.subtract(x.shape, 1)), svd_solver="full").fit_transform(x)
        means = KMeans(2, n_init=10, random_state=seed).fit_predict(z)
    halves = {
        f"median of component {i + 1}": (z[:, i] > np.median(z[:, i])).astype(int)
        for i in range(min(3, z.shape[1]))
    }
    return {"graph cut": two_states(x, seed=seed), **halves, "two-means": means.astype(int)}


def best_split(y: np.ndarray, splits: Mapping[str, np.ndarray]) -> tuple[str, np.ndarray]:
    """Name and groups of the split whose better side has the highest class-weighted F1.

    Told which split and which side, one knows log2(2 x splits) bits of the labels, and no more.

    Raises
    ------
    DataError
        If there is no split, or as :func:`two_state_metrics`.
    """
    if not splits:
        refuse("best_split", "there is no split to choose from")
    scores = {name: two_state_metrics(y, groups).loc["oracle sign", "F1"] for name, groups in splits.items()}
    name = max(scores, key=lambda split: scores[split])
    return name, splits[name]


def best_of_tosses(y: np.ndarray, groups: np.ndarray, tosses: int, metric: str = "F1") -> float:
    """Compute the expected best score of so many coins that name the sides of two groups.

    Parameters
    ----------
    y, groups : arrays (cells,) of 0 and 1
    tosses : int
        Runs of which the best is told.
    metric : str

    Returns
    -------
    float
        ``better + (worse - better) / 2 ** tosses``: all coins fall on the worse side with that chance.

    Raises
    ------
    DataError
        If no coin is tossed, the metric is unknown, or as :func:`two_state_metrics`.
    """
    check_number("tosses", tosses, 1, whole=True)
    if metric not in CELL_METRICS:
        refuse("best_of_tosses", f"unknown metric {metric!r}", f"one of {', '.join(CELL_METRICS)}")
    sides = two_state_metrics(y, groups)[metric].iloc[:2]
    return float(sides.max() + (sides.min() - sides.max()) * 0.5**tosses)


def two_state_metrics(y: np.ndarray, groups: np.ndarray) -> pd.DataFrame:
    """Score a split into two groups, with the sign tossed and with the sign told.

    Parameters
    ----------
    y : array (cells,) of 0 and 1
    groups : array (cells,) of 0 and 1

    Returns
    -------
    DataFrame
        Index: ``one side`` and ``other side`` (the two possible answers), ``random sign`` (their mean, the
        expectation of a coin), ``oracle sign`` (the one with the higher AUROC; the target labels chose it).
        Columns: the metrics of :func:`helpers.studies.scdeal.metrics.cell_metrics`.

    Raises
    ------
    DataError
        As ``cell_metrics``.
    """
    groups = as_numbers(groups, "groups")
    sides = pd.DataFrame(
        [cell_metrics(y, groups, groups), cell_metrics(y, 1 - groups, 1 - groups)],
        index=["one side", "other side"],
    )
    sides.loc["random sign"] = sides.iloc[:2].mean()
    sides.loc["oracle sign"] = sides.iloc[int(sides["AUROC"].iloc[1] > sides["AUROC"].iloc[0])]
    return sides


def cluster_majority(y: np.ndarray, clusters: np.ndarray) -> pd.DataFrame:
    """Give each cluster the share and the majority of its own true labels.

    Parameters
    ----------
    y : array (cells,) of 0 and 1
    clusters : array (cells,)

    Returns
    -------
    DataFrame
        Columns ``score`` (share of sensitive cells of the cluster) and ``predicted`` (1 where it exceeds a
        half). No scoring that is constant within clusters has a higher AUROC. Many small clusters raise
        it by themselves.

    Raises
    ------
    DataError
        If labels are not 0 and 1, or a cell has no cluster.
    """
    chance_levels(y)  # refuses what is no column of labels
    y = np.asarray(y, dtype=float)
    score = pd.Series(y).groupby(_groups(clusters, len(y))).transform("mean").to_numpy()
    return pd.DataFrame({"score": score, "predicted": (score > 0.5).astype(int)})


def cluster_means(score: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Replace each cell's score by the mean of its cluster; needs no label and no training.

    Raises
    ------
    DataError
        If a score is not finite, or a cell has no cluster.
    """
    score = as_numbers(score, "scores", finite=True)
    if score.ndim != 1:
        refuse("scores", f"must be a column, one a cell; got shape {score.shape}")
    groups = _groups(clusters, len(score))
    return pd.Series(score).groupby(groups).transform("mean").to_numpy()


def few_shot(
    x: np.ndarray,
    y: np.ndarray,
    *,
    per_class: int = 3,
    seed: int = 0,
    lines: np.ndarray | None = None,
) -> dict[str, float]:
    """Logistic regression on a few labelled cells of the target, scored on all others.

    Parameters
    ----------
    x : array (cells, genes)
    y : array (cells,) of 0 and 1
    per_class : int
        Labelled cells of each class.
    seed : int
        Of the random draw of the labelled cells.
    lines : array (cells,), optional
        Where labels come from the line: cells of a line that has a labelled cell are then not scored, as
        they would only be recognised.

    Returns
    -------
    dict
        The metrics of ``cell_metrics``; AUROC is NaN where the draw leaves one class only.

    Raises
    ------
    DataError
        If a class has fewer than ``per_class`` cells, no cell is left to score, or labels or lines are not
        one a cell.
    """
    x = _matrix(x, seed)
    check_number("per_class", per_class, 1, whole=True)
    chance_levels(y)  # refuses what is no column of labels
    y = np.asarray(y)
    for what, column in (("labels", y), ("lines", lines)):
        if column is not None and np.shape(column) != (len(x),):
            refuse("few_shot", f"{what} have shape {np.shape(column)}, there are {len(x)} cells")
    rng = np.random.default_rng(seed)
    shots = np.concatenate([_draw(rng, y, label, per_class) for label in (0, 1)])
    rest = np.setdiff1d(np.arange(len(y)), shots)
    if lines is not None:
        rest = rest[~np.isin(np.asarray(lines)[rest], np.asarray(lines)[shots])]
    if len(rest) == 0:
        msg = f"no cell is left to score after {2 * per_class} labelled ones and their lines"
        raise DataError(msg)
    # Scaled by all cells: scaling sees no label.
    z = StandardScaler().fit_transform(x)
    with threadpool_limits(1):
        model = LogisticRegression(C=0.01, max_iter=1000).fit(z[shots], y[shots])
    return cell_metrics(y[rest], model.predict_proba(z[rest])[:, 1])


def _draw(rng: np.random.Generator, y: np.ndarray, label: int, count: int) -> np.ndarray:
    members = np.flatnonzero(y == label)
    if len(members) < count:
        msg = f"class {label} has {len(members)} cell(s); {count} labelled ones were asked for"
        raise DataError(msg)
    return rng.choice(members, count, replace=False)


def _matrix(x: np.ndarray, seed: int) -> np.ndarray:
    check_number("seed", seed, 0, 2**32 - 1, whole=True)
    return as_matrix(x, "cells", 3)


def _groups(clusters: np.ndarray, n: int) -> np.ndarray:
    clusters = np.asarray(clusters)
    if clusters.shape != (n,) or pd.isna(clusters).any():
        refuse("clusters", f"must name the cluster of each of {n} cells; got shape {clusters.shape}")
    return clusters
