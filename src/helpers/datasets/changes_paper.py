"""The competition's own tables: differential expression of 614 training and 255 test rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np
import pandas as pd

from helpers.datasets.change_types import ChangeData
from helpers.datasets.download import cache_folder
from helpers.datasets.hashes import sha256
from helpers.datasets.types import Provenance, SourceFile
from helpers.errors import DataError, DownloadError

#: Registry key of the training table as Kaggle serves it.
TRAIN = "kaggle-de-train"
UNIT = "signed -log10 p"

_BUCKET = "https://openproblems-bio.s3.amazonaws.com/public/neurips-2023-competition/2023-09-14_kaggle_upload"
_COLUMNS = {
    "cell_type": "cell",
    "sm_name": "compound",
    "sm_lincs_id": "lincs_id",
    "SMILES": "smiles",
}
# Names of splits in the h5ad files. "control" marks the positive controls of the training rows.
_SPLITS = {
    "train": "train",
    "control": "train",
    "public_test": "public",
    "private_test": "private",
}
_POSITIVE_CONTROLS = ("Dabrafenib", "Belinostat")


@dataclass(frozen=True)
class HandFile:
    """A file that is known by name, size and address, but whose hash was published nowhere.

    Attributes
    ----------
    name, url : str
    bytes : int
    """

    name: str
    url: str
    bytes: int

    @property
    def place(self) -> Path:
        """Where the user puts it."""
        return cache_folder() / "kaggle-h5ad" / self.name

    def find(self) -> Path | None:
        """Return the file, or None if it is not there.

        Raises
        ------
        DataError
            If a file of another size is there.
        """
        if not self.place.is_file():
            return None
        size = self.place.stat().st_size
        if size != self.bytes:
            msg = (
                f"{self.place} has {size:,} bytes, expected {self.bytes:,}; download it again from {self.url}"
            )
            raise DataError(msg)
        return self.place


TRAIN_H5AD = HandFile(
    "2023-09-12_de_by_cell_type_train.h5ad",
    f"{_BUCKET}/2023-09-12_de_by_cell_type_train.h5ad",
    537_565_848,
)
TEST_H5AD = HandFile(
    "2023-09-12_de_by_cell_type_test.h5ad",
    f"{_BUCKET}/2023-09-12_de_by_cell_type_test.h5ad",
    223_729_720,
)


def load_kaggle_paper(train: Path | None) -> ChangeData:
    """Read the competition's tables.

    Parameters
    ----------
    train : Path or None
        ``de_train.parquet``; None takes the organisers' h5ad file from its place in the cache.

    Returns
    -------
    ChangeData
        With the 255 test rows where the organisers' test file is in its place, else with the
        training rows only, and a note that says so.

    Raises
    ------
    DownloadError
        If neither form of the training table is there; the message says what to put where.
    DataError
        If a table is not what it should be.
    """
    path = TRAIN_H5AD.find() or train
    if path is None:
        msg = (
            f"Kaggle (paper): the training table is not here. Download {TRAIN_H5AD.url} "
            f"({TRAIN_H5AD.bytes:,} bytes) to {TRAIN_H5AD.place}, and for the test rows {TEST_H5AD.url} "
            f"({TEST_H5AD.bytes:,} bytes) to {TEST_H5AD.place}"
        )
        raise DownloadError(msg)
    tables, notes = [read_de_table(path)], []
    paths = [path]
    test = TEST_H5AD.find()
    if test is None:
        notes.append(f"The 255 test rows are not here: no {TEST_H5AD.place.name}; protocol B is left out.")
    else:
        tables.append(read_de_table(test))
        paths.append(test)
    if any(p.suffix == ".h5ad" for p in paths):
        notes.append("No hash of the h5ad files was published: only their size was checked.")
    genes = tables[0].columns[len(ChangeData.COLUMNS) :]
    for table in tables[1:]:
        other = table.columns[len(ChangeData.COLUMNS) :]
        if set(other) != set(genes):
            msg = f"{test}: its genes differ from those of {path} ({len(other):,} and {len(genes):,})"
            raise DataError(msg)
    table = pd.concat([t[[*ChangeData.COLUMNS, *genes]] for t in tables], ignore_index=True)
    notes.append(
        "The values are sign(logFC) x -log10(p) of limma, not clipped; the paper's table calls them fold "
        "changes."
    )
    return ChangeData(
        "Kaggle",
        table[list(ChangeData.COLUMNS)],
        table[genes],
        UNIT,
        Provenance("paper", tuple(SourceFile(p.name, sha256(p)) for p in paths), tuple(notes)),
    )


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
        The columns of :attr:`ChangeData.COLUMNS`, then the genes, float32.

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
    split = obs["split"].astype(str)
    unknown = sorted(set(split) - set(_SPLITS))
    if unknown:
        msg = f"{path}: unknown split(s) {unknown}; expected {', '.join(_SPLITS)}"
        raise DataError(msg)
    rows = obs[list(_COLUMNS)].astype(str).astype(object).rename(columns=_COLUMNS)
    control = rows["compound"].isin(_POSITIVE_CONTROLS)
    rows = rows.assign(control=control, split=split.map(_SPLITS))
    return pd.concat([rows[list(ChangeData.COLUMNS)], values], axis=1)


def _read_parquet(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = pd.read_parquet(path)
    described = [column for column in (*_COLUMNS, "control") if column in table.columns]
    values = table.drop(columns=described).astype(np.float32).reset_index(drop=True)
    return table[described].assign(split="train").reset_index(drop=True), values


def _read_h5ad(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    cells = anndata.read_h5ad(path)
    x = cells.X.toarray() if hasattr(cells.X, "toarray") else np.asarray(cells.X)
    values = pd.DataFrame(x.astype(np.float32), columns=cells.var_names.astype(str).astype(object))
    return cells.obs.reset_index(drop=True), values
