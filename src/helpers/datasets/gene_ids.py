"""Gene ids of single-cell tables as gene symbols.

Ensembl ids are looked up in the registered Ensembl table. Entrez ids have no full table among the
registered files: the L1000 landmark list and the probe annotation of one L1000 plate set together
name 1,171 genes, so that most Entrez ids keep their number (``ENTREZ:1234``) and match no symbol.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import rdata

from helpers.datasets.sources import Sources
from helpers.errors import DataError

ENSEMBL = "ensembl-symbols"
LANDMARKS = "l1000-landmarks"
PROBES = "cmapbox-skbr3"
#: Registry keys that :func:`entrez_symbols` reads.
ENTREZ_FILES = (LANDMARKS, PROBES)

#: Stands before Entrez ids without a known symbol.
UNKNOWN_ENTREZ = "ENTREZ:"


def ensembl_symbols(sources: Sources) -> pd.Series:
    """Gene symbol by Ensembl gene id (ids without a symbol are left out)."""
    table = pd.read_csv(sources[ENSEMBL], usecols=["Gene stable ID", "Gene name"], dtype=str)
    named = table.dropna().drop_duplicates("Gene stable ID")
    return named.set_index("Gene stable ID")["Gene name"]


def entrez_symbols(sources: Sources) -> pd.Series:
    """Gene symbol by Entrez id (text), from two annotations of L1000 genes.

    Where both name a gene the landmark list is taken: its symbols are the newer ones.
    """
    landmarks = pd.read_csv(sources[LANDMARKS], usecols=["gene_id", "gene_symbol"], dtype=str)
    newer = landmarks.set_index("gene_id")["gene_symbol"]
    probes = sources.decoded(PROBES, _decode_probes).set_index("gene_id")["gene_symbol"]
    symbols = pd.concat([newer, probes[~probes.index.isin(newer.index)]])
    return symbols[~symbols.index.duplicated() & ~symbols.duplicated(keep=False)]


def to_symbols(
    ids: pd.Index, symbols: pd.Series, weight: np.ndarray, *, prefix: str = ""
) -> tuple[pd.Index, np.ndarray, list[str]]:
    """Rename genes to unique symbols.

    Parameters
    ----------
    ids : Index of str
        Gene ids of the source.
    symbols : Series
        Symbol by id.
    weight : ndarray (n_genes,)
        Of several ids with one symbol the one with the largest weight is kept, on a tie the first.
    prefix : str
        Put before ids without a symbol, which keep their id as name.

    Returns
    -------
    names : Index of str
        Unique names of the kept genes.
    kept : ndarray of int
        Their positions in ``ids``, ascending.
    notes : list of str

    Raises
    ------
    DataError
        If an id stands twice, or no id has a symbol.
    """
    if ids.has_duplicates:
        msg = f"the gene id {ids[ids.duplicated()][0]!r} stands twice"
        raise DataError(msg)
    symbol = symbols.reindex(ids)
    known = symbol.notna().to_numpy()
    if not known.any():
        msg = f"none of {len(ids):,} gene ids has a symbol, first {list(ids[:3])}; are they of another kind?"
        raise DataError(msg)
    name = np.where(known, symbol, prefix + ids.astype(str))
    order = np.lexsort((np.arange(len(ids)), -np.asarray(weight, dtype=float)))
    kept = np.sort(order[~pd.Index(name[order]).duplicated()])
    notes = [f"{known.sum():,} of {len(ids):,} genes have a symbol; the others keep their id as name."]
    if len(kept) < len(ids):
        notes.append(
            f"{len(ids) - len(kept):,} gene ids share their symbol with one of more counts; left out."
        )
    return pd.Index(name[kept], dtype=object), kept, notes


def _decode_probes(path: Path) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Missing constructor for R class")
        try:
            (content,) = rdata.read_rda(path).values()
            features = content.molecularProfiles["rna"].featureData.data
            table = features[["pr_gene_id", "pr_gene_symbol"]]
        except Exception as error:
            msg = f"{path} is not the expected R file with an annotation of probes: {error}"
            raise DataError(msg) from error
    return table.set_axis(["gene_id", "gene_symbol"], axis=1).astype(str).reset_index(drop=True)
