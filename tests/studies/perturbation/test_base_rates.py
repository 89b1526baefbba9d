import numpy as np
import pytest

from helpers.studies.perturbation.base_rates import (
    base_rate_table,
    base_rates,
    class_shares,
    class_table,
    constant_sign_ceiling,
    genes_up,
    mean_sign_agreement,
    null_sign_accuracy,
    sign_agreement,
)
from helpers.studies.perturbation.twin import simulate_changes


def test_three_classes_and_their_base_rates():
    y = np.array([[0.1, 2.5, -2.5, 0.4, -0.3]])
    assert class_shares(y, 2) == {"up": 0.2, "down": 0.2, "no response": 0.6}
    assert class_shares(y)["up"] == 0.6


def test_under_the_null_no_response_is_right_nearly_always():
    """p uniform: 95 % of entries lie below -log10(0.05) = 1.301."""
    rng = np.random.default_rng(0)
    y = rng.choice((-1, 1), (50, 400)) * -np.log10(rng.uniform(size=(50, 400)))
    assert class_shares(y, 1.301)["no response"] == pytest.approx(0.95, abs=0.01)


def test_hindsight_of_a_constant_sign():
    y = np.array([[1, 1], [1, -1], [-1, -1.0], [1, 1]])
    assert constant_sign_ceiling(y) == 5 / 8
    assert constant_sign_ceiling(y, np.array([0, 0, 1, 1])) == (2 + 1 + 1 + 1) / 8
    assert constant_sign_ceiling(y, np.arange(4)) == 1
    # Two rows of noise: the majority agrees with 3 of 4 patterns' halves.
    assert null_sign_accuracy(np.zeros((2, 4000))) == pytest.approx(0.75, abs=0.01)


def test_base_rates_of_a_table_with_a_habit():
    values = np.array([[1.0, -3], [2, -1], [1, 1]])
    rates = base_rates(values, np.array(["x", "x", "y"]), 2.0)
    assert rates["up"] == pytest.approx(4 / 6) and rates["sign per gene"] == pytest.approx(5 / 6)
    assert rates["sign per gene and cell"] == 1 and rates["no response"] == pytest.approx(5 / 6)
    assert 0.6 < rates["sign per gene, noise"] < 0.9


def test_signs_of_the_means_of_cells():
    data = simulate_changes(0, n_cells=3, n_full=3, n_compounds=1, n_shared=1, n_genes=50)[0]
    up, agreement = genes_up(data), sign_agreement(data)
    values = data.values.to_numpy()
    assert up["value"].to_list() == pytest.approx([(row > 0).mean() for row in values]) and set(up["n"]) == {
        50
    }
    assert agreement.iloc[0, 1] == pytest.approx((np.sign(values[0]) == np.sign(values[1])).mean())
    mean = mean_sign_agreement(agreement).iloc[0]
    pairs = [agreement.iloc[0, 1], agreement.iloc[0, 2], agreement.iloc[1, 2]]
    assert (mean["value"], mean["n"]) == (pytest.approx(np.mean(pairs)), 3)


def test_tables_of_several_data_sets():
    sets = {name: simulate_changes(i, n_compounds=6, n_genes=9)[0] for i, name in enumerate("xy")}
    rates = base_rate_table(sets).set_index(["data", "what"])
    y = sets["y"]
    direct = base_rates(y.matrix, y.rows["cell"].to_numpy(), y.significant)
    assert rates.loc["y", "value"].to_dict() == direct and set(rates["n"]) == {36}
    classes = class_table(sets, (0.5, 2.0)).set_index(["data", "threshold"])
    assert classes.loc[("y", 2.0)].to_dict() == class_shares(y.matrix, 2.0)
    assert len(classes) == 4
