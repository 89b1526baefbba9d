"""What genes chosen from an encoder's weights are worth on pairs that were not used to choose them.

Lists of genes are compared under the same rule of direction: every list, the random one too, takes for each
gene the direction of the training lines' own rank test, or every list takes the sign of the encoder's weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from helpers.bounds import check_number
from helpers.checks import check_columns, check_numbers, check_unique, refuse
from helpers.errors import DataError
from helpers.evaluation.statistics import Comparison, t_summary
from helpers.studies.refdnn.biomarkers import rank_statistics, top_genes
from helpers.studies.refdnn.comparisons import comparison_table
from helpers.studies.refdnn.out_of_fold import OutOfFold
from helpers.studies.refdnn.pairs import PairTable

#: Ways to choose genes: by raw weight (as published), by weight times standard deviation, by the
#: training lines' own rank test, or at random.
RANKINGS = ("raw weight", "weight x SD", "rank test", "random")
#: Where the direction of a gene comes from; one rule for the genes of all rankings.
DIRECTIONS = ("rank test", "encoder")
#: Which held-out lines are compared: all, or those of one tissue with each other.
SCOPES = ("all lines", "within tissue")

_KEYS = ["seed", "fold", "drug", "ranking", "direction"]


def directed_auroc(auroc: pd.Series, direction: pd.Series, genes: Sequence[str]) -> float:
    """Mean AUROC of genes, each taken in the direction that was learnt.

    0.5 means that the genes say nothing on these lines; below 0.5, that they point the wrong way.

    Parameters
    ----------
    auroc : Series, index = gene
        Of lines that were not used to learn the direction.
    direction : Series, index = gene
        Positive where high expression was learnt to mean resistance. Zero is no direction: 0.5.
    """
    genes = list(genes)
    sign = np.sign(direction[genes].to_numpy())
    return float((0.5 + sign * (auroc[genes].to_numpy() - 0.5)).mean())


def heldout_biomarkers(
    table: PairTable,
    encoders: Mapping[str, tuple[OutOfFold, str]],
    tissue: pd.Series,
    k: int = 10,
    min_minority: int = 20,
    seed: int = 0,
    n_jobs: int = 1,
) -> dict[str, pd.DataFrame]:
    """Test each fold's top genes on the pairs that the fold held out.

    Parameters
    ----------
    table : PairTable
    encoders : mapping of name to (OutOfFold, model)
        Where each encoder's kernels (genes x drugs) are kept. All results have the same folds; the seeds that
        a result has count for it.
    tissue : Series
        Tissue of each line; index = line.
    k : int
        Genes a list.
    min_minority : int
        Drugs with fewer resistant or fewer sensitive lines are left out.
    seed : int
        Of the random lists, which are the same for all encoders.
    n_jobs : int
        Folds at a time.

    Returns
    -------
    dict of name to DataFrame
        One row a seed, fold, drug, ranking (:data:`RANKINGS`) and direction (:data:`DIRECTIONS`): the
        directed AUROC of the list on held-out lines, ``all lines`` and ``within tissue`` (NaN where no
        tissue has both classes), and ``genes``.

    Raises
    ------
    DataError
        If the results have other folds of the same seed, are of other pairs or hold no kernel, a line has no
        tissue, or a number cannot be.
    """
    for what, number, least in (("k", k, 1), ("min_minority", min_minority, 1), ("seed", seed, 0)):
        check_number(what, number, least, whole=True)
    check_number("n_jobs", n_jobs, whole=True)
    check_number("k", k, 1, len(table.features.gene_names), whole=True)
    if not isinstance(tissue, pd.Series):
        refuse("tissue", f"must be a Series, whose index names lines, got {type(tissue).__name__}")
    check_unique(tissue.index, "tissue", "names a line twice")
    known = tissue.reindex(table.features.line_names)
    if known.isna().any():
        refuse(
            "tissue",
            f"{int(known.isna().sum())} lines have none, first {list(known.index[known.isna()][:3])}",
        )
    if not encoders:
        refuse("encoders", "there are none")
    for name, (result, model) in encoders.items():
        same = np.array_equal(np.column_stack([result.lines, result.drugs]), table.codes)
        if not same or not any(kept == model for kept, *_ in result.kept):
            refuse(name, f"its result is of other pairs, or holds no kernel of {model!r}")
    kernels: dict[tuple[int, str], dict[str, pd.DataFrame]] = {}
    tested: dict[tuple[int, str], np.ndarray] = {}
    for name, (result, model) in encoders.items():
        for (kept, repeat, fold), kernel in result.kept.items():
            if kept != model:
                continue
            part = result.folds[repeat] == result.fold_names.index(fold)
            if not np.array_equal(tested.setdefault((repeat, fold), part), part):
                msg = f"{name}: fold {fold!r} of seed {repeat} holds other pairs than before"
                raise DataError(msg)
            kernels.setdefault((repeat, fold), {})[name] = kernel
    of_line = tissue.reindex(table.features.line_names).to_numpy(str)
    parts = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(_fold_biomarkers)(
            table, tested[key], kernels[key], of_line, k, min_minority, np.random.default_rng([seed, i])
        )
        for i, key in enumerate(kernels)
    )
    rows: dict[str, list[tuple]] = {name: [] for name in encoders}
    for key, part in zip(kernels, parts, strict=True):
        for name, *row in part:
            rows[name].append((*key, *row))
    columns = [*_KEYS, *SCOPES, "genes"]
    return {name: pd.DataFrame(found, columns=columns) for name, found in rows.items()}


def _fold_biomarkers(
    table: PairTable,
    tested: np.ndarray,
    kernels: Mapping[str, pd.DataFrame],
    tissue: np.ndarray,
    k: int,
    min_minority: int,
    rng: np.random.Generator,
) -> list[tuple]:
    expression = table.features.expression.astype(float)
    genes = pd.Index(table.features.gene_names)
    rows: list[tuple] = []

    def auroc(part: np.ndarray, strata: np.ndarray | None = None) -> pd.Series:
        lines = table.lines[part]
        groups = None if strata is None else strata[lines]
        u, _, pairs = rank_statistics(expression[lines], table.y[part] == 1, groups)
        return pd.Series(u / pairs if pairs else np.nan, index=genes)

    for drug in np.unique(table.drugs):
        of_drug = table.drugs == drug
        if min(np.bincount(table.y[of_drug], minlength=2)) < min_minority:
            continue
        seen, held_out = auroc(of_drug & ~tested), auroc(of_drug & tested)
        if seen.isna().any() or held_out.isna().any():
            continue
        scopes = (held_out, auroc(of_drug & tested, tissue))
        spread = pd.Series(expression[table.lines[of_drug & ~tested]].std(axis=0), index=genes)
        name = table.features.drug_names[drug]
        shared = {
            "rank test": top_genes(seen - 0.5, k),
            "random": list(rng.choice(genes, k, replace=False)),
        }
        for encoder, kernel in kernels.items():
            weights = kernel[name]
            lists = {"raw weight": top_genes(weights, k), "weight x SD": top_genes(weights, k, spread)}
            for ranking, chosen in {**lists, **shared}.items():
                for rule, direction in (("rank test", seen - 0.5), ("encoder", weights)):
                    values = [directed_auroc(scope, direction, chosen) for scope in scopes]
                    rows.append((encoder, name, ranking, rule, *values, tuple(chosen)))
    return rows


def top_overlap(lists: Sequence[Sequence[str]]) -> float:
    """Mean share of genes that two of the lists have in common, over all pairs of lists.

    Two random lists of k out of G genes share k / G of their genes.
    """
    pairs = [len(set(a) & set(b)) / max(len(a), 1) for a, b in combinations(lists, 2)]
    return float(np.mean(pairs)) if pairs else np.nan


def list_stability(heldout: pd.DataFrame) -> pd.DataFrame:
    """Overlap of the lists of different folds and seeds, per drug and ranking.

    Parameters
    ----------
    heldout : DataFrame
        From :func:`heldout_biomarkers`.

    Returns
    -------
    DataFrame, drugs x rankings
        Mean share of genes in common (:func:`top_overlap`).
    """
    once = _of_direction(heldout, DIRECTIONS[0], "genes")
    return once.pivot_table(
        index="drug", columns="ranking", values="genes", aggfunc=lambda lists: top_overlap(list(lists))
    )


def ranking_scores(
    heldout: pd.DataFrame, direction: str = "rank test", scope: str = "all lines"
) -> pd.DataFrame:
    """Directed AUROC of each drug on held-out pairs, averaged over folds; drugs x rankings."""
    rows = _of_direction(heldout, direction, scope)
    return rows.pivot_table(index="drug", columns="ranking", values=scope)[list(RANKINGS)]


def crossed_mean(values: pd.DataFrame, test_ratio: float) -> Comparison:
    """Mean over drugs and folds with an interval that counts both: other drugs, and other lines.

    The drugs of a fold share its lines, and the folds of a drug share most training lines. The squared error
    is the variance of the drugs' means over their number, plus the variance of the folds' means times
    ``1 / J + ratio`` for J folds (Nadeau and Bengio). Each contains the other's noise, so the interval is
    rather too wide; Student's t with J - 1 degrees of freedom.

    Parameters
    ----------
    values : DataFrame, drugs x folds
        A score or a difference; NaN where a fold has none.
    test_ratio : float
        Test over training rows of a fold.

    Returns
    -------
    Comparison
        ``n`` is the number of drugs; NaN interval with fewer than two drugs or folds.

    Raises
    ------
    DataError
        If there is no value, one is infinite or no number, or the ratio cannot be.
    """
    check_number("test_ratio", test_ratio, 0, 1e12)
    check_columns(values, (), "crossed mean")
    check_numbers(values, "crossed mean", "drugs x folds", missing=True)
    if values.isna().all(axis=None):
        refuse("crossed mean", "no value is known")
    values = values.dropna(how="all").dropna(how="all", axis=1)
    drugs, folds = values.mean(axis=1), values.mean(axis=0)
    mean, n_folds = float(drugs.mean()), len(folds)
    error = np.sqrt(drugs.var(ddof=1) / len(drugs) + (1 / max(n_folds, 1) + test_ratio) * folds.var(ddof=1))
    low, high, p = t_summary(mean, error, n_folds - 1, 0.95)
    return Comparison(mean, low, high, p, len(drugs), "drugs and folds crossed")


def ranking_table(heldout: Mapping[str, pd.DataFrame], test_ratio: float) -> pd.DataFrame:
    """Tabulate what each way to choose genes is worth on held-out pairs.

    Parameters
    ----------
    heldout : mapping of data set to DataFrame
        From :func:`heldout_biomarkers`.
    test_ratio : float
        Test over training pairs of a fold.

    Returns
    -------
    DataFrame
        ``data``, ``ranking``, ``direction``, ``scope``, ``difference`` (mean directed AUROC minus 0.5),
        ``low``, ``high``, ``p``, ``n`` drugs.
    """
    tables = []
    for data, table in heldout.items():
        for direction in DIRECTIONS:
            for scope in SCOPES:
                wide = _by_drug_and_fold(table, direction, scope)
                found = {r: crossed_mean(wide[r] - 0.5, test_ratio) for r in RANKINGS}
                named = comparison_table(found).rename(columns={"data": "ranking"})
                tables.append(named.assign(data=data, direction=direction, scope=scope))
    return pd.concat(tables, ignore_index=True)


def ranking_gaps(
    heldout: Mapping[str, pd.DataFrame], test_ratio: float, first: str = "raw weight"
) -> pd.DataFrame:
    """Directed AUROC of one ranking's genes minus that of every other's, under the same directions.

    Returns
    -------
    DataFrame
        ``data``, ``ranking`` (the other), ``direction``, ``scope``, ``difference``, ``low``, ``high``,
        ``p``, ``n`` drugs.

    Raises
    ------
    DataError
        If there are no tables, or ``first`` is none of :data:`RANKINGS`.
    """
    if first not in RANKINGS or not heldout:
        refuse("held-out genes", f"need a table, and a ranking of {', '.join(RANKINGS)}; got {first!r}")
    tables = []
    for data, table in heldout.items():
        for direction in DIRECTIONS:
            for scope in SCOPES:
                wide = _by_drug_and_fold(table, direction, scope)
                others = [ranking for ranking in RANKINGS if ranking != first]
                found = {other: crossed_mean(wide[first] - wide[other], test_ratio) for other in others}
                named = comparison_table(found).rename(columns={"data": "ranking"})
                tables.append(named.assign(data=data, direction=direction, scope=scope))
    return pd.concat(tables, ignore_index=True)


def overlap_table(heldout: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Mean overlap of two folds' lists: ``data``, ``ranking``, ``value``, ``n`` drugs, ``seeds``."""
    rows = []
    for data, table in heldout.items():
        overlap, seeds = list_stability(table), table["seed"].nunique()
        rows += [(data, ranking, overlap[ranking].mean(), len(overlap), seeds) for ranking in RANKINGS]
    return pd.DataFrame(rows, columns=["data", "ranking", "value", "n", "seeds"])


def encoder_gaps(heldout: Mapping[str, Mapping[str, pd.DataFrame]], test_ratio: float) -> pd.DataFrame:
    """Directed AUROC of the genes of the first model's encoder minus that of other encoders' genes.

    Parameters
    ----------
    heldout : mapping of data set to mapping of model to DataFrame
        From :func:`heldout_biomarkers`, same folds.
    test_ratio : float

    Returns
    -------
    DataFrame
        As :func:`ranking_gaps`, with the column ``model`` (the other) in place of ``ranking``.
    """
    tables = []
    for data, models in heldout.items():
        if len(models) < 2:
            refuse(data, "needs the encoders of two models or more to compare")
        for direction in DIRECTIONS:
            for scope in SCOPES:
                wide = {m: _by_drug_and_fold(t, direction, scope)["raw weight"] for m, t in models.items()}
                first, *others = models
                found = {other: crossed_mean(wide[first] - wide[other], test_ratio) for other in others}
                named = comparison_table(found).rename(columns={"data": "model"})
                tables.append(named.assign(data=data, direction=direction, scope=scope))
    return pd.concat(tables, ignore_index=True)


def finding(gaps: pd.DataFrame) -> str:
    """Say in how many comparisons of a table of gaps the first list is better, and in how many worse."""
    better, worse = int((gaps["low"] > 0).sum()), int((gaps["high"] < 0).sum())
    counts = f"better in {better}, worse in {worse} of {len(gaps)} comparisons"
    return f"The encoder's genes on held-out pairs: {counts}"


def _by_drug_and_fold(heldout: pd.DataFrame, direction: str, scope: str) -> dict[str, pd.DataFrame]:
    """Tables drugs x folds, one a ranking; the folds of several seeds stand side by side."""
    rows = _of_direction(heldout, direction, scope)
    return {
        str(ranking): part.pivot_table(index="drug", columns=["seed", "fold"], values=scope)
        for ranking, part in rows.groupby("ranking")
    }


def _of_direction(heldout: pd.DataFrame, direction: str, scope: str) -> pd.DataFrame:
    check_columns(heldout, (*_KEYS, scope), "held-out genes")
    rows = heldout[heldout["direction"] == direction]
    if rows.empty:
        refuse("held-out genes", f"no row of direction {direction!r}; one of {', '.join(DIRECTIONS)}")
    return rows
