"""Profiles as they come in: checks, weights, and the lines that early stopping watches."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd

from helpers.checks import as_numbers, check_same_rows, refuse
from helpers.errors import DataError

Profiles: TypeAlias = pd.DataFrame | np.ndarray


def gene_names(x: Profiles) -> list | None:
    """Column names of a table, None for an array."""
    return list(x.columns) if isinstance(x, pd.DataFrame) else None


def check_profiles(
    x: Profiles, what: str, genes: list | None, n_genes: int | None, dtype: type = np.float32
) -> np.ndarray:
    """Return profiles as an array (rows, genes).

    Parameters
    ----------
    x : table or array (rows, genes)
    what : str
        Name in messages.
    genes : list or None
        Expected columns of a table.
    n_genes : int or None
        Expected number of genes.
    dtype : type
        Float32, which torch computes in, or float.

    Raises
    ------
    DataError
        If ``x`` is empty or no matrix of numbers, holds NaN, infinite values or a gene twice, or has other
        genes than expected.
    """
    named = gene_names(x)
    if named is not None and len(set(named)) < len(named):
        refuse(what, "a gene stands twice", "name every column, each once")
    if genes is not None and named is not None and named != genes:
        differing = [g for g in genes if g not in set(named)]
        detail = f"missing: {differing[:3]}" if differing else "same genes in another order, or more of them"
        msg = f"{what}: genes differ from those of pre ({detail}); pass equal columns in equal order"
        raise DataError(msg)
    values = as_numbers(x, what, dtype)
    if values.ndim != 2 or 0 in values.shape:
        msg = f"{what} must be a matrix profiles x genes with at least one row, got shape {values.shape}"
        raise DataError(msg)
    if n_genes is not None and values.shape[1] != n_genes:
        msg = f"{what} has {values.shape[1]} genes, expected {n_genes}"
        raise DataError(msg)
    if not np.isfinite(values).all():
        row, gene = np.argwhere(~np.isfinite(values))[0]
        msg = f"{what} holds NaN or infinite values, first at row {row}, gene {gene}; remove or impute them"
        raise DataError(msg)
    # Torch takes no view that runs backwards, such as rows in reversed order.
    return values if min(values.strides) >= 0 else values.copy()


def check_names(names: object, n: int, what: str, table: object = None) -> np.ndarray:
    """Return one name a row as an array of str; without names every row is a line of its own.

    Raises
    ------
    DataError
        If a name is missing, there are not ``n``, or they are a Series with another index than ``table``.
    """
    if names is None:
        return np.array([f"{what} {i}" for i in range(n)])
    check_same_rows(table, names, what)
    if np.any(pd.isna(names)):
        refuse(what, "a line has no name", "name every row")
    names = np.asarray(names, dtype=str)
    if names.shape != (n,):
        msg = f"{what} must name one line a profile: shape {names.shape}, expected ({n},)"
        raise DataError(msg)
    return names


def held_out_lines(lines: np.ndarray, seed: np.random.SeedSequence) -> np.ndarray:
    """Names of the lines that early stopping watches: a random fifth, at least one.

    Raises
    ------
    DataError
        If there are fewer than two lines.
    """
    names = np.unique(lines)
    if len(names) < 2:
        msg = f"early stopping needs a second line to watch, got only {names[0]!r}; pass validation"
        raise DataError(msg)
    count = min(max(1, round(len(names) / 5)), len(names) - 1)
    return np.random.default_rng(seed).permutation(names)[:count]


def line_weights(lines: np.ndarray) -> np.ndarray:
    """Weight of each row such that every line weighs the same and all sum to 1."""
    _, code, count = np.unique(lines, return_inverse=True, return_counts=True)
    return 1 / (count[code] * len(count))
