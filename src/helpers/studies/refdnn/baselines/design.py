"""Designs shared by the pair models: drug features, and pairs collapsed to weighted lines."""

from __future__ import annotations

import numpy as np

from helpers.errors import DataError, ParameterError
from helpers.studies.refdnn.features import PairFeatures

#: What a model may know of a drug.
DRUG_FEATURES = ("none", "one-hot", "similarity", "fingerprint")


def drug_matrix(features: PairFeatures, kind: str, training_drugs: np.ndarray) -> np.ndarray:
    """Features of all drugs.

    Parameters
    ----------
    features : PairFeatures
    kind : {"none", "one-hot", "similarity", "fingerprint"}
        Nothing; which training drug it is (zeros for an unseen drug); structural similarity to the
        training drugs, as RefDNN's reference drugs; or the fingerprint bits that vary among the
        training drugs.
    training_drugs : array of int
        Codes of the drugs in the training pairs (repeats are ignored).

    Returns
    -------
    array, drugs x features, float32

    Raises
    ------
    ParameterError
        If ``kind`` is unknown.
    """
    known = np.unique(training_drugs)
    n = len(features.drug_names)
    if kind == "none":
        return np.zeros((n, 0), dtype=np.float32)
    if kind == "one-hot":
        return np.eye(n, dtype=np.float32)[:, known]
    if kind == "similarity":
        return np.ascontiguousarray(features.similarity[:, known])
    if kind == "fingerprint":
        bits = features.fingerprints
        varies = (bits[known] != bits[known[0]]).any(axis=0)
        return bits[:, varies].astype(np.float32)
    msg = f"unknown drug features {kind!r}; one of {', '.join(DRUG_FEATURES)}"
    raise ParameterError(msg)


def weighted_lines(line: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Collapse pairs to distinct (line, label) rows with counts.

    A model that sees expression only has equal features in all pairs of a line, so that thousands
    of pairs are a few hundred weighted rows.

    Parameters
    ----------
    line : array (n,) of int
    y : array (n,) of 0 and 1

    Returns
    -------
    line, label, count : arrays (rows,)
        Sorted by line, then label.
    """
    key, count = np.unique(2 * line + y, return_counts=True)
    return key // 2, key % 2, count


def need_two_classes(y: np.ndarray, model: object) -> None:
    """Raise DataError if the training labels are all equal."""
    if y.min() == y.max():
        msg = f"{type(model).__name__}: all {len(y)} training pairs have label {y[0]}; it needs both labels"
        raise DataError(msg)
