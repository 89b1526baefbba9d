"""Level 5 signatures of L1000: the change after a drug as z-scores, three drugs over 65 lines."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import rdata

from helpers.data.sources import Sources
from helpers.errors import DataError

SIGNATURES = "cmapr-signatures"
CLIP = 10.0  # the source cuts z-scores here
_DESCRIBED = {
    "pert_iname": "drug",
    "pert_id": "id",
    "cell_id": "cell",
    "pert_itime": "hours",
    "pert_idose": "dose",
    "distil_nsample": "replicates",
    "id": "signature",
}


def read_signatures(sources: Sources) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the signatures of ``cmap/cmapR``.

    Returns
    -------
    info : DataFrame
        One row a signature: ``drug``, ``id`` (LINCS), ``cell``, ``hours`` ("6 h"), ``dose`` ("10 uM"),
        ``replicates`` (averaged wells), ``signature``.
    values : DataFrame, signatures x genes, float32
        Moderated z-scores; same index, columns = gene symbol as the file has it.

    Raises
    ------
    DataError
        If the file cannot be read, or a value lies beyond the clip of 10.
    """
    table = sources.decoded(SIGNATURES, _decode)
    described = list(_DESCRIBED.values())
    info, values = table[described], table.drop(columns=described).astype(np.float32)
    if np.abs(values.to_numpy()).max() > CLIP + 1e-3:
        msg = f"{SIGNATURES}: z-scores beyond the clip at {CLIP:g}"
        raise DataError(msg)
    return info, values


def _decode(path: Path) -> pd.DataFrame:
    with warnings.catch_warnings():
        # The object is of the class GCT, whose slots are read without its constructor.
        warnings.filterwarnings("ignore", message="Missing constructor for R class")
        try:
            content = rdata.read_rda(path)["ds"]
            values, genes, info = content.mat, content.rdesc, content.cdesc
        except Exception as error:
            msg = f"{path} is not a readable R file with the GCT object ds: {error}"
            raise DataError(msg) from error
    described = info[list(_DESCRIBED)].rename(columns=_DESCRIBED).reset_index(drop=True)
    text = [column for column in described if column != "replicates"]
    described[text] = described[text].astype("string").astype(object)
    described["replicates"] = described["replicates"].astype(np.int64)
    # The micro sign comes in Latin-1, which the reader writes as an escape.
    described["dose"] = described["dose"].str.replace(r"\s*(<b5>|µ)M", " uM", regex=True)
    table = pd.DataFrame(
        values.to_numpy().T.astype(np.float32), columns=genes["pr_gene_symbol"].astype(str).to_numpy(object)
    )
    return pd.concat([described, table], axis=1)
