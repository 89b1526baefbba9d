"""What scDEAL reads: bulk lines with labels and cells without, scaled, split, and balanced."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from math import ceil

import numpy as np
import pandas as pd
import torch
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler

from helpers.checks import as_numbers, check_unique, in_rows_of
from helpers.errors import DataError

_HELD_OUT = 0.2
_FEWEST_ROWS = 10


@dataclass(frozen=True)
class Scale:
    """Min-max scaling of one domain, gene by gene.

    Attributes
    ----------
    genes : array of str or None
        Names of the genes, in the order of the model's inputs; None for input without names.
    low, span : array (genes,)
        Smallest value, and largest minus smallest; a constant gene has span 1.
    """

    genes: np.ndarray | None
    low: np.ndarray
    span: np.ndarray

    def apply(self, x: pd.DataFrame | np.ndarray, what: str) -> np.ndarray:
        """Scale rows of the same genes; values outside the fitted range leave [0, 1] and stay so.

        Raises
        ------
        DataError
            If genes are missing, the width differs, or a value is not finite.
        """
        values, names = matrix(x, what)
        if self.genes is not None and names is not None:
            position = pd.Index(names).get_indexer(self.genes)
            if (position < 0).any():
                missing = self.genes[position < 0][:3].tolist()
                msg = f"{what}: {int((position < 0).sum())} of the fitted genes are missing, e.g. {missing}"
                raise DataError(msg)
            values = values[:, position]
        if values.shape[1] != len(self.low):
            msg = f"{what} has {values.shape[1]} genes, the model was fitted to {len(self.low)}"
            raise DataError(msg)
        return (values - self.low) / self.span


@dataclass(frozen=True)
class Domain:
    """One domain as the model sees it.

    Attributes
    ----------
    x : tensor (rows, genes)
        Scaled expression.
    scale : Scale
    y : tensor (rows,) of int
        Labels of bulk lines; empty for cells, which never have any.
    key : str
        Hash of ``x`` and ``y``: equal data, equal key.
    """

    x: torch.Tensor
    scale: Scale
    y: torch.Tensor
    key: str = field(default="", compare=False)

    def __len__(self) -> int:
        return len(self.x)


def matrix(x: pd.DataFrame | np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Values (rows, genes) in float32, and gene names if there are any.

    Raises
    ------
    DataError
        If the input is not a table of finite numbers with distinct gene names.
    """
    names = None
    if isinstance(x, pd.DataFrame):
        names = x.columns.to_numpy(str)
        twice = x.columns[x.columns.duplicated()]
        if len(twice):
            msg = f"{what}: gene {twice[0]!r} occurs twice; keep one column a gene"
            raise DataError(msg)
    values = as_numbers(x, what, np.float32)
    if values.ndim != 2 or 0 in values.shape:
        msg = f"{what} must be a table, rows x genes, and not empty; got shape {values.shape}"
        raise DataError(msg)
    if not np.isfinite(values).all():
        rows = np.flatnonzero(~np.isfinite(values).all(axis=1))
        msg = (
            f"{what}: {len(rows)} rows hold NaN or infinite values (first: row {rows[0]}); drop or fill them"
        )
        raise DataError(msg)
    return values, names


def read(
    bulk_x: pd.DataFrame | np.ndarray,
    bulk_y: pd.Series | np.ndarray,
    cells_x: pd.DataFrame | np.ndarray,
    genes: str,
) -> tuple[Domain, Domain]:
    """Check, join and scale both domains.

    Parameters
    ----------
    bulk_x : table (lines, genes)
    bulk_y : array or Series (lines,)
        1 = sensitive, 0 = resistant, NaN = not measured: such lines are left out. A Series is joined to
        ``bulk_x`` by its index when that is a DataFrame.
    cells_x : table (cells, genes)
    genes : {"separate", "shared"}
        Each domain with all its own genes, or both with the genes that they share, in one order.

    Raises
    ------
    DataError
        For unusable input; the message says which.
    """
    bulk, bulk_genes = matrix(bulk_x, "bulk expression")
    cells, cell_genes = matrix(cells_x, "cell expression")
    if isinstance(bulk_x, pd.DataFrame):
        # A line in two parts of the split would be tested on what it trained.
        check_unique(bulk_x.index, "bulk expression", "a line stands twice")
    y = as_numbers(in_rows_of(bulk_y, bulk_x, "bulk labels"), "bulk labels")
    if y.shape != (len(bulk),):
        msg = f"bulk labels have shape {y.shape}, expected ({len(bulk)},): one label a line"
        raise DataError(msg)
    labelled = ~np.isnan(y)
    bulk, y = bulk[labelled], y[labelled]
    if not np.isin(y, (0, 1)).all():
        msg = f"bulk labels must be 1 (sensitive), 0 (resistant) or NaN; got {np.unique(y)[:5]}"
        raise DataError(msg)
    if len(np.unique(y)) < 2:
        held = f"only class {int(y[0])}" if len(y) else "no class"
        msg = f"the {len(y)} labelled bulk lines hold {held}; scDEAL needs sensitive and resistant lines"
        raise DataError(msg)
    for values, what in ((bulk, "labelled bulk lines"), (cells, "cells")):
        if len(values) < _FEWEST_ROWS:
            msg = f"{len(values)} {what} are too few: at least {_FEWEST_ROWS} are needed to split them"
            raise DataError(msg)
    empty = (cells == 0).all(axis=1)
    if empty.any():
        msg = f"{int(empty.sum())} cells are empty (first: row {np.flatnonzero(empty)[0]}); drop them first"
        raise DataError(msg)
    if genes == "shared":
        if bulk_genes is None or cell_genes is None:
            msg = "genes='shared' joins the domains by gene name: pass DataFrames, or use genes='separate'"
            raise DataError(msg)
        shared = bulk_genes[np.isin(bulk_genes, cell_genes)]
        if len(shared) < 2:
            msg = (
                f"bulk and cells share {len(shared)} genes (bulk has e.g. {bulk_genes[:3].tolist()}, "
                f"cells {cell_genes[:3].tolist()}); map both to the same identifiers"
            )
            raise DataError(msg)
        bulk = bulk[:, pd.Index(bulk_genes).get_indexer(shared)]
        cells = cells[:, pd.Index(cell_genes).get_indexer(shared)]
        bulk_genes = cell_genes = shared
    return _domain(bulk, bulk_genes, y.astype(np.int64)), _domain(cells, cell_genes, None)


def _domain(values: np.ndarray, genes: np.ndarray | None, y: np.ndarray | None) -> Domain:
    low, high = values.min(axis=0), values.max(axis=0)
    scale = Scale(genes, low, np.where(high > low, high - low, 1).astype(np.float32))
    x = np.ascontiguousarray((values - low) / scale.span)
    digest = hashlib.sha256(x.tobytes())
    digest.update(b"" if y is None else y.tobytes())
    digest.update(str(x.shape).encode())
    labels = torch.empty(0, dtype=torch.long) if y is None else torch.from_numpy(y)
    return Domain(torch.from_numpy(x), scale, labels, digest.hexdigest())


@dataclass(frozen=True)
class Split:
    """Row positions; ``test`` is empty for cells."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(rows: int, rng: np.random.Generator, *, test: bool) -> Split:
    """Random split, not stratified: 20 % test (bulk only), then 20 % of the rest for validation."""
    order = rng.permutation(rows)
    n_test = ceil(_HELD_OUT * rows) if test else 0
    n_validation = ceil(_HELD_OUT * (rows - n_test))
    parts = np.split(order, [n_test, n_test + n_validation])
    return Split(parts[2], parts[1], parts[0])


def balance(
    x: torch.Tensor, y: torch.Tensor, sampling: str | None, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Balance the classes of the bulk training rows.

    Parameters
    ----------
    x, y : tensor (rows, genes), (rows,)
    sampling : {None, "up", "down", "SMOTE"}
        Leave as they are, repeat rows of the rarer class, drop rows of the more frequent one, or add
        rows between neighbours of the rarer class.
    seed : int

    Raises
    ------
    DataError
        If a class has no rows, or a single one where SMOTE needs two.
    """
    count = np.bincount(y.numpy(), minlength=2)
    if count.min() < (2 if sampling == "SMOTE" else 1):
        msg = (
            f"the bulk training part holds {count[1]} sensitive and {count[0]} resistant lines: too few for "
            f"sampling={sampling!r}; use another random_state, or more balanced labels"
        )
        raise DataError(msg)
    if sampling is None:
        return x, y
    if sampling == "up":
        sampler = RandomOverSampler(random_state=seed)
    elif sampling == "down":
        sampler = RandomUnderSampler(random_state=seed)
    else:
        sampler = SMOTE(random_state=seed, k_neighbors=min(5, int(count.min()) - 1))
    balanced_x, balanced_y = sampler.fit_resample(x.numpy(), y.numpy())
    return torch.from_numpy(balanced_x), torch.from_numpy(balanced_y)
