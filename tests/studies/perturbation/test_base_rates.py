import numpy as np
import pytest

from helpers.studies.perturbation.base_rates import (
    class_shares,
    class_table,
    genes_up,
    mean_sign_agreement,
    shares_up,
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


def test_signs_of_the_means_of_cells():
    data = simulate_changes(0, n_cells=3, n_full=3, n_compounds=1, n_shared=1, n_genes=50)
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
    sets = {name: simulate_changes(i, n_compounds=6, n_genes=9) for i, name in enumerate("xy")}
    up = shares_up(sets).set_index("data")
    y = sets["y"]
    assert up.loc["y", "value"] == pytest.approx((y.matrix > 0).mean()) and set(up["n"]) == {36}
    classes = class_table(sets, (0.5, 2.0)).set_index(["data", "threshold"])
    assert classes.loc[("y", 2.0)].to_dict() == class_shares(y.matrix, 2.0)
    assert len(classes) == 4
