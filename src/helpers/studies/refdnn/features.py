"""Features of lines and drugs, stored once and gathered by index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from helpers.checks import as_numbers, check_column, check_columns, check_unique, refuse
from helpers.data.types import ResponseData
from helpers.errors import DataError


def tanimoto(fingerprints: np.ndarray) -> np.ndarray:
    """Tanimoto similarity of binary fingerprints (1 - Jaccard distance).

    Parameters
    ----------
    fingerprints : array, drugs x bits, of 0 and 1

    Returns
    -------
    array, drugs x drugs, float32
        1 where both fingerprints are empty.

    Raises
    ------
    DataError
        If they are no table of 0 and 1.
    """
    bits = _bits(fingerprints)
    common = bits @ bits.T
    size = bits.sum(axis=1)
    union = size[:, None] + size[None, :] - common
    return np.where(union > 0, common / np.where(union > 0, union, 1), 1.0).astype(np.float32)


@dataclass(frozen=True, eq=False)
class PairFeatures:
    """What models know of lines and drugs; a pair is two integers into it.

    No model copies a line's expression into each of its pairs: rows are gathered by index. The
    object is immutable, so ``sklearn.clone`` shares it instead of copying.

    Attributes
    ----------
    expression : array, lines x genes, float32, C order
    fingerprints : array, drugs x bits, uint8
    line_names, drug_names, gene_names : array of str
    line_types : array of str, optional
        Cancer type of each line, for the models that use nothing else of it.

    Raises
    ------
    DataError
        If a table is empty, has another shape than its names, or holds NaN, text or (of fingerprints)
        anything but 0 and 1; if a name repeats, or a cancer type is missing.
    """

    expression: np.ndarray
    fingerprints: np.ndarray
    line_names: np.ndarray
    drug_names: np.ndarray
    gene_names: np.ndarray
    line_types: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("line_names", "drug_names", "gene_names"):
            object.__setattr__(self, name, _names(getattr(self, name), name))
        expression = np.ascontiguousarray(as_numbers(self.expression, "expression", np.float32))
        fingerprints = np.ascontiguousarray(_bits(self.fingerprints), dtype=np.uint8)
        if expression.ndim != 2 or expression.shape != (len(self.line_names), len(self.gene_names)):
            msg = (
                f"expression has shape {expression.shape}, expected "
                f"({len(self.line_names)} lines, {len(self.gene_names)} genes)"
            )
            raise DataError(msg)
        if not np.isfinite(expression).all():
            msg = "expression holds NaN or infinite values"
            raise DataError(msg)
        if fingerprints.ndim != 2 or len(fingerprints) != len(self.drug_names):
            msg = (
                f"fingerprints have shape {fingerprints.shape}, expected {len(self.drug_names)} rows of "
                "equal length"
            )
            raise DataError(msg)
        for name, value in (("expression", expression), ("fingerprints", fingerprints)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        if self.line_types is not None:
            check_column(self.line_types, len(expression), "line_types")

    @classmethod
    def from_data(cls, data: ResponseData) -> PairFeatures:
        """Take lines, genes and drugs of ``data``; drugs in alphabetical order, as RefDNN does.

        Raises
        ------
        DataError
            If ``data`` is no ResponseData, or a line of its expression has no cancer type.
        """
        if not isinstance(data, ResponseData):
            refuse("features", f"need a ResponseData, got {type(data).__name__}")
        without = data.expression.index.difference(data.lines.index)
        if len(without):
            problem = f"{len(without)} lines of the expression have no annotation, first {list(without[:3])}"
            refuse(data.name, problem, "annotate them, or leave them out")
        fingerprints = data.fingerprints.sort_index()
        return cls(
            expression=data.expression.to_numpy(np.float32),
            fingerprints=fingerprints.to_numpy(np.uint8),
            line_names=data.expression.index.to_numpy(str),
            drug_names=fingerprints.index.to_numpy(str),
            gene_names=data.expression.columns.to_numpy(str),
            line_types=data.lines["cancer_type"].reindex(data.expression.index).to_numpy(str),
        )

    def with_types(self) -> PairFeatures:
        """Return the same with the cancer type as further inputs of the line, beside the genes.

        Each type is a column that is zero for lines of other types and the mean of expression for its own,
        so that a type weighs as much as a typical gene.

        Raises
        ------
        DataError
            If the cancer types are not known.
        """
        if self.line_types is None:
            msg = "with_types needs features with line_types, the cancer type of each line"
            raise DataError(msg)
        types = np.unique(self.line_types)
        columns = np.where(self.line_types[:, None] == types, self.expression.mean(), 0)
        return replace(
            self,
            expression=np.hstack([self.expression, columns]),
            gene_names=np.concatenate([self.gene_names, [f"type: {name}" for name in types]]),
        )

    @cached_property
    def similarity(self) -> np.ndarray:
        """Structural similarity of all drugs (Tanimoto), drugs x drugs, float32."""
        value = tanimoto(self.fingerprints)
        value.setflags(write=False)
        return value

    def encode(self, pairs: pd.DataFrame | np.ndarray) -> np.ndarray:
        """Turn pairs into codes.

        Parameters
        ----------
        pairs : DataFrame with columns ``line`` and ``drug``, or integer array (n, 2)
            Names, or codes (line, drug) that are checked and returned.

        Returns
        -------
        array (n, 2), int64

        Raises
        ------
        DataError
            If a line or drug is unknown, or the array has another shape.
        """
        if isinstance(pairs, pd.DataFrame):
            check_columns(pairs, ("line", "drug"), "pairs")
            codes = []
            for column, names in (("line", self.line_names), ("drug", self.drug_names)):
                code = pd.Index(names).get_indexer(pairs[column].astype(str))
                if (code < 0).any():
                    unknown = pd.unique(pairs[column][code < 0])
                    msg = f"{len(unknown)} unknown {column}(s) in the pairs, first {list(unknown[:3])}"
                    raise DataError(msg)
                codes.append(code)
            return np.column_stack(codes).astype(np.int64)
        given = np.asarray(pairs)
        if given.ndim != 2 or given.shape[1] != 2 or not np.issubdtype(given.dtype, np.integer):
            msg = (
                "pairs must be a table with columns line and drug, or integer codes (n, 2); "
                f"got {given.shape} {given.dtype}"
            )
            raise DataError(msg)
        limits = (len(self.line_names), len(self.drug_names))
        if len(given) and ((given < 0).any() or (given >= limits).any()):
            msg = f"pair codes exceed the {limits[0]} lines or {limits[1]} drugs of the features"
            raise DataError(msg)
        return given.astype(np.int64, copy=False)

    def __getstate__(self) -> dict[str, Any]:
        # The cached similarity is left out, so that equal features have equal hashes in a cache.
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def __deepcopy__(self, memo: dict[int, Any]) -> PairFeatures:
        return self


def _names(values: Any, what: str) -> np.ndarray:
    names = np.asarray(values)
    if names.ndim != 1 or not len(names):
        refuse(what, f"must be a list of names, got shape {names.shape}")
    check_unique(pd.Index(names), what, "names repeat")
    return names


def _bits(fingerprints: Any) -> np.ndarray:
    """Return fingerprints as float64; a cast to bytes alone would take counts, shares and NaN for bits."""
    bits = as_numbers(fingerprints, "fingerprints (drugs x bits, every drug with as many bits)", np.float64)
    if bits.ndim != 2 or not bits.size:
        refuse("fingerprints", f"must be a table of drugs x bits, got shape {bits.shape}")
    if not np.isin(bits, (0, 1)).all():
        refuse("fingerprints", "must hold only 0 and 1", "cut counts at 1")
    return bits
