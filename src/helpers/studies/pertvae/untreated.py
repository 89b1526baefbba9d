"""The paper's unpaired profiles: baseline arrays of CCLE and GDSC lines, on one scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.checks import readable
from helpers.data.expression import FHDSL, fhdsl_panel
from helpers.data.sources import Sources
from helpers.errors import DataError

CCLE, GDSC = "refdnn-expression-ccle", "refdnn-expression-gdsc"
FILES = (CCLE, GDSC, FHDSL)


def read_untreated(sources: Sources, landmarks: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    """Read baseline expression of the union of CCLE and GDSC lines, at landmark genes.

    A line of both is taken from CCLE. The arrays have no common scale, so every gene of GDSC is moved to
    the mean and the spread that CCLE's lines have.

    Parameters
    ----------
    sources : Sources
        Of :data:`FILES`; the annotation of CCLE's RNA-seq names the lines of a COSMIC number.
    landmarks : Series
        Symbol by Entrez id (int).

    Returns
    -------
    profiles : DataFrame, lines x genes, float32
        Landmarks that both files have, by symbol; index = "CCLE <line>" or "GDSC <line>".
    lines : Series
        Name of each line as L1000 writes it (letters and digits), same index.

    Raises
    ------
    DataError
        If a file has no gene in common with the landmarks, or a value is missing.
    """
    ccle, gdsc = (_read(sources[key], landmarks) for key in (CCLE, GDSC))
    genes = ccle.columns.intersection(gdsc.columns)
    if genes.empty:
        msg = f"{CCLE} and {GDSC} share no landmark gene; rows must be named by Entrez id"
        raise DataError(msg)
    ccle, gdsc = ccle[genes], gdsc[genes]
    gdsc = (gdsc - gdsc.mean()) / gdsc.std().where(gdsc.std() > 0, 1) * ccle.std() + ccle.mean()
    annotation = fhdsl_panel(sources)[1]
    named = annotation[annotation["cosmic_id"] != ""].drop_duplicates("cosmic_id").set_index("cosmic_id")
    of_ccle = pd.Index([str(name).split("_", 1)[0] for name in ccle.index], dtype=object)
    known = named["stripped_name"].to_dict()
    of_gdsc = pd.Index([known.get(number) or f"COSMIC {number}" for number in gdsc.index], dtype=object)
    kept = ~of_gdsc.isin(of_ccle)
    lines = of_ccle.append(of_gdsc[kept])
    index = ("CCLE " + of_ccle).append("GDSC " + of_gdsc[kept])
    profiles = pd.concat([ccle, gdsc[kept]]).set_axis(index).astype(np.float32)
    return profiles, pd.Series(lines, index, dtype=object)


def _read(path: Path, landmarks: pd.Series) -> pd.DataFrame:
    """Lines x landmark symbols of a table with a column of Entrez ids and a column a line."""
    with readable(path):
        table = pd.read_csv(path, dtype=str)
    if "Gene" in table:  # a running number comes before it
        table = table.iloc[:, table.columns.get_loc("Gene") :]
    ids = pd.to_numeric(table.iloc[:, 0], errors="coerce")
    kept = ids.isin(landmarks.index) & ~ids.duplicated()
    with readable(path):
        values = table.loc[kept].iloc[:, 1:].astype(float)
    if not np.isfinite(values.to_numpy()).all():
        msg = f"{path} holds missing or infinite values at landmark genes"
        raise DataError(msg)
    symbols = landmarks.loc[ids[kept].astype(int)].to_numpy()
    return values.set_axis(pd.Index(symbols, dtype=object)).T
