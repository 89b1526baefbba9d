"""Ranked gene lists of drugs: the Pearson list, linear models, the network, and controls.

In every list a high score means that high expression goes with a high response, and a high response
(ln IC50 or AUC) is resistance. Lists are built from bulk lines; whoever scores cells with them leaves
the lines of these cells out first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import RidgeCV
from threadpoolctl import threadpool_limits

from helpers.errors import DataError, ParameterError
from helpers.studies.gpds.baselines import ALPHAS, PLSCV, ElasticNetPath
from helpers.studies.gpds.correlations import partial_scores, pearson_scores, spearman_scores
from helpers.studies.gpds.list_agreement import mean_agreement
from helpers.studies.gpds.model import GPDSRegressor, fit_many, gene_scores, saturation
from helpers.studies.gpds.model.estimator import gpds_preprocessing

#: Lists by name. L1, L2 and L10 use log2(TPM + 1); L1b and L3-L9 the study's binned, scaled table.
LISTS = {
    "L1": "Pearson (DREEP's list)",
    "L1b": "Pearson on binned genes",
    "L2": "Spearman",
    "L3": "ridge coefficients",
    "L4": "elastic net coefficients, ties by L1",
    "L5": "PLS, first weight vector",
    "L6": "PLS regression coefficients",
    "L7": "network, weight product (D1)",
    "L8": "network, mean gradient (D2)",
    "L9": "network, integrated gradients (D3)",
    "L10": "partial Pearson given lineage and proliferation",
    "C1": "random order",
    "C2": "mean expression",
    "C3": "Pearson list of another drug",
    "C4": "Pearson list averaged over all drugs",
}
_NETWORK = {"L7": "D1", "L8": "D2", "L9": "D3"}
_FITTED = ("L3", "L4", "L5", "L6")

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
    which: Sequence[str] = ("L1", "L3", "L6", "L7", "L8", "L9", "C1", "C2", "C3", "C4"),
    *,
    drugs: Sequence[str] | None = None,
    lineage: pd.Series | None = None,
    proliferation: pd.Series | None = None,
    network: GPDSRegressor | None = None,
    n_seeds: int = 20,
    n_inner: int = 5,
    seed: int = 0,
    n_jobs: int = 1,
) -> GeneLists:
    """Build lists for many drugs.

    Parameters
    ----------
    expression : DataFrame, lines x genes
        log2(TPM + 1); genes already chosen.
    response : DataFrame, lines x drugs
        NaN where not measured; index as ``expression`` (the common lines are used).
    which : sequence of str
        Names from :data:`LISTS`.
    drugs : sequence of str, optional
        Drugs that get a list; all columns by default. C3 and C4 look at all columns in any case.
    lineage, proliferation : Series, optional
        Index = line; covariates of L10, which needs the first.
    network : GPDSRegressor, optional
        Settings of L7-L9; the study's best by default.
    n_seeds : int
        Networks a drug; their scores are z-scored over genes, then averaged.
    n_inner : int
        Folds of the inner cross-validation of L4 and L6 (L3 leaves one line out).
    seed, n_jobs : int

    Raises
    ------
    ParameterError
        If a list is unknown or its covariates are missing.
    DataError
        If tables share no lines, hold NaN expression, or a drug has fewer than 10 lines.

    Examples
    --------
    ``build_lists(expression, response, ["L1", "L7"], drugs=["Camptothecin"]).scores["L1"]``
    """
    which = list(which)
    unknown = [name for name in which if name not in LISTS]
    if unknown:
        msg = f"unknown list(s) {unknown}; known: {', '.join(LISTS)}"
        raise ParameterError(msg)
    if "L10" in which and lineage is None:
        msg = "list L10 needs the lineage of each line (and takes a proliferation score)"
        raise ParameterError(msg)
    lines = expression.index.intersection(response.index)
    drugs = list(response.columns if drugs is None else drugs)
    expression, response = expression.loc[lines], response.loc[lines]
    _check(expression, response, drugs)
    raw, y = expression.to_numpy(float), response[drugs].to_numpy(float)
    binned = gpds_preprocessing(gene_filter=False).fit_transform(expression).to_numpy(np.float32)

    def of_every_drug() -> np.ndarray:
        return pearson_scores(raw, response.to_numpy(float))

    scores: dict[str, np.ndarray] = {}
    position = [response.columns.get_loc(drug) for drug in drugs]
    base = pearson_scores(raw, y)
    for name in which:
        if name == "L1":
            scores[name] = base
        elif name == "L1b":
            scores[name] = pearson_scores(binned.astype(float), y)
        elif name == "L2":
            scores[name] = spearman_scores(raw, y)
        elif name == "L10":
            scores[name] = partial_scores(raw, y, _covariates(lines, lineage, proliferation))
        elif name == "C1":
            rng = np.random.default_rng(seed)
            scores[name] = np.stack([rng.permutation(raw.shape[1]) for _ in drugs], axis=1).astype(float)
        elif name == "C2":
            scores[name] = np.repeat(raw.mean(axis=0)[:, None], len(drugs), axis=1)
        elif name == "C3":
            scores[name] = of_every_drug()[:, _other_drugs(position, response.shape[1], seed)]
        elif name == "C4":
            scores[name] = np.repeat(np.nanmean(of_every_drug(), axis=1)[:, None], len(drugs), axis=1)
    fitted = [name for name in which if name in _FITTED]
    if fitted:
        with threadpool_limits(1):
            columns = Parallel(n_jobs=n_jobs, prefer="threads")(
                delayed(_fit_lists)(binned, y[:, j], fitted, base[:, j], n_inner, seed)
                for j in range(len(drugs))
            )
        scores |= {name: np.stack([column[name] for column in columns], axis=1) for name in fitted}
    seeds = pd.DataFrame()
    kinds = {name: _NETWORK[name] for name in which if name in _NETWORK}
    if kinds:
        network = GPDSRegressor() if network is None else network
        found, seeds = _network_lists(binned, y, drugs, kinds, network, n_seeds, seed, n_jobs)
        scores |= found
    frame = {"index": expression.columns, "columns": pd.Index(drugs, name="drug")}
    return GeneLists({name: pd.DataFrame(scores[name], **frame) for name in which}, seeds)


def proliferation_score(expression: pd.DataFrame) -> pd.Series:
    """Mean z-score of :data:`PROLIFERATION_GENES` over lines.

    Raises
    ------
    DataError
        If the table has none of them.
    """
    genes = expression.columns.intersection(PROLIFERATION_GENES)
    if genes.empty:
        msg = "the expression table has none of the proliferation genes (MKI67, PCNA, TOP2A, ...)"
        raise DataError(msg)
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
    if not np.isfinite(expression.to_numpy()).all():
        msg = "the expression table holds NaN or infinite values"
        raise DataError(msg)
    few = [drug for drug in drugs if response[drug].notna().sum() < 10]
    if few:
        msg = f"{len(few)} drug(s) have fewer than 10 lines with a response, first {few[:3]}; leave them out"
        raise DataError(msg)


def _covariates(lines: pd.Index, lineage: pd.Series, proliferation: pd.Series | None) -> np.ndarray:
    dummies = pd.get_dummies(lineage.reindex(lines).fillna("unknown"), drop_first=True, dtype=float)
    if proliferation is None:
        return dummies.to_numpy()
    growth = proliferation.reindex(lines).fillna(proliferation.mean())
    return np.column_stack([dummies.to_numpy(), growth.to_numpy(float)])


def _other_drugs(position: list[int], n_drugs: int, seed: int) -> list[int]:
    """For each drug another one, drawn at random from all columns."""
    if n_drugs < 2:
        msg = "list C3 takes the list of another drug; the response table has only one"
        raise DataError(msg)
    rng = np.random.default_rng([seed, 3])
    return [int((own + rng.integers(1, n_drugs)) % n_drugs) for own in position]


def _fit_lists(
    x: np.ndarray, y: np.ndarray, which: list[str], base: np.ndarray, n_inner: int, seed: int
) -> dict[str, np.ndarray]:
    known = ~np.isnan(y)
    x, y = x[known].astype(float), y[known]
    # Genes of a drug's own lines are scaled again: missing lines shift means a little.
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
    found = {}
    for name in which:
        if name == "L3":
            found[name] = RidgeCV(ALPHAS).fit(x, y).coef_
        elif name == "L4":
            coef = ElasticNetPath(cv=n_inner, random_state=seed).fit(x, y).coef_
            order = np.lexsort((base, coef))
            found[name] = np.empty(len(coef))
            found[name][order] = np.arange(len(coef)) - (len(coef) - 1) / 2
        elif name == "L5":
            pls = PLSRegression(1, scale=False).fit(x, y)
            found[name] = pls.x_weights_[:, 0] * np.sign(pls.y_loadings_[0, 0])
        else:
            found[name] = PLSCV(cv=n_inner, random_state=seed).fit(x, y).coef_
    return found


def _network_lists(
    x: np.ndarray,
    y: np.ndarray,
    drugs: list[str],
    kinds: dict[str, str],
    network: GPDSRegressor,
    n_seeds: int,
    seed: int,
    n_jobs: int,
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Fit all drugs and seeds as one batch; average the z-scored gene scores over seeds."""
    tables: dict[bytes, np.ndarray] = {}
    jobs = []
    for j in range(len(drugs)):
        known = ~np.isnan(y[:, j])
        table = tables.setdefault(known.tobytes(), x[known])
        for repeat in range(n_seeds):
            estimator = clone(network).set_params(random_state=seed + repeat)
            jobs.append((estimator, table, y[known, j]))
    fit_many(jobs, n_jobs)
    scores = {name: np.full((x.shape[1], len(drugs)), np.nan) for name in kinds}
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
            scores[name][:, j] = each.mean(axis=0)
            rows.append((name, drug, mean_agreement(each), len(sound), n_seeds - len(sound), *saturated))
    columns = ["list", "drug", "agreement", "n_seeds", "diverged", "saturated_1", "saturated_2"]
    return scores, pd.DataFrame(rows, columns=columns)


def _standardised(scores: np.ndarray) -> np.ndarray:
    """Z-score each row; a row of equal scores (no gradient anywhere) becomes zero."""
    spread = scores.std(axis=1, keepdims=True)
    return (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
