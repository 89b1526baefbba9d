"""Checks of the tables that the plots take."""

from __future__ import annotations

import pandas as pd

from helpers.errors import DataError


def need_columns(plot: str, table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    """Refuse a table that is empty or lacks a column.

    Raises
    ------
    DataError
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        msg = f"{plot}: the table lacks the column(s) {missing}; it has {list(table.columns)}"
        raise DataError(msg)
    if table.empty:
        msg = f"{plot}: the table is empty, nothing to draw"
        raise DataError(msg)
