"""How high a share of right signs can be: noise, constants, oracle, and what 79 % would need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_names, check_records, refuse
from helpers.evaluation.statistics import cluster_bootstrap, mean_statistic
from helpers.studies.perturbation.base_rates import class_shares
from helpers.studies.perturbation.types import ExpressionChanges

# Sizes of true effects, in units of the noise.
_SIZES = np.concatenate([np.arange(0, 3, 0.15), np.geomspace(3, 10, 12)])
_STEPS = 1000
#: Share of the noise variance that a predictor might know: control wells that all contrasts share.
KNOWN = {"noise ceiling": 0.0, "noise ceiling, a third of the noise known": 1 / 3}
#: p below 0.05 in units of -log10 p: the usual threshold of "a response".
USUAL = 1.301


def z_scores(data: ExpressionChanges) -> np.ndarray | None:
    """Return the normal deviates of the same two-sided p; None where the unit has no model of the noise.

    L1000's z-scores are none: their noise is smaller than 1 (the median of their absolute values is).
    """
    if data.unit != "signed -log10 p":
        return None
    y = data.matrix.astype(float)
    return np.sign(y) * -norm.ppf(np.maximum(10.0 ** -np.abs(y), 1e-300) / 2)


def noise_ceiling(z: np.ndarray) -> float:
    """Share of right signs of a predictor that knows every true effect.

    Measured effects are ``z = m + e`` with noise e ~ N(0, 1), so the sign of z is that of m with probability
    ``Phi(|m|)``. The distribution of ``|m|`` is fitted to ``|z|`` by maximum likelihood without a form
    (Kiefer and Wolfowitz 1956), by expectation maximisation. Effects far below the noise cannot be told from
    none, so that pure noise gives about 0.53 instead of 0.5; effects that all have one moderate size come
    out too low (about 0.62 for sizes of 0.4, where 0.655 is true). It is a rough level, not a bound.

    Parameters
    ----------
    z : array
        Of any shape; NaN is not allowed.

    Returns
    -------
    float
        Between 0.5 and 1.

    Raises
    ------
    DataError
        If there are no values, or one is no finite number.
    """
    z = as_numbers(z, "z", finite=True)
    if not z.size:
        refuse("z", "there are no values")
    # Steps of 0.05 are small beside the noise of 1, and beyond 10 a sign is certain: few sizes are left.
    size, counts = np.unique(np.round(20 * np.minimum(np.abs(np.ravel(z)), 10)) / 20, return_counts=True)
    density = norm.pdf(size[:, None] - _SIZES) + norm.pdf(size[:, None] + _SIZES)
    weights = np.full(len(_SIZES), 1 / len(_SIZES))
    for _ in range(_STEPS):
        weights = weights * ((counts / (density @ weights)) @ density) / counts.sum()
    return float(weights @ norm.cdf(_SIZES))


def noise_ceilings(sets: Sequence[ExpressionChanges], *, n_boot: int = 20, seed: int = 0) -> pd.DataFrame:
    """:func:`noise_ceiling` of data sets, with a bootstrap over compounds.

    Returns
    -------
    DataFrame
        ``data``, ``what`` (of :data:`KNOWN`: who knows a share of the noise sees less of it), ``value``,
        ``low``, ``high``, ``n`` (compounds); no row for a data set without a model of its noise.

    Raises
    ------
    DataError
        If a data set has no training rows, or ``n_boot`` or ``seed`` is no whole number.
    """
    check_number("n_boot", n_boot, 1, whole=True)
    check_number("seed", seed, 0, whole=True)
    rows = []
    for data in sets:
        z = z_scores(data)
        if z is None:
            continue
        train = (data.rows["split"] == "train").to_numpy()
        if not train.any():
            refuse(data.name, "no training rows, whose noise the ceiling is of")
        groups = list(data.rows[train].reset_index(drop=True).groupby("compound").indices.values())
        rng = np.random.default_rng(seed)
        drawn = [rng.integers(len(groups), size=len(groups)) for _ in range(n_boot)]
        for what, known in KNOWN.items():
            own = z[train] / np.sqrt(1 - known)
            draws = [noise_ceiling(own[np.concatenate([groups[i] for i in draw])]) for draw in drawn]
            value = noise_ceiling(own)
            low, high = np.quantile(draws, [0.025, 0.975])
            rows.append((data.name, what, value, min(low, value), max(high, value), len(groups)))
    return pd.DataFrame(rows, columns=["data", "what", "value", "low", "high", "n"])


def printed_checks(
    block: ExpressionChanges, means: ExpressionChanges, n_rows: int, *, n_boot: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Score constants on the printed block without hindsight, by the exact means of its cell type.

    Parameters
    ----------
    block, means : ExpressionChanges
        Rows of one cell type; :func:`helpers.studies.perturbation.data.load_cell_means`.
    n_rows : int
        Rows of that cell type in the whole table: the mean over the other rows is
        (n_rows x mean - row) / (n_rows - 1).

    Returns
    -------
    DataFrame
        ``what``, ``value``, ``low``, ``high`` (bootstrap over compounds), ``n``.

    Raises
    ------
    DataError
        If the block is of several cells, the means lack the cell or a gene, units differ, or there are fewer
        rows in the whole table than in the block.
    """
    check_number("n_rows", n_rows, max(2, len(block.rows)), whole=True)
    if len(set(block.rows["cell"])) > 1 or block.unit != means.unit:
        refuse(block.name, f"must be of one cell, in the unit of the means, {means.unit}", "take a subset")
    y = block.matrix.astype(float)
    cell = block.rows["cell"].iloc[0]
    genes = list(block.values)
    own = means.subset((means.rows["cell"] == cell).to_numpy(), pd.Index(genes)).matrix.astype(float)
    others = (n_rows * own - y) / (n_rows - 1)
    per_row = {
        "always up": (y > 0).mean(axis=1),
        "sign of the other rows' mean": (np.sign(y) == np.sign(others)).mean(axis=1),
        "mean absolute value": np.abs(y).mean(axis=1),
        "MAE of the other rows' mean": np.abs(y - others).mean(axis=1),
        "no response above 1.301": (np.abs(y) < USUAL).mean(axis=1),
    }
    rows = []
    for what, score in per_row.items():
        compounds = block.rows["compound"].to_numpy()
        found = cluster_bootstrap(mean_statistic(score), compounds, n_boot, seed)
        rows.append((what, found.difference, found.low, found.high, found.n))
    return pd.DataFrame(rows, columns=["what", "value", "low", "high", "n"])


def sign_ladder(
    summary: pd.DataFrame, networks: Sequence[str], ceilings: pd.DataFrame, ups: pd.DataFrame
) -> pd.DataFrame:
    """Put every predictor of signs on one scale, data sets x steps.

    Parameters
    ----------
    summary : DataFrame
        :func:`helpers.studies.perturbation.comparison.summarise_models` of one protocol, with ``data``;
        models, and ``"oracle"`` where effects were planted.
    networks : sequence of str
    ceilings : DataFrame
        :func:`noise_ceilings`.
    ups : DataFrame
        ``data`` and ``value``: share of positive entries.

    Returns
    -------
    DataFrame
        ``data``, ``step`` (from the coin to the noise ceiling), ``value``, ``low``, ``high``.

    Raises
    ------
    DataError
        If a table lacks a column, or a data set has none of the networks.
    """
    check_records(summary, ("data", "model", "metric"), (), "summary")
    check_records(ups, ("data",), ("value",), "ups")
    signs = summary[summary["metric"] == "sign accuracy"]
    nothing = {"low": np.nan, "high": np.nan}
    rows = []
    for data, part in signs.groupby("data", sort=False):
        of = part.set_index("model")
        if not set(check_names(networks, "networks")) & set(of.index):
            refuse(data, f"no sign accuracy of {', '.join(networks)}")
        ranked = of.loc[[name for name in networks if name in of.index]].sort_values("value")
        up = ups.loc[ups["data"] == data, "value"]
        rows.append({"data": data, "step": "coin", "value": 0.5, **nothing})
        rows += [{"data": data, "step": "always up", "value": value, **nothing} for value in up]
        steps = {"constant sign": "gene sign", "additive": "additive", "oracle": "oracle"}
        found = {step: of.loc[name] for step, name in steps.items() if name in of.index}
        found |= {"last network": ranked.iloc[0], "best network": ranked.iloc[-1]}
        for step, row in found.items():
            rows.append({"data": data, "step": step, **row[["value", "low", "high"]]})
    ladder = pd.concat([pd.DataFrame(rows), ceilings.assign(step="noise ceiling")])[
        ["data", "step", "value", "low", "high"]
    ]
    order = ["coin", "always up", "constant sign", "additive", "last network", "best network"]
    order += ["oracle", "noise ceiling"]
    ladder["step"] = pd.Categorical(ladder["step"], order, ordered=True)
    return ladder.sort_values(["data", "step"], kind="stable").reset_index(drop=True)


def requirements(fitted: pd.DataFrame, block: ExpressionChanges, networks: Sequence[str]) -> pd.DataFrame:
    """Score what 79 % could be other than held-out signs: in-sample, or three classes.

    Parameters
    ----------
    fitted : DataFrame
        Summary of the training rows, with ``data``.
    block : ExpressionChanges
    networks : sequence of str

    Returns
    -------
    DataFrame
        ``data``, ``what``, ``value``, ``low``, ``high``, ``n``.
    """
    signs = fitted[(fitted["metric"] == "sign accuracy") & fitted["model"].isin(networks)]
    best = signs.loc[signs.groupby("data")["value"].idxmax()]
    rows = best.assign(what="best network, training rows")[["data", "what", "value", "low", "high", "n"]]
    constant = class_shares(block.matrix, USUAL)["no response"]
    three = {"data": block.name, "what": "no response everywhere, three classes at p = 0.05"}
    return pd.concat([rows, pd.DataFrame([{**three, "value": constant, "n": len(block.rows)}])])
