"""What figures of the chapter show, in one line each: their titles, computed from what is drawn."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from helpers.studies.scdeal.selection import over_sets


def of_transfer(rows: pd.DataFrame) -> str:
    """Say how many runs transfer improves; rows have ``before`` and ``after``."""
    gains = int((rows["after"] > rows["before"]).sum())
    return f"Transfer raises the AUROC in {gains} of {len(rows)} runs"


def of_funnel(rows: pd.DataFrame) -> str:
    """Say how much of the score on bulk lines arrives at the cells."""
    bulk, cells = (over_sets(rows, name).difference for name in ("bulk_auroc", "AUROC"))
    return f"AUROC {bulk:.2f} on held-out bulk lines, {cells:.2f} on cells"


def of_choice(runs: pd.DataFrame, chosen: Mapping[str, pd.DataFrame], metric: str) -> str:
    """Compare the mean of a metric over runs chosen with labels of the cells with that of all runs."""
    best = over_sets(chosen["target_selected"], metric).difference
    return f"{metric} {best:.2f} where labels choose, {over_sets(runs, metric).difference:.2f} over all runs"


def of_labels(gaps: pd.DataFrame) -> str:
    """Say under how many rules scDEAL's mean lies above chance; rows have ``difference``."""
    above = int((gaps["difference"] > 0).sum())
    return f"scDEAL is above chance under {above} of {len(gaps)} rules for the bulk labels"


def of_rivals(gaps: pd.DataFrame, rivals: tuple[str, ...]) -> str:
    """Say of how many rivals scDEAL is ahead on average."""
    own = gaps[gaps["model"].isin(rivals)]
    ahead = int((own["difference"] > 0).sum())
    return f"scDEAL is ahead of {ahead} of {len(own)} simple models on average"


def of_changes(gaps: pd.DataFrame, what: str) -> str:
    """Say how many intervals of differences exclude zero, and the largest difference."""
    clear = int(((gaps["low"] > 0) | (gaps["high"] < 0)).sum())
    largest = gaps["difference"].abs().max()
    return f"{clear} of {len(gaps)} {what} differ clearly; the largest difference is {largest:.2f}"


def of_one_bit(table: pd.DataFrame, published: float) -> str:
    """Compare the told best split with the published mean F1."""
    told = over_sets(table, "F1").difference
    return f"Best of five splits, side told: mean F1 {told:.2f}; published maximum {published:.2f}"


def of_curve(curve: Mapping[str, pd.DataFrame]) -> str:
    """Say what the whole of the bulk lines adds to the fewest, on lines and on cells."""
    few, *_, most = curve.values()
    lines, cells = (
        over_sets(most, name).difference - over_sets(few, name).difference for name in ("bulk_auroc", "AUROC")
    )
    return f"More bulk lines: {lines:+.2f} AUROC on bulk lines, {cells:+.2f} on cells"


def of_task(name: str, metrics: Mapping[str, float]) -> str:
    """Say how well the score of a run ranks the labels of a task."""
    return f"{name}: the score ranks the labels with AUROC {metrics['AUROC']:.2f}"


def of_twin(rows: pd.DataFrame) -> str:
    """Say how often the planted side is found; rows have ``setting`` and ``AUROC``."""
    found = (rows["AUROC"] > 0.5).groupby(rows["setting"], sort=False).mean()
    return "Planted side found: " + "; ".join(f"{name} {share:.0%}" for name, share in found.items())
