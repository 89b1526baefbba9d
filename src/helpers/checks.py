"""What data classes, readers and models refuse: one layer of checks, each ending in one DataError.

A check says what was wrong, where, and what to do. The last ones look for data that fit their form and are
wrong all the same: labels of the other direction, linear values where logarithms belong, gene symbols that a
spreadsheet made dates of.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from scipy import sparse

from helpers.errors import DataError

#: Highest value of an expression matrix on a log scale; 2**30 is beyond every platform.
HIGHEST_LOG = 30.0
_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
# SEPT2 becomes "2-Sep", MARCH1 "Mar-01" or "2001-03-01 00:00:00", RIKEN's 2310009E13 "2.31E+19".
_SPREADSHEET = re.compile(
    rf"\d{{1,2}}[-/ ]({_MONTH})[a-z]*([-/ ]\d{{2,4}})?|({_MONTH})[-/ ]\d{{1,4}}"
    r"|\d{4}-\d\d-\d\d( 00:00:00)?|\d{1,2}/\d{1,2}/\d{2,4}|\d\.\d+E\+\d+",
    re.IGNORECASE,
)


def refuse(where: object, problem: str, remedy: str = "") -> NoReturn:
    """Raise a DataError that names the file or data set, the problem and, where there is one, the remedy."""
    msg = f"{where}: {problem}" + (f"; {remedy}" if remedy else "")
    raise DataError(msg)


def check_columns(table: pd.DataFrame, columns: Collection[str], where: object, what: str = "") -> None:
    """Refuse what is no table, and a table without one of ``columns``."""
    what = f"{what} " if what else ""
    if not isinstance(table, pd.DataFrame):
        refuse(where, f"{what}must be a DataFrame, got {type(table).__name__}")
    twice = [name for name in columns if (table.columns == name).sum() > 1]
    if twice:
        refuse(where, f"{what}has duplicated columns, first {twice[:3]}")
    missing = sorted(set(columns) - set(table.columns))
    if missing:
        found = ", ".join(map(str, table.columns[:6]))
        refuse(where, f"{what}lacks the column(s) {', '.join(missing)}; it has {found}")


def check_table(table: pd.DataFrame, where: object, what: str) -> None:
    """Refuse an empty table and a repeated row or column id."""
    if not isinstance(table, pd.DataFrame):
        refuse(where, f"{what} must be a DataFrame, got {type(table).__name__}")
    if table.empty:
        refuse(where, f"{what} is empty")
    check_unique(table.index, where, f"{what} has duplicated row ids")
    check_unique(table.columns, where, f"{what} has duplicated column ids")


def check_unique(ids: pd.Index, where: object, problem: str) -> None:
    """Refuse ids that stand twice, or are missing."""
    if ids.has_duplicates:
        refuse(where, f"{problem}, first {list(ids[ids.duplicated()][:3])}")
    if ids.isna().any():
        refuse(where, f"{int(ids.isna().sum())} id(s) are missing", "every row and column needs a name")


def check_numbers(table: pd.DataFrame, where: object, what: str, *, missing: bool = False) -> None:
    """Refuse values that are no numbers or are infinite and, unless ``missing`` is true, NaN."""
    is_number, is_complex = pd.api.types.is_numeric_dtype, pd.api.types.is_complex_dtype
    text = [str(name) for name, kind in table.dtypes.items() if not is_number(kind) or is_complex(kind)]
    if text:
        refuse(where, f"{what} holds text in {len(text)} column(s), first {text[:3]}", "give numbers only")
    values = table.to_numpy(float)
    bad = np.isinf(values) if missing else ~np.isfinite(values)
    if bad.any():
        rows = table.index[bad.any(axis=1)]
        kinds = "infinite" if missing else "NaN or infinite"
        remedy = "use NaN where nothing was measured" if missing else "drop or impute them first"
        refuse(where, f"{what} holds {kinds} values in {len(rows)} row(s), first {list(rows[:3])}", remedy)


def as_numbers(values: Any, where: object, dtype: type = float, *, finite: bool = False) -> np.ndarray:
    """Return values as an array of real numbers; refuse text, sparse and complex ones and, if asked, NaN."""
    if sparse.issparse(values):
        refuse(where, "values are a sparse matrix", "give a dense one: matrix.toarray()")
    try:
        if np.asarray(values).dtype.kind == "c":
            refuse(where, "values are complex", "give real numbers only")
        if np.asarray(values).dtype.kind in "mMSU":
            refuse(where, "values are text or dates", "give numbers only")
        found: np.ndarray = np.asarray(values, dtype)
    except (TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        refuse(where, f"values are no numbers: {error}", "give numbers only")
    if finite and not np.isfinite(found).all():
        refuse(where, "values hold NaN or infinite numbers", "drop or impute them first")
    return found


def as_matrix(values: Any, where: object, least: int = 1) -> np.ndarray:
    """Return a matrix (rows, columns) of finite floats; refuse fewer than ``least`` rows."""
    found = as_numbers(values, where)
    if found.ndim != 2 or len(found) < least or not found.size:
        refuse(where, f"needs a matrix, rows x columns, of {least} row(s) at least; got shape {found.shape}")
    bad = ~np.isfinite(found).all(axis=1)
    if bad.any():
        problem = f"{int(bad.sum())} row(s) hold NaN or infinite values, first {int(bad.argmax())}"
        refuse(where, problem, "drop or impute them first")
    return found


def check_same_rows(first: Any, second: Any, where: object, remedy: str = "") -> None:
    """Refuse two pandas objects with other rows, or another order of them: they would join by position."""
    kinds = (pd.Series, pd.DataFrame)
    if isinstance(first, kinds) and isinstance(second, kinds) and not first.index.equals(second.index):
        refuse(
            where, "the rows of the two have other names, or another order", remedy or "align them by name"
        )


def in_rows_of(values: Any, table: Any, where: object) -> Any:
    """Return a Series in the order of a DataFrame's rows, by name; NaN for rows that it does not name."""
    named = isinstance(values, pd.Series) and isinstance(table, pd.DataFrame)
    if not named or values.index.equals(table.index):
        return values
    check_unique(values.index, where, "names a row twice")
    if not table.index.isin(values.index).any():
        problem = f"names none of the {len(table)} rows of the table"
        refuse(where, problem, f"compare {list(values.index[:2])} with {list(table.index[:2])}")
    return values.reindex(table.index)


def check_names(names: Any, where: object) -> Sequence[str]:
    """Return several names; refuse a single text, which is a sequence of letters, and what is no text."""
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        refuse(where, f"expected several names, got {names!r}", "put a single one into a list")
    found = list(names)
    if not all(isinstance(name, str) for name in found):
        refuse(where, f"expected names as text, got {found[:3]}")
    return found


@contextmanager
def readable(path: object) -> Iterator[None]:
    """Turn whatever reading a table from a file raises into this project's error.

    Examples
    --------
    >>> with readable("numbers.csv"):
    ...     values = [float("1")]
    """
    try:
        yield
    except DataError:
        raise
    except (OSError, ValueError, TypeError, LookupError, BadZipFile) as error:
        refuse(path, f"cannot be read as the table that it should be: {error}", "fetch it again")


def check_records(
    table: pd.DataFrame, names: Collection[str], values: Collection[str], where: object, what: str = ""
) -> None:
    """Refuse a long table that is empty, lacks a name, or whose ``values`` are no finite numbers."""
    check_columns(table, (*names, *values), where, what)
    if not len(table):
        refuse(where, f"{what} is empty".strip())
    unnamed = [name for name in names if table[name].isna().any()]
    if unnamed:
        refuse(
            where, f"{what} holds missing entries in {', '.join(unnamed)}".strip(), "name or drop those rows"
        )
    check_numbers(table[list(values)], where, what)


def check_annotation(table: pd.DataFrame, column: str, where: object, what: str) -> None:
    """Refuse an annotation with a repeated id, or with an entry of ``column`` that is missing or no text."""
    check_columns(table, (column,), where, what)
    check_unique(table.index, where, f"{what} has duplicated row ids")
    bad = ~table[column].map(lambda entry: isinstance(entry, str) and bool(entry)).astype(bool)
    if bad.any():
        first = list(table.index[bad][:3])
        refuse(where, f"{what}: {int(bad.sum())} row(s) have no {column}, first {first}", "write 'unknown'")


def check_keep(
    keep: np.ndarray | pd.Series, n: int, where: object, rows: pd.DataFrame | None = None
) -> np.ndarray:
    """Return a choice of rows as booleans; refuse one that does not say yes or no to each of ``n`` rows.

    Where the table ``rows`` is given, a Series must have its index: it would be taken by position.
    """
    check_same_rows(rows, keep, where)
    chosen = np.asarray(keep)
    if chosen.shape != (n,) or not np.isin(chosen, (0, 1)).all():
        refuse(where, f"keep must hold one truth value for each of {n} rows, got shape {chosen.shape}")
    return chosen.astype(bool)


def check_labels(labels: Any, n: int, where: object) -> np.ndarray:
    """Return labels as an array; refuse what is not one 0 or 1 (resistant) for each of ``n`` rows."""
    found = np.asarray(labels)
    if found.shape != (n,):
        refuse(where, f"labels have shape {found.shape}, expected ({n},): one label a pair")
    found = as_numbers(found, where) if found.dtype == object else found
    if found.dtype.kind not in "biuf" or not np.isin(found, (0, 1)).all():
        refuse(where, f"labels must be 0 (sensitive) or 1 (resistant); got {list(np.unique(found)[:5])}")
    return found


def check_column(values: Any, n: int, where: object) -> np.ndarray:
    """Return a column as an array; refuse what is not one entry for each of ``n`` rows, none missing."""
    found = np.asarray(values)
    if found.shape != (n,):
        refuse(where, f"has shape {found.shape}, expected ({n},): one entry a row")
    if pd.isna(found).any():
        refuse(where, f"{int(pd.isna(found).sum())} of {n} entries are missing", "write 'unknown'")
    return found


def check_log_scale(values: np.ndarray, where: object, remedy: str = "take log2(x + 1) first") -> None:
    """Refuse expression that is linear (counts, TPM, RPKM) where a log scale is expected."""
    highest = float(np.max(np.asarray(values, float), initial=-np.inf))
    if highest > HIGHEST_LOG:
        refuse(where, f"the largest expression value is {highest:,.6g}, so the scale is linear", remedy)


def check_gene_names(names: pd.Index, where: object) -> None:
    """Refuse gene names that a spreadsheet has turned into dates or powers of ten."""
    turned = [name for name in names.astype(str) if _SPREADSHEET.fullmatch(name)]
    if turned:
        problem = f"a spreadsheet turned {len(turned)} gene name(s) into dates or numbers, first {turned[:3]}"
        refuse(where, problem, "SEPT2 becomes 2-Sep: take the table from its source, or name them by hand")


def check_direction(
    drug: np.ndarray, value: np.ndarray, resistant: np.ndarray, where: object, what: str = "value"
) -> None:
    """Refuse labels that contradict the values of the same table: resistant pairs have the higher value.

    Parameters
    ----------
    drug, value, resistant : arrays (pairs,)
        Drug, response where low means sensitive (NaN where unknown), and 1 (resistant) or 0; NaN where the
        label is unknown.

    Raises
    ------
    DataError
        If, of the drugs with both labels, more than half have the lower mean among the resistant pairs.
    """
    table = pd.DataFrame({"drug": drug, "value": value, "resistant": resistant}).dropna()
    means = table.pivot_table(index="drug", columns="resistant", values="value")
    if not {0, 1} <= set(means.columns):
        return
    gap = (means[1] - means[0]).dropna()
    wrong = gap[gap < 0]
    if len(wrong) > len(gap) / 2:
        span = f"by {wrong.abs().min():.2g} to {wrong.abs().max():.2g}"
        refuse(
            where,
            f"pairs labelled resistant have the lower mean {what} in {len(wrong)} of {len(gap)} drugs with "
            f"both labels ({span}): label 1 means resistant, and low values mean sensitive",
            "did you pass 1 = sensitive, or values that rise with sensitivity?",
        )


def check_log_response(value: np.ndarray, where: object) -> None:
    """Refuse IC50 that are not on the log scale of uM that they are taken for.

    Natural logarithms of IC50 in uM lie between about -15 and 15, their median between -8 and 10.
    """
    known = value[~np.isnan(value)]
    if not len(known):
        return
    low, high = float(known.min()), float(known.max())
    # Concentrations spread to the right over orders of magnitude, their logarithms do not.
    skewed = low > 0 and len(known) >= 20 and float(pd.Series(known).skew()) > 2
    if (low >= 0 and high > 50) or skewed:
        problem = f"IC50 from {low:.3g} to {high:.4g} are concentrations, not their logarithm"
        refuse(where, problem, "take the natural logarithm of the IC50 in uM")
    if high > 50 or low < -50:
        refuse(where, f"ln IC50 from {low:.3g} to {high:.4g} cannot be", "drop fits that ran away")
    if len(known) >= 10 and np.median(known) < -9:
        problem = f"the median ln IC50 is {np.median(known):.3g}, as of concentrations in M"
        refuse(where, problem, "give IC50 in uM: add ln(10**6) = 13.8")
