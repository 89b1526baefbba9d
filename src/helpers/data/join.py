"""Lines and drugs of two tables joined by id, then name or synonym, then normalised name; never by order."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import pandas as pd

from helpers.checks import check_columns, refuse

#: Columns that are ids: equal means the same.
IDS = ("model_id", "sanger_id", "cosmic_id", "drug_id")
_CCLE = re.compile(r"^([A-Z0-9]+)(_[A-Z]{3,})+$")  # 22RV1_PROSTATE


def normalised(name: str) -> str:
    """Return a name without case, blanks and marks; of a CCLE name without its tissue."""
    match = _CCLE.match(name)
    return re.sub(r"[\W_]", "", (match[1] if match else name).casefold())


def match(asked: pd.DataFrame, known: pd.DataFrame, what: str) -> pd.DataFrame:
    """Find each asked line (or drug) among the known ones.

    Parameters
    ----------
    asked, known : DataFrame
        Index = name, or an id of any kind; columns of text, empty where unknown: those of :data:`IDS` are
        ids, all others names. ``synonyms`` may hold several, separated by commas.
    what : str
        ``"line"`` or ``"drug"``, for messages.

    Returns
    -------
    DataFrame
        Index as ``asked``. ``found`` (index of ``known``, empty where lost), ``how`` (``"id"``, ``"name"``,
        ``"normalised name"`` or ``"lost"``) and ``why`` (what was equal, or why it was lost).

    Raises
    ------
    DataError
        If nothing is found.
    """
    for table, side in ((asked, "asked for"), (known, "known")):
        check_columns(table, (), "join", f"the table of {what}s {side}")
    by_id = {column: _by_text(known[column]) for column in IDS if column in known}
    by_name = _by_text(
        pd.Series([_texts(name, row) for name, row in _rows(known)], known.index, dtype=object)
    )
    by_normal: dict[str, set] = defaultdict(set)
    for text, targets in by_name.items():
        by_normal[normalised(text)] |= targets
    by_normal.pop("", None)
    rows = []
    for name, row in _rows(asked):
        texts = _texts(name, row)
        tries: list[tuple[str, str, set]] = [
            ("id", f"{column} {text}", table.get(text, set()))
            for column, table in by_id.items()
            for text in (row.get(column, ""), name)
        ]
        tries += [("name", text, by_name.get(text, set())) for text in texts]
        tries += [("normalised name", text, by_normal.get(normalised(text), set())) for text in texts]
        hits = [one for one in tries if one[2]]
        if not hits:
            rows.append(("", "lost", "not in the other table"))
        elif len(hits[0][2]) > 1:
            rows.append(("", "lost", f"could be each of {', '.join(sorted(map(str, hits[0][2])))}"))
        else:
            how, why, targets = hits[0]
            rows.append((next(iter(targets)), how, why))
    report = pd.DataFrame(rows, asked.index, ["found", "how", "why"])
    if (report["how"] == "lost").all():
        first = f"asked {list(asked.index[:3])}, known {list(known.index[:3])}"
        refuse("join", f"no {what} is in both tables ({first})", "add a table that names both ids")
    return report


def summary(report: pd.DataFrame, what: str) -> str:
    """Say in one sentence how many were matched, how, and which were lost."""
    counts = report["how"].value_counts()
    ways = ", ".join(f"{counts[how]} by {how}" for how in ("id", "name", "normalised name") if how in counts)
    lost = report.index[report["how"] == "lost"]
    named = ", ".join(map(str, lost[:10])) + (" ..." if len(lost) > 10 else "")
    kept = len(report) - len(lost)
    return f"{kept} of {len(report)} {what}s joined ({ways})" + (f"; lost: {named}." if len(lost) else ".")


def _rows(table: pd.DataFrame) -> Iterator[tuple[str, dict[str, str]]]:
    for name, row in zip(table.index, table.to_numpy(object), strict=True):
        texts = ["" if pd.isna(value) else str(value) for value in row]
        yield str(name), dict(zip(table.columns, texts, strict=True))


def _texts(name: str, row: dict[str, str]) -> list[str]:
    names = [text for column, text in row.items() if column not in (*IDS, "synonyms")]
    several = [text.strip() for text in row.get("synonyms", "").split(",")]
    return [text for text in (name, *names, *several) if text]


def _by_text(texts: pd.Series) -> dict[str, set]:
    found: dict[str, set] = defaultdict(set)
    for target, some in texts.items():
        for text in [some] if isinstance(some, str) else some:
            if text:
                found[text].add(target)
    return found
