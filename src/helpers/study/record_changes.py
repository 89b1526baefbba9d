"""Record what a protocol on expression changes found: scores, differences, the ranking of the networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from helpers.evaluation.change_comparison import (
    compare_changes,
    part_difference,
    rank_stability,
    scores_by_seed,
    summarise_changes,
)
from helpers.evaluation.change_metrics import METRICS
from helpers.study.record_tables import record_comparison
from helpers.study.recorder import Study

#: Metrics that are recorded of every model.
RECORDED = (
    "sign accuracy",
    "MAE",
    "MAE right",
    "MAE wrong",
    "MRRMSE",
    "Pearson",
    "sign accuracy, significant",
)
#: Metrics in which models are compared.
COMPARED = ("sign accuracy", "MAE", "MRRMSE")
BEST_NETWORK, BEST_SIMPLE = "best network", "best simple"


def record_changes(
    study: Study,
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
    study : Study
    prefix : str
        ``"<data set>.<protocol>"``; ids are ``<prefix>.<model>.<metric>``,
        ``<prefix>.<first>-<second>.<metric>`` for differences (with ``" (Holm)"`` for the p-value
        adjusted over the other networks) and ``<prefix>.six networks.<what>`` for the ranking.
    scores : DataFrame
        :func:`helpers.evaluation.change_protocols.run_changes`, test rows.
    unit : {"compound", "cell"}
        What the bootstrap resamples.
    networks, simple, controls : sequence of str
        The networks that the paper ranks, the simple predictors, and further networks that the
        reference is compared with.
    reference : str
        The paper's best network.
    published : mapping of network to sign accuracy, optional
    show_published : bool
        Put the published value beside ours: only where the data are of the paper's kind.
    n_boot, seed : int

    Returns
    -------
    summary, comparisons : DataFrame
        :func:`summarise_changes` (with the best network and the best simple predictor of each
        metric as two more models) and :func:`compare_changes`.
    """
    summary = summarise_changes(scores, unit, n_boot, seed, RECORDED)
    for row in summary.itertuples():
        known = published.get(row.model) if show_published and row.metric == "sign accuracy" else None
        study.record(
            f"{prefix}.{row.model}.{row.metric}",
            row.value,
            low=row.low,
            high=row.high,
            n=row.n,
            seeds=row.seeds,
            published=known,
        )
    best = {
        name: {metric: _best(summary, members, metric) for metric in COMPARED}
        for name, members in ((BEST_NETWORK, networks), (BEST_SIMPLE, simple))
    }
    tables = [
        _family(study, prefix, scores, unit, reference, networks, n_boot, seed),
        *(
            _versus(study, prefix, scores, unit, {reference: reference}, {name: name}, n_boot, seed)
            for name in (*controls, *simple)
        ),
        _versus(study, prefix, scores, unit, {reference: reference}, {BEST_SIMPLE: best}, n_boot, seed),
        *(
            _versus(study, prefix, scores, unit, {BEST_NETWORK: best}, {name: name}, n_boot, seed)
            for name in ("zero", "cell mean", "additive")
            if name in simple
        ),
        _versus(study, prefix, scores, unit, {BEST_NETWORK: best}, {BEST_SIMPLE: best}, n_boot, seed),
    ]
    record_ranking(study, prefix, scores, networks, published)
    return summary, pd.concat(tables, ignore_index=True)


def record_ranking(
    study: Study,
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
            study.record(
                f"{prefix}.six networks.{name}", found[key], n=len(networks), seeds=scores["seed"].nunique()
            )
    return ranks


def record_cells(
    study: Study,
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
        study.record(name, own["value"], low=own["low"], high=own["high"], n=own["n"], seeds=own["seeds"])
        record_comparison(
            study, f"{name} minus all", part_difference(scores, reference, cell, metric, unit, n_boot, seed)
        )
        versus = compare_changes(part, [(reference, rival)], unit, n_boot, seed, (metric,)).iloc[0]
        study.record(
            f"{prefix}.{reference}-{rival}.{metric} in {cell}",
            versus["difference"],
            low=versus["low"],
            high=versus["high"],
            p=versus["p"],
            n=versus["n"],
            unit="difference",
        )


def _family(
    study: Study,
    prefix: str,
    scores: pd.DataFrame,
    unit: str,
    reference: str,
    networks: Sequence[str],
    n_boot: int,
    seed: int,
) -> pd.DataFrame:
    pairs = [(reference, name) for name in networks if name != reference]
    table = compare_changes(scores, pairs, unit, n_boot, seed, COMPARED)
    _record(study, prefix, table)
    for row in table.itertuples():
        study.record(
            f"{prefix}.{row.first}-{row.second}.{row.metric} (Holm)",
            row.difference,
            p=row.p_holm,
            n=row.n,
            unit="difference",
        )
    return table


def _versus(
    study: Study,
    prefix: str,
    scores: pd.DataFrame,
    unit: str,
    first: Mapping[str, object],
    second: Mapping[str, object],
    n_boot: int,
    seed: int,
) -> pd.DataFrame:
    """Compare two models, either of which may be the best of a group, metric by metric."""
    (a, chosen_a), (b, chosen_b) = next(iter(first.items())), next(iter(second.items()))
    parts, notes = [], {}
    for metric in COMPARED:
        x, y = _named(a, chosen_a, metric), _named(b, chosen_b, metric)
        part = compare_changes(scores, [(x, y)], unit, n_boot, seed, (metric,))
        notes[metric] = "; ".join(f"{name}: {model}" for name, model in ((a, x), (b, y)) if name != model)
        parts.append(part.assign(first=a, second=b))
    table = pd.concat(parts, ignore_index=True)
    _record(study, prefix, table, notes)
    return table


def _named(name: str, chosen: object, metric: str) -> str:
    return name if isinstance(chosen, str) else chosen[name][metric]


def _record(study: Study, prefix: str, table: pd.DataFrame, notes: Mapping[str, str] | None = None) -> None:
    for row in table.itertuples():
        study.record(
            f"{prefix}.{row.first}-{row.second}.{row.metric}",
            row.difference,
            low=row.low,
            high=row.high,
            p=row.p,
            n=row.n,
            unit="difference",
            note=(notes or {}).get(row.metric) or None,
        )


def _best(summary: pd.DataFrame, members: Sequence[str], metric: str) -> str:
    table = summary[(summary["metric"] == metric) & summary["model"].isin(members)]
    order = table["value"].idxmax() if METRICS[metric][2] else table["value"].idxmin()
    return str(table.loc[order, "model"])
