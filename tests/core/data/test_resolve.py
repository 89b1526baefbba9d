"""The rule of tiers, with readers and files that are made up."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import anndata
import numpy as np
import pytest

from helpers.data.registry import DataFile, Registry
from helpers.data.resolve import Source, resolve
from helpers.data.types import Provenance
from helpers.errors import DataError, DownloadError

CONTENT = b"expression,response\n"


@dataclass(frozen=True)
class Data:
    read_from: str
    provenance: Provenance


def provenance(tier):
    return Provenance(tier, (), ("as made",))


def twin():
    return Data("twin", provenance("simulated"))


def reader(tier):
    """A reader that says which files it was given."""

    def read(sources):
        return Data(" ".join(sorted(path.name for path in sources.paths.values())), provenance(tier))

    return read


TABLES = {
    "Both": {
        "panel": Source(("panel-a", "panel-b"), reader("panel")),
        "paper": Source(("paper-a",), reader("paper")),
    },
    "PanelOnly": {"panel": Source(("panel-a",), reader("panel"))},
    "PaperOnly": {"paper": Source(("paper-a",), reader("paper"))},
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A registry whose files lie in a mirror folder; no network."""
    monkeypatch.setenv("HELPERS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HELPERS_DATA_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("HELPERS_OFFLINE", "1")
    files = []
    for key in ("panel-a", "panel-b", "paper-a"):
        file = DataFile(
            key=key, title="t", tier=key[:5], owner="o", path=f"{key}.csv", url=f"https://x.org/{key}.csv",
            sha256=hashlib.sha256(CONTENT).hexdigest(), licence="l", chapters=["01_demo"],
            card="demo/cards/a.md", obtain="Ask.",
        )  # fmt: skip
        path = tmp_path / "mirror" / file.location
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT)
        files.append(file)
    return tmp_path / "mirror", Registry(files)


def remove(place, *keys):
    folder, registry = place
    for key in keys:
        (folder / registry[key].location).unlink()


def read(place, name, data, make=twin):
    return resolve("data set", name, TABLES, data, make, place[1])


@pytest.mark.parametrize(
    ("name", "data", "files", "tier"),
    [
        ("Both", "auto", "panel-a.csv panel-b.csv", "panel"),
        ("Both", "panel", "panel-a.csv panel-b.csv", "panel"),
        ("Both", "paper", "paper-a.csv", "paper"),
        ("PaperOnly", "auto", "paper-a.csv", "paper"),  # no panel: the paper's files are the best there is
        ("PanelOnly", "simulated", "twin", "simulated"),
    ],
)
def test_each_choice_reads_its_tier(place, name, data, files, tier):
    found = read(place, name, data)
    assert (found.read_from, found.provenance.tier) == (files, tier)
    assert found.provenance.notes == ("as made",)


def test_auto_falls_back_on_the_twin_and_says_why(place):
    remove(place, "panel-b")
    found = read(place, "Both", "auto")
    assert (found.read_from, found.provenance.tier) == ("twin", "simulated")
    note, old = found.provenance.notes
    assert note.startswith("Simulated data stand in for the panel files.")
    assert "panel-b" in note
    assert "helpers data fetch --tier panel" in note
    assert "panel-a" not in note
    assert old == "as made"


def test_auto_never_takes_the_paper_for_a_panel_that_is_missing(place):
    remove(place, "panel-a", "panel-b")
    assert read(place, "Both", "auto").read_from == "twin"


@pytest.mark.parametrize("data", ["panel", "paper"])
def test_a_tier_that_was_asked_for_never_falls_back(place, data):
    remove(place, *TABLES["Both"][data].files)
    with pytest.raises(DownloadError, match=rf"(?s)Both \({data}\).*{data}-a") as caught:
        read(place, "Both", data, make=lambda: pytest.fail("the twin was made"))
    assert f"helpers data fetch --tier {data}" in str(caught.value)


def test_simulated_reads_no_file_and_needs_no_registry(place, monkeypatch):
    monkeypatch.setattr(Registry, "load", lambda *_: pytest.fail("the registry was read"))
    assert resolve("data set", "Both", TABLES, "simulated", twin).read_from == "twin"


def test_an_error_of_the_reader_is_no_reason_to_simulate(place):
    def broken(_):
        msg = "line 3 has no drug"
        raise DataError(msg)

    tables = {"Both": {"panel": replace(TABLES["Both"]["panel"], read=broken)}}
    with pytest.raises(DataError, match="line 3 has no drug"):
        resolve("data set", "Both", tables, "auto", twin, place[1])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("None", "auto", "unknown data set 'None'; one of Both, PanelOnly, PaperOnly"),
        ("Both", "best", "unknown data choice 'best'; one of auto, panel, paper, simulated"),
        ("PanelOnly", "paper", "PanelOnly is on the panel tier; the paper tier has Both, PaperOnly"),
        ("PaperOnly", "panel", "PaperOnly is on the paper tier; the panel tier has Both, PanelOnly"),
    ],
)
def test_what_there_is_not_is_refused(place, name, data, message):
    with pytest.raises(DataError, match=message):
        read(place, name, data)


def test_the_note_reaches_the_provenance_of_an_anndata(place):
    def cells():
        return anndata.AnnData(np.zeros((2, 3)), uns={"name": "Both", "provenance": provenance("simulated")})

    remove(place, "panel-a")
    found = read(place, "Both", "auto", make=cells)
    assert found.uns["provenance"].notes[0].startswith("Simulated data stand in for the panel files.")
    assert found.uns["provenance"].notes[1:] == ("as made",)
    assert read(place, "Both", "simulated", make=cells).uns["provenance"].notes == ("as made",)
