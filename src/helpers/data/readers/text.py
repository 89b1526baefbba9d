"""Tables as people have them, whatever the file: text, xlsx, Parquet or R; the raw header is kept.

Of a text file encoding, separator and decimal mark are found from what stands in it. Where two readings are
possible, the table is refused: a number is never guessed.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow

from helpers.checks import check_columns, refuse
from helpers.data.readers.r_files import read_r, table_of
from helpers.errors import DataError

_OPEN: dict[bytes, tuple[str, Callable[..., Any]]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bz2", bz2.open),
    b"\xfd7zXZ": ("xz", lzma.open),
}
_R = (b"RDX", b"RDA", b"X\n", b"A\n")
_SEPARATORS = ("\t", ";", ",", "|", " ")
_SAMPLE = 400  # lines that separator and decimal mark are found from
_MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "#N/A", "-"]
_DECIMAL_COMMA = re.compile(r"-?\d*,\d+([eE][-+]?\d+)?")
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(,\d{3})+")
_PLAIN_NUMBER = re.compile(r"-?\d*\.?\d+([eE][-+]?\d+)?")


@dataclass
class Raw:
    """A table as it stands in its file.

    Attributes
    ----------
    path : Path
    table : DataFrame
        Columns are the header's own names, stripped, which may repeat; ids are text.
    notes : list of str
    annotation : int
        Leading columns that the format itself says are no values (GCT), 0 where it says nothing.
    """

    path: Path
    table: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    annotation: int = 0

    @property
    def header(self) -> list[str]:
        """Names of the columns."""
        return list(self.table.columns)


def read_table(path: str | Path, text: Collection[str] = ()) -> Raw:
    """Read a table of any of the formats.

    Parameters
    ----------
    path : str or Path
    text : collection of str
        Names of columns (lower case) that hold ids or words; the first column always does.

    Raises
    ------
    DataError
        If the file is missing, empty, no table, or can be read in two ways.
    """
    path = Path(path)
    if not path.is_file():
        refuse(path, "there is no such file")
    with path.open("rb") as stream:
        magic = stream.read(8)
    if not magic:
        refuse(path, "the file is empty", "fetch it again")
    if magic[:4] == b"PAR1":
        return _parquet(path)
    if magic[:2] == b"PK":
        try:
            names = zipfile.ZipFile(path).namelist()
        except zipfile.BadZipFile as error:
            refuse(path, f"a damaged workbook or zip archive: {error}", "fetch it again")
        if "xl/workbook.xml" not in names:
            refuse(path, "a zip archive", "unpack it, then give the table in it")
        return _excel(path)
    if magic == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        refuse(path, "a workbook of the old Excel format", "save it as xlsx or csv")
    if magic[:4] == b"\x89HDF":
        refuse(path, "an HDF5 file, not a table", "read it as gctx or h5ad")
    compression, opened = next(
        (how for start, how in _OPEN.items() if magic.startswith(start)), (None, Path.open)
    )
    try:
        with opened(path, "rb") as stream:
            head = stream.read(1 << 20)
    except (OSError, EOFError, lzma.LZMAError) as error:
        refuse(path, f"damaged {compression or 'file'}: {error}", "fetch it again")
    if head.startswith(_R):
        return Raw(path, table_of(read_r(path), path))
    return _text(path, head, compression, {name.lower() for name in text})


def _text(path: Path, head: bytes, compression: str | None, text: set[str]) -> Raw:
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    sample = head.decode(encoding, errors="replace")
    if b"\0" in head and encoding != "utf-16":
        refuse(path, "a binary file, not a table", "give a text table, xlsx, Parquet or R file")
    lines = sample.splitlines()
    if len(head) == 1 << 20:
        lines = lines[:-1]  # cut in the middle
    lines = lines[: _SAMPLE + 3]
    if lines and lines[0].lstrip().lower().startswith(("<!doctype", "<html", "<?xml")):
        refuse(path, "a web page, not a table (a log-in or an error page?)", "fetch the file again")
    first, after, annotation, comment = _header(lines, path)
    separator = _separator([lines[first], *lines[after:]], path)
    rows = list(csv.reader([lines[first], *lines[after:]], delimiter=separator, skipinitialspace=True))
    header, rows = [name.strip() for name in rows[0]], [row for row in rows[1:] if row]
    width = max(map(len, rows), default=0)
    if width == len(header) + 1:  # R's write.table leaves out the name of the row names
        header = ["", *header]
    if width != len(header):
        problem = f"the header names {len(header)} columns, the rows have {width}"
        refuse(path, problem, "are there decimal commas in a table with commas between columns?")
    decimal = _decimal(rows, header, text, path)
    words = {0} | {at for at, name in enumerate(header) if name.lower() in text} | set(range(annotation))
    options: dict[str, Any] = {
        "sep": separator,
        "decimal": decimal,
        "header": None,
        "skiprows": after,
        "comment": comment,
        "compression": compression,
        "dtype": dict.fromkeys(words, str),
        "na_values": {at: [""] if at in words else _MISSING for at in range(len(header))},
        "keep_default_na": False,
        "skipinitialspace": True,
        "low_memory": False,
    }
    notes = []
    try:
        try:
            table = pd.read_csv(path, encoding=encoding, **options)
        except UnicodeDecodeError:
            table = pd.read_csv(path, encoding="latin-1", **options)
            header = [name.strip() for name in _latin(head, first, separator)][-len(header) :]
            header = [""] * (table.shape[1] - len(header)) + header
            notes.append("The file is not UTF-8; it was read as Latin-1.")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, OSError, EOFError, ValueError) as error:
        refuse(path, f"not a readable table: {error}", "every row needs as many columns as the header")
    if decimal == ",":
        notes.append("Numbers have decimal commas.")
    for at in words:
        table[at] = table[at].str.strip()
    return Raw(path, table.set_axis(header, axis=1), notes, annotation)


def _latin(head: bytes, line: int, separator: str) -> list[str]:
    text = head.decode("latin-1").splitlines()[line]
    return next(csv.reader([text], delimiter=separator, skipinitialspace=True))


def _header(lines: list[str], path: Path) -> tuple[int, int, int, str | None]:
    """Find the header's line, the first line of values, GCT's annotation, and the mark of comments."""
    if not lines:
        refuse(path, "the file is empty", "fetch it again")
    if lines[0].startswith(("#1.2", "#1.3")):
        counts = lines[1].split() if len(lines) > 1 else []
        if len(counts) < 2 or len(lines) < 4 or not all(count.isdigit() for count in counts):
            refuse(path, "a GCT file without the line of its size", "fetch it again")
        of_rows, of_columns = (int(counts[2]), int(counts[3])) if len(counts) > 3 else (1, 0)
        return 2, 3 + of_columns, 1 + of_rows, None
    if lines[0].startswith("!"):  # GEO's series matrix
        start = next((at for at, line in enumerate(lines) if line and line[0] != "!"), None)
        if start is None:
            refuse(path, "no table after the lines of the series", "take the supplement of the series")
        return start, start + 1, 0, "!"
    start = next((at for at, line in enumerate(lines) if line.strip() and line[0] != "#"), None)
    if start is None:
        refuse(path, "no table after the comments")
    return start, start + 1, 0, None


def _separator(lines: list[str], path: Path) -> str:
    """Find the separator that cuts header and rows into equally many parts, two or more."""
    for separator in _SEPARATORS:
        rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        counts = [len(row) for row in rows if row]
        rest = set(counts[1:]) or {counts[0]}
        if counts[0] > 1 and len(rest) == 1 and rest <= {counts[0], counts[0] + 1}:
            return separator
    # Ragged rows: the separator of the header, so that the message says what differs.
    best = max(_SEPARATORS, key=lines[0].count)
    if best not in lines[0]:
        refuse(path, f"one column only, it starts {lines[0][:40]!r}", "give a table with ids and values")
    return best


def _decimal(rows: list[list[str]], header: list[str], text: set[str], path: Path) -> str:
    """Find the decimal mark; refuse numbers that can be read in two ways."""
    kept = [at for at, name in enumerate(header) if at and name.lower() not in text]
    cells = [(row[at].strip(), header[at]) for row in rows for at in kept if at < len(row)]
    commas = [(cell, name) for cell, name in cells if _DECIMAL_COMMA.fullmatch(cell)]
    if not commas:
        return "."
    points = [cell for cell, _ in cells if "." in cell and _PLAIN_NUMBER.fullmatch(cell)]
    cell, name = commas[0]
    if points:
        problem = f"column {name!r} holds {cell!r}, yet other numbers have a decimal point ({points[0]})"
        refuse(path, problem, "write all numbers with one mark")
    if all(_THOUSANDS.fullmatch(cell) for cell, _ in commas):
        problem = f"column {name!r} holds {cell!r}, which is a decimal comma or a mark of thousands"
        refuse(path, problem, "write numbers with decimal points and without marks of thousands")
    return ","


def _excel(path: Path) -> Raw:
    try:
        rows = pd.read_excel(path, header=None, dtype=object)
    except ImportError as error:
        msg = f"{path}: reading xlsx needs the package openpyxl; install it, then load again"
        raise DataError(msg) from error
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        refuse(path, f"not a readable workbook: {error}")
    if rows.empty:
        refuse(path, "the first sheet is empty", "put the table on the first sheet")
    header = ["" if pd.isna(name) else str(name).strip() for name in rows.iloc[0]]
    return Raw(path, rows.iloc[1:].reset_index(drop=True).infer_objects().set_axis(header, axis=1))


def _parquet(path: Path) -> Raw:
    try:
        table = pd.read_parquet(io.BytesIO(path.read_bytes()))
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        refuse(path, f"not a readable Parquet file: {error}", "fetch it again")
    check_columns(table, (), path)
    if not isinstance(table.index, pd.RangeIndex):
        table = table.reset_index(names="")
    return Raw(path, table.set_axis([str(name) for name in table.columns], axis=1))
