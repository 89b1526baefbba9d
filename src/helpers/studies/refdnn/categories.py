"""Categories of drugs (pathways), and whether they say how well a drug is predicted (figure 3E)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from helpers.bounds import check_number
from helpers.checks import (
    as_numbers,
    check_column,
    check_columns,
    check_names,
    check_numbers,
    check_same_rows,
    refuse,
)
from helpers.claims.published import Published
from helpers.data.types import ResponseData
from helpers.errors import DataError
from helpers.evaluation.statistics import Comparison
from helpers.studies.refdnn.comparisons import comparison_table
from helpers.studies.refdnn.out_of_fold import OutOfFold

#: Ends of the paper's order of categories.
HIGH_END = ("ABL signaling", "DNA replication", "Cell cycle")
LOW_END = ("Hormone-related", "Chromatin histone methylation", "EGFR signaling")


def drugs_by_category(data: ResponseData, left_out: OutOfFold) -> pd.DataFrame:
    """AUROC of RefDNN for each left-out drug, with the pathway of its target.

    Returns
    -------
    DataFrame
        ``category``, ``item`` (drug), ``value`` (AUROC; NaN with one class), ``n`` pairs, and ``beyond line
        only``: the value minus the AUROC of ranking lines by how many other drugs they resist.

    Raises
    ------
    DataError
        If a drug has no pathway in the data.
    """
    unknown = [name for name in left_out.drug_names if name not in data.drugs.index]
    if unknown:
        refuse(data.name, f"{len(unknown)} drugs of the result have no pathway, first {unknown[:3]}")
    auroc = left_out.drug_auroc("RefDNN")
    return pd.DataFrame(
        {
            "category": data.drugs["pathway"].reindex(auroc["drug"]).to_numpy(),
            "item": auroc["drug"],
            "value": auroc["auroc"],
            "n": auroc["n"],
            "beyond line only": auroc["auroc"] - left_out.drug_auroc("Line only")["auroc"],
        }
    )


def category_medians(table: pd.DataFrame, n_boot: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Median of each category with a bootstrap interval over its drugs.

    Parameters
    ----------
    table : DataFrame
        ``category``, ``value``; NaN values are left out.
    n_boot, seed : int

    Returns
    -------
    DataFrame
        Index = category; ``median``, ``low``, ``high`` (95 %; NaN below three drugs), ``n``; highest
        median first.

    Raises
    ------
    DataError
        If a column is missing, a value is infinite or no number, or a number cannot be.
    """
    _check(table, n_boot, seed)
    rng = np.random.default_rng(seed)
    rows = {}
    for category, part in table.dropna(subset="value").groupby("category"):
        values = part["value"].to_numpy()
        low = high = np.nan
        if len(values) >= 3:
            draws = np.median(rng.choice(values, (n_boot, len(values))), axis=1)
            low, high = np.quantile(draws, [0.025, 0.975])
        rows[category] = (np.median(values), low, high, len(values))
    result = pd.DataFrame.from_dict(rows, orient="index", columns=["median", "low", "high", "n"])
    return result.sort_values("median", ascending=False)


def published_medians(categories: pd.Index, published: Mapping[str, Published]) -> list[float]:
    """Return the paper's median of each GDSC category, NaN where it gives none."""
    found = [published.get(f"GDSC.lodocv_category.{name}.RefDNN.AUCROC") for name in categories]
    return [np.nan if one is None or one.median is None else one.median for one in found]


def category_tests(by_drug: pd.DataFrame, medians: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Test what the paper says of its order of categories.

    Parameters
    ----------
    by_drug : DataFrame
        From :func:`drugs_by_category`.
    medians : DataFrame
        From :func:`category_medians`, with a column ``published``.
    seed : int

    Returns
    -------
    DataFrame
        ``what``, ``value``, ``low``, ``high``, ``p``, ``n``, ``unit``: Spearman correlation of our and the
        published order (``rank_agreement``), the difference of the two ends (``ends``), and the effect of the
        category on the AUROC (``effect``) and on its part beyond the line-only ranking.
    """
    check_columns(medians, ("median", "published"), "medians of categories")
    check_columns(by_drug, ("category", "value", "beyond line only"), "table of drugs")
    both = medians.dropna(subset="published")
    agree = both["median"].corr(both["published"], method="spearman") if len(both) > 2 else np.nan
    tests = {
        "rank_agreement": Comparison(agree, np.nan, np.nan, np.nan, len(both), "Spearman"),
        "ends": end_difference(by_drug, HIGH_END, LOW_END, seed=seed),
        "effect": category_effect(by_drug["value"], by_drug["category"], seed=seed),
        "effect_beyond_line_only": category_effect(
            by_drug["beyond line only"], by_drug["category"], seed=seed
        ),
    }
    table = comparison_table(tests).rename(columns={"data": "what", "difference": "value"})
    return table.assign(unit=["difference" if what == "ends" else None for what in table["what"]])


def category_effect(
    values: np.ndarray, categories: np.ndarray, n_permutations: int = 2000, seed: int = 0
) -> Comparison:
    """Test by permutation whether categories differ at all (Kruskal-Wallis statistic).

    Parameters
    ----------
    values : array (n,)
        NaN values are left out.
    categories : array (n,)

    Returns
    -------
    Comparison
        ``difference`` is epsilon squared, the share of the rank variance that lies between
        categories, minus its mean under permuted labels; no interval; ``p`` from the permutations.

    Raises
    ------
    DataError
        If there are fewer than two categories or three values, all values are equal, one is infinite, a
        category is missing, the two name other rows, or a number cannot be.
    """
    check_number("n_permutations", n_permutations, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    check_same_rows(values, categories, "values and categories")
    values = as_numbers(values, "values")
    categories = check_column(categories, np.size(values), "categories")
    if np.isinf(values).any():
        refuse("values", "hold infinite numbers", "use NaN where there is none")
    keep = ~np.isnan(values)
    code = np.unique(categories[keep], return_inverse=True)[1]
    rank = stats.rankdata(values[keep])
    if len(rank) < 3 or code.max() < 1:
        msg = f"a test of categories needs two of them and three values; got {len(rank)} values"
        raise DataError(msg)
    if np.ptp(rank) == 0:
        refuse("values", "are all equal, so no category can differ")
    size = np.bincount(code)
    centre = rank - rank.mean()
    total = (centre**2).sum()

    def between(order: np.ndarray) -> float:
        return float((np.bincount(code, centre[order]) ** 2 / size).sum() / total)

    rng = np.random.default_rng(seed)
    observed = between(np.arange(len(rank)))
    null = np.array([between(rng.permutation(len(rank))) for _ in range(n_permutations)])
    p = ((null >= observed).sum() + 1) / (n_permutations + 1)
    return Comparison(
        observed - null.mean(), np.nan, np.nan, float(p), len(rank), "permutation of Kruskal-Wallis"
    )


def end_difference(
    table: pd.DataFrame, high_end: Sequence[str], low_end: Sequence[str], n_boot: int = 2000, seed: int = 0
) -> Comparison:
    """Median of the drugs in some categories minus the median in others, bootstrap over drugs.

    Parameters
    ----------
    table : DataFrame
        ``category``, ``value``.
    high_end, low_end : sequences of str
        Categories said to be predicted well, and badly.

    Returns
    -------
    Comparison
        NaN throughout if an end has fewer than three drugs here.

    Raises
    ------
    DataError
        As :func:`category_medians`, or if a category is at both ends.
    """
    _check(table, n_boot, seed)
    if set(check_names(high_end, "high_end")) & set(check_names(low_end, "low_end")):
        refuse("end_difference", "a category is at both ends")
    rng = np.random.default_rng(seed)
    known = table.dropna(subset="value")
    ends = [known.loc[known["category"].isin(end), "value"].to_numpy() for end in (high_end, low_end)]
    n = sum(map(len, ends))
    method = "bootstrap over drugs, percentile"
    if min(map(len, ends)) < 3:
        return Comparison(np.nan, np.nan, np.nan, np.nan, n, method)
    first, second = (np.median(rng.choice(e, (n_boot, len(e))), axis=1) for e in ends)
    draws = first - second
    low, high = np.quantile(draws, [0.025, 0.975])
    tail = min((draws <= 0).sum(), (draws >= 0).sum())
    p = min(1.0, 2 * (tail + 1) / (n_boot + 1))
    difference = float(np.median(ends[0]) - np.median(ends[1]))
    return Comparison(difference, float(low), float(high), p, n, method)


def _check(table: pd.DataFrame, n_boot: int, seed: int) -> None:
    check_columns(table, ("category", "value"), "table of drugs")
    check_numbers(table[["value"]], "table of drugs", "value", missing=True)
    check_column(table["category"], len(table), "table of drugs, category")
    check_number("n_boot", n_boot, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
