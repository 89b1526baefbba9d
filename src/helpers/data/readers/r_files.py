"""Files of R, read with :mod:`rdata`; nothing in them is executed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import rdata

from helpers.checks import refuse

#: Names of objects that hold expression where a file has several.
_PREFERRED = ("expression", "exprs", "X")


def read_r(path: str | Path) -> Any:
    """Read an R file: the objects by name of an ``.rda``/``.RData``, the object of an ``.rds``.

    Raises
    ------
    DataError
        If it is neither.
    """
    with warnings.catch_warnings():
        # Tibbles and S4 objects carry R classes that rdata has no constructor for; they are read anyway.
        warnings.filterwarnings("ignore", message="Missing constructor for R class")
        try:
            return rdata.conversion.convert(rdata.parser.parse_file(path))
        except Exception as error:
            refuse(path, f"not a readable R file: {error}", "fetch it again")


def matrix_of(value: Any, path: str | Path) -> pd.DataFrame:
    """Return a matrix with row and column names as a table."""
    if not _is_matrix(value) or value.ndim != 2 or set(value.coords) != set(value.dims):
        refuse(path, "holds no matrix with row and column names")
    rows, columns = (pd.Index(value.coords[name].to_numpy().astype(str), dtype=object) for name in value.dims)
    return pd.DataFrame(value.to_numpy(), rows, columns)


def table_of(content: Any, path: str | Path) -> pd.DataFrame:
    """Return the table of a file: its only matrix or data frame, or the one that is named expression.

    Row names become the first column.
    """
    found = {
        name: value
        for name, value in _walk("", content)
        if isinstance(value, pd.DataFrame) or _is_matrix(value)
    }
    named = [name for name in found if name.rpartition("$")[2] in _PREFERRED]
    chosen = list(found) if len(found) == 1 else named
    if len(chosen) != 1:
        refuse(
            path,
            f"holds {len(found)} tables ({', '.join(found) or 'none'})",
            "save the one that is meant alone",
        )
    value = found[chosen[0]]
    table = value if isinstance(value, pd.DataFrame) else matrix_of(value, path)
    if all(pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes):
        table = table.reset_index(names="")
    return table.set_axis([str(name) for name in table.columns], axis=1)


def _is_matrix(value: Any) -> bool:
    """Tell rdata's matrices, which are those of xarray, a dependency of rdata."""
    return hasattr(value, "coords") and hasattr(value, "dims")


def _walk(prefix: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [
            found for name, part in value.items() for found in _walk(f"{prefix}${name}".lstrip("$"), part)
        ]
    return [(prefix or "object", value)]


def pharmaco_set(content: Any, path: str | Path) -> pd.DataFrame | None:
    """Return the sensitivity of a PharmacoSet as a table of ``line``, ``drug`` and what was computed.

    None where the file holds no PharmacoSet.

    Raises
    ------
    DataError
        If it is one without sensitivity, or in a form that is not known.
    """
    objects = content.values() if isinstance(content, dict) else [content]
    slots = [vars(one) for one in objects if hasattr(one, "__dict__") and not isinstance(one, pd.DataFrame)]
    pset = next((one for one in slots if {"sensitivity", "treatmentResponse"} & set(one)), None)
    if pset is None:
        return None
    response = pset.get("treatmentResponse", pset.get("sensitivity"))
    if not isinstance(response, dict) or not all(
        isinstance(response.get(part), pd.DataFrame) and len(response[part]) for part in ("info", "profiles")
    ):
        remedy = "write sensitivityInfo and sensitivityProfiles of PharmacoGx as one csv"
        refuse(path, "a PharmacoSet without tables of sensitivity (info, profiles)", remedy)
    info, profiles = response["info"], response["profiles"]
    if not info.index.equals(profiles.index):
        profiles = profiles.reindex(info.index)
    table = pd.concat([info, profiles[[name for name in profiles if name not in info]]], axis=1)
    return table.set_axis([str(name) for name in table.columns], axis=1).reset_index(drop=True)
