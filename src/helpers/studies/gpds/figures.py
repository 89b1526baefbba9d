"""Figures of the chapter: each with the title that states what was found, its name and its caption."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd

from helpers.chapter.figures import Drawn
from helpers.plots import forest
from helpers.plots.hover import hover_points
from helpers.studies.gpds import plots
from helpers.studies.gpds.cell_sections import other_profiles, shown_lines
from helpers.studies.gpds.drug_ranking import DreepRun, endpoints
from helpers.studies.gpds.gene_lists import LISTS, SHORT
from helpers.studies.gpds.heldout_cells import HeldOutCells
from helpers.studies.gpds.tasks import Inputs

#: Figure, name of its file, caption.
Shown: TypeAlias = tuple[Drawn, str, str]


def two_cuts(table: pd.DataFrame) -> Shown:
    """Figure 1: mean and variance of all genes."""
    title = f"Figure 1: {table['kept'].sum():,} of {len(table):,} genes pass both cut lines"
    figure = plots.mean_variance(table, min_mean=1.9, min_variance=1.0, title=title)
    caption = "Mean and variance of each gene over all GDSC2 lines; the kept genes lie in the upper right."
    return figure, "figure_1", caption


def cut_on_mean(table: pd.DataFrame) -> Shown:
    """Figure 2: density of the means."""
    title = f"Figure 2: {(table['mean'] >= 1.9).mean():.0%} of the genes pass the cut on the mean"
    xlabel = "mean over lines, log2(TPM + 1)"
    figure = plots.cut_density(table["mean"].to_numpy(), 1.9, title=title, xlabel=xlabel)
    return figure, "figure_2", "Density of the means over the GDSC2 lines. The report cuts between two modes."


def cut_on_variance(table: pd.DataFrame) -> Shown:
    """Figure 3: density of the logarithm of the variances."""
    values = table["log_variance"].to_numpy()
    title = f"Figure 3: {(values >= 0).mean():.0%} of the genes pass the cut on the variance"
    figure = plots.cut_density(values, 0.0, title=title, xlabel="ln(variance over lines)")
    return figure, "figure_3", "Density of the logarithm of the variance over the GDSC2 lines."


def report_split(table: pd.DataFrame, unit: str) -> Shown:
    """Figure 4: measured and predicted response of the report's test lines."""
    slope = np.polyfit(table["measured"], table["predicted"], 1)[0]
    title = f"Figure 4: the predictions rise by {slope:.2f} for each unit measured"
    figure = plots.true_against_predicted(table, title=title, unit=unit)
    caption = (
        "Test lines of the report's split, GDSC2; the dotted line is what a predictor without any input "
        "answers."
    )
    return figure, "figure_4", caption


def four_lines(held_out: HeldOutCells, names: pd.Series, unit: str, width: float) -> Shown:
    """Figures 5 to 8: densities of the predictions for the cells of four lines.

    Parameters
    ----------
    width : float
        Spread within lines over that of the response.
    """
    figure = plots.line_densities(
        shown_lines(held_out, names),
        other_profiles(held_out.lines, names),
        title=f"Figures 5 to 8: cells of a line spread {width:.2f} SD of the response",
        unit=unit,
        constant=float(held_out.lines["training_mean"].mean()),
    )
    caption = (
        "Density of the predictions for the cells of a line (mean of the networks), its response in GDSC2, "
        "and predictions from other profiles of the line."
    )
    return figure, "figure_5_to_8", caption


def more_cells(found: HeldOutCells, names: pd.Series, unit: str) -> Shown:
    """Densities of the predictions for a second set of cells."""
    within = found.cells.groupby("line")["predicted"].std().median()
    between = found.cells.groupby("line")["measured"].first().std()
    figure = plots.line_densities(
        found.cells.assign(line=found.cells["line"].map(names)),
        other_profiles(found.lines, names),
        title=f"Lung lines: cells of a line spread {within / between:.2f} SD of the response",
        unit=unit,
    )
    return figure, "lung", "As figures 5 to 8, for the second set, the lung lines with a response in GDSC2."


def many_splits(table: pd.DataFrame, published: float) -> Shown:
    """R2 in every split."""
    network = table.loc[table["model"] == "network", "value"]
    low, high = network[np.isfinite(network)].quantile([0.025, 0.975])
    figure = plots.error_strips(
        table,
        title=f"The network's R2 depends on the split: {low:.2f} to {high:.2f}",
        xlabel="R2 on about 5 % of the lines",
        marks={"report": published},
    )
    caption = (
        "A point is a random split into 95 and 5 % of the GDSC2 lines; the published value is one draw. The "
        "title gives the central 95 %."
    )
    return figure, "splits", caption


def against_models(versus: pd.DataFrame, margin: float) -> Shown:
    """Error of the networks minus that of every other model."""
    rows = versus[versus["metric"] == "MSE/Var"].sort_values(["reference", "difference"])
    own = rows[rows["reference"] == "network"]
    worse = own[own["low"] > 0]
    figure = forest(
        rows.assign(label=rows["model"], group=rows["reference"] + " minus"),
        title=f"{len(worse)} of {len(own)} other models err less than the report's network",
        xlabel="difference of MSE/Var (below zero: the network is better)",
        margin=margin,
    )
    caption = "Folds of GDSC2 lines, camptothecin; 95 % intervals with Nadeau and Bengio's variance."
    return figure, "versus", caption


def learning_curve(table: pd.DataFrame, model: str = "Ridge, mean >= 1") -> Shown:
    """Rank correlation with ever more training lines."""
    own = table[table["model"] == model].sort_values("lines")
    first, last = own.iloc[0], own.iloc[-1]
    verb = "gains" if last["value"] > first["value"] else "does not gain"
    figure = plots.curves(
        table,
        title=f"Ridge {verb} with lines: {first['value']:.2f} with {first['lines']}, "
        f"{last['value']:.2f} with {last['lines']}",
        xlabel="training lines",
        ylabel="Spearman on held-out lines",
    )
    return figure, "curve", "Five folds of GDSC2 lines, the same test lines throughout; 95 % intervals."


def board(table: pd.DataFrame, drug: str) -> Shown:
    """All drugs, within and across lineages."""
    count = (table["within lineages"] > 0.3).sum()
    title = f"{count} of {len(table)} drugs are predicted within lineages (above 0.3)"
    caption = (
        f"A point is a drug ({len(table)}), named when pointed at. One that the lineage's mean predicts need "
        "not be predicted within lineages; held-out GDSC2 lines of five folds."
    )
    figure = hover_points(
        table.assign(shown=np.where(table["drug"] == drug, drug, "other drugs")),
        x="lineage mean",
        y="within lineages",
        title=title,
        colour="shown",
        labels={
            "lineage mean": "lineage mean, Spearman over all lines",
            "within lineages": "ridge, Spearman within lineages",
        },
        shown=["drug", "lines", "ridge", "lineage mean", "within lineages", "ceiling"],
    )
    return figure, "board", caption


def gains_of_lists(table: pd.DataFrame) -> Shown:
    """Gains of one list over another."""
    gain = table.loc[(table["first"] == "L7") & (table["second"] == "L1"), "difference"].iloc[0]
    figure = forest(
        table,
        title=f"Network's list minus Pearson's: {gain:+.2f} in rank correlation",
        xlabel="mean gain in Spearman correlation over drugs",
    )
    caption = "Lists of GDSC2 lines score cells of other lines; 95 % bootstrap over the lines with cells."
    return figure, "figure_11", caption


def scores_of_drug(scored: DreepRun, inputs: Inputs) -> Shown:
    """Scores of the lines against their response, the chapter's own drug."""
    part = scored.lines[(scored.lines["drug"] == inputs.task.drug) & scored.lines["list"].isin(["L1", "L7"])]
    rho = endpoints(part, inputs.panel.response).query("endpoint == 'Spearman'").set_index("list")["value"]
    figure = plots.scores_against_response(
        part.assign(x=part["line"].map(inputs.response), y=part["es"], label=part["list"].map(LISTS)),
        title=f"Camptothecin, rank correlation: Pearson {rho['L1']:.2f}, network {rho['L7']:.2f}",
        xlabel=inputs.task.unit,
        ylabel="median DREEP score",
    )
    return figure, "figure_10", "A point is a line: the median score of its cells, and its response in GDSC2."


def agreement(table: pd.DataFrame) -> Shown:
    """Agreement of lists with themselves."""
    alike = table.loc[table["list"] == LISTS["L7"], "agreement"].median()
    figure = plots.seed_agreement(table, title=f"Two networks of a drug agree by {alike:.2f}")
    caption = (
        "A point is a drug (and fold): between seeds of the network, and between halves of the GDSC2 lines."
    )
    return figure, "figure_12", caption


def likeness(table: pd.DataFrame) -> Shown:
    """Likeness of all pairs of lists."""
    pair = table[(table["first"] == "L3") & (table["second"] == "L7")]["spearman"].mean()
    figure = plots.list_heatmap(
        table.replace({"first": SHORT, "second": SHORT}),
        title=f"The network's list agrees with ridge regression's by {pair:.2f}",
    )
    caption = "Spearman correlation over genes, mean over drugs; lists of GDSC2 lines that are not scored."
    return figure, "likeness", caption
