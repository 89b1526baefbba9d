"""The notebook on the report's own tier, with miniature files in exactly the formats of the full ones."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from helpers.claims.results import load_results
from helpers.run.execute import run_notebooks
from helpers.run.plan import RunOptions

pytestmark = [pytest.mark.book, pytest.mark.slow, pytest.mark.timeout(900)]

N_LINES, N_WITH_CELLS, CELLS_A_LINE = 64, 22, 5
# The network, GDSC's targets and the cell cycle know these; the rest are fillers.
GENES = ["EGFR", "ERBB2", "TOP1", "MKI67", "TOP2A", *(f"GENE{i}" for i in range(285))]
DRUGS = {1003: ("Camptothecin", "TOP1"), 1010: ("Gefitinib", "EGFR"), 1558: ("Lapatinib", "EGFR, ERBB2")}
DRUGS |= {1007: ("Docetaxel", "Microtubule stabiliser")}
NAMES = ["MKN45", "NCIH1435", "SCC9", "SKMEL2", *(f"LINE{i}" for i in range(N_LINES - 4))]
IDS = [f"ACH-{i:06d}" for i in range(1, N_LINES + 1)]


def world():
    """Expression (lines x genes) and AUC (lines x drugs)."""
    rng = np.random.default_rng(0)
    expression = np.clip(5 + 1.5 * rng.normal(size=(N_LINES, len(GENES))), 0, None)
    latent = expression[:, :4] - 5 + 0.5 * rng.normal(size=(N_LINES, 4))
    return expression, 1 / (1 + np.exp(latent))


def bulk_24q4(folder, expression):
    columns = [f"{gene} ({i})" for i, gene in enumerate(GENES, 1)]
    pd.DataFrame(expression, IDS, columns).to_csv(folder / "expression.csv")


def bulk_25q2(folder, expression):
    """A row is a profile; the last line was sequenced twice, and only one of its profiles is the default."""
    columns = [f"{gene} ({i})" for i, gene in enumerate(GENES, 1)]
    rows = [*range(N_LINES), N_LINES - 1]
    default = ["Yes"] * N_LINES + ["No"]
    table = pd.DataFrame(expression[rows], columns=columns)
    about = {
        "SequencingID": [f"CDS-{i}" for i in range(len(rows))],
        "ModelID": [IDS[i] for i in rows],
        "IsDefaultEntryForModel": default,
        "ModelConditionID": [f"MC-{i}" for i in rows],
        "IsDefaultEntryForMC": default,
    }
    pd.concat([pd.DataFrame(about), table], axis=1).to_csv(folder / "expression.csv")


def curves(auc):
    rows = [
        {
            "DATASET": "GDSC2",
            "COSMIC_ID": 900_000 + i,
            "CELL_LINE_NAME": NAMES[i],
            "DRUG_ID": number,
            "DRUG_NAME": name,
            "PUTATIVE_TARGET": target,
            "LN_IC50": 1.0,
            "AUC": auc[i, j],
        }
        for i in range(N_LINES)
        for j, (number, (name, target)) in enumerate(DRUGS.items())
    ]
    return pd.DataFrame(rows)


def counts(expression):
    rng = np.random.default_rng(1)
    return rng.poisson(np.repeat(2 ** expression[:N_WITH_CELLS], CELLS_A_LINE, axis=0) / 4)


def cells_h5ad(folder, values):
    lines = np.repeat([f"{name}_TISSUE" for name in NAMES[:N_WITH_CELLS]], CELLS_A_LINE)
    obs = pd.DataFrame({"Cell_line": lines, "Pool_ID": "1"}, index=[f"c{i}" for i in range(len(lines))])
    table = AnnData(np.log1p(values).astype(np.float32), obs, pd.DataFrame(index=GENES))
    table.layers["counts"] = values.astype(np.float32)
    table.write_h5ad(folder / "pan_cancer_lines.h5ad")


def cells_portal(folder, values):
    lines = np.repeat([f"{name}_TISSUE" for name in NAMES[:N_WITH_CELLS]], CELLS_A_LINE)
    cells = [f"c{i}" for i in range(len(lines))]
    table = pd.DataFrame(values.T, GENES)
    head = pd.DataFrame([cells, lines, ["1"] * len(cells)], ["GENE", "Cell_line", "Pool_ID"])
    pd.concat([head, table]).to_csv(folder / "UMIcount_data.txt", sep="\t", header=False)
    kept = pd.DataFrame({"NAME": ["TYPE", *cells], "Pool_ID": ["group", *["1"] * len(cells)]})
    kept.to_csv(folder / "Metadata.txt", sep="\t", index=False)


def project(repository, folder):
    """A copy of the project's notebook and registers, in which no file of the tier has a known hash."""
    (folder / "notebooks").mkdir(parents=True)
    for name in ("03_gpds.py", "profiles.yml"):
        shutil.copy(repository / "notebooks" / name, folder / "notebooks")
    shutil.copytree(repository / "data", folder / "data", ignore=shutil.ignore_patterns("cache"))
    registry = folder / "data" / "gpds" / "datasets.yml"
    text = re.sub(r"  (md5|sha256): \w+", "  unpinned: true", registry.read_text(encoding="utf-8"))
    text = re.sub(r"\n  bytes: \d+", "", text)
    registry.write_text(text, encoding="utf-8")
    profiles = folder / "notebooks" / "profiles.yml"
    # Other chapters are not there.
    kept = re.sub(r"(?m)^    0[124567]_[^\n]*\n(      [^\n]*\n)*", "", profiles.read_text(encoding="utf-8"))
    profiles.write_text(kept, encoding="utf-8")
    return folder


@pytest.mark.parametrize("release", ["24Q4, xlsx, h5ad", "25Q2, csv, portal"])
def test_the_notebook_runs_on_the_papers_formats(release, repository, tmp_path, monkeypatch):
    root, cache = project(repository, tmp_path / "project"), tmp_path / "cache"
    expression, auc = world()
    folders = ["depmap-24q4-expression", "depmap-24q4-models", "gdsc2-release-8.5", "pan-cancer-h5ad"]
    for key in [*folders, "scp542-counts", "scp542-metadata"]:
        (cache / key).mkdir(parents=True)
    models = {"ModelID": IDS, "StrippedCellLineName": NAMES, "OncotreeLineage": ["Lung", "Skin"] * 32}
    models |= {"COSMICID": [f"{900_000 + i}.0" for i in range(N_LINES)]}
    pd.DataFrame(models).to_csv(cache / "depmap-24q4-models" / "Model.csv", index=False)
    text = (root / "data" / "gpds" / "datasets.yml").read_text(encoding="utf-8")
    text = text.replace("OmicsExpressionProteinCodingGenesTPMLogp1.csv", "expression.csv")
    if release.startswith("24Q4"):
        bulk_24q4(cache / "depmap-24q4-expression", expression)
        name = "GDSC2_fitted_dose_response_27Oct23.xlsx"
        curves(auc).to_excel(cache / "gdsc2-release-8.5" / name, index=False)
        cells_h5ad(cache / "pan-cancer-h5ad", counts(expression))
    else:
        bulk_25q2(cache / "depmap-24q4-expression", expression)
        text = text.replace("path: GDSC2_fitted_dose_response_27Oct23.xlsx", "path: curves.csv")
        curves(auc).to_csv(cache / "gdsc2-release-8.5" / "curves.csv", index=False)
        for key, file in (("scp542-counts", "UMIcount_data.txt"), ("scp542-metadata", "Metadata.txt")):
            cells_portal(cache / key, counts(expression))
            assert (cache / key / file).is_file()
    (root / "data" / "gpds" / "datasets.yml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("HELPERS_CACHE", str(cache))
    out = tmp_path / "run"
    state = run_notebooks(root, RunOptions("smoke", ("03_gpds",), data="paper", jobs=1, out=out))
    assert (state.notebooks["03_gpds"].status, state.notebooks["03_gpds"].error) == ("done", None)
    found = load_results(out)["03_gpds"]
    assert found.tiers == {"GDSC2": "paper", "cells": "paper"}
    assert found.results["GDSC2.lines"].value == N_LINES
    assert found.results["cells.lines"].value == N_WITH_CELLS
    # TOP1 is planted as what camptothecin's lines are sensitive by: high expression, low AUC.
    assert found.results["GDSC2.targets.genes"].value == 3
    assert found.results["GDSC2.report lines"].value == 4
    assert 0 <= found.results["GDSC2.report lines.MKN45.measured"].value <= 1
