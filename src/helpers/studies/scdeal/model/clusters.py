"""Clusters of cells: once over all cells, or within each batch as the public code does."""

from __future__ import annotations

import random
import threading

import igraph
import leidenalg
import numpy as np
import pandas as pd
import torch
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

from helpers.bounds import check_number
from helpers.checks import as_matrix

_NEIGHBOURS = 10
_COMPONENTS = 50
# igraph draws from one generator of the process; a fit must not see the draws of another thread.
_IGRAPH = threading.Lock()


def cell_clusters(cells: np.ndarray, resolution: float = 0.2, seed: int = 0) -> np.ndarray:
    """Leiden clusters of all cells: 50 principal components, 10 neighbours.

    Parameters
    ----------
    cells : array (cells, genes)
    resolution : float
        Of the modularity; the published command line uses 0.2.
    seed : int

    Returns
    -------
    array (cells,) of int
        Clusters numbered from 0, the largest first.

    Raises
    ------
    DataError
        If there are fewer than three cells, a value is not finite, or a setting cannot be.
    """
    values = as_matrix(cells, "cells", 3)
    check_number("resolution", resolution, 0)
    check_number("seed", seed, 0, whole=True)
    n_cells, n_genes = values.shape
    components = min(_COMPONENTS, n_cells - 1, n_genes)
    # The full decomposition is chosen so that the result needs no random numbers.
    scores = PCA(components, svd_solver="full").fit_transform(values)
    partition = leidenalg.find_partition(
        _neighbour_graph(scores).simplify(),
        leidenalg.RBConfigurationVertexPartition,
        resolution_parameter=resolution,
        seed=seed,
    )
    return np.array(partition.membership)


def batch_clusters(hidden: np.ndarray) -> np.ndarray:
    """Louvain clusters of the cells of one batch, as the public code finds them.

    Each cell is joined with its 10 nearest by the hidden layer, itself among them. Three slips are kept,
    since they decide which epoch looks best: the j-th edge of a cell carries its distance to *cell j of the
    batch*, Louvain takes distances for closeness, and clusters are found in the order in which cells first
    occur among the edges but are read off in the order of the batch.

    Parameters
    ----------
    hidden : array (cells, units)

    Notes
    -----
    Louvain visits the cells in a random order; it is the same in every call, so that equal input gives
    equal clusters.
    """
    ends, weights = batch_edges(np.asarray(hidden, dtype=float))
    with _IGRAPH:
        igraph.set_random_number_generator(random.Random(0))
        try:
            found = igraph.Graph(n=len(hidden), edges=ends).community_multilevel(weights=weights)
        finally:
            igraph.set_random_number_generator(random)
    return np.array(found.membership)


def batch_edges(hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges (edges, 2) between cells, numbered by their first occurrence, and weights (edges,)."""
    n = len(hidden)
    k = min(_NEIGHBOURS, n)
    distances = cdist(hidden, hidden)
    nearest = distances.argsort(axis=0, kind="stable")[:k].T
    ends = np.column_stack([np.repeat(np.arange(n), k), nearest.ravel()])
    number = np.argsort(pd.unique(ends.ravel()))
    ends, weights = np.sort(number[ends], axis=1), distances[:, :k].ravel()
    # Where two cells choose each other the later weight counts; loops and edges of weight zero fall out.
    last = pd.DataFrame(ends).drop_duplicates(keep="last").index
    last = last[(ends[last, 0] != ends[last, 1]) & (weights[last] > 0)]
    return ends[last], weights[last]


def _neighbour_graph(rows: np.ndarray) -> igraph.Graph:
    """Join each row with its nearest others."""
    n_rows = len(rows)
    k = min(_NEIGHBOURS, n_rows - 1)
    points = torch.from_numpy(np.ascontiguousarray(rows))
    nearest = torch.cdist(points, points).fill_diagonal_(torch.inf).topk(k, largest=False).indices
    edges = np.column_stack([np.repeat(np.arange(n_rows), k), nearest.numpy().ravel()])
    return igraph.Graph(n=n_rows, edges=edges)
