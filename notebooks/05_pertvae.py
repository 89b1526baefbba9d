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
# # [Re] PertVAE: gene expression after a drug, from expression before it
#
# PertVAE {cite:p}`rampasek2017` is a variational autoencoder in which a drug moves the latent code of a cell
# line by a linear function. It was fitted to 19 drugs, one model a drug, with 6 to 56 cell lines each, and
# reported to "at least partially predict drug perturbations for 5 out of 8 drugs". Its yardstick was the
# model's own reconstruction of expression before treatment. This chapter builds the model of the paper, repeats
# the comparison on public data, and asks three questions that the paper left open: does it beat the measured
# profile before treatment, does it beat the average change, and what does its test show when nothing is there?

# %% tags=["parameters"]
profile = "quick"
data = "auto"
device = "auto"
jobs = 2
seed = 0
out = ""
source = "transigen"  # pairs; "lincs" or "drvae" on the paper tier
min_lines = 5  # least number of lines of a drug
n_repeats = 1  # repeats of five folds (published: 10)
few_repeats = 1  # repeats where every line is left out in turn
variant_folds = 1  # folds for variants of the model, up to five
every_variant = False  # two more variants: another draw of z2, another way to stop
size_folds = 2  # folds of figure 2, up to five
control_folds = 3  # lines of the control that are left out in turn, up to all
epochs = 1000  # most epochs of a network
first_stop = 50  # epoch before which no network stops
sizes = "5,10,50,100"  # latent sizes of figure 2
check_lines = "14,28"  # cell lines of the method check
check_folds = 2  # folds of the method check, up to five
null_runs = 2000  # runs of a null simulation
n_boot = 2000  # resamples of a bootstrap

# %% tags=["hide-input"]
parameters = {k: v for k, v in vars().items() if k[0] != "_" and isinstance(v, bool | int | float | str)}

from dataclasses import replace

import pandas as pd

from helpers.chapter import Chapter
from helpers.data.pairs_twin import simulate_pairs
from helpers.plots import forest, metric_bars
from helpers.studies.pertvae import latent, models, plots, protocol, statistics, tables
from helpers.studies.pertvae.baselines import pair_baselines
from helpers.studies.pertvae.comparison import summarise_lines
from helpers.studies.pertvae.data import load_pairs

chapter = Chapter.begin("05_pertvae", parameters)
chapter.header()

# %% tags=["hide-input"]
published = {id: record.mean for id, record in chapter.published.items()}
budget = {"n_jobs": chapter.jobs, "progress": chapter.report}
boot = {"n_boot": n_boot, "seed": seed}
settings = {
    "learning_rate": 1e-3,
    "watch": "correlation",
    "epochs": epochs,
    "first_stop": first_stop,
    "device": chapter.device,
}
REC = "PertVAE reconstruction"
METRICS = ["rho", "rho raw", "change", "change 50"]
BY_MODEL = "{dataset}.{drug}.{model}.{metric}"
BY_TEST = "{dataset}.{drug}.PertVAE-PertVAE reconstruction.rho ({test})"
DIFFERENCE = "{dataset}.{scope}.{first}-{model}.{metric}"

# %% [markdown]
# ## The question and the model
#
# ```{figure} ../book/_static/pertvae.svg
# :alt: One encoder maps profiles before and after treatment to codes z1 and z2; z1 + W z1 + b predicts z2.
#
# PertVAE. The encoder (blue) and the decoder (green) serve both profiles; the drug is the orange arrow. Profiles
# without a treated partner train encoder and decoder only.
# ```
#
# An encoder (500 and 300 ELU units with weight normalisation, then two steps of inverse autoregressive flow)
# maps a profile to 100 latent units; a decoder maps them back. The drug is the linear map z1 + W z1 + b. For a
# test line, the decoder of z1 gives the **reconstruction**, the decoder of z1 + W z1 + b the **prediction**. Both
# are held against the measured profile after treatment, by Spearman correlation over genes. The study calls a
# drug predicted where the second is larger.
#
# ## The data
#
# The LINCS screen of the study (L1000) measures 978 genes; no line was measured before treatment, so "before"
# is a vehicle well of the same line. The pairs here are a public sample of averaged L1000 profiles; profiles
# of lines without a treated partner are the singletons. [The data page](../book/data.md) has the cards.

# %% tags=["hide-input"]
pairs = replace(load_pairs(source, data, seed=seed), name="L1000 pairs")
chapter.use(pairs)

# %% tags=["hide-input"]
wells = load_pairs("slinky", "simulated" if pairs.tier == "simulated" else "panel", seed=seed)
chapter.use(wells)

# %% tags=["hide-input"]
kinase = load_pairs("skbr3", "simulated" if pairs.tier == "simulated" else "panel", seed=seed)
chapter.use(kinase)

# %%
drugs = pairs.drugs().query("lines >= @min_lines")
large = list(drugs.index[drugs["lines"] >= (50 if pairs.tier == "paper" else protocol.FEW_LINES)])
drugs

# %% [markdown]
# How alike are the profiles before and after treatment, and how alike are two wells of the same treatment? The
# first number is what a method gets for free; the second is about what it can reach.

# %%
alike = tables.before_and_after(pairs, **boot)
ceilings = tables.ceilings([wells, kinase])
chapter.record_table(
    alike, "{dataset}.before and after.{what}.rho", dataset=pairs.name, note="mean over lines"
)
chapter.record_table(ceilings, "{data}.replicates.{kind}.rho", note="mean over conditions")
chapter.compare_table(
    {
        f"{pairs.name}: before and after, {what}": f"{pairs.name}.before and after.{what}.rho"
        for what in alike["what"]
    }
    | {f"{r.data}: two plates, {r.kind}": f"{r.data}.replicates.{r.kind}.rho" for r in ceilings.itertuples()},
    "Spearman correlation over genes; intervals by bootstrap over lines.",
)

# %% [markdown]
# Before and after treatment correlate at {glue}`L1000 pairs.before and after.log2 values.rho`
# {glue}`L1000 pairs.before and after.log2 values.rho.interval` on log2 values; the published values of table 1 lie
# between 0.25 and 0.58. The paper does not say how expression was scaled. Scores below are on genes z-scored by
# the training part unless they say log2.
#
# ## Table 1 in the paper's own numbers
#
# Nothing is recomputed here: these are the printed numbers, with Holm's correction over the 19 tests.

# %%
printed = statistics.published_table(published)
chapter.record_table(tables.printed_counts(printed), "published.table1.{what}")
printed.style.format("{:.3g}", subset=["rho_rec", "rho_pred", "difference", "p", "p_holm"])

# %% [markdown]
# At the stated cut, p of 0.001 or less, {glue:text}`published.table1.drugs with 50 lines.passing:.0f` of the eight
# drugs with at least 50 lines pass as printed, and {glue:text}`published.table1.drugs with 50 lines.passing after
# Holm:.0f` pass at 0.05 after Holm's correction. The fifth of the text may be selumetinib (p = 0.004, gain 0.009).
# Over all 19 drugs the median gain is {glue}`published.table1.all drugs.median difference`.
#
# ## Table 1 on public pairs
#
# Folds of whole cell lines, five at a time and shuffled anew for every repeat; with fewer than ten lines every
# line is left out in turn. Three fifths of the lines train, one fifth decides when to stop. All models run in the
# same folds; the simple ones, which stop on nothing, learn from both parts.
#
# The paper stopped "when perturbation prediction loss started to increase on the validation set" and does not say
# which loss. On simulated pairs the likelihood stops the network after a few epochs, because its variances overfit
# first, and leaves a planted effect unlearned; the correlation that the authors' later code watches does not. So
# that correlation is watched here, with a learning rate (0.001) chosen on the same simulated pairs. The variants
# below have the likelihood too. Both choices were made with a trainer that moved the spread of the drug's effect
# along the transpose of its gradient; it has been mended since, and the choices have not been made again.

# %%
contenders = [models.pertvae_model(settings), models.simple_models()]
folds = {"memory": chapter.memory, "seed": seed, **budget}
scores = protocol.cross_validate_drugs(
    pairs, drugs.index, contenders, n_repeats=n_repeats, few_repeats=few_repeats, **folds
)

# %%
summary = tables.with_printed(summarise_lines(scores, **boot), published)
first_table = tables.both_tests(scores, "PertVAE", REC, seed)
shares = tables.passing_shares(first_table.loc[large])
chapter.record_table(summary, BY_MODEL, dataset=pairs.name)
chapter.record_table(tables.results_of_tests(first_table), BY_TEST, dataset=pairs.name)
chapter.record_table(shares, "{dataset}.large drugs.PertVAE-{rec}.share {what}", dataset=pairs.name, rec=REC)
first_table.style.format(
    "{:.3f}", subset=["rho_rec", "rho_pred", "difference", "line_difference", "low", "high"]
).format("{:.2g}", subset=["p", "p_lines", "p_flip", "p_holm"])

# %% [markdown]
# `rho_rec`, `rho_pred` and `p` are computed as in the paper: means over splits, one-sided Mann-Whitney test of the
# split values. The other columns take each line once: mean difference, its bootstrap interval, the two-sided
# signed-rank p, that of a sign-flip test, and Holm's correction over the drugs. `wins` counts lines.

# %% tags=["hide-input"]
chapter.figure(
    forest(
        first_table.reset_index(names="label")
        .assign(difference=lambda t: t["line_difference"])
        .assign(label=lambda t: t["label"] + " (" + t["lines"].astype(str) + ")"),
        title="Prediction minus reconstruction",
        xlabel="difference of Spearman correlation",
    ),
    "table_1",
    "Table 1 on public pairs, mean over lines with 95 % bootstrap interval; in brackets the number of lines.",
)

# %% [markdown]
# ## Figure 2: autoencoder and PCA over latent sizes
#
# All profiles, treated or not, in five folds of lines; reconstruction of left-out lines. Factor analysis is the
# linear model of the same kind as the autoencoder: Gaussian codes, a noise variance for every gene.

# %%
sizes = [int(size) for size in sizes.split(",")]
small = [size for size in sizes if size <= 20]
rebuild = chapter.memory.cache(latent.reconstruct_by_size, ignore=["n_jobs", "progress"])
by_size = rebuild(
    latent.ProfileSet.of(pairs), sizes, settings, at_most=size_folds, seed=seed, factor_sizes=small, **budget
)
curves = latent.summarise_sizes(by_size, **boot)
gaps = tables.size_gaps(by_size, sizes, small, seed)
chapter.record_table(curves, "{dataset}.figure2.{model} {size}.{metric}", dataset=pairs.name)
chapter.record_table(gaps, "{dataset}.figure2.{models}.{what}", dataset=pairs.name)

# %% tags=["hide-input"]
chapter.figure(
    plots.size_curves(
        curves.query("metric == 'rho'"), title="Reconstruction by latent size", ylabel="Spearman correlation"
    ),
    "figure_2",
    "Figure 2: profiles of left-out lines, genes z-scored; mean over lines and 95 % bootstrap interval.",
)

# %% tags=["hide-input"]
chapter.compare_table(
    {r.label: f"{pairs.name}.figure2.{r.models}.{r.what}" for r in gaps.itertuples()},
    "Difference of Spearman correlation, mean over lines.",
)

# %% [markdown]
# ## What the paper left out: simple predictors
#
# The same folds, for predictors that need no network. **Identity** says that nothing changes: it is the paper's
# reference without what the decoder loses. **Mean shift** adds the average change of the training lines; it is
# PertVAE with W = 0, in gene space. **PCA + shift** does so after passing the profile through principal
# components. **Ridge**, **PLS** and **nearest lines** let the change depend on the line. Three rows use PertVAE's
# own fit: **latent shift** replaces W and b by the mean shift of the codes; **change on x1** adds the decoded
# change to the measured profile, so that the decoder's losses do not count.

# %%
SIMPLE = list(pair_baselines())
OTHERS = [REC, "PertVAE latent shift", "PertVAE change on x1", *SIMPLE]
against = tables.differences(scores, "PertVAE", OTHERS, METRICS, **boot)
on_x1 = tables.differences(scores, "PertVAE change on x1", ["Mean shift", "Ridge"], ["change"], **boot)
overall = against[against["scope"] == "all drugs"]
best = tables.strongest(summary, overall, SIMPLE)
for table in (against, on_x1, best):
    chapter.record_table(table, DIFFERENCE, dataset=pairs.name)
chapter.record_table(
    tables.share_above(against, large, "Identity"),
    "{dataset}.large drugs.PertVAE-Identity.share passing over lines",
    dataset=pairs.name,
)
means = summary.pivot_table(index="model", columns="metric", values="value", sort=False)
means[METRICS].sort_values("rho", ascending=False).style.format("{:.3f}")

# %% [markdown]
# Means over drugs. `rho` is the paper's metric on z-scored genes, `rho raw` the same on log2 values, `change` the
# correlation of the predicted with the measured change, `change 50` that on the 50 genes that changed most in the
# pair. Predicting no change scores 0 on changes. A caution: what is peculiar to the measurement before treatment
# enters the predicted and the measured change with the same sign, so that any model that pulls profiles towards
# the average gains on changes without knowing the drug. PertVAE's reconstruction is such a model, and so are the
# mean profile and the ridge to the profile; `PertVAE change on x1`, mean shift and ridge are free of it.

# %% tags=["hide-input"]
shown = overall.query("metric in ['rho', 'change']").assign(label=lambda t: t["model"])
chapter.figure(
    forest(
        shown.assign(group=shown["metric"].map({"rho": "profile after treatment", "change": "change"})),
        title="PertVAE against all others",
        xlabel="Spearman correlation of PertVAE minus that of the other",
    ),
    "versus_all",
    "Mean over lines (a line's drugs averaged) with 95 % bootstrap interval over lines.",
)

# %%
rivals = best.set_index("metric")["rival"]
chapter.compare_table(
    {
        f"minus {name}, {metric}".replace(
            "strongest", f"the strongest ({rivals[metric]})"
        ): f"{pairs.name}.all drugs.PertVAE-{name}.{metric}"
        for metric in ("rho", "change")
        for name in (REC, "Identity", "Mean shift", "strongest")
    },
    "PertVAE minus the other, all drugs.",
)

# %% [markdown]
# PertVAE minus the measured profile before treatment: {glue}`L1000 pairs.all drugs.PertVAE-Identity.rho`
# {glue}`L1000 pairs.all drugs.PertVAE-Identity.rho.interval`; minus the mean shift:
# {glue}`L1000 pairs.all drugs.PertVAE-Mean shift.rho` {glue}`L1000 pairs.all drugs.PertVAE-Mean shift.rho.interval`;
# in the change: {glue}`L1000 pairs.all drugs.PertVAE-Mean shift.change`
# {glue}`L1000 pairs.all drugs.PertVAE-Mean shift.change.interval`. The change that the decoder adds, put on the
# measured profile, minus the mean shift, in the change:
# {glue}`L1000 pairs.all drugs.PertVAE change on x1-Mean shift.change`
# {glue}`L1000 pairs.all drugs.PertVAE change on x1-Mean shift.change.interval`.
#
# ### What the paper's test shows when there is nothing
#
# The 50 splits of a drug test each line ten times, so they are not 50 independent values. A simulation draws, for
# each line, a correlation of reconstruction and a difference of prediction whose mean over lines is zero, and
# deals lines into splits as in the paper. How often does each test find a better prediction?

# %%
alarms = statistics.false_alarms(null_runs, seed)
worst = statistics.worst_alarms(alarms).assign(n=null_runs)
chapter.record_table(worst, "null.{test}.worst setting.share at {word}")
alarms.pivot_table(index=["level", "world"], columns="test", values="share", sort=False).style.format(
    "{:.1%}"
)

# %% tags=["hide-input"]
SHORT = {
    "Mann-Whitney on splits (paper)": "paper's test",
    "paired t on splits": "paired t, splits",
    "signed-rank over lines": "rank test, lines",
}
shown = alarms.query("level == 0.05").rename(columns={"share": "value"})
shown["metric"], shown["model"] = shown["world"].str.replace(", ", ",\n"), shown["test"].map(SHORT)
figure = metric_bars(shown, title="False alarms at a level of 5 %", ylabel="share of runs that reject")
figure.axes[0].set_xlabel("simulated setting (bars: 95 % interval)")
caption = "Simulation without an effect on average: how often a test at 5 % says that prediction is better."
chapter.figure(figure, "false_alarms", caption)

# %% [markdown]
# At 0.001, the paper's cut, its test rejects in up to {glue}`null.Mann-Whitney on splits (paper).worst setting.share
# at 1 in 1000` of the runs; the signed-rank test over lines at 5 % rejects in up to
# {glue}`null.signed-rank over lines.worst setting.share at 5 in 100`.
#
# ### A compound that should do little
#
# Amoxicillin acts on bacteria. Its wells, each paired with the vehicle wells of its own plate, are single
# measurements with replicates, as in the paper. They say how the protocol behaves where little is to be found.

# %%
control = replace(wells, singletons=pairs.singletons, singleton_lines=pairs.singleton_lines)
control_drug = control.drugs().index[0]
control_scores = protocol.cross_validate_drugs(
    control, [control_drug], contenders, n_repeats=1, at_most=control_folds, **folds
)
control_tests = tables.results_of_tests(tables.both_tests(control_scores, "PertVAE", REC, seed))
control_gaps = tables.differences(control_scores, "PertVAE", OTHERS, METRICS, by_drug=False, **boot)
chapter.record_table(summarise_lines(control_scores, **boot), BY_MODEL, dataset=wells.name)
chapter.record_table(control_tests, BY_TEST, dataset=wells.name)
chapter.record_table(control_gaps, DIFFERENCE, dataset=wells.name)

# %% tags=["hide-input"]
chapter.compare_table(
    {
        f"{control_drug}, {model}, {metric}": f"{wells.name}.{control_drug}.{model}.{metric}"
        for metric in ("rho", "change")
        for model in ("PertVAE", REC, "Identity", "Mean shift", "Ridge")
    },
    "Single wells, mean over lines with bootstrap interval.",
)

# %% [markdown]
# ## Does it matter how the model is built?
#
# One thing changed at a time, for the drugs with ten lines or more, in the same folds: ten latent units, no flow,
# no singletons; and, where the profile asks for it, the draw of z2 as in the authors' later code, which takes it
# from the posterior of z1, and stopping on the likelihood.

# %%
changes = list(models.VARIANTS) if every_variant else list(models.VARIANTS)[:3]
varied = protocol.cross_validate_drugs(
    pairs,
    large,
    models.variant_models(settings, changes),
    n_repeats=1,
    at_most=variant_folds,
    **folds,
)
rows = varied[["drug", "repeat", "fold"]].drop_duplicates()
same_folds = pd.concat([scores.merge(rows), varied], ignore_index=True)

# %%
once = {"by_drug": False, "scope": "variants", **boot}
names = [f"PertVAE, {what}" for what in changes]
variants = tables.differences(same_folds, "PertVAE", names, ["rho", "change"], **once)
parts = [variants, tables.differences(same_folds, names[0], ["PertVAE"], ["rho", "change"], **once)]
if every_variant:
    rebuilt = [f"{name} reconstruction" for name in names[3:]]
    parts.append(tables.differences(same_folds, REC, rebuilt, ["rho"], **once))
variant_results = chapter.record_table(pd.concat(parts), DIFFERENCE, dataset=pairs.name)

# %% tags=["hide-input"]
chapter.figure(
    forest(
        variants.assign(
            label=variants["model"].str.removeprefix("PertVAE, "),
            group=variants["metric"].map({"rho": "profile after treatment", "change": "change"}),
        ),
        title="One thing changed",
        xlabel="PertVAE as published minus the variant",
    ),
    "variants",
    "Positive: the published model scores higher. Mean over lines, 95 % bootstrap interval.",
)

# %% tags=["hide-input"]
chapter.compare_table(
    {row.split(".", 2)[2]: row for row in chapter.results if row.startswith(f"{pairs.name}.variants.")},
    "First minus second, mean over lines. Reconstruction: against the profile after treatment.",
)

# %% [markdown]
# ## Where the drug moves the cells
#
# The codes of one model, in the plane of their first two principal components: before and after treatment, and
# where z1 + W z1 + b puts each line. Lines with a dark edge were not seen in training.

# %%
name = large[0]
of_drug = pairs.of_drug(name)
fold = protocol.line_folds(of_drug.pairs["line"].to_numpy(str), n_repeats=1, seed=seed)[0]
task = protocol.make_task(of_drug, fold)
model = models.fit_pertvae(task, settings, fold.seed)
codes = latent.latent_map(model, *(task.scaler(x.to_numpy()) for x in (of_drug.pre, of_drug.post)))
unseen = pd.Series(range(len(of_drug.pairs))).isin(fold.test).to_numpy()
sizes_of_effect = {"length of b": (model.b_**2).sum() ** 0.5, "size of W": (model.W_**2).sum() ** 0.5}
table = pd.DataFrame({"what": sizes_of_effect.keys(), "value": sizes_of_effect.values()})
chapter.record_table(
    table.assign(n=len(fold.train)), "{dataset}.{drug}.effect.{what}", dataset=pairs.name, drug=name
)

# %% tags=["hide-input"]
chapter.figure(
    plots.latent_arrows(*codes, title=f"{name}: latent codes", held_out=unseen),
    "latent_map",
    "Grey: from before to after treatment as measured; orange, dotted: as the model predicts.",
)

# %% [markdown]
# ## Method check on simulated truth
#
# A simulated screen with a planted linear shift of a low-rank state: a drug without effect, one that moves all
# lines equally (b alone), and one that moves each line by its own state (W and b). Latent axes can turn, so W
# is not compared entry by entry; what counts is the change that it makes in the profile of left-out lines.
# "mean" is its correlation over genes with the planted mean change, "line" the correlation of what is
# special to a line.

# %%
recover = chapter.memory.cache(latent.recover_effect, ignore=["n_jobs"])
turn = chapter.memory.cache(latent.recover_weights)
recovered = []
for lines in (int(n) for n in check_lines.split(",")):
    planted, truth = simulate_pairs(f"planted {lines}", n_lines=lines, seed=seed)
    chapter.use(planted, method_check=True)
    for kind in ("shift", "linear") if check_folds == 5 else ("linear",):
        found = recover(planted, truth, kind, settings, seed=seed, n_jobs=chapter.jobs)
        recovered.append(found.assign(lines=lines, drug=kind, data=planted.name))
    turned = turn(planted, truth, "linear", settings, seed)
    chapter.record_table(turned, "{dataset}.linear.PertVAE turned.{what}", dataset=planted.name)
effects = pd.concat(recovered)[latent.special_to_lines]
chapter.record_table(effects, "{data}.{drug}.{model}.{part} change")
effects.pivot_table("value", ["drug", "part", "model"], "lines", sort=False).style.format("{:.2f}")

# %% [markdown]
# Can W itself be found? A model with as many units as were planted, six, fitted to all lines, with its codes turned
# into the planted basis by the best affine map: the share of the variance of the planted states that the turned
# codes explain, and the correlation of the entries of W and of b with the planted ones.

# %%
chapter.compare_table(
    {
        f"{n} lines, {what}": f"planted {n}.linear.PertVAE turned.{what}"
        for n in check_lines.split(",")
        for what in ("explained", "W", "b")
    },
    "W and b in the planted basis.",
)

# %%
check = protocol.cross_validate_drugs(
    planted, ["none", "shift", "linear"], contenders, n_repeats=1, at_most=check_folds, **folds
)
check_table = tables.both_tests(check, "PertVAE", REC, seed)
chapter.record_table(summarise_lines(check, **boot), BY_MODEL, dataset=planted.name)
chapter.record_table(tables.results_of_tests(check_table), BY_TEST, dataset=planted.name)
check_table[["lines", "rho_rec", "rho_pred", "line_difference", "low", "high", "p", "p_holm"]].style.format(
    "{:.3g}"
)

# %% [markdown]
# The drug without effect is the first row: neither column of p should be small there. With few folds the p of the
# splits cannot be small anywhere.
#
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
# Easy: the paper gives the model layer by layer and its bound in full. Difficult: what it does not give, the data
# processing, the scale of expression, the training settings and the size of the free bits, decides the size of every
# number in table 1. The authors' public code belongs to a later study: it has no flow, another objective, and draws
# the code of the treated profile from the posterior of the untreated one.
#
# ## Limitations
#
# - The public pairs are few, averaged, and of other compounds than the paper's; 0 of its 19 drugs can be
#   tested here. The verdict on its table rests on the printed numbers.
# - Compounds with fewer than ten lines say little one by one; they count in the comparison over all drugs.
# - The profiles were scaled by training lines; the paper may have scaled otherwise, or not at all.
# - Names of the compounds were inferred from their structures.
# - The null simulation assumes Gaussian differences between lines; its sizes are guesses from the table.
#
# ## Run this chapter again
#
# ```
# helpers run 05 --profile quick    # minutes, one repeat
# helpers run 05 --profile full     # the study's folds
# helpers run 05 --profile full --data paper --set source=lincs   # LINCS Level 3, with its files in the cache
# ```

# %% tags=["hide-input"]
chapter.finish()
