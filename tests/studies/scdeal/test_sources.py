"""Labels of the same lines by the two sources of the authors' table."""

import numpy as np
import pandas as pd
import pytest

from helpers.data.bulk import load_bulk
from helpers.data.types import Provenance
from helpers.studies.scdeal.labels import AuthorLabels, LineLabels
from helpers.studies.scdeal.published import SETS
from helpers.studies.scdeal.sources import by_source, compare_sources, published_medians, with_source
from helpers.studies.scdeal.tasks import TransferTask


@pytest.fixture
def lines():
    """Forty lines with rows of both sources, five with a row of GDSC alone."""
    panel = load_bulk("GDSC2", "simulated")
    names = pd.Index([f"ACH-{i}" for i in range(45)])
    about = pd.DataFrame({"name": "", "lineage": "", "cosmic_id": [str(i) for i in range(45)]}, index=names)
    object.__setattr__(panel, "lines", about)
    gdsc = np.r_[np.repeat([0.0, 1.0], 20), np.ones(5)]
    ccle = np.r_[np.zeros(10), np.ones(10), np.zeros(5), np.ones(15)]
    rows = [f"DATA.{i}" for i in range(45)] + list(names[:40])
    table = pd.DataFrame({"DRUG": np.r_[gdsc, ccle]}, index=rows)
    return LineLabels(panel, AuthorLabels(table, Provenance("panel", (), ())))


def task_on(index, n_genes=3):
    x = pd.DataFrame(0.0, index, [f"g{i}" for i in range(n_genes)])
    y = np.zeros(len(index), int)
    return TransferTask("s Drug", "s", "Drug", "s", x, y, x, y, np.array([""] * len(index)), by_line=False)


def test_each_source_labels_its_own_rows(lines):
    found = by_source(lines, "Drug")
    assert found.count().to_dict() == {"GDSC": 45, "CCLE": 40}
    assert found.loc["ACH-12"].to_dict() == {"GDSC": 0, "CCLE": 1}


def test_agreement_is_told_beside_that_of_chance(lines):
    row = compare_sources(lines, ["Drug", "Drug"]).iloc[0]
    # Both sensitive 10, GDSC alone 10, CCLE alone 5, neither 15.
    expected = 20 / 40 * 15 / 40 + 20 / 40 * 25 / 40
    assert (row["n"], row["agreement"]) == (40, 25 / 40)
    assert row["value"] == pytest.approx((25 / 40 - expected) / (1 - expected))
    assert row["sensitive, GDSC"] == pytest.approx(20 / 45)


def test_both_sources_are_given_the_same_lines(lines):
    found = with_source([task_on(lines.panel.lines.index)], lines)
    gdsc, ccle = found["GDSC"][0], found["CCLE"][0]
    assert list(gdsc.bulk_x.index) == list(ccle.bulk_x.index) == list(lines.panel.lines.index[:40])
    assert (gdsc.bulk_sensitive.sum(), ccle.bulk_sensitive.sum()) == (20, 15)


def test_rows_of_one_source_each_stay_apart(lines):
    """As in the authors' own files: no row has both."""
    about = lines.panel.lines
    apart = pd.concat(
        [about[:20].set_axis([f"DATA.{i}" for i in range(20)]), about[:20].assign(cosmic_id="")]
    )
    object.__setattr__(lines.panel, "lines", apart)
    lines.authors.table.loc["DATA.0":"DATA.9", "DRUG"] = 1.0
    found = with_source([task_on(apart.index)], lines)
    assert [len(found[name][0].bulk_sensitive) for name in ("GDSC", "CCLE")] == [20, 20]


def test_a_source_with_hardly_any_line_of_a_class_leaves_the_task_out(lines):
    lines.authors.table.loc["ACH-0":"ACH-39", "DRUG"] = 1.0
    assert with_source([task_on(lines.panel.lines.index)], lines) == {"GDSC": [], "CCLE": []}


def test_published_medians_by_source():
    ids = [f"scdeal_repeat_median_{one}_{source}" for one in SETS for source in ("gdsc_ccle", "ccle", "gdsc")]
    table = published_medians({name: float(i) for i, name in enumerate(ids)})
    assert table.loc[SETS[1]].to_dict() == {"both": 3, "CCLE": 4, "GDSC": 5}
    assert table.loc["mean", "both"] == np.mean([0, 3, 6, 9, 12, 15])
