"""Treatment pairs of TranSiGen: averaged L1000 profiles before and after a compound."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.data import l1000_files as files
from helpers.data.pair_types import PerturbationPairs
from helpers.data.pairs_twin import simulate_pairs
from helpers.data.registry import Registry
from helpers.data.resolve import Source, resolve
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.errors import DataError

__all__ = ["TABLES", "TWINS", "PerturbationPairs", "load_pairs", "resolve_pairs"]

LANDMARKS = "l1000-landmarks"
PAIRS, BASAL = "transigen-pairs", "transigen-basal"
# The file gives structures only. Names by structure, inferred, where one is in common use.
_NAMES = {
    "Brc1ccc(Cn2cncc2Cn2cc(C(=O)N3CCOCC3)c(c2)-c2cccc3ccccc23)cc1": "LB42708",
    "Brc1ccc(C=CCNCCNS(=O)(=O)c2cccc3cnccc23)cc1": "H-89",
    "Brc1c(Br)c(Br)c2[nH]nnc2c1Br": "TBB",
    "Brc1c(NC2=NCCN2)ccc2nccnc12": "brimonidine",
    "BrC1C(Br)C(Br)C(Br)C(Br)C1Br": "hexabromocyclohexane",
    "Brc1cc2OCOc2cc1C3Nc4ccccc4C5C=CCC53": "G-15",
}
_POOLED = "averaged"  # an entry of the basal profiles that is no line


def load_pairs(
    name: str = "transigen", data: str = "auto", *, seed: int = 0, registry: Registry | None = None
) -> PerturbationPairs:
    """Load treatment pairs.

    Parameters
    ----------
    name : {"transigen"}
        100 averaged pairs, 43 lines, 14 compounds, with basal profiles as singletons.
    data : {"auto", "panel", "paper", "simulated"}
        Tier, see :func:`helpers.data.resolve.resolve`.
    seed : int
        Of the simulated twin.
    registry : Registry, optional
        Default: the project's.

    Returns
    -------
    PerturbationPairs

    Raises
    ------
    DataError
        If ``name`` or ``data`` is unknown, or a file holds something else than expected.
    DownloadError
        If, with ``"panel"``, a file cannot be had; the message names the files and the command that
        fetches them.
    """
    return resolve_pairs(name, TABLES, TWINS, data, seed, registry)


def resolve_pairs(
    name: str,
    tables: Mapping[str, Mapping[str, Source]],
    twins: Mapping[str, Mapping[str, Any]],
    data: str,
    seed: int,
    registry: Registry | None,
) -> PerturbationPairs:
    """Read a set of pairs by its table, or draw its twin with the arguments that ``twins`` has for it."""
    return resolve(
        "set of pairs",
        name,
        tables,
        data,
        lambda: simulate_pairs(name, seed=seed, **twins[name])[0],
        registry,
    )


def _transigen(sources: Sources) -> PerturbationPairs:
    landmarks = files.read_landmarks(sources[LANDMARKS])
    x1, x2, table = files.read_transigen(sources[PAIRS])
    if x1.shape[1] != len(landmarks):
        msg = f"{PAIRS}: {x1.shape[1]} genes, but {len(landmarks)} landmarks; the file has no gene ids"
        raise DataError(msg)
    basal = read_basal(sources[BASAL], landmarks)
    lines, genes = basal.index, basal.columns
    index = pd.Index(table["line"] + "|" + table["smiles"], dtype=object)
    pre, post = (pd.DataFrame(values, index, genes) for values in (x1, x2))
    singletons = basal.set_axis("basal " + lines)
    for values, what in ((pre, "x1"), (post, "x2")):
        files.check_scale(values, what)
    unnamed = {
        smiles: f"compound {number}"
        for number, smiles in enumerate(sorted(set(table["smiles"]) - set(_NAMES)), 1)
    }
    pairs = pd.DataFrame(
        {
            "line": table["line"].to_numpy(),
            "drug": table["smiles"].map({**unnamed, **_NAMES}).to_numpy(),
            "batch": "",
            "dose": np.nan,
            "time": np.nan,
            "smiles": table["smiles"].to_numpy(),
        },
        index,
    )
    shared = len(pre) - len(np.unique(x1, axis=0))
    notes = (
        "Averaged profiles, log2: no replicates, no dose, no time, no plate.",
        "Gene order is that of the landmark file, by the repository's word.",
        f"Drug names inferred from structure for {len(_NAMES)} of {pairs['drug'].nunique()} compounds.",
        f"{shared} pairs use a pre-treatment profile that another pair uses too.",
        f"{len(lines)} basal profiles are singletons; an entry that pools all lines was left out.",
    )
    return PerturbationPairs(
        "transigen",
        pre,
        post,
        pairs,
        singletons,
        pd.Series(lines, singletons.index),
        Provenance("panel", sources.files(), notes),
    )


def read_basal(path: str | Path, landmarks: pd.Series) -> pd.DataFrame:
    """Read basal L1000 profiles: log2, lines x landmark symbols, float32; the pooled entry is left out.

    Raises
    ------
    DataError
        If a profile has another number of genes than there are landmarks, or another scale.
    """
    basal = files.read_array_pickle(path)
    basal.pop(_POOLED, None)
    lines = pd.Index(sorted(basal), dtype=object)
    profiles = [np.ravel(basal[line]) for line in lines]
    if any(profile.shape != (len(landmarks),) for profile in profiles):
        msg = f"{BASAL}: every profile must have {len(landmarks)} values"
        raise DataError(msg)
    genes = pd.Index(landmarks.to_numpy(), dtype=object)
    table = pd.DataFrame(np.stack(profiles).astype(np.float32), lines, genes)
    files.check_scale(table, BASAL)
    return table


#: How each set of pairs is read, by tier.
TABLES = {"transigen": {"panel": Source((PAIRS, BASAL, LANDMARKS), _transigen)}}
#: Arguments of :func:`~helpers.data.pairs_twin.simulate_pairs` for the twin of each set.
TWINS: dict[str, dict[str, Any]] = {
    "transigen": {"n_lines": 24, "effects": {"none": 10, "shift": 16, "linear": 16}, "n_singletons": 40}
}
