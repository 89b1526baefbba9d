# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # [Re] Six networks for the answer of cells to drugs
#
# :::{admonition} What we found
# :class: tip
# - **How many signs can be right?** In the printed corner of the competition's own table a predictor that knew every
#   true effect would get {glue:text}`Kaggle block.noise ceiling.sign accuracy:.1%` of signs right, as far as a rough
#   ceiling says; one constant sign a gene gets
#   {glue:text}`Kaggle block.sign of the other rows' mean:.1%`. That the noise allows 79 %:
#   {glue}`verdict.perturbation-plausible.sound`.
# - **Networks against simple predictors**, on 146 compounds in hepatocytes: the best network gets
#   {glue:text}`TG-GATEs.best.sign:.1%` of held-out signs right, cell plus compound
#   {glue:text}`TG-GATEs.random_rows.additive.sign accuracy:.1%`, a constant sign
#   {glue:text}`TG-GATEs.random_rows.gene sign.sign accuracy:.1%`. That networks beat the additive model:
#   {glue}`verdict.perturbation-simple.sound`; that they beat the best simple predictor:
#   {glue}`verdict.perturbation-simple.survives`.
# - **Attention**: the published network differs from the same stack without attention by
#   {glue}`TG-GATEs.random_rows.GRU3-ATTN-no attention.sign accuracy`
#   {glue}`TG-GATEs.random_rows.GRU3-ATTN-no attention.sign accuracy.interval` of sign accuracy; that it ranks first of
#   the six: {glue}`verdict.perturbation-ranking.repeated`, with intervals and seeds
#   {glue}`verdict.perturbation-ranking.sound`.
# :::
#
# A study of 2024 {cite:p}`ali2024perturbation` trained six networks on the table of a public competition
# {cite:p}`openproblems2023perturbation`: how 18,211 genes change when one of 146 compounds meets one of six types
# of blood cells. It reports that a stack of three GRU layers with attention gets 79 % of the signs right, the other
# five between 64.5 and 73.7 %, and takes this as evidence for attention. No predictor other than the six networks
# was run. This chapter runs the six beside the predictors that need no training to speak of, asks how many signs can
# be right at all, and whether the order of the six is the same twice.
#
# **The labels are no fold changes.** Table II of the study calls them so; its rows are those of the competition's
# file, `sign(change) x -log10(p)`. Every absolute error of the paper is in units of -log10 p.

# %% tags=["parameters"]
profile = "quick"
data = "auto"
device = "auto"
jobs = 2
seed = 0
out = ""
n_seeds = 2  # repetitions, each with its own folds and starts (the paper: one number a model)
n_folds = 5  # folds of 80/20 of each repetition that are run
epoch_share = 0.2  # share of the published epochs (300 to 500); a reduced profile runs fewer
kaggle_genes = 500  # genes of the competition's design with simulated targets (0: all 18,211)
kaggle_seeds = 1
kaggle_folds = 1
kaggle_cells = 1  # cell types that are left out in turn in the competition's design
all_genes_folds = 0  # folds there in which the six networks are trained on all 18,211 genes too
kaggle_share = 0.04  # share of the published epochs there; always 1 on the competition's own table
check_seeds = 1  # repetitions of the method check
small_folds = 1  # folds of random rows of each repetition on L1000 and TranSiGen
other_folds = 1  # folds of new pairs and of unseen compounds of each repetition
standardised_folds = 1  # folds of each repetition with standardised changes and absolute error
tuning_seeds = 0  # repetitions of the search for learning rate and epochs; 0 leaves it out
sensitivity_seeds = 0  # repetitions of the sensitivity checks; 0 leaves them out
n_boot = 500

# %% tags=["hide-input"]
parameters = {k: v for k, v in vars().items() if k[0] != "_" and isinstance(v, bool | int | float | str)}

from functools import partial

import pandas as pd

from helpers.chapter import Chapter

chapter = Chapter.begin("04_perturbation", parameters)
chapter.header()

# %% tags=["hide-input"]
from helpers.studies.perturbation import (
    base_rates,
    ceiling,
    comparison,
    folds,
    in_cells,
    insight,
    interaction,
    plan,
    plots,
    predictors,
    ranking,
    titles,
)
from helpers.studies.perturbation.data import load_cell_means, load_changes, load_printed_block
from helpers.studies.perturbation.hepatocytes import load_arrays
from helpers.studies.perturbation.model import PUBLISHED
from helpers.studies.perturbation.model.backend import use_device
from helpers.studies.perturbation.protocol import run_protocol
from helpers.studies.perturbation.twin import simulate_worlds

# %% tags=["hide-input"]
use_device(chapter.device)
run = chapter.memory.cache(run_protocol, ignore=["n_jobs", "progress"])
learned = chapter.memory.cache(insight.learned_additivity)
focus = chapter.memory.cache(insight.attention_weights)
tune = chapter.memory.cache(insight.tune_networks, ignore=["n_jobs"])
boot = {"n_boot": n_boot, "seed": seed}
budget = {"n_jobs": chapter.jobs, "progress": chapter.report}
on = {"device": chapter.device}

# %% [markdown]
# ## The question and the model
#
# A row of the table is a pair of cell type and compound. Five columns describe it, and each becomes one code: the
# cell type, the compound's name, its LINCS id, its SMILES string as a whole, and the length of that string. Name, id
# and SMILES map one to one, and the length follows from them: **the five inputs hold two facts, which cell type and
# which compound**. Each code is embedded in 16 numbers; the five embeddings are read as a sequence of five steps.
#
# ```{figure} ../book/_static/perturbation.svg
# :alt: Five codes are embedded, stacked to five steps, pass one of six cores, a dense layer, dropout and the output.
#
# The six networks differ in the core only.
# ```
#
# With a cell and a compound as the only inputs, a network can learn what the cell does on average, what the compound
# does on average, and how the two together depart from the sum of both. The last part, the interaction, is all that
# it can add to an additive model; for a pair that training has not seen, it must come from similarity.

# %%
published_epochs = {name: (p.epochs, p.batch_size, p.learning_rate, p.units) for name, p in PUBLISHED.items()}
pd.DataFrame(published_epochs, index=["epochs", "batch size", "learning rate", "units (our reading)"]).T

# %% [markdown]
# ## The data
#
# The competition's own targets (614 x 18,211 training values) are not among the files that can be had everywhere;
# [the data page](../book/data.md) says how to get them, and `data = "paper"` runs this chapter on them. What is at
# hand otherwise:
#
# - *TG-GATEs*, the main panel: human hepatocytes under 146 compounds at two doses and three times, in the
#   competition's unit, computed as the competition did (limma's moderated t against controls);
# - *L1000* {cite:p}`subramanian2017l1000` (signatures of three drugs in many lines) and *TranSiGen* (treated minus
#   vehicle, more compounds in fewer lines), real too. Three compounds leave three means to learn, so they show
#   levels and do not rank architectures;
# - a printed corner of the competition's table, 25 compounds x 97 genes of NK cells, and the exact means of all genes
#   by cell type: real values, without a network;
# - the competition's real design with **simulated** targets that have the real means, calibrated on the printed
#   corner: it shows what the protocols do in a table of that shape, and it proves nothing about drugs.

# %% [markdown] tags=["details"]
# ### Where each panel is from

# %% tags=["hide-input"]
panels = {name: load_changes(name, data, seed=seed) for name in ("TG-GATEs", "L1000", "TranSiGen")}
chapter.use(panels["TG-GATEs"])

# %% tags=["hide-input"]
chapter.use(panels["L1000"])

# %% tags=["hide-input"]
chapter.use(panels["TranSiGen"])

# %% tags=["hide-input"]
every_gene = load_changes("Kaggle", data, seed=seed)
kaggle = every_gene.thin(kaggle_genes)
chapter.use(kaggle)

# %% tags=["hide-input"]
means = load_cell_means(data, seed=seed)
chapter.use(means)

# %% tags=["hide-input"]
block = load_printed_block(data, seed=seed)
chapter.use(block)

# %% [markdown]
# ### The panels side by side

# %%
sets = {**panels, "Kaggle": kaggle}
UNIT = plan.UNIT
LABEL = {name: f"{name} ({d.tier})" if d.tier == "simulated" else name for name, d in sets.items()}
pd.DataFrame({name: d.facts() for name, d in {**sets, "Kaggle block": block}.items()}).T

# %% [markdown]
# Rows of one cell line (L1000, TranSiGen) or of one compound (TG-GATEs, the competition's design) are not
# independent. Intervals resample lines there and compounds here, whichever is the more numerous factor.

# %% [markdown] tags=["details"]
# ### Rows that share controls
#
# Two rows that were compared with the same control measurement share its noise. On TranSiGen, rows of one line that
# share a vehicle profile correlate, and rows of the same line with another vehicle hardly do:

# %%
vehicle = insight.shared_control_correlation(panels["TranSiGen"], **boot)
chapter.record_table(vehicle, "TranSiGen.vehicle.{controls}.correlation")
vehicle.style.format(precision=3).hide().set_caption("Correlation of two rows of one line; n = pairs")

# %% [markdown]
# So whoever has one of them in training predicts the other by its control. In all protocols below, rows with a common
# vehicle (TranSiGen) and rows of one compound and time (TG-GATEs, whose two doses share two control arrays) are on
# one side of the split. What the plain random split would have given is in the section on simple predictors. In the
# competition all contrasts of a cell type share their control wells: no split can avoid that there.
#
# ## How many signs can be right?
#
# The paper counts a prediction as right when its sign is right, without a threshold. Half of the entries are right by
# chance; more when genes have a habit, since all contrasts of one cell type share the same control wells, whose
# noise moves every compound alike, and some answers (stress, less growth) are common to many drugs. In the real
# means of the competition, this share of genes goes up on average:

# %%
up = chapter.record_table(base_rates.genes_up(means), "Kaggle means.cell types.{cell}.genes up")
chapter.compare_table(
    {cell: f"Kaggle means.cell types.{cell}.genes up" for cell in up["cell"]},
    "Share of genes whose mean change over the training rows is positive; n = genes.",
)

# %% [markdown] tags=["details"]
# ### Cell types that agree
#
# The mean profiles of two cell types have the same sign in this share of genes:

# %%
agreement = base_rates.sign_agreement(means)
chapter.record_table(
    base_rates.mean_sign_agreement(agreement), "Kaggle means.cell types.pairs.sign agreement"
)
agreement.style.format("{:.2f}")

# %% [markdown]
# ### The printed corner, and the ceiling
#
# In regulatory T cells, {glue:text}`Kaggle means.cell types.T regulatory cells.genes up:.0%` of genes have a positive
# mean; in NK cells {glue:text}`Kaggle means.cell types.NK cells.genes up:.0%`. These are the two cell types that the
# paper names as predicted best. A mean over rows is more one-sided than its rows. Row by row, the printed corner of
# the table says what constants score there; the mean over the *other* rows of NK cells follows from the exact means,
# so the constant sign has no hindsight:

# %%
NK_ROWS = 146  # rows of NK cells in the competition's table
printed = ceiling.printed_checks(block, means, NK_ROWS, **boot)
chapter.record_table(printed, "Kaggle block.{what}")
chapter.compare_table(
    {what: f"Kaggle block.{what}" for what in printed["what"]},
    "The printed corner of NK cells: 25 compounds x 97 genes; n = compounds.",
)

# %% [markdown]
# Predicting no change at all has a mean absolute error of {glue:text}`Kaggle block.mean absolute value:.3f` there; the
# paper reports 0.620 for its best network on all cell types. The genes of the corner are the first by the alphabet
# and need not be typical.
#
# **The ceiling.** A measured change is a true one plus noise, and where the true one is small its sign is a coin. The
# p-values say how large changes are beside their noise; the distribution of the true changes that fits them best gives
# the share of signs that a predictor with perfect knowledge of them would get. Noise that all contrasts share (the
# control wells) can be learned too; the second row of each data set says what knowing a third of it is worth. L1000 and
# TranSiGen come without a model of their noise, so they have no ceiling.

# %%
ceilings = ceiling.noise_ceilings([*panels.values(), kaggle, block], n_boot=max(2, n_boot // 30), seed=seed)
chapter.record_table(ceilings, "{data}.{what}.sign accuracy")
chapter.compare_table(
    {f"{row.data}, {row.what}": f"{row.data}.{row.what}.sign accuracy" for row in ceilings.itertuples()},
    "Share of right signs of a perfect predictor; 95 % interval over compounds.",
)

# %% [markdown]
# ## The six networks: table IV and figure 1
#
# Random rows are held out, in folds of 80/20: the nearest guess at the paper's split, which is not stated. The simple
# predictors and the controls of later sections run in the same folds, and so do the other protocols, so that each
# model is run once a data set. Epochs are the published ones in the full profile and on the competition's own table;
# the quick profile runs a twenty-fifth and says so here: its networks are hardly trained.

# %%
six, controls = predictors.networks(epoch_share, **on), predictors.attention_controls(epoch_share, **on)
simple = predictors.simple_predictors()
contest = comparison.Contest.of(six, controls, simple)
SIX, scores, seeds = contest.networks, {}, [seed + i for i in range(n_seeds)]
drawn_structures = {n: predictors.simple_predictors(structures=d.has_structures) for n, d in panels.items()}
for name, d in panels.items():
    used = n_folds if name == "TG-GATEs" else min(n_folds, small_folds)
    parts = folds.random_rows(d.rows, seeds, n_used=used, in_sample=True)
    tables = [run(d, parts, six + controls + drawn_structures[name], **budget)]
    parts = plan.other_folds(d, seeds, min(n_folds, other_folds))
    tables.append(run(d, parts, six + drawn_structures[name], **budget))
    first, *others = plan.same_folds(d, seeds)  # the first has been run
    tables.append(folds.scored_already(tables[0], [first], SIX, "same_split"))
    scores[name] = pd.concat([*tables, run(d, others, six, **budget)])

# %%
seeds_there = [seed + i for i in range(kaggle_seeds)]
share_there = 1.0 if kaggle.tier == "paper" else kaggle_share
there = predictors.networks(share_there, **on) + predictors.attention_controls(share_there, **on)
kaggle_parts = plan.kaggle_folds(kaggle, seeds_there, n_folds=kaggle_folds, n_cells=kaggle_cells)
scores["Kaggle"] = run(kaggle, kaggle_parts, there + simple, **budget)

# %% [markdown] tags=["details"]
# ### Scores of every row
#
# Public code for the competition standardises each gene and minimises an absolute error; the same six networks with
# that loss and scale are a protocol of their own, *standardised*, and the second reading of the claims.

# %%
d = panels["TG-GATEs"]
parts = folds.retagged(folds.random_rows(d.rows, seeds, n_used=standardised_folds), "standardised")
restandardised = predictors.networks(epoch_share, **on, **predictors.STANDARDISED)
table = scores["TG-GATEs"]
same = folds.scored_already(table, parts, contest.simple, "standardised")
again = run(d, parts, restandardised, **budget)
scores["TG-GATEs"] = pd.concat([table, same, again], ignore_index=True)

# %%
scores = pd.concat([table.assign(data=name) for name, table in scores.items()], ignore_index=True)
tested = scores[(scores["part"] == "test") & (scores["protocol"] != "same_split")]
random = tested[tested["protocol"] == "random_rows"]
by_set = {name: random[random["data"] == name] for name in sets}
summary = comparison.by_protocol(tested, partial(comparison.summarise_models, **boot), UNIT)
versus = comparison.by_protocol(tested, partial(comparison.compare_contest, contest=contest, **boot), UNIT)
for table in (summary, versus):
    table["group"] = table["data set"] = table["data"].map(LABEL)
own_split = [fold for fold in kaggle_parts if fold.tags["protocol"] == "random_rows"]
oracle = insight.oracle_scores(kaggle, own_split, ("sign accuracy", "MAE", "MRRMSE")).assign(data="Kaggle")
chapter.record_table(oracle, "Kaggle.random_rows.{model}.{metric}")
# %% [markdown]
# The published value stands beside ours where the data are of the paper's kind, that is, in random rows of the
# competition's own table.

# %%
published = {name: chapter.published[predictors.published_id(name)].mean / 100 for name in SIX}
beside = summary[["data", "protocol", "metric"]].eq(["Kaggle", "random_rows", "sign accuracy"]).all(axis=1)
summary["published"] = summary["model"].map(published).where(beside & (kaggle.tier == "paper"))
chapter.record_table(contest.recorded(summary), "{data}.{protocol}.{model}.{metric}")
chapter.record_table(versus, "{data}.{protocol}.{first}-{second}.{metric}")
agree = partial(ranking.rank_agreement, published=published)
ranked = comparison.by_protocol(tested, agree)
chapter.record_table(ranked, "{data}.{protocol}.six networks.{what}")
of_random, of_six = summary["protocol"] == "random_rows", summary["model"].isin(SIX)
gain = insight.gain_over_coin(summary[of_random], SIX)
chapter.record_table(gain.rename(columns={"best": "value"}), "{data}.best.sign")
# %% [markdown]
# ### From a coin to the ceiling

# %% tags=["hide-input"]
ups = chapter.record_table(base_rates.shares_up(sets), "{data}.base_rates.up.share")
rungs = ceiling.sign_ladder(pd.concat([summary[of_random], oracle]), SIX, ceilings, ups)
best_of = gain.set_index("data")["best"]
title = f"Held-out signs of real data:\nthe best network gets {best_of.drop('Kaggle').max():.0%}"
reported = dict.fromkeys(["Kaggle", "Kaggle block"], published["GRU3-ATTN"])
chapter.figure(
    plots.ladder(rungs, published=reported, title=title),
    "ladder",
    "Random rows held out: from a coin to the ceiling. Kaggle block: real values of NK cells, no network.",
)

# %% tags=["hide-input"]
chapter.compare_table(
    {
        f"{LABEL[n]}, {m}": f"{n}.random_rows.{m}.sign accuracy"
        for n in sets
        for m in [*SIX, "additive", "gene sign"]
    },
    "Table IV and two simple predictors: sign accuracy on held-out rows; 95 % interval over the independent unit.",
)

# %% tags=["hide-input"]
shown = summary[of_random & summary["model"].isin([*SIX, "additive", "gene sign"])]
chapter.figure(
    plots.sign_accuracies(shown, "data set", title=titles.spread(shown, SIX, "TG-GATEs")),
    "table_4",
    "Sign accuracy of held-out rows, with the additive model and one constant sign a gene.",
)

# %% [markdown] tags=["details"]
# ### What would have to be true for 79 %
#
# Three other meanings of the number can be computed: rows that were trained on, three classes with a threshold, and
# targets that were clipped (among the readings below). For the first, training rows are predicted too.

# %%
fitted = scores[(scores["part"] == "train") & scores["model"].isin(SIX)].assign(protocol="training_rows")
average = partial(
    comparison.summarise_models, metrics=("sign accuracy", "MAE", "three-class accuracy"), **boot
)
reproduced = comparison.by_protocol(fitted, average, UNIT)
chapter.record_table(reproduced, "{data}.training_rows.{model}.{metric}")
chapter.record_table(comparison.by_protocol(fitted, agree), "{data}.training_rows.six networks.{what}")
needed = ceiling.requirements(reproduced, block, SIX)
chapter.record_table(needed, "{data}.needed for 79 %.{what}")
chapter.compare_table(
    {f"{row.data}, {row.what}": f"{row.data}.needed for 79 %.{row.what}" for row in needed.itertuples()},
    "Shares that count as right under another meaning of sign accuracy.",
)

# %% [markdown]
# A constant "no response" is right in {glue:text}`Kaggle block.no response above 1.301:.0%` of the real entries of the
# corner when p = 0.05 is the threshold: a three-class accuracy of 79 % would be below a constant. On the rows that it
# was trained on, the best network of the hepatocytes reaches
# {glue:text}`TG-GATEs.needed for 79 %.best network, training rows:.1%`.

# %% tags=["hide-input"]
chapter.compare_table(
    {f"{LABEL[n]}, {m}": f"{n}.training_rows.{m}.sign accuracy" for n in sets for m in SIX},
    "Sign accuracy on the rows that the network was trained on.",
)

# %% tags=["hide-input"]
chapter.compare_table(
    {
        f"{LABEL[n]}, {where}": f"{n}.{protocol}.six networks.rank agreement with the paper"
        for n in sets
        for protocol, where in (("training_rows", "training rows"), ("random_rows", "held-out rows"))
    },
    "Kendall correlation of the six networks' order with the published order, mean over repetitions.",
)

# %% [markdown] tags=["details"]
# ### Figure 1: errors on right and wrong signs
#
# The parts are tied: `MAE = a x MAE right + (1 - a) x MAE wrong` with `a` the sign accuracy, and on a wrong sign the
# error is |y| + |prediction|. So whoever predicts values near zero has the lowest error on wrong signs; the paper
# reads the LSTM's low value there as "a more refined ability to discern and rectify prediction errors".

# %% tags=["hide-input"]
errors = {n: summary[of_random & of_six & (summary["data"] == n)] for n in sets}
figure_1 = {
    n: plots.errors_by_sign(e, title=f"{LABEL[n]}: {titles.lowest_errors(e)}", ylabel=sets[n].unit)
    for n, e in errors.items()
}
caption = "Figure 1: mean absolute error on right and wrong signs and in total."
chapter.figure(figure_1["TG-GATEs"], "figure_1_tggates", caption)

# %% tags=["hide-input"]
chapter.figure(figure_1["L1000"], "figure_1_l1000", caption)

# %% tags=["hide-input"]
chapter.figure(figure_1["TranSiGen"], "figure_1_transigen", caption)

# %% tags=["hide-input"]
chapter.figure(
    figure_1["Kaggle"], "figure_1_kaggle", f"Figure 1: the competition's design, tier {kaggle.tier}."
)

# %% tags=["hide-input"]
chapter.compare_table(
    {f"{LABEL[n]}, {m}": f"{n}.random_rows.{m}.MAE" for n in sets for m in [*SIX, "zero", "additive"]},
    "Mean absolute error on held-out rows, in the unit of each data set; 'zero' predicts no change at all.",
)

# %%
gap = insight.largest_identity_gap(summary)
gap = chapter.record_table(gap, "identity.all protocols.all models.largest gap")

# %% [markdown]
# The identity holds for every model and protocol here: the largest gap is
# {glue:text}`identity.all protocols.all models.largest gap:.6f`.

# %% [markdown] tags=["details"]
# ### Figures 2 and 3: drugs and cell types

# %% tags=["hide-input"]
errors = {n: insight.errors_by_compound(by_set[n]) for n in ("TG-GATEs", "TranSiGen", "Kaggle")}
figure_2 = {
    n: plots.sorted_dots(
        table,
        order="mean |change|",
        title=f"{LABEL[n]}: {titles.error_and_size(table)}",
        xlabel="compounds",
        ylabel=f"MAE on right signs ({sets[n].unit})",
    )
    for n, table in errors.items()
}
caption = "Figure 2: error of the paper's three best networks by compound; the line is the mean size of its changes."
chapter.figure(figure_2["TG-GATEs"], "figure_2_tggates", caption)

# %% tags=["hide-input"]
chapter.figure(figure_2["TranSiGen"], "figure_2_transigen", caption)

# %% tags=["hide-input"]
chapter.figure(
    figure_2["Kaggle"], "figure_2_kaggle", f"Figure 2: the competition's design, tier {kaggle.tier}."
)

# %% tags=["hide-input"]
ranges = {n: insight.error_ranges(by_set[n], SIX) for n in ("TG-GATEs", "Kaggle")}
figure_3 = {
    n: plots.spans(
        table,
        title=f"{LABEL[n]}: {titles.range_in_cells(table)}",
        ylabel=f"mean absolute error of a row ({sets[n].unit})",
    )
    for n, table in ranges.items()
}
caption = (
    "Figure 3: minimum, mean and maximum over rows; TG-GATEs: six contexts (dose, time) of one cell type."
)
chapter.figure(figure_3["TG-GATEs"], "figure_3_tggates", caption)

# %% tags=["hide-input"]
chapter.figure(
    figure_3["Kaggle"], "figure_3_kaggle", f"Figure 3: the competition's design, tier {kaggle.tier}."
)

# %% [markdown]
# An error in the unit of the change grows with the change. Rank correlation, over groups, between the network's error
# and the error of predicting nothing, that is, the mean size of the changes:

# %%
GROUPS = [("TG-GATEs", "compound"), ("L1000", "cell"), ("TranSiGen", "cell"), ("Kaggle", "compound")]
follows = insight.error_follows_size(random, GROUPS)
chapter.record_table(follows, "{data}.random_rows.{model}.error follows size by {by}")
chapter.compare_table(
    {f"{LABEL[n]}, by {by}": f"{n}.random_rows.GRU3-ATTN.error follows size by {by}" for n, by in GROUPS},
    "Spearman correlation of the network's error with the mean absolute change; n = groups.",
)

# %%
CELLS = ["NK cells", "T regulatory cells"]  # those that the paper names as predicted best
table = in_cells.compare_in_cells(
    by_set["Kaggle"],
    "compound",
    "GRU3-ATTN",
    {"all": (), "cell mean": ["cell mean"]},
    "sign accuracy",
    cells=CELLS,
    **boot,
)
table = chapter.record_table(table, "Kaggle.random_rows.{what}")

# %%
rivals = {"other networks": [name for name in SIX if name != "GRU3"], "additive": ["additive"]}
for protocol, part in tested[tested["data"] == "TG-GATEs"].groupby("protocol"):
    pairs = {m: [(first, m) for first in ("GRU3-ATTN", "GRU3")] for m in ("Transformer", "additive")}
    right = insight.share_of_groups(part, pairs["Transformer"], "compound", "MAE right")
    total = insight.share_of_groups(part, pairs["additive"], "compound", "MAE")
    pattern = f"TG-GATEs.{protocol}.{{first}}-{{second}}.share of compounds with the lower "
    chapter.record_table(right, pattern + "MAE right")
    chapter.record_table(total, pattern + "MAE")
    table = in_cells.compare_in_cells(part, "compound", "GRU3", rivals, "MAE", **boot)
    chapter.record_table(table, f"TG-GATEs.{protocol}.{{what}}")

# %% [markdown]
# With correlations such as {glue:text}`TG-GATEs.random_rows.GRU3-ATTN.error follows size by compound:.2f` (compounds of
# TG-GATEs), a figure of errors by drug or by cell type orders them by the size of their changes first of all.
#
# ## Is the ranking stable?
#
# The paper has one number a model. Below, every repetition has its own folds and its own starting weights; then the
# folds stay and only the start changes.

# %%
again = scores[scores["protocol"] == "same_split"]
chapter.record_table(comparison.by_protocol(again, agree), "{data}.same_split.six networks.{what}")
ranks = {}
for name in panels:
    for what, table in (("other folds, other start", random), ("same fold, other start", again)):
        own = table[(table["data"] == name) & table["model"].isin(SIX)]
        ranks[f"{name}: {what}"] = ranking.ranks_by_seed(own)
order = pd.Series(published).rank(ascending=False).sort_values()
agreed = chapter.result("TG-GATEs.random_rows.six networks.rank agreement with the paper").value

# %% tags=["hide-input"]
chapter.figure(
    plots.rank_lines(ranks, order, title=f"TG-GATEs: rank agreement with the paper {agreed:+.2f} (Kendall)"),
    "ranks",
    "Published order on the left, then one column a repetition.",
)

# %% [markdown] tags=["details"]
# ### Rankings in numbers

# %% tags=["hide-input"]
chapter.compare_table(
    {
        f"{n}, {label}, {fact}": f"{n}.{protocol}.six networks.{fact}"
        for n in panels
        for protocol, label in (("random_rows", "other folds"), ("same_split", "same fold"))
        for fact in ranking.FACTS
    },
    "Kendall correlation of rankings, and standard deviations of sign accuracy: of one network over repetitions, "
    "and of the six networks' means.",
)

# %% tags=["hide-input"]
chance = {
    name: ranking.bootstrap_ranks(by_set[name], SIX, "sign accuracy", UNIT[name], **boot) for name in panels
}
caption = "Share of bootstrap resamples in which a network has a rank."
pd.concat(chance).style.format("{:.2f}").set_caption(caption)

# %% [markdown]
# ## What the paper left out: simple predictors
#
# Up to fifteen predictors in the same folds. The additive model is the reference: it is all that two factors give
# without an interaction. "Best network" and "best simple" are chosen by their mean; the limits of their difference
# are corrected for both choices.

# %% tags=["hide-input"]
COLUMNS = ["sign accuracy", "sign accuracy, significant", "three-class accuracy", "MAE", "MRRMSE", "Pearson"]
of_panels = summary[of_random & summary["data"].isin(panels)]
comparison.leaderboard(of_panels, ["data set"], COLUMNS).style.format("{:.3f}")

# %% [markdown] tags=["details"]
# ### The competition's design in numbers

# %% tags=["hide-input"]
caption = f"The competition's design, tier {kaggle.tier}"
of_kaggle = summary[of_random & (summary["data"] == "Kaggle")]
comparison.leaderboard(of_kaggle, ["data set"], COLUMNS).style.format("{:.3f}").set_caption(caption)

# %% [markdown]
# ### The best network against the best simple predictor

# %% tags=["hide-input"]
RIVALS = ["additive", "cell mean", "best simple"]
against = partial(plots.differences, first="best network", seconds=RIVALS)
on_random = versus[versus["protocol"] == "random_rows"]
chapter.figure(
    against(on_random, metric="sign accuracy", title=titles.wins(on_random, "sign accuracy")),
    "versus_sign",
    "Random rows; 95 % limits over lines or compounds. Above zero: the network is better.",
)

# %% [markdown] tags=["details"]
# ### By the competition's error

# %% tags=["hide-input"]
chapter.figure(
    against(on_random, metric="MRRMSE", title=titles.wins(on_random, "MRRMSE")),
    "versus_mrrmse",
    "The competition's error, as before. Below zero: the network is better.",
)

# %% [markdown] tags=["details"]
# ### What sharing controls is worth
#
# The same simple predictors on plain random rows, where rows with common controls fall on both sides:

# %%
leaky = [
    run(
        d, folds.random_rows(d.rows, seeds, n_used=n_folds, together=False), drawn_structures[name], **budget
    ).assign(data=name)
    for name, d in panels.items()
    if name != "L1000"
]
average = partial(comparison.summarise_models, metrics=("sign accuracy", "MRRMSE"), **boot)
leaked = comparison.by_protocol(pd.concat(leaky), average, UNIT)
chapter.record_table(leaked, "{data}.{protocol}.{model}.{metric}")
both = pd.concat([leaked, summary[of_random & summary["data"].isin(leaked["data"])]])
both = both[both["metric"].eq("sign accuracy") & both["model"].isin(leaked["model"])]
wide = both.pivot_table(index=["data", "model"], columns="protocol", values="value")
wide.style.format("{:.3f}").set_caption("Sign accuracy with blocks kept together, and without")

# %% [markdown] tags=["details"]
# ## Other questions than random rows
#
# *New pairs* imitate the competition: a context is left out except for 17 compounds (L1000, TranSiGen: lines are left
# out except for the row of their commonest compound), so that every test row is a known cell with a known compound.
# *Unseen compounds*: nothing is known of the compound, and the networks see its reserved code. *Competition*: the split
# of the real design, on its targets.

# %% tags=["hide-input"]
on_new = versus[versus["protocol"] == "new_pairs"]
chapter.figure(
    against(on_new, metric="sign accuracy", title=titles.wins(on_new, "sign accuracy")),
    "versus_new_pairs",
    "New pairs. Above zero: the network is better.",
)

# %% tags=["hide-input"]
best = comparison.leaderboard(
    summary[~of_random], ["data set", "protocol"], ["sign accuracy", "MAE", "MRRMSE"], top=6
)
best.style.format("{:.3f}").set_caption("The six best models by sign accuracy")

# %% tags=["hide-input"]
shown = summary[summary["model"].isin([*SIX, "additive", "gene sign", "cell mean"])]
shown = {n: shown[shown["data"] == n] for n in panels}
figure = {
    n: plots.sign_accuracies(s, "protocol", title=f"{LABEL[n]}: {titles.by_protocol(s, SIX)}")
    for n, s in shown.items()
}
caption = "Networks and simple predictors by protocol."
chapter.figure(figure["TG-GATEs"], "protocols_tggates", caption)

# %% tags=["hide-input"]
chapter.figure(figure["L1000"], "protocols_l1000", caption)

# %% tags=["hide-input"]
chapter.figure(figure["TranSiGen"], "protocols_transigen", caption)

# %% [markdown]
# ## How much is there to learn beyond cell plus compound?
#
# The arrays of TG-GATEs are in duplicate. Products of two replicates are free of noise, so they split what two
# replicates show on average into what the mean, the context, the compound and the pair of both do, and noise:

# %%
replicates = interaction.replicate_changes(load_arrays(panels["TG-GATEs"].tier, seed=seed))
components = interaction.component_shares(*replicates, n_boot=n_boot, seed=seed)
chapter.record_table(components, "TG-GATEs.variance.{what}.share")
chapter.compare_table(
    {what: f"TG-GATEs.variance.{what}.share" for what in components["what"]},
    "Share of the mean square of log2 changes (mean of two replicates); n = compounds.",
)

# %% [markdown]
# The interaction, {glue:text}`TG-GATEs.variance.interaction.share:.0%`, is the only part in which a network can beat an
# additive model; it includes how far an effect grows with dose and time. Which compounds are predictable in a new
# context, and by which model? The gain is over one constant sign a gene; the best model is chosen on the rows that it
# is scored on, so single gains are optimistic.

# %%
ours = ("cell mean", "compound mean", "additive", "one-hot ridge", "similar response", "GRU3-ATTN")
compounds = interaction.predictable_compounds(by_set["TG-GATEs"], ours)
worth = {"value": float((compounds["gain"] > 0.05).mean()), "n": len(compounds)}
chapter.record_table(pd.DataFrame([worth]), "TG-GATEs.random_rows.compounds.predictable share")
compounds.style.format(precision=3).set_sticky(axis=1).set_caption(
    "Sign accuracy of held-out rows by compound"
)

# %% [markdown]
# {glue:text}`TG-GATEs.random_rows.compounds.predictable share:.0%` of the compounds gain more than five points.
#
# ## Is attention the cause?
#
# Three comparisons with the paper's best network: the 3-stacked GRU of the paper (last state only), the same stack
# with its steps pooled as they are (so that only attention is missing), and the network trained on compounds that
# were dealt out anew within each cell (so that only the cell is left).

# %% tags=["hide-input"]
chapter.figure(
    plots.differences(
        on_random,
        "GRU3-ATTN",
        ["GRU3", *contest.controls],
        "sign accuracy",
        title=titles.gain(on_random, "TG-GATEs", "GRU3-ATTN", "no attention"),
        margin=0.01,
    ),
    "attention",
    "Random rows, 95 % interval; the band is the smallest difference that would matter.",
)

# %% [markdown] tags=["details"]
# ### What the attention looks at
#
# Attention compares the five states of the stack with one another and averages them by the result. Four of the five
# steps bring the same fact, the compound. The next table has the mean weights in a network trained on all rows of
# TG-GATEs; 0.2 everywhere would be a plain average. Evenness is the entropy of the weights relative to that: 1 means
# no preference.

# %%
weights = focus(panels["TG-GATEs"], max(1, round(epoch_share * PUBLISHED["GRU3-ATTN"].epochs)), seed, **on)
even, n = insight.evenness(weights), len(panels["TG-GATEs"].rows)
chapter.record("TG-GATEs.all_rows.GRU3-ATTN.evenness of attention", even, n=n)
weights.style.format("{:.3f}").set_caption("From the step of the row to the step of the column")

# %% [markdown]
# Evenness: {glue:text}`TG-GATEs.all_rows.GRU3-ATTN.evenness of attention:.3f`.

# %% [markdown] tags=["details"]
# ## What the networks learn
#
# A network trained on all rows predicts every cell with every compound. The share of the variance of that table that
# cell plus compound explain says how much of what it learned is additive.

# %%
for name, d in panels.items():
    chapter.record_table(learned(d, six, seed), f"{name}.all_rows.{{model}}.additive share")
chapter.compare_table(
    {f"{n}, {m}": f"{n}.all_rows.{m}.additive share" for n in panels for m in SIX},
    "Share of the variance of all predicted pairs that is additive; n = pairs.",
)

# %% [markdown] tags=["details"]
# ## Tuning
#
# "The model parameters, such as learning rate, epochs, and batch size, are fine-tuned for each of the six models":
# neither the range nor the criterion is stated. With `tuning_seeds` above 0, as in the full profile, learning rate
# (0.3, 1 and 3 times the published one) and epochs (a third, all) are chosen by sign accuracy on a fifth of the
# training rows, and the winner is scored on rows that took no part.

# %%
tuned = [
    tune(panels["TG-GATEs"], one, epoch_share, n_jobs=chapter.jobs, **on)
    for one in folds.random_rows(panels["TG-GATEs"].rows, seeds, n_used=1)[:tuning_seeds]
]
tuned = pd.concat([pd.DataFrame(columns=["model", "value", "n"]), *tuned])
mean = tuned.groupby("model", sort=False)["value"].mean().reset_index().assign(seeds=tuning_seeds)
chapter.record_table(mean, "TG-GATEs.tuned.{model}.sign accuracy")
tuned.style.format(precision=3).hide().set_caption("Winner and range; value: held-out rows")

# %% [markdown] tags=["details"]
# ## Other readings of the paper
#
# The paper leaves much open (see the deviations). With `sensitivity_seeds` above 0, as in the full profile, each other
# reading is run on TG-GATEs in one fold of random rows a repetition, beside the reading used above.

# %%
d, parts = panels["TG-GATEs"], []
readings = pd.DataFrame({"sign accuracy": [], "MAE": [], "MRRMSE": []})
if sensitivity_seeds:
    parts = folds.random_rows(d.rows, [seed + i for i in range(sensitivity_seeds)], n_used=1)
    table = run(d, parts, predictors.reading_variants(epoch_share, **on), **budget)
    ours = folds.scored_already(by_set["TG-GATEs"], parts, SIX, "random_rows")
    table = pd.concat([ours, table], ignore_index=True)
    found = comparison.summarise_models(table, "compound", metrics=tuple(readings.columns), **boot)
    chapter.record_table(found, "TG-GATEs.sensitivity.{model}.{metric}")
    readings = found.pivot_table(index="model", columns="metric", values="value")
readings = readings.sort_values("sign accuracy", ascending=False)
readings.style.format("{:.3f}").set_caption(f"TG-GATEs, {len(parts)} fold(s)")

# %% [markdown]
# ### All genes of the competition's table
#
# The competition's design is run on some of its 18,211 genes. With `all_genes_folds` above 0, as in the full profile,
# the six networks are also trained on all of them, in the same fold, and scored on the same genes as before: what is
# left is what the other genes teach a network, or keep it from learning.

# %%
parts = folds.random_rows(kaggle.rows, seeds_there)[: all_genes_folds if kaggle_genes else 0]
wide = pd.DataFrame({"first": [], "sign accuracy": [], "MAE": [], "MRRMSE": []}).set_index("first")
if parts:
    table = run(every_gene, parts, there[: len(SIX)], genes=kaggle.genes, **budget)
    table = table.assign(model=table["model"] + " on all genes")
    table = pd.concat([table, folds.scored_already(by_set["Kaggle"], parts, SIX, "random_rows")])
    pairs = [(f"{name} on all genes", name) for name in SIX]
    found = comparison.compare_models(table, pairs, "compound", metrics=tuple(wide.columns), **boot)
    chapter.record_table(found, "Kaggle.random_rows.{first}-{second}.{metric}")
    for column in wide.columns:
        own = found[found["metric"] == column].set_index("first")
        wide[column] = own.apply("{0.difference:+.3f} [{0.low:+.3f}, {0.high:+.3f}]".format, axis=1)
wide.style.set_caption("Trained on all genes minus trained on the genes used; 95 % interval over compounds")

# %% [markdown] tags=["details"]
# ## Three classes
#
# "Positive, negative, or no response": with a threshold, the constant answer "no response" is the base rate.

# %%
three = base_rates.class_table({**sets, "Kaggle block": block}, (0.5, 1.301, 2.0))
constant = three.assign(value=three["no response"])
chapter.record_table(constant, "{data}.base_rates.no response above {threshold:g}.share")
three.set_index(["data", "threshold"]).style.format("{:.3f}")

# %% [markdown] tags=["details"]
# ## Method check on simulated truth
#
# Two worlds with the same design, noise and heavy tails: in one the answer of a cell to a compound is cell plus
# compound (but for the strength of the common answer), in the other every pair has an answer of its own as large as
# the compound's. The oracle predicts the planted change without noise: no predictor can do better.

# %%
METRIC_PAIR, check = ("sign accuracy", "MRRMSE"), {}
for name, d in simulate_worlds(seed).items():
    chapter.use(d, method_check=True)
    parts = folds.random_rows(d.rows, [seed + i for i in range(check_seeds)], n_used=2)
    table = run(d, parts, six + simple, **budget)
    found = comparison.summarise_models(table, "compound", metrics=METRIC_PAIR, **boot)
    planted = insight.oracle_scores(d, parts, METRIC_PAIR)
    for table in (found, planted):
        chapter.record_table(table, "{data}.random_rows.{model}.{metric}", data=name)
    check[name] = pd.concat([found, planted]).pivot_table(index="model", columns="metric", values="value")
check = pd.concat(check, axis=1)
check.sort_values(("additive world", "sign accuracy"), ascending=False).style.format("{:.3f}")

# %% [markdown]
# ## Verdicts
#
# A verdict is computed from rules that were committed before the run. Claims about the competition's own table need its
# targets (tier paper); the others are judged on TG-GATEs.

# %%
share = gain[["data", "share"]].rename(columns={"share": "value"})
chapter.record_table(share, "{data}.random_rows.gene sign.share of the best network's gain over a coin")
chapter.verdicts()

# %% [markdown]
# ## Conclusion
#
# **How many signs can be right?** Over a coin, one constant sign a gene has
# {glue:text}`TG-GATEs.random_rows.gene sign.share of the best network's gain over a coin:.0%` of what the best network
# has on held-out rows of TG-GATEs. The noise ceiling is {glue:text}`TG-GATEs.noise ceiling.sign accuracy:.1%` there and
# {glue:text}`Kaggle block.noise ceiling.sign accuracy:.1%` in the printed corner of the competition's table: a figure of
# 79 % on held-out rows would need less noise than these values show; on training rows, or with three classes, it is
# within reach.
#
# **Does the architecture matter?** Over repetitions with other folds, rankings agree at a Kendall correlation of
# {glue}`TG-GATEs.random_rows.six networks.rank agreement between seeds`, with the published order at
# {glue:text}`TG-GATEs.random_rows.six networks.rank agreement with the paper:.2f`. The best network minus the best
# simple predictor is {glue}`TG-GATEs.random_rows.best network-best simple.sign accuracy`
# {glue}`TG-GATEs.random_rows.best network-best simple.sign accuracy.interval` in sign accuracy and
# {glue}`TG-GATEs.random_rows.best network-additive.MRRMSE`
# {glue}`TG-GATEs.random_rows.best network-additive.MRRMSE.interval` against the additive model in the competition's
# error.

# %% [markdown] tags=["details"]
# ## Deviations and open points

# %%
chapter.deviations()

# %% [markdown]
# ## What was easy, what was difficult
#
# Easy: the architectures are small and printed in one table. Difficult: nearly everything around them. The split, its
# size, the loss, the seeds and the scaling are not stated; the table of hyperparameters contradicts its text in
# four places; the quantity that is predicted is called a fold change and is a signed logarithm of a p-value.
#
# ## Limitations
#
# - The competition's targets were not at hand: on the panel nothing here recomputes the paper's numbers. TG-GATEs has
#   the competition's unit and number of compounds, but 196 genes and six contexts of one cell type.
# - Its file has no structures; the networks see the compound's name in place of the SMILES string.
# - A reduced profile trains a share of the published epochs, which changes the order of the networks: read ranks in
#   the full profile only.
# - L1000 signatures are z-scores, TranSiGen's changes are logarithms of expression.
# - The noise ceiling takes p-values at their word. It errs upwards where effects are far below the noise, and downwards
#   where all effects have one moderate size: it is a rough level, not a bound.
# - Intervals keep the fits fixed and resample compounds or lines.
# - The simulated targets have real means per gene and cell type, but invented answers of single genes to single
#   compounds.

# %% [markdown] tags=["details"]
# ## Run this chapter again
#
# ```
# helpers run 04 --profile quick    # minutes, 4 % of the published epochs
# helpers run 04 --profile full     # the published epochs, five folds, three repetitions
# helpers run 04 --profile full --device cuda    # on a GPU, through Keras' PyTorch backend
# # the competition's table:
# helpers run 04 --profile full --data paper --set kaggle_genes=0 --set kaggle_folds=5 --set kaggle_seeds=3
# ```

# %% tags=["hide-input"]
chapter.finish()
