"""Public L1000 profiles as pre/post pairs: averaged pairs, and wells paired within their plate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from helpers.data import l1000_files as files
from helpers.data.pair_types import PAIR_COLUMNS, PerturbationPairs, take_genes
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.errors import DataError

LANDMARKS = "l1000-landmarks"
PAIRS, BASAL = "transigen-pairs", "transigen-basal"
SLINKY, SLINKY_WELLS = "slinky-plates", "slinky-wells"
CMAPM, SKBR3 = "cmapm-plate", "cmapbox-skbr3"
#: Registry keys that each data set reads.
FILES = {
    "transigen": (PAIRS, BASAL, LANDMARKS),
    "slinky": (SLINKY, SLINKY_WELLS, LANDMARKS),
    "cmapm": (CMAPM, LANDMARKS),
    "skbr3": (SKBR3, LANDMARKS),
}
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


def load_panel(name: str, sources: Sources) -> PerturbationPairs:
    """Build one of the data sets of ``FILES``.

    Returns
    -------
    PerturbationPairs
        ``"transigen"``: 100 averaged pairs and basal profiles as singletons. The others: every
        treated well with the mean of the vehicle wells of its own plate, no singletons.
    """
    landmarks = files.read_landmarks(sources[LANDMARKS])
    build: Callable[[Sources, pd.Series], PerturbationPairs] = {
        "transigen": _transigen,
        "slinky": _slinky,
        "cmapm": _cmapm,
        "skbr3": _skbr3,
    }[name]
    return build(sources, landmarks)


def pair_wells(
    values: pd.DataFrame, wells: pd.DataFrame, treated: np.ndarray, vehicle: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, int]:
    """Pair every treated well with the mean of the vehicle wells of its own plate and line.

    Plates differ more than treatments do: controls pooled over plates would make plate effects
    look like drug effects.

    Parameters
    ----------
    values : DataFrame, wells x genes
    wells : DataFrame
        Same index; ``line`` and ``batch`` (plate).
    treated, vehicle : array of bool (wells,)

    Returns
    -------
    pre, post, pairs : DataFrame
        Pairs in the order of the treated wells, index = id of the treated well; ``pairs`` has the
        columns of ``wells`` and ``vehicles``, the number of vehicle wells averaged.
    dropped : int
        Treated wells on plates without a vehicle well.

    Raises
    ------
    DataError
        If no treated well has a vehicle well on its plate.
    """
    key = [wells["batch"], wells["line"]]
    controls = values[vehicle].groupby([part[vehicle] for part in key])
    mean, count = controls.mean(), controls.size()
    at = pd.MultiIndex.from_arrays([part[treated] for part in key])
    has = at.isin(mean.index)
    if not has.any():
        msg = f"none of {int(np.sum(treated))} treated wells has a vehicle well on its plate"
        raise DataError(msg)
    post = values[treated][has]
    pre = mean.loc[at[has]].set_axis(post.index).astype(np.float32)
    pairs = wells[treated][has].assign(vehicles=count.loc[at[has]].to_numpy())
    return pre, post, pairs, int((~has).sum())


def _transigen(sources: Sources, landmarks: pd.Series) -> PerturbationPairs:
    x1, x2, table = files.read_transigen(sources[PAIRS])
    if x1.shape[1] != len(landmarks):
        msg = f"{PAIRS}: {x1.shape[1]} genes, but {len(landmarks)} landmarks; the file has no gene ids"
        raise DataError(msg)
    basal = files.read_array_pickle(sources[BASAL])
    pooled = basal.pop(_POOLED, None)
    lines = pd.Index(sorted(basal), dtype=object)
    profiles = [np.ravel(basal[line]) for line in lines]
    if any(profile.shape != (len(landmarks),) for profile in profiles):
        msg = f"{BASAL}: every profile must have {len(landmarks)} values"
        raise DataError(msg)
    genes = pd.Index(landmarks.to_numpy(), dtype=object)
    index = pd.Index(table["line"] + "|" + table["smiles"], dtype=object)
    pre, post = (pd.DataFrame(values, index, genes) for values in (x1, x2))
    singletons = pd.DataFrame(np.stack(profiles).astype(np.float32), "basal " + lines, genes)
    for values, what in ((pre, "x1"), (post, "x2"), (singletons, BASAL)):
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
        f"{len(lines)} basal profiles are singletons"
        + ("; the entry 'averaged' is no line and was left out." if pooled is not None else "."),
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


def _slinky(sources: Sources, landmarks: pd.Series) -> PerturbationPairs:
    values, _, _ = files.read_gctx(sources[SLINKY])
    wells = pd.read_csv(sources[SLINKY_WELLS], sep="\t", index_col="inst_id")
    unknown = values.index.difference(wells.index)
    if len(unknown):
        msg = f"{SLINKY_WELLS} lacks {len(unknown)} wells of {SLINKY}, first {unknown[0]!r}"
        raise DataError(msg)
    wells = wells.loc[values.index]
    table = _wells(
        wells["cell_id"], wells["pert_iname"], wells["rna_plate"], wells["pert_dose"], wells["pert_time"]
    )
    values, cut = _restore_ids(values, landmarks)
    note = (
        f"Knock-down and vector wells were left out: they are no drugs. {cut} gene ids of six digits are cut "
        "to five in the file and were restored."
    )
    return _plates("slinky", sources, _by_symbol(values, landmarks), table, wells["pert_type"], note)


def _restore_ids(values: pd.DataFrame, landmarks: pd.Series) -> tuple[pd.DataFrame, int]:
    """Complete gene ids that the file cut to five characters, where one landmark fits."""
    ids = landmarks.index.astype(str)
    present = set(values.columns)
    long = pd.Series(ids[ids.str.len() == 6], index=ids[ids.str.len() == 6].str[:5])
    absent = long[~long.isin(present) & ~long.index.duplicated(keep=False)]
    rename = {short: full for short, full in absent.items() if short in present and short not in ids}
    return values.rename(columns=rename), len(rename)


def _cmapm(sources: Sources, landmarks: pd.Series) -> PerturbationPairs:
    values, genes, wells = files.read_gctx(sources[CMAPM])
    try:
        values.columns = genes["pr_gene_id"].astype(int)
        table = _wells(
            wells["cell_id"],
            wells["pert_desc"],
            wells["rna_plate"],
            wells["exp_pert_dose"],
            wells["exp_pert_time"],
        )
        kind = wells["pert_type"].str.lower()
    except KeyError as error:
        msg = f"{CMAPM}: no annotation {error}"
        raise DataError(msg) from error
    return _plates("cmapm", sources, _by_symbol(values, landmarks), table, kind, "One plate, one line.")


def _skbr3(sources: Sources, landmarks: pd.Series) -> PerturbationPairs:
    values, wells, symbols = files.read_pharmacoset(sources[SKBR3])
    table = _wells(
        wells["cell_id"],
        wells["pert_desc"].str.strip(),
        wells["rna_plate"],
        wells["pert_dose"],
        wells["pert_time"],
    )
    # The treated wells were dissolved in DMSO: water and untreated wells are no vehicle of theirs.
    kind = wells["pert_type"].astype(object).where(wells["pert_id"] != "H2O", "ctl_water")
    note = (
        f"Water and untreated wells were left out; the file has {len(symbols):,} genes, of which landmarks "
        "were kept."
    )
    return _plates("skbr3", sources, _by_symbol(values, landmarks), table, kind, note)


def _wells(
    line: pd.Series, drug: pd.Series, plate: pd.Series, dose: pd.Series, time: pd.Series
) -> pd.DataFrame:
    """Annotation under our names; a dose of -666 is L1000's code for none."""
    number = pd.to_numeric(dose).astype(float)
    return pd.DataFrame(
        {
            "line": line.astype(object),
            "drug": drug.astype(object),
            "batch": plate.astype(object),
            "dose": number.where(number >= 0),
            "time": pd.to_numeric(time).astype(float),
            "smiles": "",
        }
    )[list(PAIR_COLUMNS)]


def _by_symbol(values: pd.DataFrame, landmarks: pd.Series) -> pd.DataFrame:
    """Landmark genes in the order of the landmark file, named by its symbols."""
    by_id = values.set_axis(pd.Index(values.columns.astype(int)), axis=1)
    table = take_genes(by_id, pd.Index(landmarks.index), "the plate file")
    return table.set_axis(pd.Index(landmarks.to_numpy(), dtype=object), axis=1)


def _plates(
    name: str, sources: Sources, values: pd.DataFrame, wells: pd.DataFrame, kind: pd.Series, note: str
) -> PerturbationPairs:
    files.check_scale(values, name)
    treated, vehicle = (kind == "trt_cp").to_numpy(), (kind == "ctl_vehicle").to_numpy()
    pre, post, pairs, dropped = pair_wells(values, wells, treated, vehicle)
    notes = (
        "Every treated well is paired with the mean of the vehicle wells of its own plate "
        f"({pairs['vehicles'].min()} to {pairs['vehicles'].max()} wells; {pairs['batch'].nunique()} plates).",
        f"{dropped} treated wells are on plates without a vehicle well and were dropped.",
        f"{int((~treated & ~vehicle).sum())} wells are neither compound nor vehicle.",
        note,
    )
    none = values.iloc[:0]
    return PerturbationPairs(
        name,
        pre,
        post,
        pairs,
        none,
        pd.Series([], none.index, dtype=object),
        Provenance("panel", sources.files(), notes),
    )
