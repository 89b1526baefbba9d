"""File formats of public L1000 data: GCTX, and the HDF5 and pickle of TranSiGen."""

from __future__ import annotations

import io
import pickle
from collections.abc import Collection
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from helpers.checks import check_unique, refuse
from helpers.data.readers.ids import text_ids
from helpers.errors import DataError

HIGHEST = 15.01  # log2 scale of Level 3 profiles; 15.001 is the ceiling in the files
_BLOCK = 512  # wells read at once
# What a pickle of numpy arrays needs; nothing else is ever resolved, let alone called.
_ADMITTED = {
    (module, name)
    for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    for name in ("_reconstruct", "scalar")
} | {("numpy", "ndarray"), ("numpy", "dtype")}


def read_landmarks(path: str | Path) -> pd.Series:
    """Read the landmark genes: symbol by Entrez id (int), in the order of the file."""
    table = pd.read_csv(path, usecols=["gene_id", "gene_symbol"])
    if table["gene_id"].duplicated().any() or table["gene_symbol"].duplicated().any():
        msg = f"{path}: ids and symbols of landmark genes must be unique"
        raise DataError(msg)
    return pd.Series(table["gene_symbol"].to_numpy(object), index=table["gene_id"].astype(int))


def read_gctx(
    path: str | Path, wells: Collection[str] | None = None, genes: Collection[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read a GCTX file (HDF5).

    Parameters
    ----------
    path : str or Path
    wells, genes : collection of str, optional
        Ids to read, all by default; they come in the order of the file. Only these are kept in memory,
        so that a few wells of a file of 60 GB can be read.

    Returns
    -------
    values : DataFrame, wells x genes, float32
        Index and columns are the file's ids (text).
    genes, annotation : DataFrame
        What the file says of these genes and wells; often no more than the id.

    Raises
    ------
    DataError
        If the file is not GCTX, or lacks an id asked for.
    """
    try:
        with h5py.File(path) as file:
            matrix = file["0/DATA/0/matrix"]
            rows, columns = _meta(file["0/META/ROW"]), _meta(file["0/META/COL"])
            if matrix.shape != (len(columns), len(rows)):
                msg = f"the matrix has shape {matrix.shape}, its ids say {(len(columns), len(rows))}"
                raise KeyError(msg)
            at, of = _positions(columns.index, wells, path), _positions(rows.index, genes, path)
            blocks = np.split(at, range(_BLOCK, len(at), _BLOCK))
            values = np.concatenate([matrix[block][:, of].astype(np.float32) for block in blocks])
    except (OSError, KeyError) as error:
        msg = f"{path} is not a readable GCTX file: {error}"
        raise DataError(msg) from error
    rows, columns = rows.iloc[of], columns.iloc[at]
    return pd.DataFrame(values, columns.index, rows.index), rows, columns


def _positions(ids: pd.Index, wanted: Collection[str] | None, path: str | Path) -> np.ndarray:
    check_unique(ids, path, "an id stands twice")
    if wanted is None:
        return np.arange(len(ids))
    asked = text_ids(pd.Index(list(wanted)))
    missing = asked.difference(ids)
    if len(missing):
        refuse(
            path,
            f"lacks {len(missing)} of {len(wanted)} ids, first {missing[0]!r}",
            f"it has {list(ids[:3])}",
        )
    return np.flatnonzero(ids.isin(asked))


def _meta(group: h5py.Group) -> pd.DataFrame:
    table = pd.DataFrame({name: _text(dataset[:]) for name, dataset in group.items()})
    if "id" not in table:
        msg = "no ids"
        raise KeyError(msg)
    return table.set_index(text_ids(table["id"])).drop(columns="id").rename_axis("id")


def _text(values: np.ndarray) -> np.ndarray:
    """Decode strings of fixed and of variable length; what is not UTF-8 is Latin-1."""
    if values.dtype.kind not in "SO":
        return values
    return np.array([_decoded(value) for value in values], dtype=object)


def _decoded(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def read_transigen(path: str | Path) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Read the pairs of TranSiGen (HDF5).

    Returns
    -------
    x1, x2 : array (pairs, genes), float32
        Vehicle and treated profile, log2.
    table : DataFrame
        ``line``, ``smiles``, ``sig`` of each pair.

    Raises
    ------
    DataError
        If a table is missing or the lengths differ.
    """
    try:
        with h5py.File(path) as file:
            x1, x2 = file["x1"][:], file["x2"][:]
            text = {
                ours: np.char.decode(file[theirs][:], "utf-8").astype(object)
                for ours, theirs in (("line", "cid"), ("smiles", "canonical_smiles"), ("sig", "sig"))
            }
    except (OSError, KeyError) as error:
        msg = f"{path} is not a readable file of TranSiGen: {error}"
        raise DataError(msg) from error
    lengths = {len(x1), len(x2), *(len(column) for column in text.values())}
    if len(lengths) > 1 or x1.shape != x2.shape:
        msg = f"{path}: x1 {x1.shape}, x2 {x2.shape} and the ids ({len(text['line'])}) differ in length"
        raise DataError(msg)
    return x1.astype(np.float32), x2.astype(np.float32), pd.DataFrame(text)


class _ArraysOnly(pickle.Unpickler):
    """Loads containers of Python, text, numbers and numpy arrays; refuses every other class."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            msg = f"the pickle names {module}.{name}; only numpy arrays and plain Python values are admitted"
            raise DataError(msg)
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_array_pickle(path: str | Path) -> dict[str, np.ndarray]:
    """Read a pickled dict of numpy arrays without running anything else that it may name.

    Returns
    -------
    dict
        Arrays by name (text).

    Raises
    ------
    DataError
        If the pickle names any class or function besides numpy arrays, is damaged, or does not
        hold a dict of number arrays.
    """
    try:
        content = _ArraysOnly(io.BytesIO(Path(path).read_bytes())).load()
    except DataError as error:
        msg = f"{path}: {error}"
        raise DataError(msg) from None
    except Exception as error:
        msg = f"{path} is not a readable pickle of arrays: {error}"
        raise DataError(msg) from error
    if not isinstance(content, dict) or not all(
        isinstance(value, np.ndarray) and value.dtype.kind == "f" for value in content.values()
    ):
        msg = f"{path} does not hold a dict of number arrays"
        raise DataError(msg)
    return {str(key): value for key, value in content.items()}


def check_scale(values: pd.DataFrame, what: str) -> None:
    """Raise DataError unless the values look like Level 3 profiles: log2, 0 to 15, no NaN."""
    array = values.to_numpy()
    if not np.isfinite(array).all():
        msg = f"{what}: {int((~np.isfinite(array)).sum())} values are NaN or infinite"
        raise DataError(msg)
    if array.min() < 0 or array.max() > HIGHEST:
        msg = f"{what}: expected log2 expression between 0 and 15; got {array.min():.3g} to {array.max():.3g}"
        raise DataError(msg)
