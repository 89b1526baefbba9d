"""One ranking: folds by application, scores, and the book's intervals."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.atomic import write_text
from helpers.bench.design import Pairs
from helpers.data.types import ResponseData
from helpers.errors import DataError, ParameterError
from helpers.evaluation.comparison import compare_folds, compare_groups, summarise_folds, summarise_groups
from helpers.evaluation.metrics import classification_metrics, within_group_auroc
from helpers.evaluation.protocol import Fold, Model, Progress, predictions
from helpers.evaluation.splits import line_folds, stratified_pair_folds

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


@dataclass(frozen=True)
class Ranking:
    """What came out.

    Attributes
    ----------
    split, target, metric : str
    summary : DataFrame
        One row a model and metric, best first: ``model``, ``metric``, ``value``, ``low``, ``high``, ``n``.
    differences : DataFrame
        The best model minus each other one, of ``metric``: ``model``, ``difference``, ``low``, ``high`` and
        ``p``.
    excluded : list of str
        Drugs and groups without a value of ``metric``, and why.
    seeds, folds : int
    """

    split: str
    target: str
    metric: str
    summary: pd.DataFrame
    differences: pd.DataFrame
    excluded: list[str]
    seeds: int
    folds: int


def rank(
    data: ResponseData,
    models: Sequence[Model],
    split: str,
    *,
    target: str = "resistant",
    n_splits: int = 5,
    seeds: int = 1,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Ranking:
    """Fit every model in the same folds, and rank.

    Parameters
    ----------
    data : ResponseData
        ``lines`` may have ``patient``: a patient's lines are never on both sides of a fold.
    models : sequence of Model
        Over :class:`~helpers.bench.design.Pairs`.
    split : {"pairs", "lines", "types", "drugs"}
    target : {"resistant", "value", "auc"}
    n_splits, seeds : int
        Folds of each seed; of cancer types at most as many as there are.
    cache : Path, optional
        Folder that keeps the predictions of each finished model: a killed run resumes from there. It belongs
        to one version of the code of all models.
    progress : callable, optional
        As for :func:`helpers.evaluation.protocol.run`.

    Returns
    -------
    Ranking
        Of pairs and lines a fold is the unit (Nadeau-Bengio intervals); of types and drugs a group is
        (Hodges-Lehmann intervals).

    Raises
    ------
    ParameterError, DataError
        If the choice is unknown, the target is not in the data, or there is too little to split.
    """
    for what, value, known in (("split", split, SPLITS), ("target", target, TARGETS)):
        if value not in known:
            msg = f"unknown {what} {value!r}; one of {', '.join(known)}"
            raise ParameterError(msg)
    known = data.response[target].notna() if target in data.response else pd.Series(dtype=bool)
    if not known.any():
        msg = f"{data.name}: the response has no {target}; choose another target"
        raise DataError(msg)
    pairs = Pairs(data.subset(known), data.response[target][known].to_numpy(float))
    folds = _folds(pairs, split, n_splits, seeds)
    grouped = split in ("types", "drugs")
    group = _group(pairs, split) if grouped else None
    tables = []
    for model in models:
        out_of_fold = _predicted(pairs, model, folds, cache, progress)
        tables += [_scores(pairs, name, out, folds, group, target) for name, out in out_of_fold.items()]
    scores = pd.concat(tables, ignore_index=True)
    metric = TARGETS[target]
    ratio = 1 / (n_splits - 1)
    summary = summarise_groups(scores) if grouped else summarise_folds(scores, ratio)
    chosen = summary[summary["metric"] == metric].dropna(subset="value").sort_values("value", ascending=False)
    if chosen.empty:
        msg = f"{data.name}: no model has a value of {metric}; see that drugs have both labels"
        raise DataError(msg)
    best = str(chosen["model"].iloc[0])
    of_metric = scores[scores["metric"] == metric]
    with warnings.catch_warnings():
        # Models that predict a constant have one value in all folds, which a t-test warns of.
        warnings.filterwarnings("ignore", message="Precision loss")
        differences = compare_groups(of_metric, best) if grouped else compare_folds(of_metric, best, ratio)
    order = {name: at for at, name in enumerate(chosen["model"])}
    summary = summary.assign(order=summary["model"].map(order)).sort_values(
        ["metric", "order"], kind="stable"
    )
    return Ranking(
        split,
        target,
        metric,
        summary[["model", "metric", "value", "low", "high", "n"]].reset_index(drop=True),
        differences.reindex(columns=["model", "difference", "low", "high", "p"]),
        _excluded(pairs, target, of_metric if grouped else None),
        seeds,
        len(folds),
    )


def _group(pairs: Pairs, split: str) -> np.ndarray:
    response = pairs.data.response
    if split == "drugs":
        return response["drug"].to_numpy(str)
    lines = pairs.data.lines
    column = {"types": "cancer_type", "lines": "patient"}[split]
    values = lines[column] if column in lines else lines.index.to_series()
    return values.reindex(response["line"]).to_numpy(str)


def _folds(pairs: Pairs, split: str, n_splits: int, seeds: int) -> list[Fold]:
    response, folds = pairs.data.response, []
    for seed in range(seeds):
        if split == "pairs":
            made = stratified_pair_folds(
                pairs.drug, n_splits, seed, np.column_stack([pairs.line, pairs.drug])
            )
        else:
            group = _group(pairs, split)
            made = line_folds(group, min(n_splits, len(np.unique(group))), seed)
        folds += [replace(fold, seed=seed) for fold in made if len(fold.test)]
    if not len(response):
        msg = f"{pairs.data.name}: no pair to split"
        raise DataError(msg)
    return folds


def _predicted(
    pairs: Pairs, model: Model, folds: Sequence[Fold], cache: Path | None, progress: Progress | None
) -> dict[str, list[np.ndarray]]:
    """Predict all folds with one model, or take what an earlier run of the same kept."""
    kept = None
    if cache is not None:
        digest = hashlib.sha256(repr(model.name).encode())
        for array in (pairs.y, pairs.line, pairs.drug, pairs.data.expression.to_numpy(), pairs.similarity):
            digest.update(np.ascontiguousarray(array).tobytes())
        for fold in folds:
            digest.update(fold.test.tobytes() + bytes([fold.seed]))
        kept = cache / f"{digest.hexdigest()[:32]}.json"
        if kept.is_file():
            content = json.loads(kept.read_text(encoding="utf-8"))
            return {name: [np.array(part, float) for part in parts] for name, parts in content.items()}
    out: dict[str, list[np.ndarray]] = {}
    for name, _, predicted in predictions(pairs, folds, [model], progress=progress):
        out.setdefault(name, []).append(predicted)
    if kept is not None:
        write_text(kept, json.dumps({name: [part.tolist() for part in parts] for name, parts in out.items()}))
    return out


def _scores(
    pairs: Pairs,
    model: str,
    out: list[np.ndarray],
    folds: Sequence[Fold],
    group: np.ndarray | None,
    target: str,
) -> pd.DataFrame:
    """Score each fold, or each left-out group from the predictions of all folds of a seed."""
    score: Callable[..., dict[str, float]] = _of_labels if target == "resistant" else _of_values
    rows = []
    for fold, predicted in zip(folds, out, strict=True):
        parts = {fold.name: np.arange(len(fold.test))}
        if group is not None:
            names = group[fold.test]
            parts = {str(name): np.flatnonzero(names == name) for name in np.unique(names)}
        for name, at in parts.items():
            row = fold.test[at]
            for metric, value in score(pairs.y[row], predicted[at], pairs.drug[row]).items():
                rows.append((fold.seed, name, model, metric, value))
    return pd.DataFrame(rows, columns=["seed", "fold", "model", "metric", "value"])


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


def _excluded(pairs: Pairs, target: str, scores: pd.DataFrame | None) -> list[str]:
    response = pairs.data.response
    distinct = response.groupby("drug")[target].nunique()
    single = distinct.index[distinct < 2]
    what = "label" if target == "resistant" else "value"
    lines = [f"{drug}: all its pairs have one {what}" for drug in single]
    if scores is not None:
        empty = scores.groupby("fold")["value"].apply(lambda values: values.isna().all())
        lines += [f"{name}: no value" for name in empty.index[empty] if name not in set(single)]
    return lines
