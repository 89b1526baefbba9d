"""The corner of the competition's table that a public notebook printed: 25 compounds x 97 genes."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.checks import check_numbers, check_table
from helpers.errors import DataError

BLOCK = "kaggle-printed-block"
_LEFT_OUT = ("⋮", "⋯", "⋱")  # what stands for omitted rows and columns


def read_printed_block(path: Path) -> pd.DataFrame:
    """Read the table that a cell of the notebook printed; nothing of the notebook is executed.

    Parameters
    ----------
    path : Path
        A notebook whose outputs hold one HTML table with the columns ``sm_name``, ``cell_type`` and genes.

    Returns
    -------
    DataFrame, compounds x genes, float64
        Signed -log10 p. In the names of genes the notebook wrote ``_`` for every other sign than letters and
        digits.

    Raises
    ------
    DataError
        If the file is no notebook, no output holds such a table, or the table is damaged.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
        texts = ["".join(data["text/html"]) for data in outputs if "text/html" in data]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path} is not a readable notebook: {error}"
        raise DataError(msg) from error
    for text in texts:
        rows = _table(text)
        if rows and {"sm_name", "cell_type"} <= set(rows[0]):
            return _block(path, rows)
    msg = f"{path}: no output holds a table with the columns sm_name and cell_type"
    raise DataError(msg)


def matched_genes(block: pd.DataFrame, genes: pd.Index) -> pd.DataFrame:
    """Give the printed genes their own names, those of ``genes`` that read the same with ``_`` for signs.

    Raises
    ------
    DataError
        If a printed gene is none of them, or could be two.
    """
    printed = genes.str.replace(r"[^0-9A-Za-z]", "_", regex=True)
    own = pd.Series(genes, index=printed)
    own = own[own.index.isin(block.columns)]
    if sorted(own.index) != sorted(block.columns):
        msg = f"{len(set(block.columns) - set(own.index))} printed gene(s) are not in the table, or are twice"
        raise DataError(msg)
    return block.set_axis(own.loc[block.columns].to_numpy(object), axis=1)


def _block(path: Path, rows: list[list[str]]) -> pd.DataFrame:
    head, *body = rows
    body = [row for row in body if len(row) == len(head) and row[0].isdigit()]
    first = head.index("cell_type") + 1
    columns = [i for i in range(first, len(head)) if head[i] not in _LEFT_OUT]
    try:
        values = np.array([[float(row[i]) for i in columns] for row in body])
    except ValueError as error:
        msg = f"{path}: the printed table is damaged: {error}"
        raise DataError(msg) from error
    if values.size == 0:
        msg = f"{path}: the printed table has no rows"
        raise DataError(msg)
    names = [row[head.index("sm_name")] for row in body]
    if len({row[first - 1] for row in body}) > 1:
        msg = f"{path}: the printed rows are of several cell types; one is expected"
        raise DataError(msg)
    table = pd.DataFrame(values, index=names, columns=[head[i] for i in columns])
    check_table(table, path, "the printed table")
    check_numbers(table, path, "the printed table")
    return table


class _Cells(HTMLParser):
    """Texts of a table's cells, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data.strip()


def _table(text: str) -> list[list[str]]:
    parser = _Cells()
    parser.feed(text)
    return parser.rows
