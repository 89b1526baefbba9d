"""Bulk lines and cells with planted response genes, small enough to fit many models."""

import numpy as np
import pandas as pd

#: A network and a schedule that train in a moment.
SMALL = {"encoder": (32, 16), "bottleneck": 8, "predictor": (16, 8), "epochs": 40, "batch_size": 50}


def make_world(lines=150, genes=60, cells=60, seed=0):
    """Genes 0-19 follow the response, half of them downwards; cells are of two states, shifted as a whole.

    Returns
    -------
    bulk_x, bulk_y, cells_x : as ScDEAL takes them
    state : array (cells,)
        1 = sensitive.
    """
    rng = np.random.default_rng(seed)
    names = [f"gene{i}" for i in range(genes)]
    effect = np.zeros(genes)
    effect[:10], effect[10:20] = 1, -1
    response = rng.normal(0, 1, lines)
    background = rng.normal(0, 1, (lines, 5)) @ rng.normal(0, 0.5, (5, genes))
    bulk = 5 + background + np.outer(response, effect) + rng.normal(0, 0.7, (lines, genes))
    state = np.arange(cells) % 2
    shift = rng.normal(0, 1.5, genes)
    profile = 4 + shift + np.outer(2 * state - 1, effect) + rng.normal(0, 0.7, (cells, genes))
    bulk_x = pd.DataFrame(bulk, index=[f"line{i}" for i in range(lines)], columns=names)
    cells_x = pd.DataFrame(profile, index=[f"cell{i}" for i in range(cells)], columns=names)
    labels = pd.Series((response > 0).astype(float), index=bulk_x.index)
    return bulk_x, labels, cells_x, state
