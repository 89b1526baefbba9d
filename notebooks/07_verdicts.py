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
# # All verdicts side by side
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

import itables

from helpers.claims.register import load_register
from helpers.claims.results import load_results
from helpers.claims.verdict import judge_run
from helpers.display.board import verdict_report
from helpers.display.tables import input_table, published_and_ours, sensitivity
from helpers.project import project_root

itables.init_notebook_mode(connected=False)
run = Path(out) if out else project_root() / "runs" / profile
results = load_results(run)
verdicts = judge_run(load_register(), results)

# %% [markdown]
# ## What the verdicts rest on

# %%
input_table(results)

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
itables.show(sensitivity(verdicts), paging=False, showIndex=False)

# %% [markdown]
# ## Published and ours
#
# Every value that has a published counterpart. Where the input is not the paper's own (see the column
# *input*), read direction and rank, not the absolute difference. Search and sort the table.

# %%
itables.show(published_and_ours(results), lengthMenu=[15, 50, -1], showIndex=False)

# %% [markdown]
# ## Run this page again
#
# ```
# helpers run 07 --profile quick
# helpers claims --run runs/quick
# ```
