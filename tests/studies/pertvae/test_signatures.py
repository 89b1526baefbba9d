"""Strong-effect controls: basal profiles carried over, spread of a plate, pairs rebuilt from signatures."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest

from helpers.data.l1000_signatures import read_signatures
from helpers.data.registry import Registry
from helpers.data.sources import Sources
from helpers.errors import DataError
from helpers.studies.pertvae.data import load_pairs
from helpers.studies.pertvae.signatures import FILES, STRONG, carry_over, plate_spread
from helpers.studies.pertvae.wells import CMAPM


def test_a_linear_map_between_platforms_is_carried_to_lines_of_one_of_them():
    rng = np.random.default_rng(0)
    other = pd.DataFrame(rng.normal(size=(80, 6)), [f"l{i}" for i in range(80)])
    truth = (8 + other @ rng.normal(size=(6, 4))).set_axis(list("ABCD"), axis=1)
    carried, agreement = carry_over(truth.iloc[:60], other)
    assert carried.columns.to_list() == list("ABCD")
    unseen = carried.index[60:]
    expected = truth.loc[unseen].clip(0, 15)
    assert np.corrcoef(carried.loc[unseen].to_numpy().ravel(), expected.to_numpy().ravel())[0, 1] > 0.98
    assert agreement > 0.95
    nothing = pd.DataFrame(rng.normal(size=(80, 6)), other.index)
    assert carry_over(truth.iloc[:60], nothing)[1] < 0.3


def test_the_spread_of_a_plate_is_robust_and_never_zero(tmp_path):
    path = tmp_path / "plate.gctx"
    values = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [4.0, 5.0], [15.0, 5.0]])
    with h5py.File(path, "w") as file:
        file["0/DATA/0/matrix"] = values
        file["0/META/COL/id"] = np.array(list("abcde"), dtype="S")
        file["0/META/ROW/id"] = np.array(["x", "y"], dtype="S")
        file["0/META/ROW/pr_gene_id"] = np.array(["7", "9"], dtype="S")
    landmarks = pd.Series({7: "G7", 9: "G9"})
    spread = plate_spread(Sources({CMAPM: path}), landmarks)
    # By hand: median 3, absolute deviations 2, 1, 0, 1, 12; their median is 1.
    assert spread["G7"] == pytest.approx(1.4826)
    assert spread["G9"] == pytest.approx(0.1)
    with h5py.File(path, "a") as file:
        del file["0/META/ROW/pr_gene_id"]
    with pytest.raises(DataError, match="no annotation 'pr_gene_id'"):
        plate_spread(Sources({CMAPM: path}), landmarks)


def test_the_twin_bears_the_names_of_the_drugs():
    assert set(load_pairs("signatures", "simulated").drugs().index) == set(STRONG)


@pytest.mark.panel
def test_real_pairs_are_basal_profiles_plus_scaled_signatures(panel):
    data = load_pairs("signatures", "panel")
    assert (data.drugs()["lines"] >= 50).all()
    assert not set(data.singleton_lines) & set(data.pairs["line"])
    info, values = read_signatures(Sources.fetch(Registry.load(), FILES))
    pair = data.change.iloc[0]
    signature = values.loc[info.index[info["signature"] == pair.name][0], data.pre.columns]
    inside = data.post.iloc[0].between(0.01, 14.99)
    assert pair[inside].corr(signature[inside], method="spearman") > 0.95
    # Lines of one profile before treatment are one line.
    basal = data.pre.groupby(data.pairs["line"]).nunique().max(axis=1)
    assert (basal == 1).all()
