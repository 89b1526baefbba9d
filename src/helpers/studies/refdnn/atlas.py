"""The atlas of drugs: how well each drug's resistance is predicted, by which model, and how well it could be.

All scores are AUROC within a drug, over pairs of lines that one fit scored (the same fold): knowing how often
a drug is resisted gives 0.5, and so does knowing which fold or cancer type a line is in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from helpers.bounds import check_number
from helpers.checks import check_columns, refuse
from helpers.claims.published import Published
from helpers.data.types import ResponseData
from helpers.evaluation.multiple_testing import benjamini_hochberg
from helpers.plots.hover import hover_points
from helpers.studies.refdnn.biomarkers import rank_statistics
from helpers.studies.refdnn.out_of_fold import OutOfFold

if TYPE_CHECKING:
    import altair

#: The four questions, from the easiest to the hardest.
PROTOCOLS = ("known pairs", "unseen lines", "unseen types", "unseen drugs")
#: Drugs with fewer resistant or fewer sensitive lines are shown, but do not count in summaries.
MIN_MINORITY = 20


def drug_scores(result: OutOfFold, model: str) -> pd.DataFrame:
    """AUROC within each drug and fold, and a rank test that it is 0.5.

    Returns
    -------
    DataFrame
        Index = drug name; ``auroc``, mean over seeds (NaN where no fold has both classes), and ``p``,
        one-sided for an AUROC above 0.5, of the first seed.

    Raises
    ------
    DataError
        If the model did not take part.
    """
    every = result.of(model)
    rows = {}
    for drug in np.unique(result.drugs):
        of_drug = result.drugs == drug
        tests = []
        for seed in range(result.n_seeds):
            part = of_drug & (result.folds[seed] >= 0)
            scores = every[seed, part].astype(float)[:, None]
            tests.append(rank_statistics(scores, result.y[part] == 1, result.folds[seed, part]))
        aurocs = [u[0] / pairs if pairs else np.nan for u, _, pairs in tests]
        u, variance, pairs = tests[0]
        spread = np.sqrt(variance[0])
        p = float(stats.norm.sf((u[0] - pairs / 2) / spread)) if spread > 0 else np.nan
        rows[result.drug_names[drug]] = (float(np.mean(aurocs)), p)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["auroc", "p"])


def protocol_scores(results: Sequence[OutOfFold]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """AUROC and p of every model in the results of one protocol; drugs x models each.

    A model that stands in several results is taken from the last.
    """
    if not results:
        refuse("atlas", "there are no results of the protocol")
    tables = {model: drug_scores(result, model) for result in results for model in result.models}
    return tuple(pd.DataFrame({m: t[what] for m, t in tables.items()}) for what in ("auroc", "p"))


def best_simple(auroc: pd.DataFrame, counted: pd.Index) -> str:
    """Return the simple model with the best mean over the counted drugs; it must score nearly all of them.

    Raises
    ------
    DataError
        If there is no simple model, or no counted drug that it scores.
    """
    simple = auroc.loc[auroc.index.isin(counted), _simple_models(auroc)]
    scored = simple.notna().sum()
    if not scored.any():
        refuse("atlas", f"no simple model scores one of the {len(counted)} counted drugs")
    return str(simple.mean()[scored >= 0.9 * scored.max()].idxmax())


def screen_reliability(repeated: ResponseData) -> tuple[float, pd.DataFrame]:
    """Compare the two screens of the drugs that were screened twice.

    Parameters
    ----------
    repeated : ResponseData
        With both screens: some (line, drug) keys stand twice.

    Returns
    -------
    reliability : float
        Correlation of the normal scores of IC50 between the screens, mean over drugs; NaN without repeats.
    measured : DataFrame
        Index = drug; ``correlation``; ``auroc``: how well one screen's IC50 ranks the labels of the other,
        mean of both directions (NaN where one has a single label); ``n`` lines with both.
    """
    keys = ["line", "drug"]
    twice = repeated.response[repeated.response.duplicated(keys, keep=False)]
    both = twice.assign(screen=twice.groupby(keys).cumcount()).query("screen < 2")
    values = both.pivot_table(index=keys, columns="screen", values="value").dropna()
    labels = both.pivot_table(index=keys, columns="screen", values="resistant").loc[values.index]
    rows = {}
    for drug in values.index.get_level_values("drug").unique():
        value, label = (table.xs(drug, level="drug").to_numpy() for table in (values, labels))
        scores = [_normal_scores(value[:, i]) for i in range(2)]
        auroc = np.mean([_auroc(label[:, 1 - i], value[:, i]) for i in range(2)])
        rows[drug] = (np.corrcoef(scores)[0, 1], auroc, len(value))
    measured = pd.DataFrame.from_dict(rows, orient="index", columns=["correlation", "auroc", "n"])
    return float(measured["correlation"].mean()), measured


def ceilings(data: ResponseData, reliability: float, n_draws: int = 50, seed: int = 0) -> pd.DataFrame:
    """Estimate how well a drug's labels could be ranked: by a second screen, and by noise-free values.

    On the scale of normal scores a second screen correlates with the first by ``reliability``, and the
    noise-free value by its square root. All drugs are taken to be as reliable as those that were screened
    twice. A model may pass the ceiling where a drug is more reliable than that, or where it knows of a line
    what all drugs of one screen share.

    Parameters
    ----------
    data : ResponseData
    reliability : float
        From :func:`screen_reliability`.
    n_draws, seed : int

    Returns
    -------
    DataFrame, index = drug
        ``second screen`` and ``noise ceiling``: AUROC, mean over draws; NaN with one class or without values.

    Raises
    ------
    DataError
        If a number cannot be; a reliability of NaN gives NaN.
    """
    if reliability == reliability:
        check_number("reliability", reliability, -1, 1)
    check_number("n_draws", n_draws, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    names = {"second screen": reliability, "noise ceiling": np.sqrt(max(reliability, 0.0))}
    return pd.DataFrame({name: _ranked_at(data, r, n_draws, seed) for name, r in names.items()})


def _ranked_at(data: ResponseData, correlation: float, n_draws: int, seed: int) -> pd.Series:
    """AUROC of each drug's labels for values that correlate so with the measured ones."""
    rng = np.random.default_rng(seed)
    found = {}
    for drug, rows in data.response.groupby("drug"):
        first, label = _normal_scores(rows["value"].to_numpy(float)), rows["resistant"].to_numpy() == 1
        again = correlation * first + np.sqrt(1 - correlation**2) * rng.normal(size=(n_draws, len(first)))
        u, _, pairs = rank_statistics(again.T, label)
        usable = pairs and np.isfinite(again).all()
        found[drug] = float(u.mean() / pairs) if usable else np.nan
    return pd.Series(found, dtype=float)


def atlas_table(
    data: ResponseData,
    protocols: Mapping[str, Sequence[OutOfFold]],
    ceiling: pd.DataFrame,
    published: Mapping[str, Published],
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Put all drugs into one table.

    Parameters
    ----------
    data : ResponseData
    protocols : mapping of protocol (:data:`PROTOCOLS`) to results
    ceiling : DataFrame
        From :func:`ceilings`.
    published : mapping
        The paper's numbers, by id.

    Returns
    -------
    table : DataFrame
        One row a drug: ``drug``, ``pathway``, ``resistant`` and ``sensitive`` lines; a column ``<protocol>:
        RefDNN`` and ``<protocol>: simple`` each; those of ``ceiling``; ``predictable``: whether the simple
        model ranks unseen lines better than chance (rank test, Benjamini-Hochberg over drugs, 0.05);
        ``best simple model``: the one with the highest AUROC of this drug on unseen lines, after the fact;
        ``published resistant share`` and ``published median of the pathway`` (unseen drugs, figure 3E).
    simple : dict of protocol to model
        The simple model of each protocol, the best by its mean over drugs.

    Raises
    ------
    DataError
        If unseen lines, which say what is predictable, are not among the protocols.
    """
    if "unseen lines" not in protocols:
        refuse("atlas", f"needs the protocol 'unseen lines'; got {', '.join(protocols) or 'none'}")
    labels = data.response.groupby("drug")["resistant"]
    resistant, pairs = labels.sum(), labels.size()
    counted = pairs.index[np.minimum(resistant, pairs - resistant) >= MIN_MINORITY]
    table = pd.DataFrame({"pathway": data.drugs["pathway"], "resistant": resistant.astype(int)})
    table["sensitive"] = (pairs - resistant).astype(int)
    simple = {}
    for protocol, results in protocols.items():
        auroc, p = protocol_scores(results)
        simple[protocol] = best_simple(auroc, counted)
        table[f"{protocol}: RefDNN"] = auroc["RefDNN"]
        table[f"{protocol}: simple"] = auroc[simple[protocol]]
        if protocol == "unseen lines":
            q = benjamini_hochberg(p[simple[protocol]].reindex(table.index).to_numpy())
            others = auroc[_simple_models(auroc)].dropna(how="all")
            best = others.idxmax(axis=1)
    table = table.join(ceiling)
    table["predictable"] = np.where(q < 0.05, "yes", "no")
    table["best simple model"] = best.reindex(table.index).fillna("")
    share = [published.get(f"{data.name}.class_balance.{drug}") for drug in table.index]
    ids = [f"{data.name}.lodocv_category.{kind}.RefDNN.AUCROC" for kind in table["pathway"]]
    table["published resistant share"] = [np.nan if one is None else one.mean for one in share]
    table["published median of the pathway"] = [
        np.nan if (one := published.get(id)) is None else one.median for id in ids
    ]
    return table.rename_axis("drug").reset_index(), simple


def rounded(table: pd.DataFrame, digits: int = 3) -> pd.DataFrame:
    """Round the scores of :func:`atlas_table` for display."""
    return table.round(dict.fromkeys(table.select_dtypes("float"), digits))


def score_columns(table: pd.DataFrame, model: str) -> pd.DataFrame:
    """Scores of the counted drugs in the four protocols, drugs x protocols; ``model`` RefDNN or simple."""
    kept = counted_drugs(table).set_index("drug")
    check_columns(kept, [f"{protocol}: {model}" for protocol in PROTOCOLS], "atlas")
    return pd.DataFrame({protocol: kept[f"{protocol}: {model}"] for protocol in PROTOCOLS})


def counted_drugs(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of :func:`atlas_table` with enough lines of both classes."""
    check_columns(table, ("drug", "resistant", "sensitive"), "atlas")
    return table[table[["resistant", "sensitive"]].min(axis=1) >= MIN_MINORITY]


def atlas_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise the drugs with enough lines of both classes.

    Returns
    -------
    DataFrame
        ``what``, ``value``, ``n``: the median of each score column, the number of predictable drugs, and in
        how many of the drugs that both score the simple model is above RefDNN, for each protocol.
    """
    kept = counted_drugs(table)
    rows = [("predictable", float((kept["predictable"] == "yes").sum()), len(kept))]
    columns = [c for c in table if c.endswith((": RefDNN", ": simple"))] + ["second screen", "noise ceiling"]
    # A colon in an id would read as a format where prose cites it.
    rows += [
        (f"{c.replace(': ', '.')}.median", kept[c].median(), int(kept[c].notna().sum())) for c in columns
    ]
    for protocol in PROTOCOLS:
        both = kept[[f"{protocol}: simple", f"{protocol}: RefDNN"]].dropna()
        rows.append(
            (f"{protocol}.simple above RefDNN", float((both.iloc[:, 0] > both.iloc[:, 1]).sum()), len(both))
        )
    return pd.DataFrame(rows, columns=["what", "value", "n"])


def finding(table: pd.DataFrame, simple: Mapping[str, str]) -> str:
    """Say how many drugs can be predicted on unseen lines, as a title."""
    kept = counted_drugs(table)
    yes = int((kept["predictable"] == "yes").sum())
    return f"{yes} of {len(kept)} drugs rank unseen lines better than chance ({simple['unseen lines']})"


def drug_chart(table: pd.DataFrame) -> altair.TopLevelMixin:
    """Draw every counted drug, named when pointed at: RefDNN against the simple model on unseen lines.

    Parameters
    ----------
    table : DataFrame
        From :func:`atlas_table`.
    """
    x, y = "unseen lines: simple", "unseen lines: RefDNN"
    kept = counted_drugs(table).dropna(subset=[x, y])
    above = int((kept[y] > kept[x]).sum())
    return hover_points(
        kept,
        x,
        y,
        title=f"On unseen lines RefDNN is above the simple model in {above} of {len(kept)} drugs",
        colour="predictable",
        labels={
            x: "AUROC within the drug, simple model",
            y: "AUROC within the drug, RefDNN",
            "predictable": "better than chance (simple model)",
        },
        shown=["drug", "pathway", "resistant", "sensitive", x, y, "noise ceiling", "best simple model"],
        equal=True,
    )


def _simple_models(auroc: pd.DataFrame) -> list[str]:
    """Return all models but RefDNN, in whatever setting, and its ablation."""
    return [model for model in auroc if not model.startswith("RefDNN")]


def _normal_scores(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        return np.full(len(values), np.nan)
    return stats.norm.ppf((stats.rankdata(values) - 0.5) / len(values))


def _auroc(label: np.ndarray, score: np.ndarray) -> float:
    u, _, pairs = rank_statistics(score[:, None], label == 1)
    return float(u[0] / pairs) if pairs and np.isfinite(score).all() else np.nan
