"""The competition's own files: its design, and differential expression of 614 training and 255 test rows."""

from __future__ import annotations

import csv
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from helpers.checks import check_columns, check_numbers, check_table, check_unique, readable, refuse
from helpers.data.download import fetch, locate
from helpers.data.registry import Registry
from helpers.data.sources import Sources
from helpers.data.types import Provenance
from helpers.errors import DataError, DownloadError
from helpers.studies.perturbation.printed import BLOCK, matched_genes, read_printed_block
from helpers.studies.perturbation.types import ExpressionChanges

#: Registry keys of the public design and of the means per cell type.
MEANS = "kaggle-cell-means"
TRAIN_ROWS = "kaggle-train-rows"
TEST_ROWS = "kaggle-test-rows"
COMPOUNDS = "kaggle-compounds"
DESIGN = (MEANS, TRAIN_ROWS, TEST_ROWS, COMPOUNDS, BLOCK)
#: Registry keys: the training table as Kaggle serves it, and the organisers' two files.
TRAIN, TRAIN_H5AD, TEST_H5AD = "kaggle-de-train", "kaggle-de-train-h5ad", "kaggle-de-test-h5ad"
UNIT = "signed -log10 p"

_COLUMNS = {"cell_type": "cell", "sm_name": "compound", "sm_lincs_id": "lincs_id", "SMILES": "smiles"}
# Names of splits in the h5ad files. "control" marks the positive controls of the training rows.
_SPLITS = {"train": "train", "control": "train", "public_test": "public", "private_test": "private"}
_N_PUBLIC = 50  # compounds of the competition's public test
_POSITIVE_CONTROLS = ("Dabrafenib", "Belinostat")


def kaggle_design(sources: Sources, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Read the competition's design and its means per cell type.

    Parameters
    ----------
    sources : Sources
        The files of :data:`DESIGN`.
    seed : int
        Of the draw of public test compounds: which of the 129 test compounds were the 50 of the
        public test is in no public file here.

    Returns
    -------
    rows : DataFrame
        The 614 training rows in the order of the table, then the 255 test rows.
    means : DataFrame, 6 cell types x 18,211 genes
    notes : tuple of str

    Raises
    ------
    DataError
        If a file is not what it should be.
    """
    means = read_means(sources[MEANS]).astype(np.float64)
    with readable(sources[COMPOUNDS]):
        compounds = pd.read_parquet(sources[COMPOUNDS]).set_index("sm_name")
    check_columns(compounds, ("sm_lincs_id", "smiles"), sources[COMPOUNDS])
    check_unique(compounds.index, sources[COMPOUNDS], "compounds stand twice")
    with readable(sources[TRAIN_ROWS]):
        one_hot = pd.read_csv(sources[TRAIN_ROWS], index_col=0)
    train = pd.DataFrame(
        {
            "cell": _decoded(one_hot, "cell_type_"),
            "compound": _decoded(one_hot, "sm_name_"),
            "split": "train",
        }
    )
    with readable(sources[TEST_ROWS]):
        test = pd.read_csv(sources[TEST_ROWS]).rename(columns={"cell_type": "cell", "sm_name": "compound"})
    check_columns(test, ("cell", "compound"), sources[TEST_ROWS])
    rng = np.random.default_rng(seed)
    public = set(rng.permutation(sorted(test["compound"].unique()))[:_N_PUBLIC])
    test["split"] = np.where(test["compound"].isin(public), "public", "private")
    rows = pd.concat([train, test[["cell", "compound", "split"]]], ignore_index=True)
    unknown = sorted(set(rows["compound"]) - set(compounds.index))
    if unknown:
        msg = f"{sources[COMPOUNDS]} lacks {len(unknown)} compound(s) of the design, first {unknown[:3]}"
        raise DataError(msg)
    rows["lincs_id"] = compounds.loc[rows["compound"], "sm_lincs_id"].to_numpy(object)
    rows["smiles"] = compounds.loc[rows["compound"], "smiles"].to_numpy(object)
    rows["control"] = rows["compound"].isin(_POSITIVE_CONTROLS)
    notes = (
        f"{len(train)} training and {len(test)} test rows, {rows['compound'].nunique()} compounds.",
        f"Which {_N_PUBLIC} test compounds were public is not in the public files: drawn with the seed.",
    )
    return rows[list(ExpressionChanges.COLUMNS)], means, notes


def read_means(path: Path) -> pd.DataFrame:
    """Read the means per cell type, cell types x genes.

    Raises
    ------
    DataError
        If the file cannot be read, or holds text, NaN, or a cell type or gene twice.
    """
    with readable(path):
        means = pd.read_csv(path, index_col="cell_type")
    check_table(means, path, "the table of means")
    check_numbers(means, path, "the table of means")
    return means


def kaggle_block(sources: Sources) -> ExpressionChanges:
    """Read the printed corner of the table of NK cells, with the genes' names of the means."""
    with sources[MEANS].open(encoding="utf-8", newline="") as stream:
        genes = pd.Index(next(csv.reader(stream))[1:], dtype=object)
    block = matched_genes(read_printed_block(sources[BLOCK]), genes)
    rows = pd.DataFrame({"cell": "NK cells", "compound": block.index.to_numpy(object)})
    rows = rows.assign(lincs_id=rows["compound"], smiles=rows["compound"])
    rows = rows.assign(control=rows["compound"].isin(_POSITIVE_CONTROLS), split="train")
    notes = ("Real values of the competition's table, as a public notebook printed them.",)
    values = block.reset_index(drop=True).astype(np.float32)
    return ExpressionChanges("Kaggle block", rows, values, UNIT, Provenance("panel", sources.files(), notes))


def printed_sizes(sources: Sources) -> pd.Series:
    """Mean absolute value of the printed rows of NK cells, by compound."""
    return read_printed_block(sources[BLOCK]).abs().mean(axis=1)


def training_files(registry: Registry) -> tuple[str, ...]:
    """Key of the training table: Kaggle's own Parquet file where it is at hand, else the organisers'."""
    return (TRAIN,) if TRAIN in registry and locate(registry[TRAIN]) is not None else (TRAIN_H5AD,)


def load_kaggle_tables(sources: Sources, *, registry: Registry) -> ExpressionChanges:
    """Read the competition's tables.

    Parameters
    ----------
    sources : Sources
        The file of :func:`training_files`.
    registry : Registry
        Knows the organisers' table of the test rows.

    Returns
    -------
    ExpressionChanges
        With the 255 test rows where their file can be had, else with the training rows only, and a
        note that says so.

    Raises
    ------
    DataError
        If a table is not what it should be.
    """
    notes = []
    try:
        sources = Sources({**sources.paths, TEST_H5AD: fetch(registry[TEST_H5AD])})
    except DownloadError as error:
        notes.append(f"The 255 test rows are not here, so the competition's split is left out. {error}")
    paths = sources.paths
    tables = {key: read_de_table(path) for key, path in paths.items()}
    if any(registry[key].unpinned for key in paths):
        notes.append("No hash of the h5ad files was published: only their size was checked.")
    described = list(ExpressionChanges.COLUMNS)
    genes = next(iter(tables.values())).columns.drop(described)
    for key, table in tables.items():
        if set(table.columns) != {*described, *genes}:
            msg = f"{paths[key]}: its genes differ from those of {next(iter(paths.values()))}"
            raise DataError(msg)
    table = pd.concat([t[[*described, *genes]] for t in tables.values()], ignore_index=True)
    notes.append(
        "The values are sign(logFC) x -log10(p) of limma, not clipped; the paper's table calls them fold "
        "changes."
    )
    provenance = Provenance("paper", sources.files(), tuple(notes))
    return ExpressionChanges("Kaggle", table[described], table[genes], UNIT, provenance)


def read_de_table(path: Path) -> pd.DataFrame:
    """Read one table of differential expression, Parquet or h5ad.

    Parameters
    ----------
    path : Path
        Parquet: columns ``cell_type``, ``sm_name``, ``sm_lincs_id``, ``SMILES``, ``control`` and
        genes; all rows are training rows. h5ad: the same in ``obs``, with ``split``; ``X`` are the
        values.

    Returns
    -------
    DataFrame
        The columns of :attr:`ExpressionChanges.COLUMNS`, then the genes, float32.

    Raises
    ------
    DataError
        If the file cannot be read or lacks a column.
    """
    try:
        obs, values = _read_h5ad(path) if path.suffix == ".h5ad" else _read_parquet(path)
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, DataError):
            raise
        msg = f"{path} is not a readable table of differential expression: {error}"
        raise DataError(msg) from error
    missing = [column for column in (*_COLUMNS, "split") if column not in obs.columns]
    if missing:
        msg = f"{path}: the column(s) {missing} are missing; it has {list(obs.columns)}"
        raise DataError(msg)
    nameless = [name for name in _COLUMNS if obs[name].isna().any()]
    if nameless:
        refuse(
            path,
            f"missing entries in {', '.join(nameless)}",
            "every row needs a cell, a compound, id and SMILES",
        )
    split = obs["split"].astype(str)
    unknown = sorted(set(split) - set(_SPLITS))
    if unknown:
        msg = f"{path}: unknown split(s) {unknown}; expected {', '.join(_SPLITS)}"
        raise DataError(msg)
    rows = obs[list(_COLUMNS)].astype(str).astype(object).rename(columns=_COLUMNS)
    control = rows["compound"].isin(_POSITIVE_CONTROLS)
    rows = rows.assign(control=control, split=split.map(_SPLITS))
    return pd.concat([rows[list(ExpressionChanges.COLUMNS)], values], axis=1)


def _read_parquet(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = pd.read_parquet(path)
    described = [column for column in (*_COLUMNS, "control") if column in table.columns]
    values = table.drop(columns=described).astype(np.float32).reset_index(drop=True)
    return table[described].assign(split="train").reset_index(drop=True), values


def _read_h5ad(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    from anndata.io import read_elem  # half a second, and only this tier needs it

    # Only what is needed: the file's other layers would take six times the memory.
    with h5py.File(path) as stream:
        obs, genes, x = read_elem(stream["obs"]), read_elem(stream["var"]).index, read_elem(stream["X"])
    x = x.toarray() if hasattr(x, "toarray") else np.asarray(x)
    values = pd.DataFrame(x.astype(np.float32), columns=genes.astype(str).astype(object))
    return obs.reset_index(drop=True), values


def _decoded(one_hot: pd.DataFrame, prefix: str) -> np.ndarray:
    part = one_hot.filter(regex=f"^{prefix}")
    if part.empty or not (part.sum(axis=1) == 1).all():
        msg = f"{TRAIN_ROWS}: the columns {prefix}... do not mark one category a row"
        raise DataError(msg)
    return part.idxmax(axis=1).str.removeprefix(prefix).to_numpy(object)
