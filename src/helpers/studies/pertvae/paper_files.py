"""The paper's own sources: LINCS Level 3 wells paired by plate, and the file of the authors' later code."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd

from helpers.data import l1000_files as files
from helpers.data.pair_types import PerturbationPairs
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.errors import DataError
from helpers.studies.pertvae.untreated import read_untreated
from helpers.studies.pertvae.wells import pair_wells

LEVEL3, WELLS, GENES = "lincs-level3", "lincs-wells", "lincs-genes"
DRVAE = "drvae-pairs"
#: The 19 drugs of the paper's table 1.
DRUGS = (
    "olaparib",
    "selumetinib",
    "vorinostat",
    "bortezomib",
    "navitoclax",
    "SN-38",
    "temsirolimus",
    "tipifarnib",
    "GDC-0941",
    "gefitinib",
    "NU-7441",
    "saracatinib",
    "vinorelbine",
    "docetaxel",
    "paclitaxel",
    "afatinib",
    "etoposide",
    "doxorubicin",
    "linsitinib",
)
_TIME = 24.0  # h; the paper names no time
_SAME_DOSE = 0.2  # doses within 20 % of a drug's highest count as the highest


def highest_dose(wells: pd.DataFrame) -> np.ndarray:
    """Tell which treated wells got their drug's highest dose, over all lines, within 20 %."""
    top = wells.groupby("drug")["dose"].transform("max")
    return (wells["dose"] >= (1 - _SAME_DOSE) * top).to_numpy()


def read_lincs(sources: Sources) -> PerturbationPairs:
    """Read the 19 drugs of PertVAE in LINCS Level 3, paired by plate."""
    columns = ["inst_id", "rna_plate", "pert_iname", "pert_type", "pert_dose", "pert_time", "cell_id"]
    try:
        table = pd.read_csv(sources[WELLS], sep="\t", usecols=columns, dtype=str, index_col="inst_id")
        genes = pd.read_csv(sources[GENES], sep="\t", dtype=str)
        landmarks = genes.loc[genes["pr_is_lm"] == "1"].set_index("pr_gene_id")["pr_gene_symbol"]
    except (ValueError, KeyError) as error:
        msg = f"{WELLS} or {GENES} lacks a column of GSE92742: {error}"
        raise DataError(msg) from error
    wells = pd.DataFrame(
        {
            "line": table["cell_id"],
            "drug": table["pert_iname"].map(_plain).map({_plain(drug): drug for drug in DRUGS}),
            "batch": table["rna_plate"],
            "dose": pd.to_numeric(table["pert_dose"], errors="coerce"),
            "time": pd.to_numeric(table["pert_time"], errors="coerce"),
            "smiles": "",
        }
    )
    treated = (table["pert_type"] == "trt_cp") & wells["drug"].notna() & (wells["time"] == _TIME)
    if not treated.any():
        msg = f"{WELLS} names no well of the paper's drugs at {_TIME:.0f} h"
        raise DataError(msg)
    at_top = treated.copy()
    at_top[treated] = highest_dose(wells[treated])
    vehicle = (table["pert_type"] == "ctl_vehicle") & wells["batch"].isin(wells.loc[at_top, "batch"])
    vehicle &= table["pert_iname"].str.upper() == "DMSO"
    chosen = table.index[at_top | vehicle]
    values, _, _ = files.read_gctx(sources[LEVEL3], wells=chosen, genes=landmarks.index)
    values.columns = pd.Index(landmarks.loc[values.columns].to_numpy(), dtype=object)
    files.check_scale(values, LEVEL3)
    wells = wells.loc[values.index]
    pre, post, pairs, dropped = pair_wells(
        values, wells, at_top[values.index].to_numpy(), vehicle[values.index].to_numpy()
    )
    by_id = landmarks.set_axis(landmarks.index.astype(int))
    alone, lines = read_untreated(sources, by_id)
    genes = pd.Index([gene for gene in pre.columns if gene in alone.columns], dtype=object)
    missing = sorted(set(DRUGS) - set(pairs["drug"]))
    notes = (
        f"Wells of the paper's drugs at {_TIME:.0f} h and their highest dose (within 20 %), each with the "
        "mean of the DMSO wells of its own plate.",
        f"{len(DRUGS) - len(missing)} of {len(DRUGS)} drugs found"
        + (f"; missing: {', '.join(missing)}." if missing else "."),
        f"{dropped} treated wells are on plates without a DMSO well and were dropped.",
        f"{len(genes)} landmark genes that the arrays of CCLE and GDSC have too; the paper used 903.",
        f"{len(alone)} baseline profiles of CCLE and GDSC lines are singletons; the paper had about 1,300.",
    )
    return PerturbationPairs(
        "lincs",
        pre[genes],
        post[genes],
        pairs,
        alone[genes],
        lines,
        Provenance("paper", sources.files(), notes),
    )


def read_drvae(sources: Sources) -> PerturbationPairs:
    """Read the file of the authors' later study."""
    try:
        with h5py.File(sources[DRVAE]) as file:
            pre, post, alone = (file[key][:].astype(np.float32) for key in ("pair_x1", "pair_x2", "sing_x1"))
            text = {key: _text(file[key][:]) for key in ("pair_cid", "pair_drug", "sing_cid")}
            number = {key: np.asarray(file[key][:], dtype=float) for key in ("pair_conc", "pair_dur")}
    except (OSError, KeyError, ValueError, TypeError) as error:
        msg = f"{DRVAE} is not the HDF5 file of the authors: {error}"
        raise DataError(msg) from error
    described = (text["pair_cid"], text["pair_drug"], number["pair_conc"], number["pair_dur"])
    lengths = [np.shape(part)[:1] for part in (pre, post, *described)]
    if len(set(lengths)) > 1 or np.shape(alone)[:1] != np.shape(text["sing_cid"]):
        msg = f"{DRVAE}: {len(pre)} profiles before, {len(post)} after, {len(text['pair_cid'])} lines"
        raise DataError(msg)
    if pre.ndim != 2 or pre.shape != post.shape or alone.shape[1:] != pre.shape[1:]:
        msg = (
            f"{DRVAE}: profiles differ in genes: {pre.shape} before, {post.shape} after, {alone.shape} alone"
        )
        raise DataError(msg)
    genes = pd.Index([f"gene {place}" for place in range(1, pre.shape[1] + 1)], dtype=object)
    index = pd.Index([f"pair {place}" for place in range(1, len(pre) + 1)], dtype=object)
    pairs = pd.DataFrame(
        {
            "line": text["pair_cid"],
            "drug": text["pair_drug"],
            "batch": "",
            "dose": number["pair_conc"],
            "time": number["pair_dur"],
            "smiles": "",
        },
        index,
    )
    at = pd.Index([f"singleton {place}" for place in range(1, len(alone) + 1)], dtype=object)
    notes = (
        "File of the authors' later study: 26 drugs, 6 h; it cannot have produced table 1.",
        "The file names no genes; it is read as delivered, without scaling.",
    )
    return PerturbationPairs(
        "drvae",
        pd.DataFrame(pre, index, genes),
        pd.DataFrame(post, index, genes),
        pairs,
        pd.DataFrame(alone, at, genes),
        pd.Series(text["sing_cid"], at, dtype=object),
        Provenance("paper", sources.files(), notes),
    )


def _plain(name: str) -> str:
    return "".join(letter for letter in str(name).lower() if letter.isalnum())


def _text(values: np.ndarray) -> np.ndarray:
    return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values], dtype=object)
