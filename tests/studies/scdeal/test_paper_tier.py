"""The chapter on the paper's own files, in small: six sets of cells, the authors' bulk lines and labels."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pandas as pd
import pytest

from helpers.claims.results import load_results
from helpers.data.registry import Registry
from helpers.errors import DownloadError
from helpers.run.execute import run_notebooks
from helpers.run.plan import RunOptions
from helpers.studies.scdeal.lines import load_lines
from helpers.studies.scdeal.tasks import PAPER

GENES = [f"HUMAN{i}" for i in range(230)]
MOUSE = [f"ENSMUSG{i:011d}" for i in range(230)]


def counts(cells, genes, seed):
    """Counts of cells in two states, half of the cells each; every gene is seen in nearly all cells."""
    rng = np.random.default_rng(seed)
    state = np.arange(len(cells)) % 2
    mean = 8 + 10 * rng.random(len(genes)) + np.outer(state, 12.0 * (np.arange(len(genes)) < 20))
    return pd.DataFrame(rng.poisson(mean).T, pd.Index(genes, name="gene"), cells)


def write(folder, registry, key, content, sep=","):
    path = folder / registry[key].location
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif path.suffix == ".xlsx":
        content.to_excel(path, index=False, startrow=3)
    else:
        content.to_csv(path, sep=sep)


def write_cells(folder, registry):
    """Write the six sets in the formats of the files that the public code reads."""
    names = [f"c{i}" for i in range(48)]
    state = np.arange(48) % 2
    write(folder, registry, "scdeal-gse117872", counts(names, GENES, 0), "\t")
    origin = np.where(np.arange(48) < 24, "HN120P", "HN137P")
    cluster = np.where(state == 1, "Resistant", "Sensitive")
    about = pd.DataFrame({"groups": names, "origin": origin, "cluster": cluster}).set_index("groups")
    write(folder, registry, "scdeal-gse117872-cells", about, "\t")
    kong = [f"PC9_{'G3' if s else 'parental'}_{i}" for i, s in enumerate(state)]
    write(folder, registry, "scdeal-gse112274", counts(kong, GENES, 1))
    write(folder, registry, "scdeal-gse140440", counts(names, GENES, 2))
    lines = [f"{name}\t{'PC3_Res' if s else 'PC3_Sen'}" for name, s in zip(names, state, strict=True)]
    write(folder, registry, "scdeal-gse140440-cells", "\n".join(lines) + "\n")
    write(folder, registry, "scdeal-gse149383", counts(names, GENES, 3))
    lines = [f"{name},{'res' if s else 'par'}" for name, s in zip(names, state, strict=True)]
    write(folder, registry, "scdeal-gse149383-cells", "\n".join(lines) + "\n")
    wells = [f"P1_A{i}" for i in range(48)]
    write(folder, registry, "scdeal-gse110894", counts(wells, MOUSE, 4))
    bell = {
        "Plate#": "P1",
        "Well position": [f"A{i}=x" for i in range(48)],
        "Sample name": np.where(state == 1, "RESISTANT", "PARENTAL"),
    }
    write(folder, registry, "scdeal-gse110894-cells", pd.DataFrame(bell))


def write_bulk(folder, registry):
    """Write expression and labels of GDSC and CCLE rows."""
    rng = np.random.default_rng(5)
    rows = [*(f"DATA.{i}" for i in range(100)), *(f"ACH-{i:06d}" for i in range(40))]
    expression = pd.DataFrame(rng.uniform(3, 13, (140, len(GENES))).round(3), rows, GENES)
    write(folder, registry, "scdeal-bulk-expression", expression)
    drugs = ["CISPLATIN", "GEFITINIB", "DOCETAXEL", "ERLOTINIB", "I.BET.762", "PALBOCICLIB"]
    called = np.where(rng.random((140, len(drugs))) < 0.25, "sensitive", "resistant").astype(object)
    called[:5, 0] = None
    write(folder, registry, "scdeal-bulk-labels", pd.DataFrame(called, rows, drugs))


@pytest.fixture
def project(repository, tmp_path, monkeypatch):
    """A copy of the project that takes any file for the authors' labels, since these are pinned."""
    root = tmp_path / "project"
    shutil.copytree(repository / "notebooks", root / "notebooks")
    shutil.copytree(repository / "data", root / "data", ignore=shutil.ignore_patterns("cache"))
    path = root / "data" / "scdeal" / "datasets.yml"
    text = path.read_text(encoding="utf-8")
    before, entry, after = re.split(r"(?s)(- key: scdeal-bulk-labels.*?)(?=\n- key:)", text)
    entry = re.sub(r"(?m)^  (bytes|sha256|git_blob_sha1): .*\n", "", entry)
    entry = entry.replace("tier: panel", "tier: paper\n  unpinned: true")
    path.write_text(before + entry + after, encoding="utf-8")
    monkeypatch.setenv("HELPERS_PROJECT", str(root))
    return root


def test_missing_files_are_named(project):
    with pytest.raises(DownloadError, match="scdeal-bulk-labels: no good copy"):
        load_lines("paper")


def test_lines_of_the_paper_have_the_authors_labels_alone(project, tmp_path):
    write_bulk(tmp_path / "cache", Registry.load())
    lines = load_lines("paper")
    drugs = [drug for drugs, _ in PAPER.values() for drug in drugs]
    assert lines.rules(drugs) == ["authors"]
    assert lines.panel.expression.shape == (140, 230)
    called = lines.resistant("CISPLATIN", "authors")
    assert called.isna().sum() == 5
    assert lines.panel.tier == "paper"


@pytest.mark.book
@pytest.mark.slow
def test_the_chapter_runs_on_the_papers_files(project, tmp_path):
    registry = Registry.load()
    write_cells(tmp_path / "cache", registry)
    write_bulk(tmp_path / "cache", registry)
    out = tmp_path / "run"
    record = run_notebooks(project, RunOptions(profile="smoke", chapters=("06",), out=out, data="paper"))
    entry = record.notebooks["06_scdeal"]
    assert (entry.status, entry.error) == ("done", None)
    results = load_results(out)["06_scdeal"]
    assert set(PAPER) <= {name for name, tier in results.tiers.items() if tier == "paper"}
    assert results.results["GSE110894.IBET762.shared genes"].value == 0
    assert results.results["authors.bulk_selected.scDEAL.AUROC"].n == 6
