"""Pairs of one data set as models take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.checks import as_numbers, check_annotation, check_column, check_labels, refuse
from helpers.data.types import ResponseData
from helpers.studies.refdnn.features import PairFeatures


@dataclass(frozen=True, eq=False)
class PairTable:
    """Pairs of one data set as models take them.

    Attributes
    ----------
    features : PairFeatures
    codes : array (n, 2): line, drug
    y : array (n,), 1 = resistant
    value : array (n,), log IC50
    cancer_type : array (n,) of str
    patient : array (n,) of str, optional
        Whom the line comes from; None where every line has a patient of its own.

    Raises
    ------
    DataError
        If columns differ in length, codes lie outside the features, or an entry cannot be.
    """

    features: PairFeatures
    codes: np.ndarray
    y: np.ndarray
    value: np.ndarray
    cancer_type: np.ndarray
    patient: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.features, PairFeatures) or not isinstance(self.codes, np.ndarray):
            refuse("pairs", "need PairFeatures and codes into them", "use PairTable.from_data")
        n = len(self.features.encode(self.codes))
        if not n:
            refuse("pairs", "there are none")
        check_labels(self.y, n, "pairs, y")
        value = as_numbers(self.value, "pairs, value")
        if value.shape != (n,) or np.isinf(value).any():
            refuse("pairs, value", "must be one number a pair, not infinite", "use NaN where it is unknown")
        for what in ("cancer_type", "patient"):
            if getattr(self, what) is not None:
                check_column(getattr(self, what), n, f"pairs, {what}")

    @classmethod
    def from_data(cls, data: ResponseData) -> PairTable:
        """Encode the response table of ``data``; the row order is kept.

        Raises
        ------
        DataError
            If ``data`` is no ResponseData, or its lines name the patient of some alone.
        """
        features = PairFeatures.from_data(data)
        response = data.response
        patient = None
        if "patient" in data.lines:
            check_annotation(data.lines, "patient", data.name, "lines")
            patient = data.lines["patient"].reindex(response["line"]).to_numpy(str)
        return cls(
            features,
            features.encode(response),
            response["resistant"].to_numpy(np.int64),
            response["value"].to_numpy(float),
            data.lines["cancer_type"].reindex(response["line"]).to_numpy(str),
            patient,
        )

    def __len__(self) -> int:
        return len(self.y)

    @property
    def lines(self) -> np.ndarray:
        """Line code of each pair."""
        return self.codes[:, 0]

    @property
    def drugs(self) -> np.ndarray:
        """Drug code of each pair."""
        return self.codes[:, 1]

    @property
    def patients(self) -> np.ndarray:
        """Patient of each pair: what a fold of unseen lines keeps together."""
        return self.lines if self.patient is None else self.patient

    def drug_names(self) -> np.ndarray:
        """Drug name of each pair."""
        return self.features.drug_names[self.drugs]
