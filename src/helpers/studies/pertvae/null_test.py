"""How often the paper's test finds a better prediction where there is none, in worlds its table implies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from helpers.bounds import check_number
from helpers.checks import check_records, refuse
from helpers.errors import DataError

#: Splits of a drug in the paper: five folds, ten times.
_SPLITS, _FOLDS = 50, 5
#: Printed p-values that can be turned into a spread: rounding decides beyond.
_USABLE_P = 0.05


@dataclass(frozen=True)
class NullSetting:
    """A world in which prediction and reconstruction are equally good on average over lines.

    Attributes
    ----------
    line_sd : float
        Standard deviation of the correlation from line to line.
    difference_sd : float
        Standard deviation, from line to line, of prediction minus reconstruction; its mean is zero.
    lines, folds, repeats : int
    noise_sd : float
        Standard deviation of one evaluation of one line (seed of the network).
    """

    line_sd: float
    difference_sd: float
    lines: int = 56
    folds: int = _FOLDS
    repeats: int = 10
    noise_sd: float = 0.01

    def __post_init__(self) -> None:
        for name in ("line_sd", "difference_sd", "noise_sd"):
            check_number(name, getattr(self, name), 0, 1e6)
        for name, low in (("lines", 1), ("folds", 2), ("repeats", 1)):
            check_number(name, getattr(self, name), low, whole=True)


def implied_line_sd(difference: float, p: float, lines: int) -> float:
    """Find the spread between lines at which a printed difference has its printed p.

    The one-sided p of Mann-Whitney's test on two samples of 50 splits says how large the difference is in
    standard deviations of a split (both samples normal, of equal spread). A split is the mean of a fifth of
    the lines, drawn without replacement.

    Parameters
    ----------
    difference : float
        Prediction minus reconstruction, mean over splits; positive.
    p : float
        One-sided, below 0.5.
    lines : int

    Raises
    ------
    DataError
        If a number is out of range.
    """
    check_number("difference", difference, 0, 1e6)
    check_number("p", p, 1e-300, 0.5 - 1e-9)
    check_number("lines", lines, 2, whole=True)
    area = 0.5 + stats.norm.isf(p) * np.sqrt((2 * _SPLITS + 1) / (12 * _SPLITS**2))
    of_split = difference / (np.sqrt(2) * stats.norm.ppf(area))
    tested = lines / _FOLDS
    return float(of_split * np.sqrt(tested / (1 - 1 / _FOLDS)))


def implied_difference_sd(printed: pd.DataFrame) -> float:
    """Spread between lines of prediction minus reconstruction, from how printed means scatter.

    Drugs that the paper's test does not pass are taken to share one true difference; their printed means
    then scatter by the spread between lines over the root of the number of lines. True differences between
    drugs would make this number too large, never too small on average.
    """
    check_records(printed, (), ("p", "lines", "difference"), "printed")
    rest = printed[printed["p"] > _USABLE_P]
    if len(rest) < 2:
        refuse("printed", f"needs two drugs with p above {_USABLE_P:g} to see how means scatter")
    scatter = rest["lines"] * (rest["difference"] - rest["difference"].mean()) ** 2
    return float(np.sqrt(scatter.sum() / (len(rest) - 1)))


def null_worlds(printed: pd.DataFrame) -> dict[str, NullSetting]:
    """Derive the settings of the null simulation from the numbers of the paper's table 1.

    Parameters
    ----------
    printed : DataFrame
        :func:`helpers.studies.pertvae.statistics.published_table`.

    Returns
    -------
    dict
        By what they assume: the least, the middle and the largest spread between lines that drugs with 50
        lines imply, and the least with 19 lines.

    Raises
    ------
    DataError
        If no drug with 50 lines has a usable p, or fewer than three drugs fail the paper's test.
    """
    check_records(printed, (), ("p", "lines", "difference"), "printed")
    clear = printed[(printed["lines"] >= 50) & (printed["p"] < _USABLE_P) & (printed["difference"] > 0)]
    if clear.empty or (printed["p"] > _USABLE_P).sum() < 3:
        msg = "the printed table names no drug with 50 lines that gains, or fewer than three that do not"
        raise DataError(msg)
    spreads = sorted(implied_line_sd(row.difference, row.p, row.lines) for row in clear.itertuples())
    least, middle, largest = spreads[0], float(np.median(spreads)), spreads[-1]
    apart = implied_difference_sd(printed)
    worlds = {f"lines vary by {sd:.2f}": NullSetting(sd, apart) for sd in (least, middle, largest)}
    return worlds | {f"lines vary by {least:.2f}, 19 lines": NullSetting(least, apart, lines=19)}


def visible_gain(printed: pd.DataFrame, lines: int) -> float:
    """Smallest mean gain that a test over ``lines`` lines finds with 80 % power at 5 %, two-sided.

    With the spread of :func:`implied_difference_sd`: what the paper's design could have seen, each line
    counted once.
    """
    check_number("lines", lines, 1, whole=True)
    reach = stats.norm.isf(0.025) + stats.norm.ppf(0.8)
    return float(reach * implied_difference_sd(printed) / np.sqrt(lines))


def false_alarms(worlds: Mapping[str, NullSetting], runs: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Run :func:`null_rejections` in every setting; the setting is ``world``."""
    tables = [
        null_rejections(world, runs=runs, seed=seed).assign(world=name) for name, world in worlds.items()
    ]
    return pd.concat(tables, ignore_index=True)


def worst_alarms(alarms: pd.DataFrame) -> pd.DataFrame:
    """Take the setting with most false alarms: one row a test and level.

    Returns
    -------
    DataFrame
        ``test``, ``word`` (the level in words), ``value``, ``low``, ``high``, ``note``.
    """
    worst = alarms.loc[alarms.groupby(["test", "level"], sort=False)["share"].idxmax()]
    return pd.DataFrame(
        {
            "test": worst["test"],
            "word": worst["level"].map({0.05: "5 in 100", 0.001: "1 in 1000"}),
            "value": worst["share"],
            "low": worst["low"],
            "high": worst["high"],
            "note": "simulation; " + worst["world"],
        }
    )


def null_rejections(
    setting: NullSetting, levels: tuple[float, ...] = (0.05, 0.001), runs: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Count how often each test finds a better prediction where there is none.

    Parameters
    ----------
    setting : NullSetting
    levels : tuple of float
        Significance levels.
    runs, seed : int

    Returns
    -------
    DataFrame
        One row a test and level: ``test``, ``level``, ``share`` of the runs that reject, ``low`` and
        ``high`` (95 % Wilson interval of that share). Tests: the paper's one-sided Mann-Whitney on
        the splits, a one-sided paired t-test on the splits, a one-sided signed-rank test over lines.
    """
    check_number("runs", runs, whole=True)
    check_number("seed", seed, 0, whole=True)
    if not len(levels):
        refuse("levels", "there are none")
    for level in levels:
        check_number("levels", level, 0, 1)
    if setting.lines < setting.folds or runs < 1:
        msg = f"{setting.lines} lines cannot make {setting.folds} folds, or no runs ({runs})"
        raise DataError(msg)
    rng = np.random.default_rng(seed)
    shape = (runs, setting.lines)
    rec = rng.normal(0, setting.line_sd, shape)
    pred = rec + rng.normal(0, setting.difference_sd, shape)
    splits: dict[str, list[np.ndarray]] = {"rec": [], "pred": []}
    by_line = np.zeros(shape)
    fold = np.arange(setting.lines) % setting.folds
    membership = (fold == np.arange(setting.folds)[:, None]) / np.bincount(fold)[:, None]
    for _ in range(setting.repeats):
        deal = rng.permuted(np.tile(np.arange(setting.lines), (runs, 1)), axis=1)
        seen = {}
        for name, truth in (("rec", rec), ("pred", pred)):
            seen[name] = truth + rng.normal(0, setting.noise_sd, shape)
            splits[name].append(np.take_along_axis(seen[name], deal, axis=1) @ membership.T)
        by_line += (seen["pred"] - seen["rec"]) / setting.repeats
    first, second = (np.concatenate(splits[name], axis=1) for name in ("pred", "rec"))
    p_values = {
        "Mann-Whitney on splits (paper)": stats.mannwhitneyu(
            first, second, alternative="greater", method="asymptotic", axis=1
        ).pvalue,
        "paired t on splits": stats.ttest_rel(first, second, alternative="greater", axis=1).pvalue,
        "signed-rank over lines": stats.wilcoxon(
            by_line, alternative="greater", method="asymptotic", correction=True, axis=1
        ).pvalue,
    }
    rows = []
    for test, p in p_values.items():
        for level in levels:
            count = int((p <= level).sum())
            interval = stats.binomtest(count, runs).proportion_ci(method="wilson")
            rows.append((test, level, count / runs, interval.low, interval.high))
    return pd.DataFrame(rows, columns=["test", "level", "share", "low", "high"])
