"""Ranked gene lists of drugs: the Pearson list, linear models, the network, and controls.

In every list a high score means that high expression goes with a high response, and a high response
(ln IC50 or AUC) is resistance. Lists are built from bulk lines; whoever scores cells with them leaves
the lines of these cells out first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.linear_model import RidgeCV
from threadpoolctl import threadpool_limits

from helpers.bounds import check_number
from helpers.checks import check_names, check_numbers, check_table, refuse
from helpers.errors import DataError, ParameterError
from helpers.studies.gpds.baselines import ALPHAS, PLSCV
from helpers.studies.gpds.checks import check_bulk, check_lines
from helpers.studies.gpds.correlations import partial_scores, pearson_scores, spearman_scores
from helpers.studies.gpds.list_agreement import mean_agreement
from helpers.studies.gpds.model import GPDSRegressor, fit_many, gene_scores, saturation
from helpers.studies.gpds.model.estimator import Job, gpds_preprocessing

#: Lists by name. L1, L2 and L10 use log2(TPM + 1); L3-L9 and L11 the study's binned, scaled table.
LISTS = {
    "L1": "Pearson (DREEP's list)",
    "L2": "Spearman",
    "L3": "ridge coefficients",
    "L6": "PLS regression coefficients",
    "L7": "network, weight product (D1)",
    "L8": "network, mean gradient (D2)",
    "L9": "network, integrated gradients (D3)",
    "L10": "partial Pearson given lineage and proliferation",
    "L11": "tuned network, weight product (D1)",
    "C1": "random order",
    "C2": "mean expression",
    "C3": "Pearson list of another drug",
    "C4": "Pearson list averaged over all drugs",
}
#: The lists that figures show, in short.
SHORT = {
    "L1": "Pearson",
    "L2": "Spearman",
    "L3": "ridge",
    "L6": "PLS",
    "L7": "network",
    "L8": "network, gradients",
    "L9": "network, integrated",
    "L10": "partial Pearson",
    "L11": "tuned network",
    "C1": "random order",
    "C2": "mean expression",
    "C3": "another drug",
    "C4": "all drugs",
}
#: Lists that are built unless others are named.
DEFAULT = ("L1", "L3", "L6", "L7", "L8", "L9", "C1", "C2", "C3", "C4")
_NETWORK = {"L7": "D1", "L8": "D2", "L9": "D3"}
_TUNED = {"L11": "D1"}
_FITTED = ("L3", "L6")

#: Genes of the S and G2/M phases (Tirosh et al., Science 352:189, 2016); their mean z-score, over those that
#: the table has, is the proliferation score.
PROLIFERATION_GENES = (
    "MCM5", "PCNA", "TYMS", "FEN1", "MCM2", "MCM4", "RRM1", "UNG", "GINS2", "MCM6", "CDCA7", "DTL", "PRIM1",
    "UHRF1", "HELLS", "RFC2", "RPA2", "NASP", "RAD51AP1", "GMNN", "WDR76", "SLBP", "CCNE2", "UBR7", "POLD3",
    "MSH2", "ATAD2", "RAD51", "RRM2", "CDC45", "CDC6", "EXO1", "TIPIN", "DSCC1", "BLM", "CASP8AP2", "USP1",
    "CLSPN", "POLA1", "CHAF1B", "BRIP1", "E2F8", "HMGB2", "CDK1", "NUSAP1", "UBE2C", "BIRC5", "TPX2",
    "TOP2A", "NDC80", "CKS2", "NUF2", "CKS1B", "MKI67", "TMPO", "CENPF", "TACC3", "SMC4", "CCNB2", "CKAP2L",
    "CKAP2", "AURKB", "BUB1", "KIF11", "ANP32E", "TUBB4B", "GTSE1", "KIF20B", "HJURP", "CDCA3", "CDC20",
    "TTK", "CDC25C", "KIF2C", "RANGAP1", "NCAPD2", "DLGAP5", "CDCA2", "CDCA8", "ECT2", "KIF23", "HMMR",
    "AURKA", "PSRC1", "ANLN", "LBR", "CKAP5", "CENPE", "CTCF", "NEK2", "G2E3", "GAS2L3", "CBX5", "CENPA",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class GeneLists:
    """Gene lists of several drugs.

    Attributes
    ----------
    scores : dict of str to DataFrame, genes x drugs
        By name of the list (:data:`LISTS`); high = resistance.
    seeds : DataFrame
        Of the network's lists: ``list``, ``drug``, ``agreement`` (mean Spearman correlation between
        seeds), ``n_seeds``, ``diverged``, and ``saturated_1``, ``saturated_2`` (share of hidden
        activations beyond 0.99 on the training lines).
    """

    scores: dict[str, pd.DataFrame]
    seeds: pd.DataFrame = field(default_factory=pd.DataFrame)


def build_lists(
    expression: pd.DataFrame,
    response: pd.DataFrame,
    which: Sequence[str] = DEFAULT,
    *,
    n_jobs: int = 1,
    **options: Any,
) -> GeneLists:
    """Build the lists of all lines; parameters and errors as :func:`fold_lists`.

    Examples
    --------
    ``build_lists(expression, response, ["L1", "L7"], drugs=["Camptothecin"]).scores["L1"]``
    """
    check_bulk(expression, response)
    lines = expression.index.intersection(response.index)
    return fold_lists(expression, response, [lines], which, n_jobs=n_jobs, **options)[0]


def fold_lists(
    expression: pd.DataFrame,
    response: pd.DataFrame,
    trainings: Sequence[pd.Index],
    which: Sequence[str] = DEFAULT,
    *,
    drugs: Sequence[str] | None = None,
    lineage: pd.Series | None = None,
    proliferation: pd.Series | None = None,
    network: GPDSRegressor | None = None,
    tuned: GPDSRegressor | None = None,
    n_seeds: int = 20,
    tuned_seeds: int = 5,
    n_inner: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
) -> list[GeneLists]:
    """Build the lists of several sets of lines, e.g. one a fold; their networks are one batch.

    Parameters
    ----------
    expression : DataFrame, lines x genes
        log2(TPM + 1); genes already chosen.
    response : DataFrame, lines x drugs
        NaN where not measured; index as ``expression`` (the common lines are used).
    trainings : sequence of Index
        Lines of each set.
    which : sequence of str
        Names from :data:`LISTS`.
    drugs : sequence of str, optional
        Drugs that get a list; all columns by default. C3 and C4 look at all columns in any case.
    lineage, proliferation : Series, optional
        Index = line; covariates of L10, which needs the first.
    network : GPDSRegressor, optional
        Settings of L7-L9; the study's best by default.
    tuned : GPDSRegressor, optional
        Settings of L11, which needs them.
    n_seeds, tuned_seeds : int
        Networks a drug; their scores are z-scored over genes, then averaged.
    n_inner : int
        Folds of the inner cross-validation of L6 (L3 leaves one line out).
    seed, n_jobs : int

    Raises
    ------
    ParameterError
        If a list is unknown, or its covariates or settings are missing.
    DataError
        If tables share no lines, hold NaN expression, or a drug has fewer than 10 lines.
    """
    check_bulk(expression, response)
    which = list(check_names(which, "lists"))
    for what, value in (("n_seeds", n_seeds), ("tuned_seeds", tuned_seeds)):
        check_number(what, value, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    if not which or not isinstance(trainings, Sequence) or not trainings:
        refuse("gene lists", "needs a list and a set of lines at least")
    unknown = [name for name in which if name not in LISTS]
    if unknown:
        msg = f"unknown list(s) {unknown}; known: {', '.join(LISTS)}"
        raise ParameterError(msg)
    if "L11" in which and tuned is None:
        msg = "list L11 needs the settings of the tuned network"
        raise ParameterError(msg)
    drugs = list(response.columns if drugs is None else check_names(drugs, "drugs"))
    for lines in trainings:
        if not drugs or not (lines.isin(expression.index) & lines.isin(response.index)).all():
            refuse("gene lists", "needs a drug, and lines that both expression and response have")
    parts = [_Part(expression.loc[lines], response.loc[lines], drugs) for lines in trainings]
    for part in parts:
        _check(part.expression, part.response, drugs)
    scores = [
        _simple_lists(part, which, lineage, proliferation, seed)
        | _fitted_lists(part, [name for name in which if name in _FITTED], n_inner, seed, n_jobs)
        for part in parts
    ]
    seeds = [[pd.DataFrame()] for _ in parts]
    network = GPDSRegressor() if network is None else network
    for known, settings, count in ((_NETWORK, network, n_seeds), (_TUNED, tuned, tuned_seeds)):
        kinds = {name: known[name] for name in which if name in known}
        if kinds and settings is not None:
            found = _network_lists(parts, drugs, kinds, settings, count, seed, n_jobs)
            for i, (of_networks, agreement) in enumerate(found):
                scores[i] |= of_networks
                seeds[i].append(agreement)
    frame = {"index": expression.columns, "columns": pd.Index(drugs, name="drug")}
    return [
        GeneLists({name: pd.DataFrame(one[name], **frame) for name in which}, pd.concat(agreement))
        for one, agreement in zip(scores, seeds, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Part:
    """A set of lines, all of their responses, and the drugs that get a list."""

    expression: pd.DataFrame
    response: pd.DataFrame
    drugs: list[str]

    @cached_property
    def binned(self) -> np.ndarray:
        return gpds_preprocessing(gene_filter=False).fit_transform(self.expression).to_numpy(np.float32)

    @property
    def y(self) -> np.ndarray:
        return self.response[self.drugs].to_numpy(float)


def _simple_lists(
    part: _Part,
    which: Sequence[str],
    lineage: pd.Series | None,
    proliferation: pd.Series | None,
    seed: int,
) -> dict[str, np.ndarray]:
    """Return the lists that no model is fitted for."""
    raw, y, n = part.expression.to_numpy(float), part.y, len(part.drugs)

    def of_every_drug() -> np.ndarray:
        return pearson_scores(raw, part.response.to_numpy(float))

    rng = np.random.default_rng(seed)
    lists = {
        "L1": lambda: pearson_scores(raw, y),
        "L2": lambda: spearman_scores(raw, y),
        "L10": lambda: partial_scores(raw, y, _covariates(part.expression.index, lineage, proliferation)),
        "C1": lambda: np.stack([rng.permutation(raw.shape[1]) for _ in range(n)], axis=1).astype(float),
        "C2": lambda: np.repeat(raw.mean(axis=0)[:, None], n, axis=1),
        "C3": lambda: of_every_drug()[:, _other_drugs(part, seed)],
        "C4": lambda: np.repeat(np.nanmean(of_every_drug(), axis=1)[:, None], n, axis=1),
    }
    return {name: build() for name, build in lists.items() if name in which}


def proliferation_score(expression: pd.DataFrame) -> pd.Series:
    """Mean z-score of :data:`PROLIFERATION_GENES` over lines.

    Raises
    ------
    DataError
        If the table has none of them, or values are not finite.
    """
    check_table(expression, "proliferation_score", "expression")
    genes = expression.columns.intersection(PROLIFERATION_GENES)
    if genes.empty:
        msg = "the expression table has none of the proliferation genes (MKI67, PCNA, TOP2A, ...)"
        raise DataError(msg)
    check_numbers(expression[genes], "proliferation_score", "expression")
    chosen = expression[genes].astype(float)
    return ((chosen - chosen.mean()) / chosen.std().where(lambda s: s > 0, 1)).mean(axis=1)


def _check(expression: pd.DataFrame, response: pd.DataFrame, drugs: list[str]) -> None:
    if expression.empty:
        msg = "expression and response have no line in common; compare their index (model ids)"
        raise DataError(msg)
    unknown = [drug for drug in drugs if drug not in response.columns]
    if unknown:
        msg = f"the response table lacks the drug(s) {unknown[:3]}"
        raise DataError(msg)
    few = [drug for drug in drugs if response[drug].notna().sum() < 10]
    if few:
        msg = f"{len(few)} drug(s) have fewer than 10 lines with a response, first {few[:3]}; leave them out"
        raise DataError(msg)


def _covariates(lines: pd.Index, lineage: pd.Series | None, proliferation: pd.Series | None) -> np.ndarray:
    if lineage is None:
        msg = "list L10 needs the lineage of each line (and takes a proliferation score)"
        raise ParameterError(msg)
    found = check_lines(lineage, lines, "the lineage")
    dummies = pd.get_dummies(found.fillna("unknown"), drop_first=True, dtype=float)
    if proliferation is None:
        return dummies.to_numpy()
    growth = check_lines(proliferation, lines, "proliferation").fillna(proliferation.mean())
    return np.column_stack([dummies.to_numpy(), growth.to_numpy(float)])


def _other_drugs(part: _Part, seed: int) -> list[int]:
    """For each drug another one, drawn at random from all columns."""
    n_drugs = part.response.shape[1]
    if n_drugs < 2:
        msg = "list C3 takes the list of another drug; the response table has only one"
        raise DataError(msg)
    rng = np.random.default_rng([seed, 3])
    own = [part.response.columns.get_loc(drug) for drug in part.drugs]
    return [int((place + rng.integers(1, n_drugs)) % n_drugs) for place in own]


def _fitted_lists(
    part: _Part, which: list[str], n_inner: int, seed: int, n_jobs: int
) -> dict[str, np.ndarray]:
    """Return coefficients of linear models."""
    if not which:
        return {}
    models = {"L3": RidgeCV(ALPHAS), "L6": PLSCV(cv=n_inner, random_state=seed)}

    def of_drug(y: np.ndarray) -> list[np.ndarray]:
        known = ~np.isnan(y)
        x = part.binned[known].astype(float)
        # Genes of a drug's own lines are scaled again: missing lines shift means a little.
        spread = x.std(axis=0)
        x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
        return [clone(models[name]).fit(x, y[known]).coef_ for name in which]

    with threadpool_limits(1):
        columns = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(of_drug)(y) for y in part.y.T)
    return {name: np.stack([column[i] for column in columns], axis=1) for i, name in enumerate(which)}


def _network_lists(
    parts: Sequence[_Part],
    drugs: list[str],
    kinds: dict[str, str],
    network: GPDSRegressor,
    n_seeds: int,
    seed: int,
    n_jobs: int,
) -> list[tuple[dict[str, np.ndarray], pd.DataFrame]]:
    """Fit all parts, drugs and seeds as one batch; average the z-scored gene scores over seeds."""
    jobs = []
    for part in parts:
        tables: dict[bytes, np.ndarray] = {}
        for y in part.y.T:
            known = ~np.isnan(y)
            table = tables.setdefault(known.tobytes(), part.binned[known])
            for repeat in range(n_seeds):
                estimator = clone(network).set_params(random_state=seed + repeat)
                jobs.append((estimator, table, y[known]))
    fit_many(jobs, n_jobs)
    size = len(drugs) * n_seeds
    return [_averaged(jobs[i * size : (i + 1) * size], drugs, kinds, n_seeds) for i in range(len(parts))]


def _averaged(
    jobs: list[Job], drugs: list[str], kinds: dict[str, str], n_seeds: int
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Gene scores of a part's networks, mean over seeds, and how much the seeds agree."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    rows = []
    for j, drug in enumerate(drugs):
        fits = jobs[j * n_seeds : (j + 1) * n_seeds]
        sound = [(estimator.network_, table) for estimator, table, _ in fits if not estimator.diverged_]
        if not sound:
            msg = f"all {n_seeds} networks of {drug} diverged; lower the learning rate"
            raise DataError(msg)
        saturated = np.mean([saturation(*fit) for fit in sound], axis=0)
        for name, kind in kinds.items():
            each = _standardised(np.array([gene_scores(*fit, kind) for fit in sound]))
            columns[name].append(each.mean(axis=0))
            rows.append((name, drug, mean_agreement(each), len(sound), n_seeds - len(sound), *saturated))
    fields = ["list", "drug", "agreement", "n_seeds", "diverged", "saturated_1", "saturated_2"]
    scores = {name: np.stack(of_drugs, axis=1) for name, of_drugs in columns.items()}
    return scores, pd.DataFrame(rows, columns=fields)


def _standardised(scores: np.ndarray) -> np.ndarray:
    """Z-score each row; a row of equal scores (no gradient anywhere) becomes zero."""
    spread = scores.std(axis=1, keepdims=True)
    return (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
