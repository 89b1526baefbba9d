"""The rule of tiers, with readers that only say what they were given."""

from __future__ import annotations

from dataclasses import dataclass, field

import anndata
import numpy as np
import pytest

from helpers.data.registry import Registry
from helpers.data.resolve import Source, resolve
from helpers.data.types import Provenance
from helpers.errors import DataError, DownloadError


@dataclass(frozen=True)
class Data:
    """What a loader returns, as far as the rule is concerned."""

    read: str
    provenance: Provenance = field(default_factory=lambda: Provenance("simulated", notes=("a twin",)))


def reader(name):
    return lambda sources: Data(f"{name}: {', '.join(sources.paths)}")


TABLES = {
    "both": {"panel": Source(("sample",), reader("panel")), "paper": Source(("full",), reader("paper"))},
    "old": {"paper": Source(("full",), reader("paper"))},
}


@pytest.fixture
def ask(make_file, monkeypatch, tmp_path):
    """Return a function that resolves a name; only the files named ``at_hand`` can be had."""
    content = {"sample": b"a panel\n", "full": b"a paper\n"}
    files = [
        make_file(content["sample"]),
        make_file(content["full"], key="full", tier="paper", path="data/full.csv"),
    ]
    registry = Registry(files)
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(tmp_path / "mirror"))

    def _ask(name, data, at_hand=("sample", "full"), twin=lambda: Data("twin")):
        for file in files:
            if file.key in at_hand:
                path = tmp_path / "mirror" / file.location
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content[file.key])
        return resolve("data set", name, TABLES, data, twin, registry)

    return _ask


@pytest.mark.parametrize(
    ("name", "data", "read"),
    [
        ("both", "auto", "panel: sample"),
        ("both", "panel", "panel: sample"),
        ("both", "paper", "paper: full"),
        ("both", "simulated", "twin"),
        ("old", "auto", "paper: full"),
        ("old", "paper", "paper: full"),
    ],
)
def test_the_tier_that_is_asked_for(ask, name, data, read):
    assert ask(name, data).read == read


def test_auto_falls_back_on_the_twin_and_says_why(ask):
    data = ask("both", "auto", at_hand=("full",))
    assert data.read == "twin"
    why, own = data.provenance.notes
    assert why.startswith("Simulated data stand in for the panel files. both (auto): 1 file(s) missing")
    assert "helpers data fetch --tier panel" in why
    assert own == "a twin"


def test_the_note_of_single_cells_goes_into_uns(ask):
    def twin():
        cells = anndata.AnnData(np.zeros((2, 2), np.float32))
        cells.uns["provenance"] = Provenance("simulated")
        return cells

    cells = ask("both", "auto", at_hand=(), twin=twin)
    assert cells.uns["provenance"].notes[0].startswith("Simulated data stand in")


@pytest.mark.parametrize("data", ["panel", "paper"])
def test_a_tier_that_is_asked_for_never_falls_back(ask, data):
    with pytest.raises(DownloadError, match=f"helpers data fetch --tier {data}"):
        ask("both", data, at_hand=())


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("neither", "auto", "unknown data set 'neither'; one of both, old"),
        ("both", "some", "unknown data choice 'some'; one of auto, panel, paper, simulated"),
        ("old", "panel", "old is on the paper tier; the panel tier has both"),
    ],
)
def test_what_does_not_exist_is_refused(ask, name, data, message):
    with pytest.raises(DataError, match=message):
        ask(name, data)
