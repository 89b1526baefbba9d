"""Sections of the chapter on ranked gene lists: DREEP with each list, gains, settings, agreement, nulls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.evaluation.statistics import Comparison
from helpers.evaluation.strongest import against_strongest, strongest_row
from helpers.studies.gpds.dreep import null_table
from helpers.studies.gpds.dreep_null import permuted_endpoints, permuted_response_scores
from helpers.studies.gpds.drug_ranking import (
    DreepRun,
    drug_gains,
    endpoints,
    holm_results,
    list_gains,
    mean_spearman,
    pooled_auroc,
)
from helpers.studies.gpds.gene_lists import LISTS, SHORT, GeneLists
from helpers.studies.gpds.list_agreement import list_similarity, split_half_reliability
from helpers.studies.gpds.results import Found, named, result, results
from helpers.studies.gpds.tasks import Inputs

LINEAR, CONTROLS = ("L3", "L6"), ("C1", "C2", "C3", "C4")
#: Comparisons that were planned, and are adjusted together.
PLANNED = [(name, "L1") for name in ("L7", "L8", "L9", "L11", "L3", "L6", "L2")]


def list_names(inputs: Inputs) -> list[str]:
    """Name the lists that are compared; the partial correlation needs genes of known names."""
    partial = [] if inputs.proliferation is None else ["L10"]
    return ["L1", "L2", "L3", "L6", "L7", "L8", "L9", "L11", *partial, *CONTROLS]


def dreep_options(inputs: Inputs, drugs: Sequence[str], **options: Any) -> dict[str, Any]:
    """Arguments of :func:`~helpers.studies.gpds.drug_ranking.dreep_run` that all of its calls share."""
    shared = {
        "drugs": [inputs.task.drug, *drugs],
        "k": inputs.task.markers,
        "genes": inputs.list_genes,
        "draws": 20_000,
        "lineage": inputs.panel.lines["lineage"],
        "proliferation": inputs.proliferation,
    }
    return shared | options


def scores_found(
    scored: DreepRun, as_published: DreepRun, inputs: Inputs, n_boot: int, seed: int = 0
) -> Found:
    """Agreement of each list's scores with the response: mean over drugs, the chapter's own drug apart.

    Returns
    -------
    Found
        Results ``cells.dreep.<list>.Spearman`` and ``.AUROC pooled``; and ``cells.dreep as published...``,
        with lists that the scored lines helped to build.
    """
    response = inputs.panel.response
    others = scored.lines[scored.lines["drug"] != inputs.task.drug]
    means = mean_spearman(others, response, n_boot=n_boot, seed=seed).set_index("list")
    ends = endpoints(others, response).pivot_table(
        index="list", columns="endpoint", values="value", sort=False
    )
    lines = means["n_lines"].astype(str)
    noted = means.assign(note="mean over drugs; bootstrap over " + lines + " lines").reset_index()
    rows = named(noted, "cells.dreep.{list}.Spearman")
    for what, run in (("dreep as published", as_published), ("dreep", scored)):
        for name, auroc in pooled_auroc(run.lines, response, n_boot=n_boot, seed=seed).items():
            fields = {"low": auroc.low, "high": auroc.high, "n": auroc.n}
            rows.append(result(f"cells.{what}.{name}.AUROC pooled", auroc.difference, **fields))
    for name, part in scored.seeds.groupby("list"):
        for what, column in (("agreement of seeds", "agreement"), ("saturated units", "saturated_1")):
            rows.append(result(f"cells.dreep.{name}.{what}", part[column].median(), n=len(part)))
    rows.append(result("cells.dreep.genes", len(scored.genes)))
    table = means.assign(auroc=ends["AUROC of thirds"], name=means.index.map(LISTS)).rename(
        columns={"value": "Spearman", "auroc": "AUROC, lowest against highest third", "n": "drugs"}
    )
    columns = ["name", "Spearman", "low", "high", "AUROC, lowest against highest third", "drugs", "n_lines"]
    return Found(results(rows), table[columns].rename(columns={"name": "list", "n_lines": "lines"}))


def gains_found(scored: DreepRun, means: pd.DataFrame, inputs: Inputs, n_boot: int, seed: int = 0) -> Found:
    """Planned comparisons of lists, and those with the strongest linear and the strongest control list.

    Parameters
    ----------
    means : DataFrame
        Table of :func:`scores_found`.
    """
    response = inputs.panel.response
    others = scored.lines[scored.lines["drug"] != inputs.task.drug]

    def gains(pairs: list[tuple[str, str]], level: float = 0.95) -> pd.DataFrame:
        return list_gains(others, response, pairs, n_boot=n_boot, seed=seed, level=level)

    tables = [gains(PLANNED)]
    rows = named(holm_results(tables[0]), "cells.dreep.{first}-{second}.Spearman")
    rivals = [(name, "strongest linear", LINEAR) for name in ("L7", "L11")]
    for first, what, names in [*rivals, ("L1", "strongest control", CONTROLS)]:

        def compare(rival: str, level: float, first: str = first) -> Comparison:
            row = gains([(first, rival)], level).iloc[0]
            return Comparison(row["difference"], row["low"], row["high"], row["p"], row["n"], "bootstrap")

        best, found = against_strongest(means["Spearman"].to_dict(), compare, names)
        rows += named(strongest_row(best, found, len(names)), f"cells.dreep.{first}-{what}.Spearman")
        tables.append(gains([(first, best)]))
    table = pd.concat(tables, ignore_index=True)
    names = table[["first", "second"]].replace(SHORT)
    return Found(results(rows), table.assign(label=names["first"] + " - " + names["second"]))


def gains_by_drug(scored: DreepRun, inputs: Inputs) -> pd.DataFrame:
    """Network's list minus Pearson's, drug by drug, the largest gain first."""
    table = drug_gains(scored.lines, inputs.panel.response, "L7", "L1").sort_values("gain", ascending=False)
    return table.rename(columns={"first": "network (L7)", "second": "Pearson (L1)"})


def direct_arms(direct: pd.DataFrame, scored: DreepRun, inputs: Inputs, n_boot: int, seed: int = 0) -> Found:
    """Give the same endpoint for models that predict cells without a list.

    Parameters
    ----------
    direct : DataFrame
        :attr:`HeldOutCells.lines` of the source "cells".
    """
    arms = direct.assign(list=direct["model"] + ", direct", es=direct["median"])
    others = scored.lines[scored.lines["drug"] != inputs.task.drug]
    both = pd.concat([others, arms[["list", "drug", "line", "es"]]], ignore_index=True)
    means = mean_spearman(both, inputs.panel.response, n_boot=n_boot, seed=seed)
    rows = named(means[means["list"].str.endswith("direct")], "cells.{list}.Spearman")
    table = means.set_index("list").loc[["L1", "L7", *arms["list"].unique()]]
    return Found(results(rows), table)


def scorer_choices(
    score: Callable[..., DreepRun],
    inputs: Inputs,
    drugs: Sequence[str],
    options: Mapping[str, Any],
    n_boot: int,
) -> Found:
    """Other numbers of marker genes and other weights of genes, Pearson list.

    Parameters
    ----------
    score : callable
        :func:`~helpers.studies.gpds.drug_ranking.dreep_run`.
    """
    task, panel = inputs.task, inputs.panel
    fit_in = [k for k in task.other_markers if k < len(inputs.list_genes)]
    changes: dict[str, dict[str, Any]] = {"as chosen": {}} | {f"k = {k}": {"k": k} for k in fit_in}
    changes |= {
        "weights: log CPM": {"weights": "log-cpm"},
        "weights: z-score over cells": {"weights": "z-score"},
    }
    tables = []
    for name, change in changes.items():
        settings = dict(options) | {"drugs": list(drugs)} | change
        run = score(panel.expression, panel.response, inputs.cells, ["L1"], **settings)
        mean = mean_spearman(run.lines, panel.response, n_boot=n_boot, seed=options["seed"])
        scored = float(run.sets.complete.mean())
        tables.append(mean.assign(setting=name, share=scored))
    table = pd.concat(tables, ignore_index=True)
    rows = named(table, "cells.dreep, {setting}.{list}.Spearman")
    shown = table.set_index("setting")[["value", "low", "high", "n", "n_lines", "share"]]
    return Found(results(rows), shown.rename(columns={"share": "share of cells scored"}))


def agreement_found(scored: DreepRun, inputs: Inputs, drugs: Sequence[str], seed: int = 0) -> Found:
    """How much lists agree with themselves: seeds of the network, halves of the lines.

    Returns
    -------
    Found
        Table ``list``, ``agreement``; one row a drug (and fold).
    """
    lines = ~inputs.with_cells
    genes, every = inputs.list_genes, [inputs.task.drug, *drugs]
    halves = split_half_reliability(
        inputs.common.loc[lines, genes], inputs.panel.response.loc[lines, every], seed=seed
    )
    by_half = halves.groupby("drug")["spearman"].mean()
    seeds = scored.seeds.dropna(subset="agreement")  # one network has nobody to agree with
    table = pd.concat(
        [
            seeds.assign(list=seeds["list"].map(LISTS))[["list", "agreement"]],
            pd.DataFrame({"list": "Pearson, halves of the lines", "agreement": by_half}),
        ],
        ignore_index=True,
    )
    rows = [result("GDSC2.lists.L1.split-half", by_half.median(), n=len(by_half))]
    return Found(results(rows), table)


def likeness_found(lists: GeneLists, drugs: Sequence[str]) -> Found:
    """How alike some drugs' lists of all lines without cells are."""
    shown = ("L1", "L2", "L3", "L6", "L7", "L9", "L11", "C2", "C4")
    table = list_similarity({name: lists.scores[name][list(drugs)] for name in shown})
    rows = []
    for other, own in (("L1", "L7"), ("L3", "L7"), ("L3", "L11"), ("L7", "L11")):
        pair = table[(table["first"] == other) & (table["second"] == own)]["spearman"]
        note = {"n": len(pair), "note": "mean over drugs"}
        rows.append(result(f"GDSC2.lists.{own} and {other}.Spearman", pair.mean(), **note))
    return Found(results(rows), table)


def called_cells(
    scored: DreepRun, inputs: Inputs, drugs: Sequence[str], n_permutations: int, seed: int = 0
) -> Found:
    """Cells that are called with the true and with permuted responses, and the width of both nulls."""
    task, panel, lines = inputs.task, inputs.panel, ~inputs.with_cells
    permuted = permuted_endpoints(
        scored.sets,
        inputs.cells.obs["model_id"].astype(str).to_numpy(),
        panel.expression[scored.genes],
        panel.response,
        [task.drug, *drugs],
        n_permutations=n_permutations,
        draws=20_000,
        seed=seed,
    )
    kind = np.where(permuted["permutation"] < 0, "true response", "permuted response")
    table = permuted.assign(kind=kind).groupby("kind")[["called", "spearman"]].agg(["mean", "std"])
    rows = [
        result(f"cells.dreep.L1.share called, {name}", table.loc[name, ("called", "mean")])
        for name in table.index
    ]
    spread = permuted_response_scores(
        scored.sets,
        inputs.common.loc[lines, scored.genes],
        panel.response.loc[lines, task.drug],
        n_permutations=n_permutations,
        seed=seed,
    )
    random = null_table(task.markers, len(scored.genes), 20_000, seed)
    note = "SD of scores along permuted lists over SD of scores of random sets"
    rows.append(result("cells.dreep.width of the second null", np.nanstd(spread) / random.std(), note=note))
    return Found(results(rows), table)


def ends_of_lists(lists: GeneLists, drug: str, names: Sequence[str], count: int = 8) -> pd.DataFrame:
    """Genes at both ends of a drug's lists, from the sensitive to the resistant end."""
    return pd.DataFrame(
        {
            LISTS[name]: [
                *lists.scores[name][drug].nsmallest(count).index,
                "...",
                *lists.scores[name][drug].nlargest(count).index[::-1],
            ]
            for name in names
        }
    )
