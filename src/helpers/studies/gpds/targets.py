"""Known targets: how near the sensitive end of its drug's list a target stands.

A target shared by many drugs is one gene, not many pieces of evidence: genes are the units.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from helpers.bounds import check_number
from helpers.checks import check_columns, check_names, check_numbers, check_table, check_unique, refuse
from helpers.evaluation.statistics import Comparison, mean_interval
from helpers.evaluation.strongest import against_strongest, strongest_row
from helpers.studies.gpds.drug_ranking import sign_flip_p
from helpers.studies.gpds.gene_lists import GeneLists
from helpers.studies.gpds.results import Found, named, result, results
from helpers.studies.gpds.tasks import Inputs

#: Lists of the network: with the report's setting, and with one that inner folds chose.
NETWORKS = ("L7", "L11")
#: Lists that it is compared with.
OTHERS = ("L1", "L3", "L6", "L10")


def target_pairs(inputs: Inputs, min_lines: int = 300) -> list[tuple[str, str]]:
    """Return :func:`known_targets` among the genes of the lists."""
    return known_targets(inputs.targets(), inputs.list_genes, inputs.panel.response, min_lines)


def known_target_places(
    lists: GeneLists, pairs: Sequence[tuple[str, str]], seed: int = 0
) -> tuple[Found, pd.DataFrame]:
    """Look up known targets in the lists of their drugs.

    Parameters
    ----------
    lists : GeneLists
        With :data:`NETWORKS` and some of :data:`OTHERS`.
    pairs : sequence of (drug, gene)

    Returns
    -------
    found : Found
        Of :func:`target_recovery`.
    places : DataFrame
        Of :func:`target_places`.
    """
    others = [name for name in OTHERS if name in lists.scores]
    places = target_places({name: lists.scores[name] for name in (*NETWORKS, *others)}, pairs)
    return target_recovery(places, NETWORKS, others, seed), places


def known_targets(
    targets: pd.Series, genes: Sequence[str], response: pd.DataFrame, min_lines: int = 300
) -> list[tuple[str, str]]:
    """Pairs of a drug and a gene that is named as its target.

    Parameters
    ----------
    targets : Series
        Text such as ``"EGFR, ERBB2"``; index = drug.
    genes : sequence of str
        Genes of the lists; names that are no such symbol (``"Microtubule stabiliser"``) are left out.
    response : DataFrame, lines x drugs
    min_lines : int
        Measured lines that a drug needs.

    Raises
    ------
    DataError
        If targets are no Series of text, or name a drug twice.
    """
    check_number("min_lines", min_lines, 1, whole=True)
    if not isinstance(targets, pd.Series):
        refuse("targets", f"must be a Series whose index names drugs, got {type(targets).__name__}")
    check_unique(targets.index, "targets", "a drug stands twice")
    if not targets.dropna().map(lambda text: isinstance(text, str)).all():
        refuse("targets", "must be text such as 'EGFR, ERBB2'")
    enough = response.columns[response.notna().sum() >= min_lines]
    return [
        (drug, gene)
        for drug, text in targets.dropna().items()
        if drug in enough
        for gene in dict.fromkeys(re.split(r"[,;]\s*", text))
        if gene in set(genes)
    ]


def target_places(lists: Mapping[str, pd.DataFrame], pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Percentile of each target in its drug's lists: 0 = most sensitive end, 100 = most resistant end.

    Parameters
    ----------
    lists : mapping of str to DataFrame, genes x drugs
        High = resistance.

    Returns
    -------
    DataFrame
        ``drug``, ``gene`` and one column a list.

    Raises
    ------
    DataError
        If a list lacks a gene or a drug of the pairs, has one gene, or holds NaN.
    """
    if not isinstance(lists, Mapping) or isinstance(pairs, str) or not isinstance(pairs, Sequence):
        refuse("target_places", "needs lists by name, and pairs (drug, gene)")
    if any(len(pair) != 2 for pair in pairs):
        refuse("target_places", f"needs pairs (drug, gene); got {list(pairs)[:3]}")
    for name, scores in lists.items() if pairs else ():
        check_table(scores, name, "list")
        check_numbers(scores, name, "list")
        absent = [pair for pair in pairs if pair[0] not in scores.columns or pair[1] not in scores.index]
        if absent or len(scores) < 2:
            refuse(
                name, f"lacks a drug or gene of {len(absent)} pair(s), first {absent[:1]}, or has one gene"
            )
    places = pd.DataFrame(pairs, columns=["drug", "gene"])
    for name, scores in lists.items():
        rank = 100 * (scores.rank() - 1) / (len(scores) - 1)
        places[name] = [rank.loc[gene, drug] for drug, gene in pairs]
    return places


def target_recovery(
    places: pd.DataFrame, firsts: Sequence[str], others: Sequence[str], seed: int = 0, tail: float = 10.0
) -> Found:
    """Compare some lists, each with all others, by the place of known targets, mean over genes.

    Parameters
    ----------
    places : DataFrame
        From :func:`target_places`; places of a gene's drugs are averaged.
    firsts, others : sequence of str
        Lists.
    tail : float
        Percentile that counts as found.

    Returns
    -------
    Found
        Results ``GDSC2.targets.<list>.percentile`` with t intervals over genes inside 0 to 100,
        ``GDSC2.targets.<list>.found`` (share of the pairs), and ``GDSC2.targets.<first>-<other>.percentile``:
        how many percentiles ``first`` puts a target nearer to the sensitive end, with the p-value of a
        sign-flip test over genes; ``<first>-strongest`` is against the best of the others. The table has one
        row a list.

    Raises
    ------
    DataError
        If there is no list, or no place of one.
    """
    check_number("tail", tail, 0, 100)
    check_columns(places, ("gene", *check_names([*firsts, *others], "lists")), "places")
    if not len(firsts) or not len(others):
        refuse("target_recovery", "needs lists to compare, and lists to compare them with")
    names = [*firsts, *others]
    by_gene = places.groupby("gene")[names].mean().astype(float)
    found = [result("GDSC2.targets.genes", len(by_gene)), result("GDSC2.targets.pairs", len(places))]
    rows = []
    for name in names:
        mean = mean_interval(by_gene[name].to_numpy())
        ends = {"low": max(mean.low, 0.0), "high": min(mean.high, 100.0), "n": mean.n}
        rows.append({"list": name, "value": mean.difference, **ends, "found": (places[name] <= tail).mean()})
    table = pd.DataFrame(rows)
    found += named(table, "GDSC2.targets.{list}.percentile", note="mean over genes")
    found += [
        result(f"GDSC2.targets.{row.list}.found", row.found, n=len(places)) for row in table.itertuples()
    ]

    for first in firsts:
        found += _against(by_gene, first, others, seed)
    return Found(results(found), table)


def _against(by_gene: pd.DataFrame, first: str, others: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """How much nearer one list puts the targets than each of the others, and than the best of them."""

    def compare(other: str, level: float) -> Comparison:
        gain = (by_gene[other] - by_gene[first]).to_numpy()
        return replace(mean_interval(gain, level), p=sign_flip_p(gain, seed=seed))

    rows = []
    for other in others:
        gain = compare(other, 0.95)
        fields = {"low": gain.low, "high": gain.high, "p": gain.p, "n": gain.n, "unit": "difference"}
        rows.append(result(f"GDSC2.targets.{first}-{other}.percentile", gain.difference, **fields))
    if by_gene.empty:
        return [*rows, result(f"GDSC2.targets.{first}-strongest.percentile", np.nan)]
    # A low percentile is a good one.
    best, gain = against_strongest((-by_gene[list(others)].mean()).to_dict(), compare, others)
    return rows + named(strongest_row(best, gain, len(others)), f"GDSC2.targets.{first}-strongest.percentile")
