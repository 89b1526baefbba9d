"""The numbers that the papers report, as transcribed in ``data/<name>/published.json``."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from helpers.errors import ClaimError
from helpers.project import project_root
from helpers.strict_yaml import problems


class Published(BaseModel):
    """One published number.

    Attributes
    ----------
    id : str
        Unique over all papers, e.g. ``"CCLE.nested_cv.RefDNN.AUCROC"``.
    mean, sd : float or None
        As published; ``sd`` with n - 1.
    median, q25, q75 : float or None
        Where the paper (or a recomputation from its files) gives them.
    n : int or None
        Number of folds, groups, runs or cells behind the number.
    source : str
        Table, figure or file that the number was read from.
    """

    # Entries carry further columns from one paper to the next; readers need only these.
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    dataset: str | None = None
    protocol: str | None = None
    model: str | None = None
    metric: str | None = None
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    q25: float | None = None
    q75: float | None = None
    n: int | None = None
    source: str
    note: str | None = None


def load_published(folder: str | Path | None = None) -> dict[str, Published]:
    """Read the ``published.json`` of every paper into one register, keyed by id.

    Parameters
    ----------
    folder : str or Path, optional
        Default: ``data`` of the project.

    Raises
    ------
    ClaimError
        If a file is not a JSON list of entries, an entry lacks ``id`` or ``source``, or two
        entries share an id.
    """
    folder = Path(folder) if folder is not None else project_root() / "data"
    register: dict[str, Published] = {}
    for path in sorted(folder.glob("*/published.json")):
        for number, one in enumerate(_entries(path)):
            try:
                entry = Published.model_validate(one)
            except ValidationError as error:
                msg = f"{path}: entry {number}, {problems(error, most=1)}"
                raise ClaimError(msg) from error
            if entry.id in register:
                msg = f"{path}: published id {entry.id!r} occurs twice; ids are unique over all files"
                raise ClaimError(msg)
            register[entry.id] = entry
    return register


def _entries(path: Path) -> list:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        msg = f"{path} is not valid JSON: {error}"
        raise ClaimError(msg) from error
    if not isinstance(entries, list):
        msg = f"{path} must hold a list of entries, not a {type(entries).__name__}"
        raise ClaimError(msg)
    return entries
