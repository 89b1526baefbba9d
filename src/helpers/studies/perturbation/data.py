"""Expression changes after drugs: hepatocytes, the competition's table, L1000 signatures and pairs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from helpers.bounds import check_number
from helpers.data.l1000_signatures import CLIP, SIGNATURES, read_signatures
from helpers.data.pairs import load_pairs
from helpers.data.registry import Registry
from helpers.data.resolve import Source, resolve
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.studies.perturbation.competition import (
    DESIGN,
    MEANS,
    UNIT,
    kaggle_block,
    kaggle_design,
    load_kaggle_tables,
    printed_sizes,
    read_means,
    training_files,
)
from helpers.studies.perturbation.hepatocytes import ARRAYS, CONTEXTS, hepatocyte_changes
from helpers.studies.perturbation.printed import BLOCK
from helpers.studies.perturbation.twin import kaggle_twin, simulate_changes
from helpers.studies.perturbation.types import ExpressionChanges

__all__ = ["NAMES", "ExpressionChanges", "load_cell_means", "load_changes", "load_printed_block"]

NAMES = ("TG-GATEs", "Kaggle", "L1000", "TranSiGen")

PAIRS = ("transigen-pairs", "transigen-basal", "l1000-landmarks")

# Structures of the three drugs of the signature file, which names them but does not draw them.
_SMILES = {
    "vemurafenib": "CCCS(=O)(=O)Nc1ccc(F)c(C(=O)c2c[nH]c3ncc(-c4ccc(Cl)cc4)cc23)c1F",
    "atorvastatin": "CC(C)c1c(C(=O)Nc2ccccc2)c(-c2ccccc2)c(-c2ccc(F)cc2)n1CC[C@@H](O)C[C@@H](O)CC(=O)O",
    "venlafaxine": "COc1ccc(C(CN(C)C)C2(O)CCCCC2)cc1",
}
_SMALL = {  # designs of the simulated stand-ins
    "TG-GATEs": {"n_cells": 6, "n_compounds": 20, "n_genes": 90, "n_full": 6, "n_shared": 20},
    "Kaggle": {"n_cells": 6, "n_compounds": 20, "n_genes": 90},
    "L1000": {"n_cells": 20, "n_compounds": 3, "n_genes": 90, "n_full": 20, "n_shared": 3},
    "TranSiGen": {"n_cells": 12, "n_compounds": 5, "n_genes": 90, "n_full": 12, "n_shared": 5},
}


def load_changes(
    name: str = "L1000", data: str = "auto", *, seed: int = 0, registry: Registry | None = None
) -> ExpressionChanges:
    """Load changes of expression after drugs.

    Parameters
    ----------
    name : {"TG-GATEs", "L1000", "Kaggle", "TranSiGen"}
        ``"TG-GATEs"``: signed -log10 p of 146 compounds in human hepatocytes, in up to six contexts of dose
        and time (:mod:`helpers.studies.perturbation.hepatocytes`). ``"L1000"``: Level 5 signatures
        (z-scores) of 3 drugs in up to 61 lines. ``"TranSiGen"``: log2 changes, treated minus vehicle, of 14
        compounds in 43 lines (another level of the same
        assay, hence a data set of its own). ``"Kaggle"``: the competition's table.
    data : {"auto", "panel", "paper", "simulated"}
        Tier, see :func:`helpers.data.resolve.resolve`. Of ``"Kaggle"`` the public files hold the
        design and the means per cell type, not the targets: with ``"auto"`` and ``"panel"`` its
        targets are simulated on the real design and its tier is ``"simulated"``; with ``"paper"``
        they are real. The others have no fuller form, and ``"paper"`` reads the panel. What stands in
        for files that cannot be had is a small simulated design.
    seed : int
        Of simulated targets.
    registry : Registry, optional
        Default: the project's.

    Returns
    -------
    ExpressionChanges

    Raises
    ------
    DataError
        If ``name``, ``data`` or ``seed`` is unknown, or a file holds something else than expected.
    DownloadError
        If, with ``"panel"`` or ``"paper"``, a file is missing; the message says how to get it.
    """
    check_number("seed", seed, 0, whole=True)
    registry = Registry.load() if registry is None else registry
    signatures = Source((SIGNATURES,), _signatures)
    pairs = Source(PAIRS, partial(_pair_changes, registry=registry, seed=seed))
    hepatocytes = Source((ARRAYS,), hepatocyte_changes)
    tables = {
        "TG-GATEs": {"panel": hepatocytes, "paper": hepatocytes},
        "L1000": {"panel": signatures, "paper": signatures},
        "Kaggle": {
            "panel": Source(DESIGN, partial(_simulated_targets, seed=seed)),
            "paper": Source(training_files(registry), partial(load_kaggle_tables, registry=registry)),
        },
        "TranSiGen": {"panel": pairs, "paper": pairs},
    }
    return resolve("data set", name, tables, data, partial(_small, name, seed), registry)


def load_cell_means(
    data: str = "auto", *, seed: int = 0, registry: Registry | None = None
) -> ExpressionChanges:
    """Load the competition's mean change per cell type over the training rows, one row a cell type.

    Unlike the targets these means are real on the panel.

    Parameters
    ----------
    data, seed, registry
        As in :func:`load_changes`; the simulated means are those of the small design.

    Returns
    -------
    ExpressionChanges
        Named ``"Kaggle means"``; the compound of every row is ``"all compounds"``.
    """
    check_number("seed", seed, 0, whole=True)
    name = "Kaggle means"
    means = Source((MEANS,), _cell_means)
    tables = {name: {"panel": means, "paper": means}}
    return resolve("data set", name, tables, data, partial(_small_means, seed), registry)


def load_printed_block(
    data: str = "auto", *, seed: int = 0, registry: Registry | None = None
) -> ExpressionChanges:
    """Load the printed corner of the competition's table: 25 compounds x 97 genes of NK cells, real values.

    Parameters
    ----------
    data, seed, registry
        As in :func:`load_changes`; simulated, it is a corner of the small design.

    Returns
    -------
    ExpressionChanges
        Named ``"Kaggle block"``.
    """
    check_number("seed", seed, 0, whole=True)
    name = "Kaggle block"
    block = Source((BLOCK, MEANS), kaggle_block)
    tables = {name: {"panel": block, "paper": block}}
    return resolve("data set", name, tables, data, partial(_small_block, seed), registry)


def _small_block(seed: int) -> ExpressionChanges:
    small = _small("Kaggle", seed)
    corner = small.subset((small.rows["cell"] == "NK cells").to_numpy())
    return replace(corner, name="Kaggle block")


def _cell_means(sources: Sources) -> ExpressionChanges:
    notes = ("Exact means of the real table; the numbers of rows differ: 146, 142 or 17.",)
    means = read_means(sources[MEANS]).astype(np.float32)
    return _one_row_a_cell(means, Provenance("panel", sources.files(), notes))


def _small_means(seed: int) -> ExpressionChanges:
    return _one_row_a_cell(_small("Kaggle", seed).cell_means(), Provenance("simulated"))


def _one_row_a_cell(means: pd.DataFrame, provenance: Provenance) -> ExpressionChanges:
    every = "all compounds"
    rows, values = _rows(means.index, every, every, "-"), means.reset_index(drop=True)
    return ExpressionChanges("Kaggle means", rows, values, UNIT, provenance)


def _rows(cell: ArrayLike, compound: ArrayLike, lincs_id: ArrayLike, smiles: ArrayLike) -> pd.DataFrame:
    """Rows of training without positive controls."""
    columns = np.broadcast_arrays(*(np.asarray(one, object) for one in (cell, compound, lincs_id, smiles)))
    table = pd.DataFrame(dict(zip(("cell", "compound", "lincs_id", "smiles"), columns, strict=True)))
    return table.assign(control=False, split="train")


def _simulated_targets(sources: Sources, *, seed: int) -> ExpressionChanges:
    rows, means, notes = kaggle_design(sources, seed)
    provenance = Provenance("panel", sources.files(), notes)
    return kaggle_twin(rows, means, provenance, seed, printed_sizes(sources))


def _small(name: str, seed: int) -> ExpressionChanges:
    data = simulate_changes(seed, name=name, **_SMALL[name])
    if name != "TG-GATEs":
        return data
    # The stand-in's cells go by the names of the contexts that they stand for.
    contexts = dict(zip(data.rows["cell"].unique(), CONTEXTS, strict=True))
    return replace(data, rows=data.rows.assign(cell=data.rows["cell"].map(contexts)))


def _signatures(sources: Sources) -> ExpressionChanges:
    """One signature a row of line and drug: 10 uM, 6 h before 24 h, most replicates."""
    info, values = read_signatures(sources)
    usable = info[(info["dose"] == "10 uM") & info["hours"].isin(["6 h", "24 h"])]
    usable = usable.assign(late=usable["hours"] == "24 h", few=-usable["replicates"])
    kept = usable.sort_values(["drug", "cell", "late", "few", "signature"]).drop_duplicates(["drug", "cell"])
    ids = info.groupby("drug")["id"].agg(lambda column: column.value_counts().index[0])
    smiles = [_SMILES[drug] for drug in kept["drug"]]
    rows = _rows(kept["cell"], kept["drug"], ids.loc[kept["drug"]], smiles)
    clipped = int((np.abs(values.loc[kept.index].to_numpy()) >= CLIP - 1e-3).sum())
    notes = (
        f"{len(kept)} of {len(info)} signatures: one a drug and line, at 10 uM, 6 h before 24 h "
        f"({int(kept['late'].sum())} are at 24 h), with the most replicates; the five features know "
        "neither dose nor time.",
        f"Level 5 z-scores, clipped at ±{CLIP:g} by the source ({clipped} entries).",
    )
    return ExpressionChanges(
        "L1000",
        rows,
        values.loc[kept.index].reset_index(drop=True),
        "z-score",
        Provenance("panel", sources.files(), notes),
    )


def _pair_changes(_: Sources, *, registry: Registry, seed: int) -> ExpressionChanges:
    """Treated minus vehicle of the L1000 treatment pairs."""
    pairs = load_pairs("transigen", "panel", seed=seed, registry=registry)
    change = pairs.change.astype(np.float32).reset_index(drop=True)
    info = pairs.pairs
    rows = _rows(info["line"], info["drug"], info["drug"], info["smiles"])
    profiles = pd.util.hash_pandas_object(pairs.pre, index=False).astype(str).to_numpy()
    rows["block"] = rows["cell"].str.cat(profiles, sep=", vehicle ")
    first = ~rows.duplicated(["cell", "compound"])
    notes = [
        "Changes are treated minus vehicle, log2, Level 3. The file gives no LINCS id; the name stands in "
        "its place.",
        f"{len(rows)} pairs share {rows['block'].nunique()} vehicle profiles; rows with a vehicle in common "
        "are kept on one side of every split.",
    ]
    if not first.all():
        notes.append(
            f"{int((~first).sum())} treatment pair(s) repeat a line and compound; the first was kept."
        )
    return ExpressionChanges(
        "TranSiGen",
        rows[first].reset_index(drop=True),
        change[first.to_numpy()].reset_index(drop=True),
        "log2 change",
        Provenance("panel", pairs.provenance.files, (*notes, *pairs.provenance.notes)),
    )
