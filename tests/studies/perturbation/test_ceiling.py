"""Ceilings against simulated truth, constants by hand, variance components of a known world."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.data.types import Provenance
from helpers.errors import DataError
from helpers.studies.perturbation import ceiling
from helpers.studies.perturbation.hepatocytes import load_arrays
from helpers.studies.perturbation.interaction import (
    component_shares,
    predictable_compounds,
    replicate_changes,
    variance_components,
)
from helpers.studies.perturbation.twin import simulate_changes
from helpers.studies.perturbation.types import ExpressionChanges


@pytest.mark.parametrize("scale", [0.7, 1.5, 3.0])
def test_the_noise_ceiling_is_what_the_truth_scores(scale):
    rng = np.random.default_rng(1)
    true = rng.laplace(0, scale / np.sqrt(2), 60_000)
    z = true + rng.normal(size=true.size)
    assert ceiling.noise_ceiling(z) == pytest.approx((np.sign(true) == np.sign(z)).mean(), abs=0.02)


def test_the_noise_ceiling_of_noise_errs_upwards_as_documented():
    assert 0.5 <= ceiling.noise_ceiling(np.random.default_rng(1).normal(size=60_000)) < 0.54


def changes(values, unit="signed -log10 p", name="x"):
    values = np.asarray(values, np.float32)
    rows = pd.DataFrame({"cell": "NK cells", "compound": [f"c{i}" for i in range(len(values))]})
    rows = rows.assign(lincs_id=rows["compound"], smiles=rows["compound"], control=False, split="train")
    return ExpressionChanges(name, rows, pd.DataFrame(values), unit, Provenance("simulated"))


def test_a_signed_log_p_becomes_the_normal_deviate_of_the_same_p():
    z = ceiling.z_scores(changes([[1.30103, -2.0, 40.0]]))
    expected = [1.959964, -stats.norm.isf(0.005), stats.norm.isf(0.5e-40)]
    np.testing.assert_allclose(z[0], expected, rtol=1e-4)
    assert ceiling.z_scores(changes([[1.0]], unit="log2 change")) is None


def test_the_sign_of_the_other_rows_on_the_block():
    """The means are of three rows, two of which the block shows."""
    block = changes([[1.0, -1.0], [1.0, 3.0]], name="Kaggle block")
    means = changes([[0.5, 1.0]])  # sums 1.5 and 3: without row 0 (.5, 4), without row 1 (.5, 0)
    found = ceiling.printed_checks(block, means, 3, n_boot=50).set_index("what")["value"]
    assert found["sign of the other rows' mean"] == pytest.approx(2 / 4)
    assert found["always up"] == pytest.approx(3 / 4)
    assert found["mean absolute value"] == pytest.approx(6 / 4)
    assert found["MAE of the other rows' mean"] == pytest.approx(np.mean([0.75, 3.0, 0.75, 3.0]))
    assert found["no response above 1.301"] == pytest.approx(3 / 4)


def test_ceilings_have_intervals_and_leave_out_units_without_noise():
    data = simulate_changes(0, n_compounds=12, n_genes=20)
    table = ceiling.noise_ceilings([data, changes([[1.0], [2.0]], unit="log2 change")], n_boot=4)
    assert list(table["what"]) == list(ceiling.KNOWN) and table["value"].is_monotonic_increasing
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()


def test_the_ladder_climbs_from_coin_to_ceiling():
    scores = {"gene sign": 0.55, "additive": 0.6, "GRU": 0.58, "LSTM": 0.57, "oracle": 0.7}
    summary = pd.DataFrame({"model": list(scores), "value": list(scores.values())})
    summary = summary.assign(data="a", metric="sign accuracy", low=0.5, high=0.8)
    top = pd.DataFrame({"data": ["a"], "value": [0.72], "low": [0.7], "high": [0.74], "n": [9]})
    ups = pd.DataFrame({"data": ["a"], "value": [0.52]})
    ladder = ceiling.sign_ladder(summary, ["GRU", "LSTM"], top, ups)
    assert ladder.set_index("step")["value"].to_dict() == {
        "coin": 0.5, "always up": 0.52, "constant sign": 0.55, "additive": 0.6, "last network": 0.57,
        "best network": 0.58, "oracle": 0.7, "noise ceiling": 0.72,
    }  # fmt: skip


def world(interaction, n_compounds=60, n_genes=200, seed=0):
    """Two replicates of cell 0.5 + compound 1 + interaction + noise 1, two doses at three times."""
    rng = np.random.default_rng(seed)
    cells = [(d, t) for t in ("2", "8", "24") for d in ("Middle", "High")]
    rows = pd.DataFrame(
        [(f"{d}, {t} h", f"c{k}", t) for k in range(n_compounds) for d, t in cells],
        columns=["cell", "compound", "hours"],
    )
    cell = np.sqrt(0.5) * rng.normal(size=(6, n_genes))[pd.factorize(rows["cell"])[0]]
    compound = rng.normal(size=(n_compounds, n_genes))[pd.factorize(rows["compound"])[0]]
    own = np.sqrt(interaction) * rng.normal(size=(len(rows), n_genes))
    return rows, cell + compound + own + rng.normal(size=(2, len(rows), n_genes))


@pytest.mark.parametrize("interaction", [0.0, 2.0])
def test_variance_components_of_a_known_world(interaction):
    found = variance_components(*world(interaction)).set_index("what")["value"]
    total = 0.5 + 1 + interaction + 0.5
    expected = {"cell": 0.5, "compound": 1, "interaction": interaction, "noise of two replicates": 0.5}
    for what, value in expected.items():
        assert found[what] == pytest.approx(value / total, abs=0.06), what
    assert found.sum() == pytest.approx(1)


def test_shares_have_limits_around_them_and_simulated_arrays_have_no_interaction():
    rows, pairs = replicate_changes(load_arrays("simulated"))
    assert pairs.shape[0] == 2 and pairs.shape[1] == len(rows) == 120
    table = component_shares(rows, pairs, n_boot=20).set_index("what")
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()
    assert table.loc["compound", "value"] > 0.3 and abs(table.loc["interaction", "value"]) < 0.1


def test_arrays_without_replicates_are_refused():
    arrays = load_arrays("simulated")
    with pytest.raises(DataError, match="two treated and two control"):
        replicate_changes(arrays.drop_duplicates(["treatmentid", "dose_level", "duration"]))


def test_predictable_compounds_are_sorted_by_what_the_best_model_gains():
    scores = pd.DataFrame(
        [(c, m, r, 0.3, i) for i, (c, m, r) in enumerate([
            ("a", "gene sign", 0.5), ("a", "additive", 0.6), ("a", "GRU", 0.55), ("a", "zero", 0.0),
            ("b", "gene sign", 0.5), ("b", "additive", 0.6), ("b", "GRU", 0.9), ("b", "zero", 0.0),
        ])],
        columns=["compound", "model", "right", "error", "row"],
    )  # fmt: skip
    table = predictable_compounds(scores, ("additive", "GRU"))
    assert list(table.index) == ["b", "a"] and list(table["best"]) == ["GRU", "additive"]
    assert table.loc["b", "gain"] == pytest.approx(0.4)
