"""Simulated pre/post pairs with a planted linear shift in a low-rank latent space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.data.pair_types import PerturbationPairs
from helpers.data.types import Provenance
from helpers.errors import DataError

#: What a planted drug does to the latent state: nothing, the same to every line, or a linear map.
EFFECTS = ("none", "shift", "linear")


@dataclass(frozen=True, eq=False)
class PairTruth:
    """What was planted.

    The state of a line is ``z`` (latent,); a drug moves it to ``z + W z + b``. A profile is
    ``centre + loadings z + residual of the line + noise``, cut to 0-15.

    Attributes
    ----------
    centre : Series
        Mean of each gene.
    loadings : DataFrame, genes x latent
    states : DataFrame, lines x latent
        States of the lines of pairs, standard normal.
    weights, shifts : dict
        W (latent x latent) and b (latent,) by drug.
    post : DataFrame, pairs x genes
        Post-treatment profiles without noise.
    noise : float
        Standard deviation of the noise of one well.
    """

    centre: pd.Series
    loadings: pd.DataFrame
    states: pd.DataFrame
    weights: dict[str, np.ndarray]
    shifts: dict[str, np.ndarray]
    post: pd.DataFrame
    noise: float

    def change(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """Return the planted change of each of these pairs without noise, pairs x genes."""
        rows = []
        for line, drug in zip(pairs["line"], pairs["drug"], strict=True):
            state = self.states.loc[line].to_numpy()
            rows.append(self.weights[drug] @ state + self.shifts[drug])
        return pd.DataFrame(
            np.stack(rows) @ self.loadings.to_numpy().T, pairs.index, columns=self.loadings.index
        )


def simulate_pairs(
    name: str = "simulated",
    effects: Mapping[str, int] | None = None,
    n_lines: int = 24,
    n_genes: int = 120,
    latent: int = 6,
    seed: int = 0,
    *,
    replicates: int = 1,
    n_singletons: int = 40,
    n_vehicles: int = 4,
    size: float = 1.0,
    noise: float = 0.3,
    residual: float = 0.3,
) -> tuple[PerturbationPairs, PairTruth]:
    """Draw pairs with known truth.

    Parameters
    ----------
    name : str
    effects : mapping of str to int, optional
        Drugs to draw and their number of lines. A drug's kind is the first of its name's words
        that is one of ``EFFECTS``: ``"shift 2"`` is a second drug that shifts every line equally.
        Default: one drug of each kind on all lines.
    n_lines, n_genes, latent : int
    seed : int
        The same arguments and seed give the same data.
    replicates : int
        Treated wells of a line and drug, each on its own plate with its own vehicle wells.
    n_singletons : int
        Untreated profiles of further lines.
    n_vehicles : int
        Vehicle wells whose mean is the pre-treatment profile.
    size : float
        Size of the effects: standard deviation of b, and of ``W z`` over lines, in units of z.
    noise : float
        Standard deviation of the noise of one well (log2).
    residual : float
        Standard deviation of what a line has of its own outside the latent space (log2).

    Returns
    -------
    data : PerturbationPairs
    truth : PairTruth

    Raises
    ------
    DataError
        If the sizes do not fit together or a drug's kind is unknown.
    """
    check_number("seed", seed, 0, whole=True)
    effects = dict.fromkeys(EFFECTS, n_lines) if effects is None else dict(effects)
    kinds = {drug: next((word for word in drug.split() if word in EFFECTS), None) for drug in effects}
    for drug, kind in kinds.items():
        if kind is None:
            msg = f"the name of drug {drug!r} must hold one of {', '.join(EFFECTS)}"
            raise DataError(msg)
        if not 1 <= effects[drug] <= n_lines:
            msg = f"drug {drug!r} cannot have {effects[drug]} of {n_lines} lines"
            raise DataError(msg)
    if not effects or latent < 1 or n_genes < latent or replicates < 1 or n_vehicles < 1 or n_singletons < 0:
        msg = (
            f"sizes do not fit: {len(effects)} drugs, {n_genes} genes, {latent} latent, "
            f"{replicates} replicates, {n_vehicles} vehicle wells, {n_singletons} singletons"
        )
        raise DataError(msg)
    rng = np.random.default_rng(seed)
    genes = pd.Index([f"gene-{number:04d}" for number in range(1, n_genes + 1)], dtype=object)
    lines = pd.Index([f"line-{number:03d}" for number in range(1, n_lines + n_singletons + 1)], dtype=object)
    centre = rng.uniform(4, 12, n_genes)
    loadings = rng.normal(0, 1 / np.sqrt(latent), (n_genes, latent))
    state = rng.normal(size=(len(lines), latent))
    own = rng.normal(0, residual, (len(lines), n_genes))
    weights, shifts, tables, clean, pre, post = {}, {}, [], [], [], []
    for number, (drug, kind) in enumerate(kinds.items(), 1):
        weights[drug], shifts[drug] = np.zeros((latent, latent)), np.zeros(latent)
        if kind != "none":
            shifts[drug] = rng.normal(0, size, latent)
        if kind == "linear":
            weights[drug] = rng.normal(0, size / np.sqrt(latent), (latent, latent))
        chosen = np.repeat(np.sort(rng.choice(n_lines, effects[drug], replace=False)), replicates)
        moved = state[chosen] + state[chosen] @ weights[drug].T + shifts[drug]
        base = centre + own[chosen]
        shape = (len(chosen), n_genes)
        pre.append(base + state[chosen] @ loadings.T + rng.normal(0, noise / np.sqrt(n_vehicles), shape))
        clean.append(base + moved @ loadings.T)
        post.append(clean[-1] + rng.normal(0, noise, shape))
        replicate = np.tile(np.arange(1, replicates + 1), effects[drug])
        line = lines.to_numpy()[chosen]
        tables.append(
            pd.DataFrame(
                {
                    "line": line,
                    "drug": drug,
                    "batch": [f"plate-{number}-{a}-{b}" for a, b in zip(line, replicate, strict=True)],
                    "dose": 10.0,
                    "time": 24.0,
                    "smiles": "",
                }
            )
        )
    pairs = pd.concat(tables, ignore_index=True)
    pairs.index = pd.Index([f"pair-{row:04d}" for row in range(len(pairs))], dtype=object)

    def table(parts: list[np.ndarray], index: pd.Index) -> pd.DataFrame:
        return pd.DataFrame(np.clip(np.concatenate(parts), 0, 15).astype(np.float32), index, genes)

    alone = lines[n_lines:]
    basal = centre + own[n_lines:] + state[n_lines:] @ loadings.T
    singletons = table([basal + rng.normal(0, noise / np.sqrt(n_vehicles), basal.shape)], "basal " + alone)
    note = f"Drawn from a low-rank model with a planted linear latent shift, seed {seed}; not measured."
    data = PerturbationPairs(
        name,
        table(pre, pairs.index),
        table(post, pairs.index),
        pairs,
        singletons,
        pd.Series(alone, singletons.index),
        Provenance("simulated", notes=(note,)),
    )
    truth = PairTruth(
        centre=pd.Series(centre, genes),
        loadings=pd.DataFrame(loadings, genes),
        states=pd.DataFrame(state[:n_lines], lines[:n_lines]),
        weights=weights,
        shifts=shifts,
        post=table(clean, pairs.index),
        noise=noise,
    )
    return data, truth
