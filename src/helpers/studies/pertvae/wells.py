"""Public L1000 wells as treatment pairs: every treated well with the vehicle wells of its own plate."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import rdata

from helpers.checks import check_columns, check_keep, check_numbers, check_same_rows, check_table, refuse
from helpers.data import l1000_files as files
from helpers.data.pair_types import PAIR_COLUMNS, PerturbationPairs, take_genes
from helpers.data.pairs import LANDMARKS
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.errors import DataError

SLINKY, SLINKY_WELLS = "slinky-plates", "slinky-wells"
CMAPM, SKBR3 = "cmapm-plate", "cmapbox-skbr3"


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
        If no treated well has a vehicle well on its plate, a well is both, or the tables do not fit together.
    """
    check_table(values, "wells", "values")
    check_numbers(values, "wells", "values")
    check_columns(wells, ("batch", "line"), "wells")
    check_same_rows(values, wells, "values and wells")
    treated, vehicle = (check_keep(chosen, len(wells), "wells", wells) for chosen in (treated, vehicle))
    if (treated & vehicle).any():
        refuse("wells", f"{int((treated & vehicle).sum())} wells are marked both as treated and as vehicle")
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


def read_slinky(sources: Sources) -> PerturbationPairs:
    """Read single wells of 8 lines."""
    landmarks = files.read_landmarks(sources[LANDMARKS])
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


def read_cmapm(sources: Sources) -> PerturbationPairs:
    """Read one plate of A375 wells."""
    values, wells = plate_values(sources, files.read_landmarks(sources[LANDMARKS]))
    try:
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
    return _plates("cmapm", sources, values, table, kind, "One plate, one line.")


def plate_values(sources: Sources, landmarks: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the plate of A375 wells: log2 values (wells x landmark symbols), annotation of the wells."""
    values, genes, wells = files.read_gctx(sources[CMAPM])
    if "pr_gene_id" not in genes:
        msg = f"{CMAPM}: no annotation 'pr_gene_id'"
        raise DataError(msg)
    values.columns = genes["pr_gene_id"].astype(int)
    return _by_symbol(values, landmarks), wells


def read_skbr3(sources: Sources) -> PerturbationPairs:
    """Read SKBR3 wells, 10 kinase inhibitors at 4 doses."""
    landmarks = files.read_landmarks(sources[LANDMARKS])
    values, wells, symbols = read_pharmacoset(sources[SKBR3])
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


def read_pharmacoset(path: str | Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Read the expression of the R object ``psetSub`` (a PharmacoSet of L1000 wells).

    Returns
    -------
    values : DataFrame, wells x genes, float32
        Columns are Entrez ids (int).
    wells : DataFrame
        Annotation of the wells, same index.
    symbols : Series
        Symbol by Entrez id, as the object names it.

    Raises
    ------
    DataError
        If the file cannot be read or lacks a part.
    """
    with warnings.catch_warnings():
        # Bioconductor's classes have no constructor in rdata; their slots are read anyway.
        warnings.filterwarnings("ignore", message="Missing constructor for R class")
        try:
            rna = rdata.read_rda(path)["psetSub"].molecularProfiles["rna"]
            matrix = rna.assayData["exprs"]
            wells, genes = rna.phenoData.data, rna.featureData.data
            ids = pd.Index(genes["pr_gene_id"].astype(int))
            rows, columns = (matrix.coords[name].to_numpy().astype(str) for name in matrix.dims)
        except Exception as error:
            msg = f"{path} does not hold the L1000 object psetSub: {error}"
            raise DataError(msg) from error
    if list(rows) != list(genes.index.astype(str)) or list(columns) != list(wells.index.astype(str)):
        msg = f"{path}: the expression matrix and its annotation differ in genes or wells"
        raise DataError(msg)
    index = pd.Index(columns, dtype=object)
    values = pd.DataFrame(matrix.to_numpy().T.astype(np.float32), index, ids)
    return values, wells.set_axis(index), pd.Series(genes["pr_gene_symbol"].astype(str).to_numpy(object), ids)
