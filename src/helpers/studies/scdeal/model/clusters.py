"""Clusters of cells: once over all cells, or within each batch as the public code does."""

from __future__ import annotations

import random
import threading

import igraph
import leidenalg
import numpy as np
import torch
from sklearn.decomposition import PCA

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
    """
    n_cells, n_genes = cells.shape
    components = min(_COMPONENTS, n_cells - 1, n_genes)
    # The full decomposition is chosen so that the result needs no random numbers.
    scores = PCA(components, svd_solver="full").fit_transform(np.asarray(cells, dtype=float))
    graph, _ = _neighbour_graph(scores)
    partition = leidenalg.find_partition(
        graph.simplify(),
        leidenalg.RBConfigurationVertexPartition,
        resolution_parameter=resolution,
        seed=seed,
    )
    return np.array(partition.membership)


def batch_clusters(hidden: np.ndarray) -> np.ndarray:
    """Louvain clusters of the cells of one batch, as the public code finds them.

    The graph joins each cell with its 10 nearest by the hidden layer; edges carry the *distance*, which
    Louvain takes for closeness. The slip is kept: it decides which epoch looks best.

    Parameters
    ----------
    hidden : array (cells, units)

    Notes
    -----
    Louvain visits the cells in a random order; it is the same in every call, so that equal input gives
    equal clusters.
    """
    graph, distances = _neighbour_graph(hidden)
    with _IGRAPH:
        igraph.set_random_number_generator(random.Random(0))
        try:
            found = graph.community_multilevel(weights=distances)
        finally:
            igraph.set_random_number_generator(random)
    return np.array(found.membership)


def _neighbour_graph(rows: np.ndarray) -> tuple[igraph.Graph, list[float]]:
    """Join each row with its nearest others; edges in order of rows, and their lengths."""
    n_rows = len(rows)
    k = min(_NEIGHBOURS, n_rows - 1)
    points = torch.from_numpy(np.ascontiguousarray(rows))
    distances = torch.cdist(points, points).fill_diagonal_(torch.inf)
    nearest = distances.topk(k, largest=False)
    edges = np.column_stack([np.repeat(np.arange(n_rows), k), nearest.indices.numpy().ravel()])
    return igraph.Graph(n=n_rows, edges=edges), nearest.values.ravel().tolist()
