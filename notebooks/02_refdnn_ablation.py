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
# ```{admonition} What we found
# :class: tip
# - **The published comparison.** RefDNN minus the ablation of the report, AUROC: CCLE
#   {glue}`CCLE.nested_cv.RefDNN-RefDNN-test.AUCROC` {glue}`CCLE.nested_cv.RefDNN-RefDNN-test.AUCROC.interval`
#   ({glue}`verdict.refdnn-ablation-ccle.sound`), GDSC {glue}`GDSC.nested_cv.RefDNN-RefDNN-test.AUCROC`
#   {glue}`GDSC.nested_cv.RefDNN-RefDNN-test.AUCROC.interval` ({glue}`verdict.refdnn-ablation-gdsc.sound`).
# - **What was removed.** The ablation also stops the encoder's learning: it trains
#   {glue:text}`ablation.trained_share:.1%` of the weights. Against the better network that has one loss and a trained
#   encoder the difference is {glue}`CCLE.nested_cv.RefDNN-best one-loss network.AUCROC`
#   {glue}`CCLE.nested_cv.RefDNN-best one-loss network.AUCROC.interval` on CCLE and
#   {glue}`GDSC.nested_cv.RefDNN-best one-loss network.AUCROC`
#   {glue}`GDSC.nested_cv.RefDNN-best one-loss network.AUCROC.interval` on GDSC.
# - **So:** that a second loss and optimiser contribute reads {glue}`verdict.refdnn-ablation-ccle.survives` on CCLE and
#   {glue}`verdict.refdnn-ablation-gdsc.survives` on GDSC once the encoder may learn; that the loss is five to ten
#   hundredths reads {glue}`verdict.refdnn-ablation-size-ccle.sound` and
#   {glue}`verdict.refdnn-ablation-size-gdsc.sound`.
# ```
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
gdsc_search = False  # search on GDSC as published; else all variants at the study's constants
gdsc_seeds = 1  # repetitions with fixed hyperparameters on GDSC
logo_seeds = 1  # repetitions of the controls on unseen CCLE drugs
lodocv_drugs = 6  # GDSC drugs that are left out in turn, all if 0

# %% tags=["hide-input"]
parameters = {k: v for k, v in vars().items() if k[0] != "_" and isinstance(v, bool | int | float | str)}

from functools import partial

import pandas as pd

from helpers.chapter import Chapter
from helpers.plots import forest
from helpers.studies.refdnn import comparisons, contenders, folds, plots, report_tables
from helpers.studies.refdnn.comparisons import METRICS, WITHIN, Family
from helpers.studies.refdnn.data import load_response
from helpers.studies.refdnn.frozen import frozen_logits
from helpers.studies.refdnn.model import Layout
from helpers.studies.refdnn.model.published import ABLATION_SPACE, REFDNN_SPACE, scale_matched
from helpers.studies.refdnn.pairs import PairTable
from helpers.studies.refdnn.protocol import cross_validate

# %% tags=["hide-input"]
chapter = Chapter.begin("02_refdnn_ablation", parameters)
fits = chapter.shelf(contenders)  # chapters 01 and 02 fit some models alike: the second takes them over
budget = {
    "n_inner": n_inner,
    "n_trials": n_trials,
    "n_startup": n_startup,
    "seed": seed,
    "n_jobs": chapter.jobs,
    "fits": fits,
    "journals": fits.folder / "searches",
    "progress": chapter.report,
}
network = {"steps": steps, "device": chapter.device}
test_ratio = 1 / (n_outer - 1)
chapter.header()

# %% [markdown]
# ## The question and the model
#
# The study deletes the encoder's loss and its FTRL optimiser. The encoder's weights are then in no optimiser's
# list: they stay at their random start, so the change removes the learning of the encoder as well as its loss.
# Of the weights of a CCLE network with 128 hidden units {glue:text}`ablation.trained_share:.1%` are left to train:

# %%
counts = Layout(genes=18_926, drugs=12, hidden=128).count_parameters()
pd.Series(
    {"RefDNN trains": counts["learned"], "RefDNN-test trains": counts["network"]}, name="weights"
).to_frame()

# %% [markdown]
# The ablations that separate the two changes are options of the same model: (a) network loss only, encoder trained by
# Adam; (b) network loss only, encoder trained by FTRL; (c) as published, encoder frozen at its random start; (d)
# encoder loss only, predicting with the encoder's logit of the drug; (e) no expression at all. With (b) and (d), the
# weights of the two losses are (1, 0) and (0, 1), next to RefDNN's (0.5, 0.5): series (f).
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
# Each variant has the same search: as many candidates, over the hyperparameters that it has. On GDSC the full profile
# searches RefDNN, the published ablation and the two networks with one loss, which the verdict needs; variants (d) and
# (e), and every variant in reduced profiles, take the study's constants there, in the same folds.

# %%
share = counts["network"] / counts["learned"]
chapter.record("ablation.trained_share", share, note="weights that the ablation still trains")
tables = {"CCLE": PairTable.from_data(ccle_data), "GDSC": PairTable.from_data(gdsc_data)}
search = {"CCLE": contenders.ABLATIONS, "GDSC": contenders.JUDGED_ABLATIONS if gdsc_search else []}
repeats = {"CCLE": ccle_seeds, "GDSC": 1 if gdsc_search else gdsc_seeds}
pairs = {}
for name, table in tables.items():
    models = contenders.ablation_contenders(table.features, name, search=search[name], **network)
    models += contenders.simple_contenders(table.features)
    pairs[name] = cross_validate(
        table, folds.repeated_pair_folds(table, n_outer, repeats[name], seed), models, **budget
    )

# %%
of_figure_1 = Family(["RefDNN-test"], METRICS)
one_loss = {"rivals": list(contenders.ONE_LOSS), "rival_name": "best one-loss network"}
found = comparisons.compare_over_folds(
    comparisons.metric_table(pairs), test_ratio, family=of_figure_1, **one_loss
)
chapter.record_table(found.summary, "{data}.nested_cv.{model}.{metric}")
chapter.record_table(found.differences, "{data}.nested_cv.RefDNN-{model}.{metric}{test}")
BOTH = ["RefDNN", "RefDNN-test"]
figure_1 = partial(plots.published_bars, found, models=BOTH, published=chapter.published)

# %% tags=["hide-input"]
note = "published values open. Below a metric: the study's test, ** below 0.01, * below 0.05, ns above."
figure = figure_1("CCLE", title=f"CCLE: {found.tests_won('CCLE', BOTH)} against the published ablation")
chapter.figure(figure, "figure_1a", f"The ablation's part of figure 1A; {note}")

# %% tags=["hide-input"]
figure = figure_1("GDSC", title=f"GDSC: {found.tests_won('GDSC', BOTH)} against the published ablation")
chapter.figure(figure, "figure_1b", f"The ablation's part of figure 1B; {note}")

# %% tags=["hide-input"]
chapter.compare_table(
    comparisons.result_ids(tables, "nested_cv", BOTH, METRICS),
    "Known drugs and lines, mean over folds; 95 % interval with the variance of overlapping training sets.",
)

# %% [markdown]
# The next table has all variants in the same folds, with three models that are no networks: the drug's
# prevalence, the additive model of drug and line names, and the kernel ridge.

# %% tags=["hide-input"]
found.ranking().style.format("{:.3f}")

# %% tags=["hide-input"]
figure = forest(
    found.against("AUCROC"),
    title=found.finding("GDSC", "AUCROC"),
    xlabel="AUROC of RefDNN minus AUROC of the other",
    margin=0.01,
    reach=0.1,
)
note = (
    "Difference of AUROC in the same folds, 95 % interval (Nadeau-Bengio); the band is the rule's tolerance."
)
chapter.figure(figure, "versus_all", note)

# %% [markdown]
# RefDNN minus the published ablation, AUROC: CCLE {glue}`CCLE.nested_cv.RefDNN-RefDNN-test.AUCROC`
# {glue}`CCLE.nested_cv.RefDNN-RefDNN-test.AUCROC.interval`, GDSC
# {glue}`GDSC.nested_cv.RefDNN-RefDNN-test.AUCROC` {glue}`GDSC.nested_cv.RefDNN-RefDNN-test.AUCROC.interval`.
# RefDNN minus the better network with one loss and a trained encoder: CCLE
# {glue}`CCLE.nested_cv.RefDNN-best one-loss network.AUCROC`
# {glue}`CCLE.nested_cv.RefDNN-best one-loss network.AUCROC.interval`, GDSC
# {glue}`GDSC.nested_cv.RefDNN-best one-loss network.AUCROC`
# {glue}`GDSC.nested_cv.RefDNN-best one-loss network.AUCROC.interval`.

# %% [markdown] tags=["details"]
# ### Within drugs

# %% tags=["hide-input"]
figure = forest(
    found.against(WITHIN),
    title=found.finding("GDSC", WITHIN),
    xlabel="mean AUROC within drugs, RefDNN minus the other",
    margin=0.01,
)
note = "As before, without credit for knowing the drugs' averages."
chapter.figure(figure, "versus_all_within", note)

# %% [markdown] tags=["details"]
# ### At the scale-matched learning rate
#
# At the study's constants the encoder sees little of the panel's expression (chapter 01). So the ablation stands
# once more with FTRL's learning rate scaled to the number of genes, a second reading of the verdicts on GDSC.

# %%
scaled = {}
for name, table in tables.items():
    models = contenders.matched_ablations(table.features, name, **network)
    parts = folds.repeated_pair_folds(table, n_outer, repeats[name], seed)
    scaled[name] = cross_validate(table, parts, models, **budget).as_refdnn(contenders.SCALE_MATCHED)
of_scaled = comparisons.compare_over_folds(
    comparisons.metric_table(scaled), test_ratio, family=of_figure_1, **one_loss
)
chapter.record_table(of_scaled.summary, "{data}.nested_cv_matched.{model}.{metric}")
chapter.record_table(of_scaled.differences, "{data}.nested_cv_matched.RefDNN-{model}.{metric}{test}")

# %% tags=["hide-input"]
figure = forest(
    of_scaled.against("AUCROC"),
    title=f"Scale-matched. {of_scaled.finding('GDSC', 'AUCROC')}",
    xlabel="AUROC of RefDNN minus AUROC of the other",
    margin=0.01,
    reach=0.1,
)
chapter.figure(figure, "versus_matched", "As before, all networks with the scale-matched learning rate.")

# %% [markdown] tags=["details"]
# ### What the searches found
#
# The spaces of the searches and the settings found, RefDNN first, then its published ablation:

# %% tags=["hide-input"]
report_tables.space_table(REFDNN_SPACE, pairs)

# %% tags=["hide-input"]
report_tables.space_table(ABLATION_SPACE, pairs, "RefDNN-test")

# %% [markdown] tags=["details"]
# ## What a frozen encoder sees
#
# Random weights on unscaled, positive expression give logits that differ more between reference drugs than
# between lines: the mean of a drug's logits is the sum of all its weights times typical expression. Where such a
# logit is large, the sigmoid is saturated and says nearly the same of every line.

# %%
logits = frozen_logits({name: table.features for name, table in tables.items()}, draws=20, seed=seed)
chapter.record_table(logits, "{data}.frozen_encoder.{what}", note="mean over 20 random starts")
logits.pivot_table(index="what", columns="data", values="value", sort=False).style.format("{:.2f}")

# %% [markdown]
# ## Does the network need the drug's structure?
#
# The structural similarity also names the drug: a reference drug has a 1 in its own place. Three controls keep the
# model and change that input. **Drug name only** leaves the 1 in the drug's own place. **Another drug's structure**
# deals the structures out to the drugs anew, rows and columns together: each reference drug keeps its 1 in its own
# place, and an unseen drug has none, as with the true structure. **No drug** makes all drugs alike. For known drugs
# the name should do; for unseen drugs only structure can help.
#
# For an unseen drug the name says nothing by construction: its input is zero for every line, all lines get one score,
# and the AUROC is 0.5. It stands in the table as the floor, not as a finding.

# %%
CONTROLS = {"RefDNN": {}} | contenders.SIMILARITY_CONTROLS
at_most, logo_repeats = {"CCLE": 0, "GDSC": lodocv_drugs}, {"CCLE": logo_seeds, "GDSC": 1}
compared = {"CCLE": list(CONTROLS), "GDSC": ["RefDNN", "another drug's structure"]}
known, unseen = {}, {}
for name, table in tables.items():
    models = contenders.variant_contenders(table.features, name, CONTROLS, **network)
    parts = folds.repeated_pair_folds(table, n_outer, repeats[name], seed)
    known[name] = cross_validate(table, parts, models, **budget)
    left_out = folds.left_out_folds(table.drug_names(), at_most[name])
    controls = [model for model in models if model.name in compared[name]]
    unseen[name] = cross_validate(table, [left_out] * logo_repeats[name], controls, **budget)

# %%
scores = comparisons.metric_table(known, metrics=["AUCROC", WITHIN])
of_known = comparisons.compare_over_folds(scores, test_ratio)
unseen_scores = comparisons.metric_table(unseen, metrics=["AUCROC", "AUCPR"])
of_unseen = comparisons.compare_over_groups(unseen_scores)
chapter.record_table(of_known.summary, "{data}.structure_known_drugs.{model}.{metric}")
chapter.record_table(of_known.differences, "{data}.structure_known_drugs.RefDNN-{model}.{metric}")
unseen_drugs = "{data}.structure_unseen_drugs"
chapter.record_table(of_unseen.summary, unseen_drugs + ".{model}.{metric}", published_field="median")
chapter.record_table(of_unseen.differences, unseen_drugs + ".RefDNN-{model}.{metric}")

# %% [markdown]
# At the study's constants the encoder sees little of the panel's expression (chapter 01), so the decisive control
# stands once more with FTRL's learning rate scaled to the number of genes:

# %%
matched = {}
for name, table in tables.items():
    settings = scale_matched(name, len(table.features.gene_names))
    variants = {model: settings | CONTROLS[model] for model in ("RefDNN", "another drug's structure")}
    models = contenders.variant_contenders(table.features, name, variants, **network)
    left_out = folds.left_out_folds(table.drug_names(), at_most[name])
    matched[name] = cross_validate(table, [left_out] * logo_repeats[name], models, **budget)
of_matched = comparisons.compare_over_groups(comparisons.metric_table(matched, metrics=["AUCROC", "AUCPR"]))
chapter.record_table(of_matched.summary, unseen_drugs + "_matched.{model}.{metric}")
chapter.record_table(of_matched.differences, unseen_drugs + "_matched.RefDNN-{model}.{metric}")

# %% tags=["hide-input"]
other = "another drug's structure"
chapter.compare_table(
    {
        f"{n}, {kind} drugs, RefDNN minus {m}": f"{n}.structure_{kind}_drugs.RefDNN-{m}.AUCROC"
        for n in tables
        for kind, result in (("known", known[n]), ("unseen", unseen[n]))
        for m in result.models[1:]
    }
    | {
        f"{n}, unseen drugs, scale-matched RefDNN minus {other}": f"{n}.structure_unseen_drugs_matched.RefDNN-{other}.AUCROC"
        for n in tables
    },
    "AUROC of RefDNN minus that of the control.",
)

# %% tags=["hide-input"]
structure = partial(
    plots.group_boxes, unseen_scores, metric="AUCROC", unit="drugs", found=of_unseen, other=other
)
figure = structure("CCLE", models=unseen["CCLE"].models)
chapter.figure(figure, "structure_ccle", "A line is a left-out drug.")

# %% tags=["hide-input"]
figure = structure("GDSC", models=unseen["GDSC"].models)
chapter.figure(figure, "structure_gdsc", "A line is a left-out drug.")

# %% [markdown]
# ## Verdicts
#
# Rules were committed before the run that they judge; a verdict is computed from them.

# %%
chapter.verdicts()

# %% [markdown] tags=["details"]
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
# - On GDSC variants (d) and (e), and in reduced profiles all variants, use one set of hyperparameters, which was
#   found for the full model and for the study's own expression.
# - Five folds of one data set see differences of the size that stands beside each verdict, not smaller ones.
# - A network with 535 genes has fewer random inputs to drown in than one with 18,000; the frozen encoder may do
#   worse on the study's own expression.
# - Variant (d) cannot predict drugs that it has not seen.
#
# ## Conclusion
#
# That RefDNN is better than the report's ablation reads {glue}`verdict.refdnn-ablation-ccle.sound` on CCLE and
# {glue}`verdict.refdnn-ablation-gdsc.sound` on GDSC; that ablation also leaves the encoder at its random start. The
# networks that keep one loss and train the encoder are the comparison that the report's conclusion needs; there the
# contribution of the second loss reads {glue}`verdict.refdnn-ablation-ccle.survives` on CCLE and
# {glue}`verdict.refdnn-ablation-gdsc.survives` on GDSC.

# %% [markdown] tags=["details"]
# ## Run this chapter again
#
# ```
# helpers run 02 --profile quick    # minutes, reduced search
# helpers run 02 --profile full     # the study's protocol
# ```

# %% tags=["hide-input"]
chapter.finish()
