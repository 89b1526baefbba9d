"""Method check: lists, scorer and protocol on simulated lines and cells whose truth is planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from helpers.data.cells_twin import simulate_cells
from helpers.studies.gpds.drug_ranking import dreep_run, mean_spearman
from helpers.studies.gpds.gene_lists import LISTS, build_lists
from helpers.studies.gpds.results import Found, result, results

#: What is simulated, beside the defaults.
CONDITIONS: dict[str, dict[str, Any]] = {
    "signal, no shift": {"domain_shift": 0.0},
    "signal, shift": {},
    "no signal": {"signal": 0.0},
}


def planted_truth(seed: int = 0, n_jobs: int = 1) -> Found:
    """See whether planted genes lead the lists and scores of cells follow the response.

    Returns
    -------
    Found
        Results ``check.<condition>.<list>.Spearman``; table (quantity, list) x condition.
    """
    rows, checks = [], []
    for name, settings in CONDITIONS.items():
        twin, cells, truth = simulate_cells(
            seed, n_lines=120, n_genes=120, n_cells=160, n_cell_lines=20, n_drugs=3, **settings
        )
        run = dreep_run(
            twin.expression,
            twin.response,
            cells,
            ["L1", "L3", "L7", "C1"],
            k=20,
            n_folds=2,
            n_seeds=2,
            genes=list(twin.expression.columns),
            draws=2000,
            seed=seed,
            n_jobs=n_jobs,
        )
        lists = build_lists(
            twin.expression, twin.response, ["L1", "L3", "L7"], n_seeds=2, seed=seed, n_jobs=n_jobs
        )
        planted = truth.weights.to_numpy().T != 0
        for which, scores in lists.scores.items():
            signed = np.sign(truth.weights.T) * (scores.rank() - scores.rank().mean())
            share = (signed.to_numpy()[planted] > 0).mean()
            checks.append((LISTS[which], "planted genes on their side", name, share))
        rho = mean_spearman(run.lines, twin.response, n_boot=50, seed=seed).set_index("list")["value"]
        for which, value in rho.items():
            checks.append((LISTS[str(which)], "Spearman, cells", name, value))
            rows.append(result(f"check.{name}.{which}.Spearman", value, note="simulated, planted truth"))
    table = pd.DataFrame(checks, columns=["list", "quantity", "data", "value"])
    return Found(
        results(rows),
        table.pivot_table(index=["quantity", "list"], columns="data", values="value", sort=False),
    )
