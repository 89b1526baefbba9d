"""Record what a protocol on expression changes found: scores, differences, the ranking of the networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from helpers.chapter.chapter import Chapter
from helpers.chapter.record_tables import record_comparison
from helpers.studies.perturbation.comparison import (
    compare_changes,
    part_difference,
    rank_stability,
    scores_by_seed,
    summarise_changes,
)
from helpers.studies.perturbation.metrics import METRICS

#: Metrics that are recorded of every model, and further ones of the networks.
RECORDED = ("sign accuracy", "MAE", "MRRMSE")
OF_NETWORKS = ("MAE right", "MAE wrong", "Pearson", "sign accuracy, significant")
BEST_NETWORK, BEST_SIMPLE = "best network", "best simple"
#: Simple predictors that the best networks are compared with one by one.
YARDSTICKS = ("zero", "cell mean", "additive")


def record_changes(
    chapter: Chapter,
    prefix: str,
    scores: pd.DataFrame,
    unit: str,
    networks: Sequence[str],
    simple: Sequence[str],
    *,
    reference: str = "GRU3-ATTN",
    controls: Sequence[str] = (),
    published: Mapping[str, float] | None = None,
    show_published: bool = False,
    n_boot: int = 1000,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Record the scores of one data set and protocol.

    Parameters
    ----------
    chapter : Chapter
    prefix : str
        ``"<data set>.<protocol>"``; ids are ``<prefix>.<model>.<metric>``,
        ``<prefix>.<first>-<second>.<metric>`` for differences (with ``" (Holm)"`` for the p-value
        adjusted over the other networks) and ``<prefix>.six networks.<what>`` for the ranking.
    scores : DataFrame
        :func:`helpers.studies.perturbation.protocol.run_protocol`, test rows.
    unit : {"compound", "cell"}
        What the bootstrap resamples.
    networks, simple, controls : sequence of str
        The networks that the paper ranks, the simple predictors, and further networks that the
        reference is compared with.
    reference : str
        The paper's best network. It is compared with the other networks, the controls,
        :data:`YARDSTICKS` and the best simple predictor; so is the best network of each metric.
    published : mapping of network to sign accuracy, optional
    show_published : bool
        Put the published value beside ours: only where the data are of the paper's kind.
    n_boot, seed : int

    Returns
    -------
    summary : DataFrame
        :func:`summarise_changes`, all metrics.
    comparisons : DataFrame
        ``first``, ``second`` (names, or ``"best network"`` and ``"best simple"``), ``metric``,
        ``difference``, ``low``, ``high``, ``p``, ``n``.
    """
    summary = summarise_changes(scores, unit, n_boot, seed)
    special = [*networks, *controls]
    for row in summary.itertuples():
        if row.metric in RECORDED or (row.metric in OF_NETWORKS and row.model in special):
            shown = published if show_published and row.metric == "sign accuracy" else {}
            chapter.record(
                f"{prefix}.{row.model}.{row.metric}",
                row.value,
                low=row.low,
                high=row.high,
                n=row.n,
                seeds=row.seeds,
                published=(shown or {}).get(row.model),
            )
    yardsticks = [name for name in YARDSTICKS if name in simple]
    rivals = [name for name in networks if name != reference]
    pairs = [(reference, other) for other in (*rivals, *controls, *yardsticks, BEST_SIMPLE)]
    pairs += [(BEST_NETWORK, other) for other in (*yardsticks, BEST_SIMPLE)]
    best = {BEST_NETWORK: networks, BEST_SIMPLE: simple}
    chosen = {
        (name, metric): _best(summary, members, metric)
        for name, members in best.items()
        for metric in RECORDED
    }
    comparisons = _differences(scores, pairs, chosen, unit, n_boot, seed)
    for row in comparisons.itertuples():
        id = f"{prefix}.{row.first}-{row.second}.{row.metric}"
        record_comparison(chapter, id, row, note=row.note or None)
    family = [(reference, other) for other in rivals]
    for row in compare_changes(scores, family, unit, n_boot, seed, RECORDED).itertuples():
        chapter.record(
            f"{prefix}.{row.first}-{row.second}.{row.metric} (Holm)",
            row.difference,
            p=row.p_holm,
            n=row.n,
            unit="difference",
        )
    record_ranking(chapter, prefix, scores, networks, published)
    return summary, comparisons


def _differences(
    scores: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    chosen: Mapping[tuple[str, str], str],
    unit: str,
    n_boot: int,
    seed: int,
) -> pd.DataFrame:
    """Compare pairs in which a name may stand for the best model of each metric."""
    wanted = [
        (first, second, metric, chosen.get((first, metric), first), chosen.get((second, metric), second))
        for first, second in pairs
        for metric in RECORDED
    ]
    models = sorted({(a, b) for *_, a, b in wanted})
    table = compare_changes(scores, models, unit, n_boot, seed, RECORDED)
    found = table.set_index(["first", "second", "metric"])
    rows = []
    for first, second, metric, a, b in wanted:
        note = "; ".join(f"{name}: {model}" for name, model in ((first, a), (second, b)) if name != model)
        row = found.loc[(a, b, metric)]
        rows.append({"first": first, "second": second, "metric": metric, "note": note, **row.to_dict()})
    return pd.DataFrame(rows).astype({"n": int})


def record_ranking(
    chapter: Chapter,
    prefix: str,
    scores: pd.DataFrame,
    networks: Sequence[str],
    published: Mapping[str, float] | None = None,
    metric: str = "sign accuracy",
) -> pd.DataFrame:
    """Record how stable the ranking of the networks is; return the ranks, networks x seeds."""
    by_seed = scores_by_seed(scores[scores["model"].isin(networks)])
    ranks, found = rank_stability(by_seed, metric, published)
    names = {
        "between seeds": "rank agreement between seeds",
        "with published": "rank agreement with the paper",
        "spread of seeds": "spread of seeds",
        "spread of models": "spread of models",
    }
    for key, name in names.items():
        if key in found:
            chapter.record(
                f"{prefix}.six networks.{name}", found[key], n=len(networks), seeds=scores["seed"].nunique()
            )
    return ranks


def record_cells(
    chapter: Chapter,
    prefix: str,
    scores: pd.DataFrame,
    cells: Sequence[str],
    unit: str,
    *,
    reference: str = "GRU3-ATTN",
    rival: str = "cell mean",
    n_boot: int = 1000,
    seed: int = 0,
) -> None:
    """Record the sign accuracy of a network in single cells, against all rows and against a rival.

    Ids are ``<prefix>.<reference>.sign accuracy in <cell>``, the same with ``minus all``, and
    ``<prefix>.<reference>-<rival>.sign accuracy in <cell>``.
    """
    metric = "sign accuracy"
    for cell in cells:
        part = scores[scores["cell"] == cell]
        own = summarise_changes(part[part["model"] == reference], unit, n_boot, seed, (metric,)).iloc[0]
        name = f"{prefix}.{reference}.{metric} in {cell}"
        chapter.record(name, own["value"], low=own["low"], high=own["high"], n=own["n"], seeds=own["seeds"])
        record_comparison(
            chapter, f"{name} minus all", part_difference(scores, reference, cell, metric, unit, n_boot, seed)
        )
        versus = compare_changes(part, [(reference, rival)], unit, n_boot, seed, (metric,)).iloc[0]
        record_comparison(chapter, f"{prefix}.{reference}-{rival}.{metric} in {cell}", versus)


def _best(summary: pd.DataFrame, members: Sequence[str], metric: str) -> str:
    table = summary[(summary["metric"] == metric) & summary["model"].isin(members)]
    order = table["value"].idxmax() if METRICS[metric][2] else table["value"].idxmin()
    return str(table.loc[order, "model"])
