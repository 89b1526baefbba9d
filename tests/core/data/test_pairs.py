"""Treatment pairs: the type's checks, file formats, the twin's truth, the pairs of TranSiGen."""

from __future__ import annotations

import pickle
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest

from helpers.data import l1000_files as files
from helpers.data.pair_types import PerturbationPairs, take_genes
from helpers.data.pairs import load_pairs
from helpers.data.pairs_twin import simulate_pairs
from helpers.errors import DataError, DownloadError

GENES = ["A", "B", "C"]


@pytest.fixture
def twin():
    return simulate_pairs(n_lines=12, n_genes=40, latent=3, n_singletons=5, seed=3)


def small(**changes) -> PerturbationPairs:
    index = pd.Index(["p1", "p2"])
    pairs = pd.DataFrame(
        {"line": ["L1", "L2"], "drug": "d", "batch": "", "dose": 1.0, "time": 6.0, "smiles": ""}, index
    )
    fields = {
        "name": "small",
        "pre": pd.DataFrame(np.ones((2, 3)), index, GENES),
        "post": pd.DataFrame(np.full((2, 3), 2.0), index, GENES),
        "pairs": pairs,
        "singletons": pd.DataFrame(np.ones((1, 3)), ["s"], GENES),
        "singleton_lines": pd.Series(["L3"], ["s"]),
    }
    return PerturbationPairs(**{**fields, **changes})


def test_a_sound_set_says_what_it_holds():
    data = small()
    assert data.tier == "simulated"
    assert data.counts == "2 pairs, 2 lines, 1 drugs, 3 genes, 1 singletons"
    assert (data.change.to_numpy() == 1).all()
    assert list(data.subset([False, True]).pairs["line"]) == ["L2"]


INDEX = pd.Index(["p1", "p2"])
BAD = {
    "unequal lengths": (
        {"post": pd.DataFrame(np.ones((3, 3)), ["p1", "p2", "p3"], GENES)},
        "2 pre-treatment and 3",
    ),
    "missing gene": ({"post": pd.DataFrame(np.ones((2, 2)), INDEX, GENES[:2])}, r"missing \['C'\]"),
    "genes in another order": (
        {"post": pd.DataFrame(np.ones((2, 3)), INDEX, ["B", "A", "C"])},
        "in their order",
    ),
    "missing gene of singletons": (
        {"singletons": pd.DataFrame(np.ones((1, 3)), ["s"], ["A", "B", "X"])},
        r"singletons and pre .* missing \['C'\], extra \['X'\]",
    ),
    "duplicated gene": (
        {name: pd.DataFrame(np.ones((2, 3)), INDEX, ["A", "A", "C"]) for name in ("pre", "post")},
        r"duplicated gene\(s\), first \['A'\]",
    ),
    "NaN": (
        {"pre": pd.DataFrame([[1, 2, np.nan], [1, 1, 1]], INDEX, GENES)},
        r"pre holds NaN .* 1 row\(s\), first \['p1'\]",
    ),
    "other index": (
        {"post": pd.DataFrame(np.ones((2, 3)), ["p2", "p1"], GENES)},
        "same index in the same order",
    ),
    "no drug": (
        {
            "pairs": pd.DataFrame(
                {
                    "line": ["L1", "L2"],
                    "drug": ["d", ""],
                    "batch": "",
                    "dose": 1.0,
                    "time": 6.0,
                    "smiles": "",
                },
                INDEX,
            )
        },
        r"1 pair\(s\) have no line or no drug, first 'p2'",
    ),
    "no column": (
        {"pairs": pd.DataFrame({"line": ["L1", "L2"], "drug": "d"}, INDEX)},
        r"lacks the column\(s\) batch",
    ),
    "lines of singletons": (
        {"singleton_lines": pd.Series(["x"], ["other"])},
        "name a line for each of 1 singletons",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_together_is_refused(case):
    changes, message = BAD[case]
    with pytest.raises(DataError, match=message):
        small(**changes)


def test_unknown_drug_and_missing_gene_name_what_there_is():
    with pytest.raises(DataError, match="no drug 'x'; it has d"):
        small().of_drug("x")
    with pytest.raises(DataError, match=r"lacks 1 of 2 genes, first \['Z'\]"):
        take_genes(small().pre, pd.Index(["A", "Z"]), "own profiles")


def test_singletons_of_held_out_lines_can_be_left_out(twin):
    data, _ = twin
    line = data.singleton_lines.iloc[0]
    kept = data.without_singletons_of([line])
    assert len(kept) == len(data.singletons) - 1
    assert line not in set(data.singleton_lines[kept.index])


# Files ------------------------------------------------------------------------------------------


def write_gctx(path, values, wells, genes):
    with h5py.File(path, "w") as file:
        file["0/DATA/0/matrix"] = values
        file["0/META/COL/id"] = np.array(wells, dtype="S")
        file["0/META/ROW/id"] = np.array(genes, dtype="S")
    return path


def test_gctx_reads_all_or_the_ids_asked_for(tmp_path):
    values = np.arange(12.0).reshape(4, 3)
    path = write_gctx(tmp_path / "x.gctx", values, ["w1", "w2", "w3", "w4"], ["10", "20", "30"])
    table, _, _ = files.read_gctx(path)
    assert np.array_equal(table.to_numpy(), values)
    part, genes, wells = files.read_gctx(path, wells=["w4", "w2"], genes=["30"])
    assert part.index.to_list() == ["w2", "w4"] == wells.index.to_list()
    assert genes.index.to_list() == ["30"]
    assert part["30"].to_list() == [5.0, 11.0]
    with pytest.raises(DataError, match="lacks 1 of 1 ids, first 'w9'"):
        files.read_gctx(path, wells=["w9"])


def test_damaged_gctx_is_refused(tmp_path):
    (tmp_path / "no.gctx").write_bytes(b"text")
    with pytest.raises(DataError, match="not a readable GCTX"):
        files.read_gctx(tmp_path / "no.gctx")
    path = write_gctx(tmp_path / "short.gctx", np.zeros((2, 3)), ["w1"], ["1", "2", "3"])
    with pytest.raises(DataError, match="its ids say"):
        files.read_gctx(path)


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_pickle_may_hold_arrays_and_nothing_else(tmp_path, capsys):
    good = tmp_path / "good.pickle"
    good.write_bytes(pickle.dumps({np.str_("A549"): np.ones((1, 3))}))
    assert files.read_array_pickle(good)["A549"].shape == (1, 3)
    for content, message in (
        ({"a": Evil()}, r"names builtins\.print; only numpy arrays"),
        ([1, 2], "does not hold a dict of number arrays"),
        ({"a": np.array([Evil()], dtype=object)}, "only numpy arrays"),
    ):
        bad = tmp_path / "bad.pickle"
        bad.write_bytes(pickle.dumps(content))
        with pytest.raises(DataError, match=message):
            files.read_array_pickle(bad)
    bad.write_bytes(good.read_bytes()[:20])
    with pytest.raises(DataError, match="not a readable pickle"):
        files.read_array_pickle(bad)
    assert "executed" not in capsys.readouterr().out


def test_transigen_pairs_of_unequal_length_are_refused(tmp_path):
    path = tmp_path / "pairs.h5"
    with h5py.File(path, "w") as file:
        file["x1"], file["x2"] = np.zeros((3, 2)), np.zeros((2, 2))
        for key in ("cid", "canonical_smiles", "sig"):
            file[key] = np.array([b"a"] * 3)
    with pytest.raises(DataError, match="differ in length"):
        files.read_transigen(path)


def test_values_off_the_log_scale_are_refused():
    with pytest.raises(DataError, match="between 0 and 15; got -1 to 1"):
        files.check_scale(pd.DataFrame([[-1.0, 1.0]]), "x")


# Simulation -------------------------------------------------------------------------------------


def test_the_twin_holds_what_was_planted(twin):
    data, truth = twin
    planted = truth.change(data.pairs)
    error = data.change - planted
    # A change is one treated well minus the mean of four vehicles; clipping to 0-15 touches few values.
    inside = (data.pre > 0.5) & (data.pre < 14.5) & (data.post > 0.5) & (data.post < 14.5)
    assert abs(error.to_numpy()[inside.to_numpy()].std() - truth.noise * np.sqrt(1 + 1 / 4)) < 0.03
    assert (planted[data.pairs["drug"] == "none"] == 0).all(axis=None)
    shift = planted[data.pairs["drug"] == "shift"]
    assert np.allclose(shift, shift.iloc[0])
    linear = planted[data.pairs["drug"] == "linear"]
    assert linear.std().mean() > 0.1


def test_the_twin_repeats_and_its_seed_matters():
    same, other = (simulate_pairs(n_lines=5, n_genes=20, seed=s)[0] for s in (0, 1))
    again, _ = simulate_pairs(n_lines=5, n_genes=20, seed=0)
    assert same.pre.equals(again.pre)
    assert same.post.equals(again.post)
    assert not same.pre.equals(other.pre)


def test_replicates_share_line_and_drug_but_no_plate():
    data, _ = simulate_pairs(effects={"shift": 4}, n_lines=6, n_genes=20, replicates=3)
    assert data.drugs().loc["shift"].to_list() == [4, 12, 3]
    assert data.pairs["batch"].is_unique


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"effects": {"mystery": 3}}, "must hold one of none, shift, linear"),
        ({"effects": {"shift": 30}}, "cannot have 30 of 24 lines"),
        ({"n_genes": 3, "latent": 6}, "sizes do not fit"),
        ({"effects": {}}, "sizes do not fit: 0 drugs"),
    ],
)
def test_worlds_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        simulate_pairs(**arguments)


# Entry ------------------------------------------------------------------------------------------


def test_the_pairs_of_transigen_have_a_twin_and_fall_back_to_it():
    assert load_pairs(data="simulated").tier == "simulated"
    data = load_pairs("transigen", "auto")
    assert data.tier == "simulated"
    assert "stand in for the panel files" in data.provenance.notes[0]
    with pytest.raises(DownloadError, match="helpers data fetch --tier panel"):
        load_pairs("transigen", "panel")
    with pytest.raises(DataError, match="unknown set of pairs 'slinky'; one of transigen"):
        load_pairs("slinky")


@pytest.mark.panel
def test_the_real_pairs_have_the_documented_counts(panel):
    pairs = load_pairs("transigen", "panel")
    assert pairs.pre.shape == pairs.post.shape == (100, 978)
    assert pairs.pairs["line"].nunique() == 43
    assert pairs.drugs()["lines"].to_list()[:7] == [29, 16, 9, 9, 7, 7, 5]
    assert (pairs.drugs()["most"] == 1).all()
    assert len(pairs.singletons) == 164
    assert "averaged" not in set(pairs.singleton_lines)


def test_subset_and_replace_keep_the_checks():
    data = small()
    with pytest.raises(DataError, match="one truth value for each of 2 rows"):
        data.subset([True])
    with pytest.raises(DataError, match="there are no pairs"):
        replace(data, pre=data.pre[:0], post=data.post[:0], pairs=data.pairs[:0])
