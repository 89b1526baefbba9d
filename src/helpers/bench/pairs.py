"""Pairs of lines and drugs: what models see of them, folds by application, scores within drugs.

Columns are made inside each fold, of nothing but its training part.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.metrics import pairwise_distances

from helpers.bench.ranking import Job, Predicted, Ranking, judge_scores, score_folds
from helpers.bounds import check_number
from helpers.checks import check_annotation, check_numbers, refuse
from helpers.data.types import ResponseData
from helpers.errors import DataError, ParameterError
from helpers.evaluation.metrics import classification_metrics, within_group_auroc
from helpers.evaluation.protocol import Fold
from helpers.evaluation.splits import line_folds, stratified_pair_folds

#: What is unseen in the test.
SPLITS = {
    "pairs": "random pairs",
    "lines": "unseen lines",
    "types": "unseen cancer types",
    "drugs": "unseen drugs",
}
#: Column of the response that is predicted, and the metric that ranks.
TARGETS = {
    "resistant": "AUCROC within drugs",
    "value": "Spearman within drugs",
    "auc": "Spearman within drugs",
}
#: Blocks of columns: which drug, how like each training drug it is, the line's genes.
FEATURES = ("one-hot", "structure", "expression")
_GENES = 500  # of largest variance among the training lines; pairs x all genes do not fit in memory


@dataclass(frozen=True, eq=False)
class Pairs:
    """Measured pairs as arrays, with what is known of their lines and drugs.

    Attributes
    ----------
    data : ResponseData
    y : array (pairs,)
        What is predicted.
    split : str
        What is unseen in the test, one of :data:`SPLITS`.
    """

    data: ResponseData
    y: np.ndarray
    split: str = "pairs"

    @cached_property
    def line(self) -> np.ndarray:
        """Position of each pair's line in the expression."""
        return self.data.expression.index.get_indexer(self.data.response["line"])

    @cached_property
    def drug(self) -> np.ndarray:
        """Position of each pair's drug in the fingerprints."""
        return self.data.fingerprints.index.get_indexer(self.data.response["drug"])

    @cached_property
    def similarity(self) -> np.ndarray:
        """Tanimoto similarity of all drugs."""
        bits = self.data.fingerprints.to_numpy(bool)
        return (1 - pairwise_distances(bits, metric="jaccard")).astype(np.float32)

    def genes(self, fold: Fold) -> np.ndarray:
        """Return the most variable genes of all lines, standardised by the training lines of a fold."""
        table = self.data.expression.to_numpy(np.float32)
        seen = table[np.unique(self.line[fold.train])]
        kept = np.sort(np.argsort(-seen.var(axis=0), kind="stable")[:_GENES])
        spread = seen[:, kept].std(axis=0)
        return (table[:, kept] - seen[:, kept].mean(axis=0)) / np.where(spread > 0, spread, 1)

    def columns(self, fold: Fold, features: Collection[str]) -> pd.DataFrame:
        """Return the blocks ``features`` of all pairs as numbers, with names.

        Raises
        ------
        ParameterError
            If a block is unknown, or none is asked for.
        """
        drugs = np.unique(self.drug[fold.train])
        names = self.data.fingerprints.index[drugs]
        genes = [f"gene {number}" for number in range(_GENES)]
        return stacked(
            features,
            {
                "one-hot": lambda: (
                    np.eye(len(self.similarity), dtype=np.float32)[:, drugs][self.drug],
                    [f"drug {name}" for name in names],
                ),
                "structure": lambda: (
                    self.similarity[:, drugs][self.drug],
                    [f"like {name}" for name in names],
                ),
                "expression": lambda: (self.genes(fold)[self.line], genes),
            },
        )


def stacked(
    features: Collection[str], blocks: Mapping[str, Callable[[], tuple[np.ndarray, list[str]]]]
) -> pd.DataFrame:
    """Put the chosen blocks of columns beside each other.

    Parameters
    ----------
    features : collection of str
    blocks : mapping of str to callable
        Each gives values and names; names beyond the values are left out.

    Raises
    ------
    ParameterError
        If a block is unknown, or none is asked for.
    """
    check_features(features, blocks)
    made = [block() for name, block in blocks.items() if name in features]
    columns = [name for values, names in made for name in names[: values.shape[1]]]
    return pd.DataFrame(np.hstack([values for values, _ in made]), columns=columns)


def pairs_job(
    data: ResponseData,
    split: str,
    *,
    target: str = "resistant",
    n_splits: int = 5,
    seeds: int = 1,
    reports: Mapping[str, pd.DataFrame] | None = None,
) -> Job:
    """Make folds of pairs by application; models are scored within drugs.

    Parameters
    ----------
    data : ResponseData
        ``lines`` may have ``patient``: a patient's lines are never on both sides of a fold.
    split : {"pairs", "lines", "types", "drugs"}
    target : {"resistant", "value", "auc"}
    n_splits, seeds : int
        Folds of each seed; of cancer types at most as many as there are.
    reports : mapping, optional
        How names were joined.

    Returns
    -------
    Job
        Of pairs and lines a fold is the unit (Nadeau-Bengio intervals); of types and drugs a group is
        (Hodges-Lehmann intervals).

    Raises
    ------
    ParameterError, DataError
        If the choice is unknown, the target is not in the data, or there is too little to split.
    """
    check_folds(n_splits, seeds)
    check_choice("split", split, SPLITS)
    check_choice("target", target, TARGETS)
    if not isinstance(data, ResponseData):
        refuse("pairs", f"need a ResponseData, got {type(data).__name__}", "load_own makes one of files")
    if split == "lines" and "patient" in data.lines:
        check_annotation(data.lines, "patient", data.name, "lines")
    if target in data.response:
        check_numbers(data.response[[target]], data.name, "response", missing=True)
    known = data.response[target].notna() if target in data.response else pd.Series(dtype=bool)
    if not known.any():
        msg = f"{data.name}: the response has no {target}; choose another target"
        raise DataError(msg)
    pairs = Pairs(data.subset(known), data.response[target][known].to_numpy(float), split)
    folds = pair_folds(pairs, n_splits, seeds)
    grouped = split in ("types", "drugs")
    score = _of_labels if target == "resistant" else _of_values

    def judge(predicted: Predicted) -> Ranking:
        scores = score_folds(
            folds,
            predicted,
            lambda rows, p: score(pairs.y[rows], p, pairs.drug[rows]),
            group_of(pairs) if grouped else None,
        )
        excluded = _single(pairs, target)
        return judge_scores(
            scores, TARGETS[target], data.name, grouped=grouped, n_splits=n_splits, excluded=excluded
        )

    return Job(
        kind="pairs",
        name=data.name,
        data=pairs,
        asks=SPLITS[split],
        target=target,
        metric=TARGETS[target],
        folds=folds,
        unit={"types": "cancer type", "drugs": "drug"}.get(split, "fold"),
        judge=judge,
        depends=(pairs.y, pairs.line, pairs.drug, data.expression.to_numpy(), pairs.similarity),
        counts={
            "pairs": len(pairs.data.response),
            "lines": len(pairs.data.expression),
            "drugs": len(pairs.data.fingerprints),
            "genes": data.expression.shape[1],
        },
        provenance=data.provenance,
        reports=dict(reports or {}),
    )


def check_features(features: Collection[str], known: Collection[str]) -> None:
    """Refuse blocks of columns that are not known, and none, with a ParameterError."""
    named = isinstance(features, Collection) and not isinstance(features, str)
    unknown = [name for name in features if name not in tuple(known)] if named else [features]
    if unknown or not features:
        msg = f"unknown features {unknown}; a list of one or more of {', '.join(known)}"
        raise ParameterError(msg)


def check_choice(what: str, value: str, known: Collection[str]) -> None:
    """Refuse a choice that is not among those known."""
    if value not in tuple(known):
        msg = f"unknown {what} {value!r}; one of {', '.join(known)}"
        raise ParameterError(msg)


def check_folds(n_splits: int, seeds: int) -> None:
    """Refuse numbers of folds and seeds that cannot be, with a ParameterError."""
    check_number("n_splits", n_splits, 2, whole=True, error=ParameterError)
    check_number("seeds", seeds, 1, whole=True, error=ParameterError)


def group_of(pairs: Pairs) -> np.ndarray:
    """Return what each pair is held out with: its drug, its line's cancer type, or its line's patient."""
    response = pairs.data.response
    if pairs.split == "drugs":
        return response["drug"].to_numpy(str)
    lines = pairs.data.lines
    column = {"types": "cancer_type", "lines": "patient"}[pairs.split]
    values = lines[column] if column in lines else lines.index.to_series()
    return values.reindex(response["line"]).to_numpy(str)


def pair_folds(pairs: Pairs, n_splits: int, seeds: int) -> list[Fold]:
    """Return the folds of all seeds."""
    folds = []
    for seed in range(seeds):
        if pairs.split == "pairs":
            key = np.column_stack([pairs.line, pairs.drug])
            made = stratified_pair_folds(pairs.drug, n_splits, seed, key)
        else:
            group = group_of(pairs)
            made = line_folds(group, min(n_splits, len(np.unique(group))), seed)
        folds += [replace(fold, seed=seed) for fold in made if len(fold.test)]
    return folds


def _of_labels(y: np.ndarray, p: np.ndarray, drug: np.ndarray) -> dict[str, float]:
    names = ("AUCROC", "AUCPR")
    pooled = {name: value for name, value in classification_metrics(y, p).items() if name in names}
    return {"AUCROC within drugs": within_group_auroc(y, p, drug)} | pooled


def _of_values(y: np.ndarray, p: np.ndarray, drug: np.ndarray) -> dict[str, float]:
    """Mean rank correlation within drugs (0 for a constant prediction), and the error over all pairs."""
    groups = pd.DataFrame({"y": y, "p": p}).groupby(drug)
    rho = [
        part["y"].corr(part["p"], method="spearman") if np.ptp(part["p"]) > 0 else 0.0
        for _, part in groups
        if np.ptp(part["y"]) > 0
    ]
    return {
        "Spearman within drugs": float(np.mean(rho)) if rho else np.nan,
        "RMSE": float(np.sqrt(np.mean((y - p) ** 2))),
    }


def _single(pairs: Pairs, target: str) -> list[str]:
    distinct = pairs.data.response.groupby("drug")[target].nunique()
    what = "label" if target == "resistant" else "value"
    return [f"{drug}: all its pairs have one {what}" for drug in distinct.index[distinct < 2]]
