from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from helpers.data.bulk import load_bulk
from helpers.data.cells import TWINS, line_labels, load_cells, normalise, quality_control
from helpers.data.cells_twin import simulate_cells
from helpers.errors import DataError


def test_the_same_seed_gives_the_same_data_and_another_seed_does_not():
    (panel, cells, truth), (again, same, _), (other, _, _) = (simulate_cells(seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(panel.expression, again.expression)
    pd.testing.assert_frame_equal(panel.response, again.response)
    assert (cells.X != same.X).nnz == 0
    assert not panel.expression.equals(other.expression)
    assert truth.weights.index.equals(panel.response.columns)


def test_the_panel_does_not_depend_on_the_cells():
    panel, _, _ = simulate_cells(1, n_cells=64, n_cell_lines=8)
    same, _, _ = simulate_cells(1, n_cells=200, n_cell_lines=20, state_gap=1.5, dropout=0.4)
    pd.testing.assert_frame_equal(panel.response, same.response)


def test_planted_genes_carry_the_planted_sign():
    panel, _, truth = simulate_cells(0, n_lines=400)
    for drug in panel.response.columns[:4]:
        r = panel.expression.corrwith(panel.response[drug])
        weight = truth.weights.loc[drug]
        assert (np.sign(r[weight != 0]) == np.sign(weight[weight != 0])).all()
        assert r[weight == 0].abs().median() < 0.1
    noise = (panel.response - truth.latent).to_numpy()
    assert np.nanstd(noise) == pytest.approx(0.5, rel=0.05)


def test_without_signal_planted_genes_are_like_any_other():
    panel, _, truth = simulate_cells(0, n_lines=400, signal=0)
    r = panel.expression.corrwith(panel.response.iloc[:, 1])
    weight = truth.weights.iloc[1]
    assert r[weight != 0].abs().max() < 0.3


def test_cells_resemble_their_own_line_and_the_shift_parts_them():
    panel, cells, truth = simulate_cells(2, n_cells=320, domain_shift=1.5)
    counts = cells.X.toarray()
    share = counts / counts.sum(axis=1, keepdims=True)
    profile = pd.DataFrame(np.log2(1e4 * share + 1), index=cells.obs["model_id"]).groupby(level=0).mean()
    bulk = panel.expression.loc[profile.index].to_numpy()
    gap = (profile.to_numpy() - bulk).mean(axis=0)
    expressed = bulk.mean(axis=0) > 3
    assert spearmanr(gap[expressed], truth.shift[expressed]).statistic > 0.8
    likeness = np.corrcoef(profile - profile.mean(), bulk - bulk.mean(axis=0))[: len(bulk), len(bulk) :]
    assert (likeness.argmax(axis=1) == np.arange(len(bulk))).mean() > 0.9


def test_states_differ_in_the_planted_genes_only():
    _, cells, truth = simulate_cells(5, n_cells=600, n_cell_lines=3, state_gap=2.0, state_drug="Gefitinib")
    resistant = cells.obs["resistant"].to_numpy()
    assert set(resistant) == {0.0, 1.0}
    np.testing.assert_array_equal(1 - resistant, truth.state)
    x = np.log1p(cells.X.toarray())
    difference = x[resistant == 1].mean(axis=0) - x[resistant == 0].mean(axis=0)  # resistant minus sensitive
    weight = truth.weights.loc["Gefitinib"].to_numpy()
    assert (np.sign(difference[weight != 0]) == np.sign(weight[weight != 0])).all()
    assert np.abs(difference[weight != 0]).min() > np.quantile(np.abs(difference[weight == 0]), 0.9)


def test_one_line_misses_camptothecin_as_in_the_real_table():
    panel = load_bulk("GDSC2", "simulated", seed=4)
    assert panel.response["Camptothecin"].isna().sum() == 1
    assert panel.response.isna().sum().idxmin() == "Camptothecin"


@pytest.mark.parametrize("name", TWINS)
def test_every_named_set_has_a_twin_that_belongs_to_the_panel(name):
    cells, panel = load_cells(name, "simulated", seed=2), load_bulk("GDSC2", "simulated", seed=2)
    assert cells.uns["name"] == name
    assert cells.uns["provenance"].tier == "simulated"
    assert cells.obs["model_id"].isin(panel.expression.index).all()
    assert cells.var_names.equals(panel.expression.columns)
    assert cells.uns["units"] == "counts"
    assert cells.obs["resistant"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_cell_lines": 200}, "do not fit a panel of 120 lines"),
        ({"n_cells": 3}, "3 cells of 16 lines"),
        ({"n_genes": 10}, "genes for 2 x 8 planted"),
        ({"n_drugs": 0}, "a drug"),
        ({"dropout": 1.0}, "dropout in"),
        ({"domain_shift": -1}, "must not be negative"),
        ({"state_drug": "Aspirin"}, "no drug 'Aspirin'"),
    ],
)
def test_sizes_that_do_not_fit(arguments, message):
    with pytest.raises(DataError, match=message):
        simulate_cells(**arguments)


def test_quality_control_drops_poor_cells_and_rare_genes():
    _, cells, _ = simulate_cells(0, n_cells=64)
    cells.var_names = ["MT-1", "MT-2", *cells.var_names[2:]]
    counts = cells.X.tolil()
    counts[0, :] = 0
    counts[0, :20] = 1
    counts[1, :2] = 10_000
    counts[:, 5] = 0
    counts[2, 5] = 1
    cells.X = counts.tocsr()
    kept = quality_control(cells, min_genes=60, min_cells=2, max_mito=0.5)
    assert cells.obs_names[0] not in kept.obs_names
    assert cells.obs_names[1] not in kept.obs_names
    assert cells.var_names[5] not in kept.var_names
    expected = counts[2, :2].sum() / counts[2].sum()
    assert kept.obs.loc[cells.obs_names[2], "mito"] == pytest.approx(expected)
    assert cells.n_obs == 64  # the input is left as it was


def test_normalise_is_log2_of_cpm():
    _, cells, _ = simulate_cells(0, n_cells=32)
    log = normalise(cells, target_sum=1e5, base=2)
    counts = cells.X.toarray()
    cpm = 1e6 * counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(log.X.toarray(), np.log2(1 + cpm / 10), rtol=1e-5)
    assert log.uns["units"] == "log"
    assert cells.uns["units"] == "counts"


def test_units_are_not_mixed_up():
    _, cells, _ = simulate_cells(0, n_cells=32)
    with pytest.raises(DataError, match="normalise needs counts, got log"):
        normalise(normalise(cells))
    with pytest.raises(DataError, match="quality_control needs counts, got log"):
        quality_control(normalise(cells))


def test_nothing_left_and_empty_cells():
    _, cells, _ = simulate_cells(0, n_cells=32)
    with pytest.raises(DataError, match="nothing is left of 32 cells"):
        quality_control(cells, min_genes=10_000)
    cells.X = cells.X * 0
    with pytest.raises(DataError, match="32 cell"):
        normalise(cells)


def test_line_labels():
    panel, cells, _ = simulate_cells(0)
    cells.obs["model_id"] = cells.obs["model_id"].where(cells.obs["line"] != "LINE3", "")
    label = line_labels(cells, panel, "Cisplatin")
    value = line_labels(cells, panel, "Cisplatin", what="response")
    assert label.index.equals(cells.obs_names)
    assert label[cells.obs["line"] == "LINE3"].isna().all()
    known = value.notna()
    np.testing.assert_array_equal(
        value[known], panel.response["Cisplatin"].loc[cells.obs["model_id"][known]].to_numpy()
    )
    with pytest.raises(DataError, match="no drug 'Water'"):
        line_labels(cells, panel, "Water")
    with pytest.raises(DataError, match="no line of"):
        line_labels(cells, panel.subset(panel.expression.index[50:60]), "Cisplatin")
