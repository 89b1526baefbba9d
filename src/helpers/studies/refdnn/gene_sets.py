"""The genes that the report publishes, against random genes, within tissues, and against our encoders.

The report lists the ten largest weights for three drugs and finds that they differ between resistant and
sensitive lines. Blood lines are most of the lines that Nilotinib stops, and thousands of genes differ between
blood and solid tumours; so the same test is done within tissues, and against labels that say the tissue only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from helpers.bounds import check_number
from helpers.checks import check_annotation, check_column, check_labels, check_names, refuse
from helpers.data.types import ResponseData
from helpers.errors import DataError
from helpers.evaluation.statistics import corrected_resampled_t
from helpers.studies.refdnn.biomarkers import checked_rows, need_both, rank_statistics
from helpers.studies.refdnn.out_of_fold import OutOfFold

#: The report's ten genes a drug (Meng 2022, figure 4 and the tables beside its code).
PUBLISHED_GENES: dict[str, tuple[str, ...]] = {
    "Nilotinib": ("MYOF", "CCN1", "TM4SF1", "PRSS23", "CNN3", "DKK1", "LGALS3", "TGFBI", "PLS3", "NQO1"),
    "KIN001-270": ("TM4SF1", "NQO1", "BEX3", "CNN3", "MYOF", "CD9", "P4HA2", "NCKAP1", "S100A6", "CCN1"),
    "Temozolomide": (
        "BEX3",
        "LAPTM4B",
        "CNN3",
        "ID1",
        "KRT19",
        "P4HA2",
        "NCKAP1",
        "TM4SF1",
        "CCN1",
        "IFITM3",
    ),
}
#: Entrez numbers of the Nilotinib list, which name genes in the study's own expression files.
_ENTREZ = ("26509", "3491", "4071", "11098", "1266", "22943", "3958", "7045", "5358", "1728")
#: Genes on all three lists.
SHARED_GENES = ("CCN1", "CNN3", "TM4SF1")
#: What the test of a set is compared with.
NULLS = ("random genes", "random genes within tissue", "labels shuffled within tissue")


def published_genes(data: ResponseData, drug: str) -> list[str]:
    """Return the published genes of a drug that the data measure; in simulated data, its first ten genes.

    Genes go by symbol or, as in the study's own files, by Entrez number.

    Raises
    ------
    DataError
        If none is measured.
    """
    if data.tier == "simulated":
        return list(data.expression.columns[:10])
    found = _measured(data, PUBLISHED_GENES.get(drug, ()))
    if not found:
        msg = f"{data.name}: none of the published genes of {drug!r} is measured"
        raise DataError(msg)
    return found


def shared_genes(data: ResponseData) -> list[str]:
    """Return the genes that all published lists share; in simulated data, its first three."""
    return list(data.expression.columns[:3]) if data.tier == "simulated" else _measured(data, SHARED_GENES)


def kernels_by_model(result: OutOfFold) -> dict[str, list[pd.DataFrame]]:
    """Return the encoder kernels that a result kept, one a fold, by model."""
    models = dict.fromkeys(model for model, *_ in result.kept)
    return {name: [w for (model, *_), w in result.kept.items() if model == name] for name in models}


def set_tests(
    expression: pd.DataFrame,
    resistant: np.ndarray,
    tissue: np.ndarray,
    genes: Sequence[str],
    n_draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Test a set of genes as the report does, against three nulls.

    Two statistics: how many genes of the set are significant (Mann-Whitney, Benjamini-Hochberg over the set,
    0.05: the report's own), and the mean of ``|AUROC - 0.5|`` over the set.

    Parameters
    ----------
    expression : DataFrame, lines x genes
    resistant : array (lines,) of bool
    tissue : array (lines,)
    genes : sequence of str
    n_draws : int
        Random sets of the same size, and shuffles.
    seed : int

    Returns
    -------
    DataFrame
        One row a null (:data:`NULLS`) and statistic (``"significant"``, ``"strength"``): ``observed``,
        ``expected`` (mean under the null), ``difference``, ``low``, ``high`` (the difference to the central
        95 % of the null), ``p`` one-sided, ``n`` lines.

    Raises
    ------
    DataError
        If a gene is not measured or stands twice, a number cannot be, or as for
        :func:`helpers.studies.refdnn.biomarkers.differential_expression` within tissues.
    """
    check_number("n_draws", n_draws, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    genes = check_names(genes, "genes")
    resistant, _ = checked_rows(expression, resistant, tissue)
    tissue = check_column(tissue, len(expression), "tissue")
    unknown = [gene for gene in genes if gene not in expression]
    if unknown or not genes or len(set(genes)) < len(genes):
        refuse("genes", f"{unknown[:3]} are not measured, one stands twice, or there is none")
    rng = np.random.default_rng(seed)
    chosen = expression.columns.get_indexer(genes)
    sets = np.array([rng.choice(expression.shape[1], len(genes), replace=False) for _ in range(n_draws)])
    values = expression.to_numpy(float)
    rows = []
    for null, strata in zip(NULLS[:2], (None, tissue), strict=True):
        ranked = rank_statistics(values, resistant, strata)
        need_both(ranked[2], resistant, strata)
        p, strength = _gene_tests(*ranked)
        rows += _compared(
            null,
            (int(_significant(p[chosen][None])[0]), float(strength[chosen].mean())),
            (_significant(p[sets]), strength[sets].mean(axis=1)),
            len(values),
        )
    u, variance, pairs = rank_statistics(values[:, chosen], resistant)
    p, strength = _gene_tests(u, variance, pairs)
    shuffled = _shuffled_within(resistant, tissue, n_draws, rng)
    rank = stats.rankdata(values[:, chosen], axis=0)
    n1 = int(resistant.sum())
    p_null, strength_null = _gene_tests(shuffled @ rank - n1 * (n1 + 1) / 2, variance, pairs)
    rows += _compared(
        NULLS[2],
        (int(_significant(p[None])[0]), float(strength.mean())),
        (_significant(p_null), strength_null.mean(axis=1)),
        len(values),
    )
    columns = ["null", "statistic", "observed", "expected", "difference", "low", "high", "p", "n"]
    return pd.DataFrame(rows, columns=columns)


def finding(tested: pd.DataFrame) -> str:
    """Say what :func:`set_tests` found, as a title: which nulls the strength of the set exceeds."""
    rows = tested[tested["statistic"] == "strength"].set_index("null")["low"] > 0
    beyond, not_beyond = list(rows.index[rows]), list(rows.index[~rows])
    if not beyond:
        return "The published genes exceed no null"
    text = f"The published genes exceed {', '.join(beyond)}"
    return f"{text}; not {', '.join(not_beyond)}" if not_beyond else text


def response_of(data: ResponseData, drug: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Expression, resistance and tissue of the lines of one drug, one row a measured pair.

    Raises
    ------
    DataError
        If the drug is unknown, or a line has no tissue.
    """
    check_annotation(data.lines, "tissue", data.name, "lines")
    rows = data.response[data.response["drug"] == drug]
    if rows.empty:
        refuse(data.name, f"no pair of the drug {drug!r}", f"it has {', '.join(data.drugs.index[:5])}")
    tissue = data.lines["tissue"].reindex(rows["line"]).to_numpy(str)
    return data.expression.loc[rows["line"]], rows["resistant"].to_numpy() == 1, tissue


def tissue_counts(resistant: np.ndarray, tissue: np.ndarray) -> pd.DataFrame:
    """Sensitive and resistant lines of each tissue, most sensitive ones first."""
    resistant = check_labels(resistant, len(tissue), "resistant").astype(bool)
    tissue = check_column(tissue, len(resistant), "tissue")
    table = pd.DataFrame({"tissue": tissue, "resistant": resistant, "sensitive": ~resistant})
    counts = table.groupby("tissue")[["sensitive", "resistant"]].sum()
    return counts.sort_values(["sensitive", "resistant"], ascending=[False, False])


def set_ranks(
    kernels: Mapping[str, Sequence[pd.DataFrame]],
    sets: Mapping[str, tuple[Sequence[str], Sequence[str] | None]],
    test_ratio: float,
    k: int = 10,
) -> pd.DataFrame:
    """Where encoders put genes: the mean percentile of their weights, and how many are in the top lists.

    Parameters
    ----------
    kernels : mapping of model to sequence of DataFrame, genes x drugs
        Encoder kernels, one a fold; one of NaN alone, of a fit that diverged, is left out.
    sets : mapping of name to (genes, drugs or None)
        Genes, and the drugs whose weights are looked at; None: all.
    test_ratio : float
        Test over training pairs of a fold.
    k : int
        Length of a top list.

    Returns
    -------
    DataFrame
        ``model``, ``set``, ``what``, ``difference``, ``low``, ``high``, ``p``, ``n`` folds. ``"percentile"``:
        mean rank of ``|weight|`` among all genes, from 0 to 1, minus 0.5, which random genes have.
        ``"overlap"``: share of the set in the top ``k``, minus ``k`` over the number of genes.

    Raises
    ------
    DataError
        If a model has no fits, a kernel lacks a gene or a drug or holds NaN, or a number cannot be.
    """
    check_number("k", k, 1, whole=True)
    # A fit that diverged has no kernel, as `weights_` says.
    kernels = {model: [k for k in fits if not k.isna().all(axis=None)] for model, fits in kernels.items()}
    for model, fits in kernels.items():
        if not fits:
            refuse(model, "has no encoder kernel", "keep encoder_weights in its Contender")
        for kernel in fits:
            _check_kernel(kernel, model, sets)
    rows = []
    for model, fits in kernels.items():
        for name, (genes, drugs) in sets.items():
            found: dict[str, list[float]] = {"percentile": [], "overlap": []}
            for kernel in fits:
                size = kernel.abs() if drugs is None else kernel[list(drugs)].abs()
                n = len(size)
                rank = size.rank(method="average")
                found["percentile"].append(float(((rank.loc[list(genes)] - 0.5) / n).mean(axis=None)) - 0.5)
                found["overlap"].append(float((rank.loc[list(genes)] > n - k).mean(axis=None)) - k / n)
            for what, values in found.items():
                test = corrected_resampled_t(np.array(values), test_ratio)
                rows.append((model, name, what, test.difference, test.low, test.high, test.p, test.n))
    columns = ["model", "set", "what", "difference", "low", "high", "p", "n"]
    return pd.DataFrame(rows, columns=columns)


def _check_kernel(
    kernel: pd.DataFrame, model: str, sets: Mapping[str, tuple[Sequence[str], Sequence[str] | None]]
) -> None:
    if not np.isfinite(kernel.to_numpy()).all():
        refuse(model, "an encoder kernel holds NaN or infinite weights")
    for name, (genes, drugs) in sets.items():
        absent = [gene for gene in genes if gene not in kernel.index]
        absent += [drug for drug in drugs or () if drug not in kernel]
        if absent or not len(genes):
            refuse(model, f"the set {name!r} names no gene, or what its kernels do not have: {absent[:3]}")


def _measured(data: ResponseData, genes: Sequence[str]) -> list[str]:
    """Columns of the data that hold the genes, by symbol or by Entrez number."""
    entrez = dict(zip(PUBLISHED_GENES["Nilotinib"], _ENTREZ, strict=True))
    names = [gene if gene in data.expression else entrez.get(gene, gene) for gene in genes]
    return [name for name in names if name in data.expression]


def _gene_tests(u: np.ndarray, variance: np.ndarray, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Two-sided p and ``|AUROC - 0.5|`` from U statistics; a gene without variance has p = 1."""
    excess = np.abs(u - pairs / 2)
    scale = np.where(variance > 0, np.sqrt(variance), np.inf)
    return 2 * stats.norm.sf(np.maximum(excess - 0.5, 0) / scale), excess / pairs


def _significant(p: np.ndarray) -> np.ndarray:
    """Count, in each row, the p-values below 0.05 after Benjamini and Hochberg."""
    k = p.shape[1]
    passed = np.sort(p, axis=1) < 0.05 * np.arange(1, k + 1) / k
    return np.where(passed.any(axis=1), k - np.argmax(passed[:, ::-1], axis=1), 0)


def _shuffled_within(
    labels: np.ndarray, strata: np.ndarray, n_draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Labels shuffled within each stratum, array (draws, lines) of float."""
    code = np.unique(strata, return_inverse=True)[1]
    order = np.argsort(code, kind="stable")
    draws = np.empty((n_draws, len(labels)))
    for i in range(n_draws):
        # Sorted by stratum, then at random: the labels of a stratum stay in it.
        draws[i, order] = labels[np.lexsort((rng.random(len(labels)), code))]
    return draws


def _compared(null: str, observed: tuple, drawn: tuple[np.ndarray, np.ndarray], n: int) -> list[tuple]:
    rows = []
    for what, value, draws in zip(("significant", "strength"), observed, drawn, strict=True):
        expected, (low, high) = draws.mean(), np.quantile(draws, [0.025, 0.975])
        p = (1 + (draws >= value).sum()) / (1 + len(draws))
        rows.append((null, what, value, expected, value - expected, value - high, value - low, p, n))
    return rows
