import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from helpers.errors import DataError
from helpers.studies.scdeal.baselines import (
    BulkBoosting,
    BulkLogistic,
    CoralLogistic,
    RandomEncoder,
    coral,
    shared_genes,
)

ALL = [
    BulkLogistic(),
    BulkLogistic("bulk"),
    BulkBoosting(),
    BulkBoosting("bulk"),
    CoralLogistic(8),
    RandomEncoder(16),
]
# Those that know which gene is which.
INFORMED = ALL[:5] + ALL[6:7]


def world(seed=0, n_lines=100, n_cells=100, n_genes=30, shift=3.0):
    """Response from three genes; cells have another baseline and scale of every gene."""
    rng = np.random.default_rng(seed)
    genes = [f"G{i}" for i in range(n_genes)]
    bulk, cells = (rng.standard_normal((n, n_genes)) for n in (n_lines, n_cells))
    bulk_y, cells_y = ((x[:, :3].sum(axis=1) > 0).astype(int) for x in (bulk, cells))
    cells = cells * rng.uniform(0.5, 2, n_genes) + shift * rng.standard_normal(n_genes)
    cells = pd.DataFrame(cells, columns=genes)
    return pd.DataFrame(bulk, columns=genes), bulk_y, cells[cells.columns[::-1]], cells_y


@pytest.mark.parametrize("model", INFORMED, ids=str)
def test_finds_planted_response(model):
    bulk, bulk_y, cells, cells_y = world(shift=0.0)
    p = clone(model).fit(bulk, bulk_y, cells).predict_proba(cells)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert roc_auc_score(cells_y, p[:, 1]) > 0.7


def test_scaling_by_domain_removes_a_shift():
    """A shift of every gene leaves the order of cells alone but moves all cells across the boundary."""
    bulk, bulk_y, cells, cells_y = world()
    answers = {
        s: (clone(BulkLogistic(s)).fit(bulk, bulk_y, cells).predict(cells) == cells_y).mean()
        for s in ("domain", "bulk")
    }
    assert answers["domain"] > 0.85
    assert answers["domain"] > answers["bulk"] + 0.1


@pytest.mark.parametrize("model", [BulkLogistic("bulk"), BulkBoosting("bulk")], ids=str)
def test_scaling_can_change_after_the_fit(model):
    bulk, bulk_y, cells, _ = world(n_lines=40, n_cells=20, n_genes=8)
    fitted = clone(model).fit(bulk, bulk_y, cells).set_params(scaling="domain")
    own = clone(model).set_params(scaling="domain").fit(bulk, bulk_y, cells)
    np.testing.assert_array_equal(fitted.predict_proba(cells), own.predict_proba(cells))


def test_an_encoder_that_is_not_shared_has_no_sign():
    """Without gene identity the AUROC is symmetric around one half over random starts."""
    bulk, bulk_y, cells, cells_y = world(n_cells=60)
    aurocs = [
        roc_auc_score(
            cells_y, RandomEncoder(8, random_state=s).fit(bulk, bulk_y, cells).predict_proba(cells)[:, 1]
        )
        for s in range(30)
    ]
    assert 0.4 < np.mean(aurocs) < 0.6
    assert 0.2 < np.mean(np.array(aurocs) < 0.5) < 0.8


def test_permuted_bulk_labels_carry_nothing():
    bulk, bulk_y, cells, cells_y = world()
    rng = np.random.default_rng(1)
    aurocs = [
        roc_auc_score(
            cells_y, BulkBoosting().fit(bulk, rng.permutation(bulk_y), cells).predict_proba(cells)[:, 1]
        )
        for _ in range(6)
    ]
    assert abs(np.mean(aurocs) - 0.5) < 0.15


def test_coral_gives_the_covariance_of_the_target():
    rng = np.random.default_rng(0)
    source, target = (
        rng.standard_normal((4000, 3)) * [1, 2, 3],
        rng.standard_normal((4000, 3)) @ np.diag([40, 30, 20]),
    )
    aligned = coral(100 * source, target)
    np.testing.assert_allclose(np.cov(aligned, rowvar=False), np.cov(target, rowvar=False), atol=3)
    np.testing.assert_allclose(aligned.mean(axis=0), target.mean(axis=0), atol=1e-9)


@pytest.mark.parametrize("model", ALL, ids=str)
def test_cell_order_and_gene_order_do_not_matter(model):
    bulk, bulk_y, cells, _ = world(n_lines=40, n_cells=40, n_genes=12)
    first = clone(model).fit(bulk, bulk_y, cells).predict_proba(cells)
    shuffled = cells[sorted(cells.columns)]
    again = clone(model).fit(bulk, bulk_y, shuffled).predict_proba(shuffled.iloc[::-1])[::-1]
    np.testing.assert_allclose(first, again, atol=1e-9)


def test_shared_genes_keep_the_order_of_the_bulk_table():
    bulk, cells = pd.DataFrame(columns=["B", "A", "C"]), pd.DataFrame(columns=["A", "B", "D"])
    assert list(shared_genes(bulk, cells)) == ["B", "A"]


def bad(**changes):
    bulk, bulk_y, cells, _ = world(n_lines=12, n_cells=5)
    given = {"bulk_x": bulk, "bulk_y": bulk_y, "cells_x": cells} | {
        k: f(bulk, bulk_y, cells) for k, f in changes.items()
    }
    return given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (bad(cells_x=lambda b, y, c: c.add_prefix("ENSMUSG")), "share no gene"),
        (bad(bulk_y=lambda b, y, c: np.ones(12)), "one class"),
        (bad(bulk_y=lambda b, y, c: np.full(12, np.nan)), "drop unmeasured"),
        (bad(bulk_y=lambda b, y, c: y[:-1]), "12 values"),
        (bad(bulk_y=lambda b, y, c: np.eye(12)[0]), "1 bulk line"),
        (
            bad(cells_x=lambda b, y, c: c * np.nan),
            r"cells: expression holds NaN or infinite values in 5 row\(s\)",
        ),
        (bad(cells_x=lambda b, y, c: c.iloc[:0]), "cells is empty"),
    ],
)
def test_unusable_input(given, message):
    with pytest.raises(DataError, match=message):
        BulkLogistic().fit(**given)


@pytest.mark.parametrize("model", [BulkLogistic("cells"), BulkBoosting("cells")], ids=str)
def test_unknown_options(model):
    with pytest.raises(DataError, match="unknown"):
        model.fit(**bad())


def test_cells_without_a_gene_of_the_fit():
    given = bad()
    model = RandomEncoder(4).fit(**given)
    with pytest.raises(DataError, match=r"lack 1 gene\(s\)"):
        model.predict(given["cells_x"].drop(columns="G3"))
