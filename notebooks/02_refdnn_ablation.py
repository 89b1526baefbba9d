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
# # [Re] RefDNN: what do its two losses contribute?
#
# RefDNN trains its encoder with a loss of its own, next to the loss of the network. The reproduction study
# {cite:p}`meng2022` removed that loss and its optimiser, saw scores fall by five to ten percent, and concluded
# that "the complex design of using two optimizers and considering the loss of the initial representation step
# of the cell lines does contribute to the prediction performance". This chapter repeats that comparison, looks
# at what the removal did to the encoder, and runs the ablations that change one thing at a time.

# %% tags=["parameters"]
profile = "quick"
data = "auto"
device = "auto"
jobs = 2
seed = 0
out = ""
steps = 2000  # training steps of a network (published: 5,000)
n_outer = 3  # folds (published: 5)
n_inner = 3
n_trials = 3  # candidates of a search (published: 20)
n_startup = 2  # random ones among them (published: 3)
ccle_seeds = 1  # repetitions of the nested cross-validation on CCLE
gdsc_seeds = 1  # repetitions with fixed hyperparameters on GDSC
logo_seeds = 1  # repetitions of the controls on unseen CCLE drugs
lodocv_drugs = 6  # GDSC drugs that are left out in turn, all if 0

# %% tags=["hide-input"]
parameters = {k: v for k, v in vars().items() if k[0] != "_" and isinstance(v, bool | int | float | str)}

import numpy as np
import pandas as pd

from helpers.chapter import Chapter
from helpers.chapter.record_tables import Family, record_folds, record_groups
from helpers.evaluation.splits import leave_one_group_out, stratified_pair_folds
from helpers.plots import forest, metric_bars
from helpers.studies.refdnn.contenders import (
    SIMILARITY_CONTROLS,
    ablation_contenders,
    simple_contenders,
    variant_contenders,
)
from helpers.studies.refdnn.data import load_response
from helpers.studies.refdnn.model import Layout
from helpers.studies.refdnn.plots import paired_boxes
from helpers.studies.refdnn.protocol import PairTable, cross_validate

chapter = Chapter.begin("02_refdnn_ablation", parameters)
run = chapter.memory.cache(cross_validate, ignore=["n_jobs", "storage", "progress"])
budget = {
    "n_inner": n_inner,
    "n_trials": n_trials,
    "n_startup": n_startup,
    "seed": seed,
    "n_jobs": chapter.jobs,
    "storage": chapter.checkpoint("searches"),
    "progress": chapter.report,
}
METRICS = ["Accuracy", "AUCROC", "Precision", "Recall", "F1", "AUCPR"]
WITHIN = "AUCROC within drug"
chapter.header()

# %% [markdown]
# ## The question and the model
#
# The study deletes the encoder's loss and its FTRL optimiser. The encoder's weights are then in no optimiser's
# list: they stay at their random start, so the change removes the learning of the encoder as well as its loss.
# Of the weights of a CCLE network with 128 hidden units, what is left to train is

# %%
counts = Layout(genes=18_926, drugs=12, hidden=128).count_parameters()
pd.Series(
    {"RefDNN trains": counts["learned"], "RefDNN-test trains": counts["network"]}, name="weights"
).to_frame()

# %% [markdown]
# a share of {glue}`ablation.trained_share`. The ablations that separate the two changes are options of the same
# model: (a) network loss only, encoder trained by Adam; (b) network loss only, encoder trained by FTRL; (c) as
# published, encoder frozen at its random start; (d) encoder loss only, predicting with the encoder's logit of the
# drug; (e) no expression at all. With (b) and (d), the weights of the two losses are (1, 0) and (0, 1), next to
# RefDNN's (0.5, 0.5): series (f).
#
# ## The data
#
# As in [chapter 01](01_refdnn_reproduction).

# %% tags=["hide-input"]
ccle_data = load_response("CCLE", data, seed=seed)
chapter.use(ccle_data)

# %% tags=["hide-input"]
gdsc_data = load_response("GDSC", data, seed=seed)
chapter.use(gdsc_data)

# %% [markdown]
# ## The published ablation, and the proper ones
#
# On CCLE each variant has the same search: as many candidates, over the hyperparameters that it has. On GDSC all
# variants use the study's fixed hyperparameters, in the same folds.

# %%
chapter.record(
    "ablation.trained_share",
    counts["network"] / counts["learned"],
    note="weights that the ablation still trains",
)
tables = {"CCLE": PairTable.from_data(ccle_data), "GDSC": PairTable.from_data(gdsc_data)}
repeats = {"CCLE": ccle_seeds, "GDSC": gdsc_seeds}
test_ratio = 1 / (n_outer - 1)
ONE_LOSS = ["(a) one loss, encoder by Adam", "(b) one loss, encoder by FTRL"]
summaries, versus = {}, {}
for name, table in tables.items():
    folds = [stratified_pair_folds(table.drugs, n_outer, seed + i) for i in range(repeats[name])]
    models = ablation_contenders(
        table.features, name, search=name == "CCLE", steps=steps, device=chapter.device
    )
    result = run(table, folds, models + simple_contenders(table.features), **budget)
    summaries[name], versus[name] = record_folds(
        chapter,
        f"{name}.nested_cv",
        result.metrics(),
        test_ratio,
        family=Family(["RefDNN-test"], METRICS),
        rivals=ONE_LOSS,
        rival_name="best one-loss network",
    )


# %% tags=["hide-input"]
def figure_1(name):
    """Scores of RefDNN and its published ablation, published values as open markers."""
    both = ["RefDNN", "RefDNN-test"]
    shown = summaries[name].query("model in @both and metric in @METRICS")
    shown = shown.assign(low=shown["value"] - shown["sd"], high=shown["value"] + shown["sd"])
    reported = [(m, k, chapter.published[f"{name}.nested_cv.{m}.{k}"].mean) for m in both for k in METRICS]
    return metric_bars(
        shown,
        pd.DataFrame(reported, columns=["model", "metric", "value"]),
        title=f"{name}: RefDNN and its published ablation",
        errors=f"SD over {shown['n'].iloc[0]} folds",
    )


chapter.figure(figure_1("CCLE"), "figure_1a", "The ablation's part of figure 1A; published values open.")

# %% tags=["hide-input"]
chapter.figure(figure_1("GDSC"), "figure_1b", "The ablation's part of figure 1B; published values open.")

# %% tags=["hide-input"]
chapter.compare_table(
    {
        f"{n}, {m}, {k}": f"{n}.nested_cv.{m}.{k}"
        for n in tables
        for m in ("RefDNN", "RefDNN-test")
        for k in METRICS
    },
    "Known drugs and lines, mean over folds; 95 % interval with the variance of overlapping training sets.",
)

# %% [markdown]
# The next table has all variants in the same folds, with three models that are no networks: the drug's
# prevalence, the additive model of drug and line names, and the kernel ridge.


# %% tags=["hide-input"]
def ranking(name):
    """Mean scores of all variants, best AUROC first."""
    wide = summaries[name].pivot_table(index="model", columns="metric", values="value", sort=False)
    return wide[["AUCROC", WITHIN, "AUCPR", "Accuracy", "F1"]].sort_values("AUCROC", ascending=False)


pd.concat({name: ranking(name) for name in tables}).style.format("{:.3f}")

# %% tags=["hide-input"]
shown = pd.concat(
    [versus[n].query("metric == 'AUCROC'").assign(group=n, label=lambda t: t["model"]) for n in tables]
)
chapter.figure(
    forest(
        shown,
        title="RefDNN against its ablations",
        xlabel="AUROC of RefDNN minus AUROC of the other",
        margin=0.01,
    ),
    "versus_all",
    "Difference of AUROC in the same folds, 95 % interval (Nadeau-Bengio); the band is the rule's tolerance.",
)

# %% tags=["hide-input"]
shown = pd.concat(
    [versus[n].query("metric == @WITHIN").assign(group=n, label=lambda t: t["model"]) for n in tables]
)
chapter.figure(
    forest(
        shown,
        title="RefDNN against its ablations, within drugs",
        xlabel="mean AUROC within drugs, RefDNN minus the other",
        margin=0.01,
    ),
    "versus_all_within",
    "As before, without credit for knowing the drugs' averages.",
)

# %% [markdown]
# RefDNN minus the published ablation, AUROC: CCLE {glue}`CCLE.nested_cv.RefDNN-RefDNN-test.AUCROC`
# {glue}`CCLE.nested_cv.RefDNN-RefDNN-test.AUCROC.interval`, GDSC
# {glue}`GDSC.nested_cv.RefDNN-RefDNN-test.AUCROC` {glue}`GDSC.nested_cv.RefDNN-RefDNN-test.AUCROC.interval`.
# RefDNN minus the better network with one loss and a trained encoder: CCLE
# {glue}`CCLE.nested_cv.RefDNN-best one-loss network.AUCROC`
# {glue}`CCLE.nested_cv.RefDNN-best one-loss network.AUCROC.interval`, GDSC
# {glue}`GDSC.nested_cv.RefDNN-best one-loss network.AUCROC`
# {glue}`GDSC.nested_cv.RefDNN-best one-loss network.AUCROC.interval`.
#
# ## What a frozen encoder sees
#
# Random weights on unscaled, positive expression give logits that differ more between reference drugs than
# between lines: the mean of a drug's logits is the sum of all its weights times typical expression. Where such a
# logit is large, the sigmoid is saturated and says nearly the same of every line.


# %%
def frozen_logits(table, draws=20):
    """SD of random encoder logits between and within reference drugs, and the saturated share."""
    x = table.features.expression
    layout = Layout(x.shape[1], len(table.features.drug_names), 4)
    rng = np.random.default_rng(seed)
    logits = np.stack([x @ layout.initial_encoder(rng)[:-1] for _ in range(draws)])
    return {
        "SD between drugs": logits.mean(axis=1).std(axis=1).mean(),
        "SD between lines": logits.std(axis=1).mean(),
        "saturated share": (np.abs(logits) > 4).mean(),
    }


frozen = {name: frozen_logits(table) for name, table in tables.items()}
for name, row in frozen.items():
    for what, value in row.items():
        chapter.record(f"{name}.frozen_encoder.{what}", value, n=20, note="mean over 20 random starts")
pd.DataFrame(frozen).style.format("{:.2f}")

# %% [markdown]
# ## Does the network need the drug's structure?
#
# The structural similarity also names the drug: a reference drug has a 1 in its own place. Three controls keep the
# model and change that input: the name only, the structure of another drug, and nothing at all. For known drugs
# the name should do; for unseen drugs only structure can help.

# %%
known, unseen = {}, {}
for name, table in tables.items():
    models = variant_contenders(
        table.features, name, {"RefDNN": {}} | SIMILARITY_CONTROLS, steps=steps, device=chapter.device
    )
    folds = [stratified_pair_folds(table.drugs, n_outer, seed + i) for i in range(repeats[name])]
    known[name] = run(table, folds, models, **budget)
    left_out = leave_one_group_out(table.drug_names())
    if name == "GDSC" and lodocv_drugs:
        left_out = [left_out[i] for i in np.linspace(0, len(left_out) - 1, lodocv_drugs).round().astype(int)]
    compared = (
        models if name == "CCLE" else [m for m in models if m.name in ("RefDNN", "another drug's structure")]
    )
    unseen[name] = run(table, [left_out] * (logo_seeds if name == "CCLE" else 1), compared, **budget)

# %%
for name in tables:
    scores = known[name].metrics().query("metric in ['AUCROC', @WITHIN]")
    record_folds(chapter, f"{name}.structure_known_drugs", scores, test_ratio)
    scores = unseen[name].metrics().query("metric in ['AUCROC', 'AUCPR']")
    record_groups(chapter, f"{name}.structure_unseen_drugs", scores)

chapter.compare_table(
    {
        f"{n}, {kind} drugs, RefDNN minus {m}": f"{n}.structure_{kind}_drugs.RefDNN-{m}.AUCROC"
        for n in tables
        for kind, result in (("known", known[n]), ("unseen", unseen[n]))
        for m in result.models[1:]
    },
    "AUROC of RefDNN minus that of the control.",
)


# %% tags=["hide-input"]
def structure_boxes(name):
    """AUROC of left-out drugs with the drug's own structure and with the controls."""
    mean = unseen[name].metrics().query("metric == 'AUCROC'").groupby(["fold", "model"])["value"].mean()
    wide = mean.reset_index().pivot_table(index="fold", columns="model", values="value", dropna=False)
    return paired_boxes(
        wide[unseen[name].models], title=f"{name}: unseen drugs", ylabel="AUROC within the drug", unit="drugs"
    )


chapter.figure(structure_boxes("CCLE"), "structure_ccle", "A line is a left-out drug.")

# %% tags=["hide-input"]
chapter.figure(structure_boxes("GDSC"), "structure_gdsc", "A line is a left-out drug.")

# %% [markdown]
# ## Verdicts
#
# Rules were committed before the run that they judge; a verdict is computed from them.

# %%
chapter.verdicts()

# %% [markdown]
# ## Deviations and open points

# %%
chapter.deviations()

# %% [markdown]
# ## What was easy, what was difficult
#
# Easy: the ablation is a copy of the model with a few lines removed. Difficult: to see what those lines did. That
# the encoder stops learning is in no sentence of the report; it follows from the list of variables that each
# optimiser gets.
#
# ## Limitations
#
# - On GDSC the variants use one set of hyperparameters, which was found for the full model.
# - A network with 535 genes has fewer random inputs to drown in than one with 18,000; the frozen encoder may do
#   worse on the study's own expression.
# - Variant (d) cannot predict drugs that it has not seen.
#
# ## Run this chapter again
#
# ```
# helpers run 02 --profile quick    # minutes, reduced search
# helpers run 02 --profile full     # the study's protocol
# ```

# %% tags=["hide-input"]
chapter.finish()
