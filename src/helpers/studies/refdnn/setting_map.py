"""A map of RefDNN over points of its training that decide more than the model does.

Steps, the order of the pairs, FTRL's learning rate and the scale of genes are varied together, in the same
folds as the additive model and the kernel ridge. A case is named like ``"scale-matched, table order, 5000
steps"``; other labels and genes are further entries of the tables that are passed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from helpers.checks import check_columns, refuse
from helpers.data.types import ResponseData
from helpers.errors import ParameterError
from helpers.evaluation.statistics import corrected_resampled_t
from helpers.plots import forest
from helpers.studies.refdnn.comparisons import WITHIN, Results, metric_table
from helpers.studies.refdnn.contenders import simple_contenders, variant_contenders
from helpers.studies.refdnn.features import PairFeatures
from helpers.studies.refdnn.fits import Contender
from helpers.studies.refdnn.folds import relabelled
from helpers.studies.refdnn.model.published import scale_matched
from helpers.studies.refdnn.pairs import PairTable

#: Order in which the refit set reaches the shuffle buffer.
ORDERS = {"drawn order": False, "table order": True}
#: Simple models that RefDNN is measured against.
RIVALS = ["Additive", "Kernel ridge"]


#: Legend of the figure.
NOTE = (
    "AUROC of RefDNN minus that of the kernel ridge, same folds; 95 % interval (Nadeau-Bengio) where there "
    "are several folds. The table has the additive model and AUROC within drugs too."
)


def map_entries(
    tables: Mapping[str, PairTable], joined: PairTable, gdsc: ResponseData, steps: Sequence[int], device: str
) -> dict[str, tuple[PairTable, list[Contender]]]:
    """Pairs and models of the whole map, by data set and, after a comma, case of labels.

    Parameters
    ----------
    tables : mapping
        Pairs of ``"CCLE"`` and ``"GDSC"``.
    joined : PairTable
        CCLE with more genes on fewer lines; its own entry, since its pairs are others.
    gdsc : ResponseData
        GDSC as it was labelled; its cut at half and double the concentration is mapped at the last number
        of steps.
    steps : sequence of int
    device : str
    """
    drawn = ["drawn order"]  # CCLE is smaller than the buffer: the order of its pairs does not matter there
    entries = {
        name: (t, map_contenders(t.features, name, steps, device=device)) for name, t in tables.items()
    }
    features = joined.features
    entries["CCLE joined"] = joined, map_contenders(features, "CCLE", steps, orders=drawn, device=device)
    for label, factor in {"half cut": 0.5, "double cut": 2.0}.items():
        shifted = relabelled(gdsc, tables["GDSC"], factor)
        models = map_contenders(shifted.features, "GDSC", steps[-1:], orders=drawn, device=device)
        entries[f"GDSC, {label}"] = shifted, models
    return entries


def map_figure(table: pd.DataFrame) -> Figure:
    """Draw what RefDNN is ahead of the kernel ridge in every case; ``table`` is from :func:`map_table`."""
    check_columns(table, ("metric", "model", "value", "case", "data"), "map of settings")
    shown = table.query("metric == 'AUCROC' and model == 'RefDNN-Kernel ridge'")
    least, most = shown["value"].min(), shown["value"].max()
    return forest(
        shown.rename(columns={"value": "difference", "case": "label", "data": "group"}),
        title=f"RefDNN minus kernel ridge lies between {least:+.3f} and {most:+.3f}, as settings are chosen",
        xlabel="AUROC of RefDNN minus AUROC of the kernel ridge",
        margin=0.01,
    )


def map_contenders(
    features: PairFeatures,
    dataset: str,
    steps: Sequence[int],
    *,
    orders: Sequence[str] = tuple(ORDERS),
    device: str,
) -> list[Contender]:
    """Return RefDNN once for each case of the map, and the two rivals.

    Parameters
    ----------
    features : PairFeatures
    dataset : {"CCLE", "GDSC"}
        Whose constants to start from.
    steps : sequence of int
        Training steps at most.
    orders : sequence of str
        Keys of :data:`ORDERS`.
    device : str
    """
    if not set(orders) <= set(ORDERS) or not steps:
        msg = f"orders must be of {', '.join(ORDERS)}, and steps some numbers; got {orders!r} and {steps!r}"
        raise ParameterError(msg)
    matched = scale_matched(dataset, len(features.gene_names))
    scales: dict[str, dict[str, Any]] = {
        "study's constants": {},
        "scale-matched": matched,
        "scale-matched, standardised genes": matched | {"standardise": True},
    }
    cases: list[Contender] = []
    for (scale, settings), order, n in product(scales.items(), orders, steps):
        name = f"{scale}, {order}, {n} steps"
        (network,) = variant_contenders(features, dataset, {name: settings}, steps=n, device=device)
        cases.append(Contender(name, network.estimator, table_order=ORDERS[order]))
    return cases + [c for c in simple_contenders(features) if c.name in RIVALS]


def map_table(results: Results, test_ratio: float) -> pd.DataFrame:
    """Scores of every case, and what it is ahead of the rivals.

    Parameters
    ----------
    results : mapping of str to OutOfFold
        By data set and case of labels or genes, e.g. ``"GDSC"`` or ``"GDSC, half cut"``.
    test_ratio : float
        Test pairs over training pairs of a fold.

    Returns
    -------
    DataFrame
        ``data``, ``case``, ``metric`` (AUROC, and within drugs), ``model`` (``"RefDNN"``,
        ``"RefDNN-Additive"`` or ``"RefDNN-Kernel ridge"``), ``value``, ``low``, ``high`` (Nadeau-Bengio; NaN
        with one fold), ``n`` folds and ``unit``.

    Raises
    ------
    DataError
        If a rival did not take part, or there is no result.
    """
    for name, result in results.items():
        if not set(RIVALS) <= set(result.models):
            refuse(name, f"lacks one of {', '.join(RIVALS)}", "map_contenders returns them too")
    scores = metric_table(results, metrics=["AUCROC", WITHIN])
    wide = scores.pivot_table(
        index=["data", "metric", "seed", "fold"], columns="model", values="value", sort=False
    )
    rows = []
    for (data, metric), part in wide.groupby(["data", "metric"], sort=False):
        for case in results[data].models:
            if case in RIVALS:
                continue
            gaps = {f"RefDNN-{rival}": part[case] - part[rival] for rival in RIVALS}
            for model, values in {"RefDNN": part[case], **gaps}.items():
                found = corrected_resampled_t(values.to_numpy(), test_ratio)
                unit = None if model == "RefDNN" else "difference"
                rows.append(
                    (data, case, metric, model, found.difference, found.low, found.high, found.n, unit)
                )
    columns = ["data", "case", "metric", "model", "value", "low", "high", "n", "unit"]
    table = pd.DataFrame(rows, columns=columns)
    # Cases of labels are named with the data set's entry, after a comma.
    split = table["data"].str.partition(", ")
    table["case"] = table["case"].where(split[2] == "", split[2] + ", " + table["case"])
    table["data"] = split[0]
    levels = table["unit"].isna()
    table.loc[levels, ["low", "high"]] = table.loc[levels, ["low", "high"]].clip(0, 1)
    return table
