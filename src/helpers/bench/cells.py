"""Single cells: models learn from bulk lines and answer for cells whose labels they are not given."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from helpers.bench.pairs import stacked
from helpers.bench.ranking import Job, Predicted, Ranking, best_of, ranked
from helpers.bounds import check_number
from helpers.checks import as_numbers, check_column, check_unique, refuse
from helpers.data.cells import normalise
from helpers.data.join import match, normalised
from helpers.data.types import Provenance, ResponseData
from helpers.errors import DataError, ParameterError
from helpers.evaluation.metrics import weighted_metric
from helpers.evaluation.protocol import Fold
from helpers.evaluation.statistics import Comparison, cluster_bootstrap

FEATURES = ("expression",)
METRIC = "AUCROC"
_METRICS = (METRIC, "AUCPR")
_GENES = 1000  # shared ones, of largest variance among the bulk lines
_FEWEST_UNITS = 6  # below, a bootstrap over them says nothing
_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Transfer:
    """What models are given: rows are the bulk lines, then the cells.

    Attributes
    ----------
    bulk : DataFrame, lines x genes
        Log expression; no line that the cells are of.
    resistant : array (lines,) of int
        1 = resistant.
    value : array (lines,)
        ln IC50; NaN where unknown.
    cells : DataFrame, cells x genes
        The same genes, log scale. A model may look at cells, whose labels it is not given.
    """

    bulk: pd.DataFrame
    resistant: np.ndarray
    value: np.ndarray
    cells: pd.DataFrame

    @property
    def y(self) -> np.ndarray:
        """What is learned; NaN for cells."""
        return np.concatenate([self.resistant.astype(float), np.full(len(self.cells), np.nan)])

    def columns(self, fold: Fold, features: Collection[str]) -> pd.DataFrame:
        """Return the genes of all rows, lines standardised among lines and cells among cells."""
        genes = [f"gene {name}" for name in self.bulk.columns]
        parts = [_standardised(table.to_numpy(np.float64)) for table in (self.bulk, self.cells)]
        return stacked(features, {"expression": lambda: (np.vstack(parts), genes)})


def cells_job(
    cells: AnnData,
    data: ResponseData,
    drug: str,
    *,
    unit: str | None = None,
    seeds: int = 1,
    reports: Mapping[str, pd.DataFrame] | None = None,
) -> Job:
    """Join bulk lines and cells for one drug.

    Parameters
    ----------
    cells : AnnData
        As :func:`helpers.data.cells.load_cells` gives them. A cell is called by ``obs["resistant"]``; where
        no cell has a label there, by the response of its line (``obs["line"]``) in ``data``.
    data : ResponseData
        Bulk lines; ``lines`` may name them by further ids.
    drug : str
        As the response spells it, but for case, blanks and marks.
    unit : str, optional
        Column of ``obs`` whose entries (lines, patients, samples) are drawn by the bootstrap. Default: the
        line where there are two or more, else the cell.
    seeds : int
        Of models that draw.
    reports : mapping, optional
        How names of bulk lines were joined.

    Returns
    -------
    Job
        Intervals are of a bootstrap over units; with two to five of them there are none.

    Raises
    ------
    DataError
        If the drug, the column or a shared gene is missing, or lines or cells are left with one label; if
        ``cells`` are not as :func:`helpers.data.cells.load_cells` gives them.
    """
    check_number("seeds", seeds, 1, whole=True, error=ParameterError)
    _check(cells, data, drug)
    name = str(cells.uns["name"])
    labels, values = _of_drug(data, drug)
    line = cells.obs["line"].astype(str).to_numpy()
    found, report = _bulk_lines(line, data)
    notes, excluded = [*cells.uns["provenance"].notes], []
    resistant = cells.obs["resistant"].to_numpy(float)
    if np.isnan(resistant).all():
        resistant = labels.reindex(found).to_numpy(float)
        notes.append(f"Cells are called by the response of their line to {drug}.")
        unknown = np.unique(line[np.isnan(resistant)])
        excluded = [f"{one or 'cells of no line'}: no response to {drug}" for one in unknown]
    counted = np.asarray(cells.X.sum(axis=1)).ravel() > 0 if _is_linear(cells) else np.ones(len(line), bool)
    keep = ~np.isnan(resistant) & counted
    notes.append(f"{keep.sum():,} of {len(keep):,} cells have a label (and a count).")
    unit_of = _units(cells, unit)[keep]
    bulk_lines = labels.index[~labels.index.isin(found)]
    for what, y in ((f"bulk lines with a label for {drug}", labels[bulk_lines]), ("cells", resistant[keep])):
        if len(np.unique(y)) < 2:
            msg = f"{name}: the {len(y)} {what} are of one label; choose another drug or other cells"
            raise DataError(msg)
    bulk, profiles = _shared(data.expression.loc[bulk_lines], cells[keep], name)
    transfer = Transfer(bulk, labels[bulk_lines].to_numpy(int), values[bulk_lines].to_numpy(float), profiles)
    n = len(bulk)
    folds = [Fold("transfer", np.arange(n), n + np.arange(len(profiles)), seed=seed) for seed in range(seeds)]
    y, units = resistant[keep].astype(int), len(np.unique(unit_of))
    if units == len(y):
        notes.append(
            "The cell is the unit of the intervals: too narrow where cells of few samples are alike."
        )
    elif units < _FEWEST_UNITS:
        notes.append(f"The cells are of {units} {unit or 'line'}s: too few for an interval.")
    notes.append(f"{len(found[found != '']):,} cells are of lines that were taken out of the bulk lines.")

    def judge(predicted: Predicted) -> Ranking:
        return _judge(y, unit_of, predicted, name, excluded)

    return Job(
        kind="cells",
        name=f"{name}, {drug}",
        data=transfer,
        asks="single cells from bulk lines",
        target="resistant",
        metric=METRIC,
        folds=folds,
        unit=(unit or "line") if units < len(y) else "cell",
        judge=judge,
        depends=(bulk.to_numpy(), profiles.to_numpy(), transfer.resistant, transfer.value),
        counts={"cells": len(y), "bulk lines": n, "genes": bulk.shape[1]},
        provenance=_joined(cells.uns["provenance"], data.provenance, notes),
        reports=dict(reports or {}) | ({} if report is None else {"line of cells": report}),
    )


def _check(cells: AnnData, data: ResponseData, drug: str) -> None:
    if not isinstance(cells, AnnData) or not isinstance(data, ResponseData) or not isinstance(drug, str):
        given = ", ".join(type(one).__name__ for one in (cells, data, drug))
        refuse("cells", f"need AnnData, ResponseData and the name of a drug, got {given}")
    lacking = [f"uns[{key!r}]" for key in ("name", "units", "provenance") if key not in cells.uns]
    lacking += [f"obs[{key!r}]" for key in ("line", "resistant") if key not in cells.obs]
    if lacking:
        refuse("cells", f"lack {', '.join(lacking)}", "load_cells gives them")
    name = str(cells.uns["name"])
    for what, ids in (("genes", cells.var_names), ("cells", cells.obs_names)):
        check_unique(ids, name, f"{what} repeat a name")
    as_numbers(cells.X.data if sparse.issparse(cells.X) else cells.X, name, finite=True)
    labels = as_numbers(cells.obs["resistant"], f"{name}, resistant")
    if not np.isin(labels[~np.isnan(labels)], (0, 1)).all():
        refuse(name, "obs['resistant'] must hold 1, 0 (sensitive) or NaN")


def _of_drug(data: ResponseData, drug: str) -> tuple[pd.Series, pd.Series]:
    """Return label and value of each line for a drug; lines of both labels have none."""
    names = data.response["drug"]
    asked = names[names.map(normalised) == normalised(drug)]
    called = asked.unique()
    if len(called) != 1:
        first = ", ".join(map(str, called if len(called) else names.unique()[:8]))
        msg = f"{data.name}: {len(called) or 'no'} drug is called {drug!r}; for example {first}"
        raise DataError(msg)
    means = data.response.loc[asked.index].groupby("line")[["resistant", "value"]].mean()
    means = means[means["resistant"].isin((0, 1))]
    return means["resistant"], means["value"]


def _bulk_lines(line: np.ndarray, data: ResponseData) -> tuple[pd.Index, pd.DataFrame | None]:
    """Find the bulk line of each cell, empty where there is none."""
    names = pd.Index(sorted(set(line) - {""}), dtype=object)
    empty = pd.Index([""] * len(line), dtype=object)
    if names.empty:
        return empty, None
    known = data.lines.drop(columns=["patient", "cancer_type", "lineage"], errors="ignore")
    try:
        report = match(pd.DataFrame(index=names), known, "line of cells")
    except DataError:  # cells of lines that the bulk table does not have
        return empty, None
    return pd.Index(report["found"].reindex(line).fillna("").to_numpy(object)), report


def _units(cells: AnnData, unit: str | None) -> np.ndarray:
    if unit is not None and unit not in tuple(cells.obs):
        msg = f"{cells.uns['name']}: no column {unit!r} of cells; it has {', '.join(cells.obs.columns)}"
        raise DataError(msg)
    if unit is not None:
        check_column(cells.obs[unit], cells.n_obs, f"{cells.uns['name']}, {unit}")
    named = cells.obs[unit or "line"].astype(str).to_numpy()
    return named if len(np.unique(named)) > 1 else np.arange(len(named)).astype(str)


def _is_linear(cells: AnnData) -> bool:
    return cells.uns["units"] not in ("log", "z-scores")


def _shared(bulk: pd.DataFrame, cells: AnnData, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    genes = bulk.columns[bulk.columns.isin(cells.var_names)]
    if genes.empty:
        first = f"bulk {list(bulk.columns[:2])}, cells {list(cells.var_names[:2])}"
        msg = f"{name}: bulk lines and cells share no gene ({first}); bring both to symbols of one species"
        raise DataError(msg)
    genes = genes[np.sort(np.argsort(-bulk[genes].var().to_numpy(), kind="stable")[:_GENES])]
    log = normalise(cells) if _is_linear(cells) else cells
    values = log[:, list(genes)].X
    values = values.toarray() if sparse.issparse(values) else np.asarray(values)
    return bulk[genes], pd.DataFrame(values.astype(np.float32), cells.obs_names, list(genes))


def _standardised(values: np.ndarray) -> np.ndarray:
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _joined(cells: Provenance, bulk: Provenance, notes: list[str]) -> Provenance:
    tier = cells.tier if cells.tier == bulk.tier else "own"
    tier = "simulated" if "simulated" in (cells.tier, bulk.tier) else tier
    return Provenance(tier, (*cells.files, *bulk.files), (*notes, *bulk.notes))


def _judge(y: np.ndarray, unit: np.ndarray, predicted: Predicted, name: str, excluded: list[str]) -> Ranking:
    few = len(np.unique(unit)) < _FEWEST_UNITS
    statistics = {
        (model, metric): [weighted_metric(metric, y, p) for p in out]
        for model, out in predicted.items()
        for metric in _METRICS
    }

    def found(first: tuple[str, str], second: tuple[str, str] | None = None) -> Comparison:
        def statistic(weights: np.ndarray) -> float:
            value = np.mean([of_seed(weights) for of_seed in statistics[first]])
            other = 0.0 if second is None else np.mean([of_seed(weights) for of_seed in statistics[second]])
            return float(value - other)

        if few:
            value = statistic(np.ones(len(y), dtype=np.int64))
            return Comparison(value, np.nan, np.nan, np.nan, len(np.unique(unit)), "too few units")
        return cluster_bootstrap(statistic, unit, _DRAWS, null=None if second is None else 0.0)

    rows = [
        (model, metric, one.difference, one.low, one.high, one.n)
        for model, metric in statistics
        for one in [found((model, metric))]
    ]
    table = pd.DataFrame(rows, columns=["model", "metric", "value", "low", "high", "n"])
    best = best_of(table, METRIC, name)
    compared = [
        (model, one.difference, one.low, one.high, one.p)
        for model in predicted
        if model != best
        for one in [found((best, METRIC), (model, METRIC))]
    ]
    differences = pd.DataFrame(compared, columns=["model", "difference", "low", "high", "p"])
    return ranked(table, differences, METRIC, excluded)
