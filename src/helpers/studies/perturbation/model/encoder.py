"""Cell and compound as the five ordinal features that the networks see."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.checks import check_names
from helpers.errors import DataError, ParameterError
from helpers.studies.perturbation.model.published import VOCABULARY
from helpers.studies.perturbation.types import check_rows

#: Feature -> the column of the rows that it comes from, in the order of the paper's text.
FEATURES = {
    "cell": "cell",
    "compound": "compound",
    "lincs_id": "lincs_id",
    "smiles": "smiles",
    "length": "smiles",
}
#: Code of every category that was not among the fitted rows; its embedding is never trained.
UNKNOWN = 0


class CategoryEncoder:
    """Ordinal codes of cell, compound name, LINCS id, SMILES (whole, as one category) and its length.

    Categories are numbered from 1 in sorted order of the fitted rows; 0 is the reserved code of every
    category that was not fitted. With name, id and SMILES unknown (a held-out compound) a network thus
    knows the cell and, where another compound is as long, the length, and nothing else.

    Parameters
    ----------
    features : tuple of str
        Which features, in which order; names as in :data:`FEATURES`.
    length : {"code", "number"}
        The length as a category like the others, or as the number itself.
    """

    def __init__(self, features: tuple[str, ...] = tuple(FEATURES), length: str = "code") -> None:
        features = tuple(check_names(features, "features"))
        wrong = [f for f in features if f not in FEATURES]
        if wrong or not features or len(set(features)) < len(features):
            msg = f"features={features}: name each at most once, out of {', '.join(FEATURES)}"
            raise ParameterError(msg)
        if length not in ("code", "number"):
            msg = f"length={length!r} is not one of code, number"
            raise ParameterError(msg)
        self.features = features
        self._numbers = ("length",) if length == "number" else ()

    def fit(self, rows: pd.DataFrame) -> CategoryEncoder:
        """Learn the categories of ``rows``, a table with the columns cell, compound, lincs_id, smiles.

        Raises
        ------
        DataError
            If a column is missing, a value is missing, or a feature has more than 999 categories.
        """
        columns = self._columns(rows)
        self.categories_ = {f: np.unique(columns[f]) for f in self.features if f not in self._numbers}
        for feature, categories in self.categories_.items():
            if len(categories) >= VOCABULARY:
                msg = (
                    f"{feature}: {len(categories)} categories, but the embedding has {VOCABULARY} rows, one "
                    "of them for unknown categories; fit fewer rows at a time"
                )
                raise DataError(msg)
        return self

    @property
    def largest_code(self) -> int:
        """Largest code in use."""
        return max((len(c) for c in self.categories_.values()), default=0)

    def transform(self, rows: pd.DataFrame) -> np.ndarray:
        """Codes of ``rows``, int32 (rows, features).

        Raises
        ------
        DataError
            If a column or value is missing, or no rows were fitted.
        """
        if not hasattr(self, "categories_"):
            msg = "CategoryEncoder: it knows no categories yet; fit it first"
            raise DataError(msg)
        columns = self._columns(rows)
        codes = np.empty((len(rows), len(self.features)), dtype=np.int32)
        for i, feature in enumerate(self.features):
            values = columns[feature]
            if feature in self._numbers:
                codes[:, i] = values
                continue
            known = self.categories_[feature]
            place = np.minimum(np.searchsorted(known, values), len(known) - 1)
            codes[:, i] = np.where(known[place] == values, place + 1, UNKNOWN)
        return codes

    def _columns(self, rows: pd.DataFrame) -> dict[str, np.ndarray]:
        needed = sorted({FEATURES[f] for f in self.features})
        check_rows(rows, needed)
        text = {c: rows[c].astype(str).to_numpy(dtype=str) for c in needed}
        return {
            f: np.char.str_len(text[FEATURES[f]]) if f == "length" else text[FEATURES[f]]
            for f in self.features
        }
