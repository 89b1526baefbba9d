from __future__ import annotations

import json
import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import threadpoolctl
import torch
import yaml

from helpers.data.types import Provenance, ResponseData, SourceFile

CLAIMS = {
    "chapter": "01_demo",
    "paper": {"key": "a2020", "title": "A <title>", "authors": "A. Author", "year": 2020},
    "claims": [
        {
            "id": "demo-1",
            "claim": "The network beats the forest.",
            "whose": "paper",
            "polarity": "success",
            "source": "figure 1",
            "published": ["CCLE.cv.Net.AUCROC"],
            "compared": "network with forest",
            "datasets": ["CCLE"],
            "verdicts": {
                "repeated": {
                    "rule": "Better by the tolerance.",
                    "conditions": [{"result": "CCLE.cv.Net-Forest.AUCROC", "above": 0, "tolerance": 0.01}],
                },
                "sound": {"not_applicable": "no"},
                "survives": {"not_applicable": "no"},
            },
        }
    ],
    "deviations": [
        {"point": "7", "what": "split", "why": "leak", "choice": "kept", "tested": "CCLE.cv.Net.AUCROC"},
        {"point": "8", "what": "seed", "why": "noise", "choice": "fixed"},
    ],
}
PUBLISHED = [
    {"id": "CCLE.cv.Net.AUCROC", "mean": 0.95, "median": 0.96, "source": "table 1"},
    {"id": "CCLE.cv.Net.F1", "mean": 0.9, "source": "table 1"},
]


@pytest.fixture(autouse=True)
def _own_threads(monkeypatch):
    """A chapter sets threads for its whole process; give them back to the other tests."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, "2"))
    threads = torch.get_num_threads()
    with threadpoolctl.threadpool_limits():
        yield
    torch.set_num_threads(threads)


@dataclass
class Data:
    """Any data with a name and a provenance."""

    name: str
    provenance: Provenance


@pytest.fixture
def project(tmp_path):
    """A small project with one chapter."""
    root = tmp_path / "project"
    for folder in ("notebooks", "data/demo"):
        (root / folder).mkdir(parents=True)
    (root / "notebooks/01_demo.py").write_text("# %% [markdown]\n# # [Re] A demo\n", encoding="utf-8")
    (root / "notebooks/profiles.yml").write_text("smoke: {}\n", encoding="utf-8")
    (root / "data/demo/claims.yml").write_text(yaml.safe_dump(CLAIMS), encoding="utf-8")
    (root / "data/demo/published.json").write_text(json.dumps(PUBLISHED), encoding="utf-8")
    return root


@pytest.fixture
def parameters(tmp_path):
    return {
        "profile": "quick",
        "data": "auto",
        "device": "cpu",
        "jobs": 2,
        "seed": 3,
        "out": str(tmp_path / "run"),
        "folds": 5,
    }


@pytest.fixture
def panel():
    files = (SourceFile("ccle.csv", "ab" * 32),)
    return Data("CCLE", Provenance("panel", files, ("2 lines dropped: no <expression>.",)))


@pytest.fixture
def simulated():
    return Data("GDSC", Provenance("simulated"))


@pytest.fixture
def response_data():
    names = ["l1", "l2", "l3"]
    pairs = pd.DataFrame({"line": names, "drug": ["d1", "d2", "d1"], "resistant": [0, 1, 1], "value": np.nan})
    return ResponseData(
        name="CCLE",
        expression=pd.DataFrame(np.ones((3, 4), np.float32), index=names, columns=list("abcd")),
        response=pairs,
        fingerprints=pd.DataFrame(np.eye(2, dtype=np.uint8), index=["d1", "d2"]),
        lines=pd.DataFrame({"cancer_type": ["x"] * 3}, index=names),
        drugs=pd.DataFrame({"pathway": ["y"] * 2}, index=["d1", "d2"]),
        provenance=Provenance("panel"),
    )
