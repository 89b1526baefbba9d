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
# # What holds, and where the signal comes from
#
# Every claim of every paper, judged from the results of one run. Nothing is computed here but the
# verdicts: change a rule in `data/<name>/claims.yml`, or execute a chapter again, and this page follows.

# %% tags=["parameters", "reads-results"]
profile = "quick"
data = "auto"
device = "auto"
jobs = 1
seed = 0
out = ""

# %% tags=["hide-input"]
from pathlib import Path

from helpers.claims.gains import judge_gains
from helpers.claims.published import load_published
from helpers.claims.register import load_register
from helpers.claims.results import load_results
from helpers.claims.verdict import judge_run
from helpers.display.board import verdict_report
from helpers.display.frames import use_house_tables
from helpers.display.gains import gains_html
from helpers.display.tables import input_table, published_and_ours, sensitivity
from helpers.project import project_root

# %% tags=["hide-input"]
use_house_tables()
run = Path(out) if out else project_root() / "runs" / profile
results = load_results(run)
register = load_register()
verdicts = judge_run(register, results)

# %% [markdown]
# ## What the verdicts rest on

# %%
input_table(results)

# %% [markdown]
# ## What the networks gain
#
# Each paper compares its network with others, most of them weak. Here each stands against the strongest simple
# model on the same data and folds, in units of the smallest difference that would matter in its own metric, so
# that all papers share one axis.

# %%
gains = judge_gains(register, results, load_published())
gains_html(gains, {name: chapter.title.removeprefix("[Re] ") for name, chapter in results.items()})

# %% [markdown]
# ## Where the signal comes from
#
# A model of drug response can score well for reasons that have nothing to do with the biology that it is meant to
# learn. The baselines of the chapters separate them: each knows one thing only.
#
# | Source | What knows only this | Chapters |
# |---|---|---|
# | which drug it is | the prevalence or the mean of each drug | 01, 02 |
# | which line it is | the mean of each line; additive drug + line | 01, 02 |
# | the cancer type | the mean of each lineage | 01, 03 |
# | how often changes are positive | one sign a gene, the same for every compound | 04 |
# | the profile before treatment | no change at all; the mean shift | 05 |
# | two states of the cells | one split of the cells, and one bit for the side | 06 |
#
# What a network adds is what is left above the strongest of these. The figure above shows it; the tables of each
# chapter show every baseline by itself.
#
# ## What would change our mind
#
# - **Unresolved** claims: more independent units. The evidence of each claim gives the smallest difference that its
#   design sees four times in five; halving it takes four times as many lines, drugs, compounds or sets of cells.
# - Claims that **fail** here on the compact public input: the paper's own input, where a user can get it
#   (`data="paper"`), with the same rules.
# - Claims that **hold**: a baseline that is stronger than ours, in the same folds. `helpers new` and the page on
#   adding a study show where it goes.

# %% [markdown]
# ## The board
#
# Below the board, each claim unfolds: its rules, each estimate with its interval against what would matter, and
# the smallest difference that this design, and the paper's, could have seen.

# %%
verdict_report(verdicts)

# %% [markdown]
# ## How firm the verdicts are
#
# A verdict that turns when the smallest difference that matters is halved or doubled rests on where the line was
# drawn; one that differs between readings of an open point, on that reading.

# %%
sensitivity(verdicts)

# %% [markdown]
# ## Published and ours
#
# Every value that has a published counterpart. Where the input is not the paper's own (see the column
# *input*), read direction and rank, not the absolute difference. Search and sort the table.

# %%
published_and_ours(results)

# %% [markdown]
# ## Run this page again
#
# ```
# helpers run 07 --profile quick
# helpers claims --run runs/quick
# ```
