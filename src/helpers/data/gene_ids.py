"""Gene ids of single-cell tables as gene symbols."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.data.sources import Sources
from helpers.errors import DataError

ENSEMBL = "ensembl-symbols"


def ensembl_symbols(sources: Sources) -> pd.Series:
    """Gene symbol by Ensembl gene id, from Ensembl's table (ids without a symbol are left out)."""
    table = pd.read_csv(sources[ENSEMBL], usecols=["Gene stable ID", "Gene name"], dtype=str)
    named = table.dropna().drop_duplicates("Gene stable ID")
    return named.set_index("Gene stable ID")["Gene name"]


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
