"""GDSC's absolute IC50 as CaDRReS-Sc publishes them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.data.drugs import STAT
from helpers.data.sources import Sources
from helpers.errors import DataError

IC50 = "cadrres-gdsc-ic50"


def read_ic50(sources: Sources, stat: pd.DataFrame) -> pd.DataFrame:
    """Read the absolute IC50 (log2 uM), lines (COSMIC numbers) x drug ids."""
    path = sources[IC50]
    table = pd.read_csv(path, index_col=0)
    table.index = table.index.astype(str).astype(object)
    if table.index.has_duplicates or set(table.columns) != set(stat.index):
        msg = f"{path}: lines must be unique and drug ids those of {sources[STAT].name}"
        raise DataError(msg)
    if np.isinf(table.to_numpy(float)).any():
        msg = f"{path}: infinite IC50 values"
        raise DataError(msg)
    return table


def larger_screens(matrix: pd.DataFrame, names: pd.Series) -> pd.Index:
    """Return one id a name, in table order: most measured lines, on a tie the later one."""
    count = matrix.notna().sum()[::-1]
    best = count.groupby(names.reindex(count.index), sort=False).idxmax()
    return names.index[names.index.isin(best)]
