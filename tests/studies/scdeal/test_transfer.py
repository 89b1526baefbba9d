"""scDEAL as a whole: what the sheet demands of a re-implementation, on planted truth."""

import copy
import inspect

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from helpers.studies.scdeal.model import CHOICES, ScDEAL, fit_many
from helpers.studies.scdeal.model.domains import balance, read
from helpers.studies.scdeal.model.pipeline import Job
from helpers.studies.scdeal.model.stages import (
    Rows,
    held_terms,
    paired_batches,
    train_autoencoder,
    transfer_terms,
)
from studies.scdeal.world import SMALL, make_world

SEEDS = range(16)
FEWER = range(8)


@pytest.fixture(scope="module")
def world():
    return make_world()


@pytest.fixture(scope="module")
def of_reading(world):
    """Return a function that copies the model of a reading, fitted once."""
    fitted = {reading: ScDEAL(reading, **SMALL).fit(*world[:3]) for reading in ("faithful", "described")}
    return lambda reading: copy.deepcopy(fitted[reading])


def aurocs(results, state, when="after"):
    return np.array([roc_auc_score(state, getattr(r, when)[:, 1]) for r in results])


def fits(world, seeds=SEEDS, **settings):
    bulk_x, bulk_y, cells_x, _ = world
    return fit_many([(ScDEAL(**SMALL | settings, random_state=s), bulk_x, bulk_y, cells_x) for s in seeds])


# --- acceptance: planted truth ------------------------------------------------------------------------


def test_faithful_reading_guesses_the_side(world):
    found = aurocs(fits(world), world[3])
    assert 0.2 <= (found < 0.5).mean() <= 0.8
    assert found.min() < 0.2 < 0.8 < found.max(), "cells are told apart, in either direction"


def test_described_reading_knows_the_side(world):
    results = fits(world, FEWER, reading="described")
    assert aurocs(results, world[3]).min() > 0.8
    assert np.mean([r.bulk_test_auroc for r in results]) > 0.85


def test_shared_genes_without_a_shared_start_still_guess(world):
    found = aurocs(fits(world, FEWER, reading="described", cell_start="own"), world[3])
    assert 0.2 <= (found < 0.5).mean() <= 0.8


@pytest.mark.parametrize("reading", ["faithful", "described"])
def test_permuted_bulk_labels_give_chance(world, reading):
    bulk_x, bulk_y, cells_x, state = world
    jobs = []
    for seed in FEWER:
        permuted = np.random.default_rng(seed).permutation(bulk_y.to_numpy())
        model = ScDEAL(reading, **SMALL | {"epochs": 15}, random_state=seed)
        jobs.append((model, bulk_x, permuted, cells_x))
    results = fit_many(jobs)
    assert aurocs(results, state).mean() == pytest.approx(0.5, abs=0.2)
    assert np.mean([r.bulk_test_auroc for r in results]) == pytest.approx(0.5, abs=0.1)


# --- acceptance: what stage 4 moves ---------------------------------------------------------------------


@pytest.mark.parametrize("reading", ["faithful", "described"])
def test_weights_that_transfer_moves(of_reading, reading):
    model = of_reading(reading)
    start, end = (n.state_dict() for n in (model.fitted_.networks_before, model.fitted_.networks))
    moved = {name for name in end if not torch.equal(start[name], end[name])}
    running = {name for name in end if ".running_" in name or name.endswith("num_batches_tracked")}
    cells = {name for name in end if name.startswith("cells.")}
    assert {n for n in running if n.startswith("bulk.")} <= moved, "running statistics follow the batches"
    if reading == "faithful":
        assert moved - running == cells - running
    else:
        assert moved == set(end)


def untrained(world, **settings):
    """Networks of one job before any training, its settings, and rows for the transfer."""
    bulk_x, bulk_y, cells_x, _ = world
    model = ScDEAL(**SMALL | {"epochs": 0, "dropout": 0.0} | settings).fit(bulk_x, bulk_y, cells_x)
    bulk, cells = read(bulk_x, bulk_y, cells_x, model.settings_.genes)
    rows = Rows(bulk.x, bulk.y, cells.x, torch.arange(len(cells.x)) % 2)
    return model.fitted_.networks, rows, model.settings_


@pytest.mark.parametrize("reading", ["faithful", "described"])
def test_gradient_of_each_term(world, reading):
    networks, rows, settings = untrained(world, reading=reading)
    which = torch.arange(30)
    terms = transfer_terms(networks.train(), rows, which, which, settings)

    def reaches(term, part):
        if not term.requires_grad:
            return False
        weights = list(getattr(networks, part).parameters())
        found = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
        return any(g is not None and g.abs().max() > 0 for g in found)

    reached = {
        (name, part): reaches(term, part)
        for name, term in zip(("entropy", "distance", "spread"), terms, strict=True)
        for part in ("cells", "bulk", "predictor")
    }
    described = reading == "described"
    assert reached == {
        ("entropy", "cells"): False,
        ("entropy", "bulk"): described,
        ("entropy", "predictor"): described,
        ("distance", "cells"): True,
        ("distance", "bulk"): described,
        ("distance", "predictor"): False,
        ("spread", "cells"): described,  # S has no gradient in the faithful reading
        ("spread", "bulk"): False,
        ("spread", "predictor"): False,
    }
    assert all(term > 0 for term in terms)


def test_weights_of_the_terms(world):
    for name, position in (("mmd_weight", 1), ("cluster_weight", 2)):
        values = [
            held_terms(*untrained(world, reading="described", **{name: weight}))[position].item()
            for weight in (0.0, 1.0, 10.0)
        ]
        assert values[0] == 0
        assert values[2] == pytest.approx(10 * values[1], rel=1e-5)


def test_batches_are_cut_to_the_smaller():
    # 96 bulk lines in batches of 40, 40, 16; 48 cells in batches of 40 and 8, cycled.
    pairs = list(paired_batches(torch.arange(96), torch.arange(48), 40))
    assert [(len(a), len(b)) for a, b in pairs] == [(40, 40), (8, 8), (16, 16)]
    assert [(a[0].item(), b[0].item()) for a, b in pairs] == [(0, 0), (40, 40), (80, 0)]
    # A single row has no batch statistics.
    assert [len(a) for a, _ in paired_batches(torch.arange(41), torch.arange(40), 40)] == [40]


# --- one fit, many fits ---------------------------------------------------------------------------------

VARIANTS = [
    {},
    {"reading": "described"},
    {"sampling": "SMOTE"},
    {"predictor": (12, 8), "dropout": 0.3},
    {"bottleneck": 6, "denoising": False},
    {"cluster_weight": 0.0, "prediction": "train"},
]


def test_many_fits_same_as_single_fits(world):
    bulk_x, bulk_y, cells_x, _ = world
    small = SMALL | {"epochs": 4}
    models = [ScDEAL(**small | variant, random_state=s) for s in (0, 1) for variant in VARIANTS]
    together = fit_many([(clone(m), bulk_x, bulk_y, cells_x) for m in models], n_jobs=2)
    for model, found in zip(models, together, strict=True):
        alone = clone(model).fit(bulk_x, bulk_y, cells_x).fitted_
        np.testing.assert_array_equal(found.after, alone.after)
        np.testing.assert_array_equal(found.before, alone.before)
        assert found.validation_loss == alone.validation_loss
        assert found.bulk_validation_loss == alone.bulk_validation_loss
    assert len({r.after.tobytes() for r in together}) == len(models), "no two of them are the same model"


def test_shared_stages_are_trained_once(world, monkeypatch):
    bulk_x, bulk_y, cells_x, _ = world
    trained = []

    def counted(network, *others):
        trained.append(network)
        return train_autoencoder(network, *others)

    monkeypatch.setattr("helpers.studies.scdeal.model.pipeline.train_autoencoder", counted)
    small = SMALL | {"epochs": 1}
    variants = [
        {},
        {"sampling": "up", "resampled": "predictor"},
        {"predictor": (12, 8)},
        {"mmd_weight": 0.0},
        {"loss": "logits"},
    ]
    fit_many([(ScDEAL(**small | v), bulk_x, bulk_y, cells_x) for v in variants])
    assert len(trained) == 2, "one of the bulk lines and one of the cells"
    trained.clear()
    other = [{}, {"bottleneck": 6}, {"random_state": 1}, {"denoising": False}]
    fit_many([(ScDEAL(**small | v), bulk_x, bulk_y, cells_x) for v in other])
    assert len(trained) == 8


def test_same_seed_same_bits(world):
    first, second = fits(world, [3], epochs=3)[0], fits(world, [3], epochs=3)[0]
    other = fits(world, [4], epochs=3)[0]
    assert (first.after == second.after).all()
    assert not (first.after == other.after).any()


def test_scores_of_fitted_cells_are_the_predictions(world):
    bulk_x, bulk_y, cells_x, _ = world
    for prediction in CHOICES["prediction"]:
        model = ScDEAL(**SMALL | {"epochs": 5}, prediction=prediction).fit(bulk_x, bulk_y, cells_x)
        np.testing.assert_allclose(model.predict_proba(cells_x), model.fitted_.after, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(model.predict_before(cells_x), model.fitted_.before, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(model.predict(cells_x), model.fitted_.after.argmax(axis=1))
        part = model.predict_proba(cells_x.iloc[:30])
        alike = np.allclose(part, model.fitted_.after[:30], rtol=1e-4)
        assert alike == (prediction == "eval"), "in training mode a cell's score depends on its neighbours"


def test_genes_are_joined_by_name(world):
    bulk_x, bulk_y, cells_x, _ = world
    extra = cells_x.iloc[:, ::-1].assign(other=1.0)
    model = ScDEAL("described", **SMALL | {"epochs": 3}).fit(bulk_x.assign(own=2.0), bulk_y, cells_x)
    same = ScDEAL("described", **SMALL | {"epochs": 3}).fit(bulk_x, bulk_y, extra)
    assert list(model.gene_names_) == list(bulk_x.columns)
    np.testing.assert_array_equal(model.fitted_.after, same.fitted_.after)
    np.testing.assert_allclose(model.predict_proba(extra), model.predict_proba(cells_x))
    apart = ScDEAL(**SMALL | {"epochs": 3}).fit(bulk_x, bulk_y, extra)
    assert len(apart.gene_names_) == 61


def test_labels_are_joined_by_line_and_unmeasured_lines_left_out(world):
    bulk_x, bulk_y, cells_x, _ = world
    some = bulk_y.drop(bulk_y.index[:20])
    model = ScDEAL(**SMALL | {"epochs": 2}).fit(bulk_x, some.iloc[::-1], cells_x)
    direct = ScDEAL(**SMALL | {"epochs": 2}).fit(bulk_x.iloc[20:], some.to_numpy(), cells_x)
    np.testing.assert_array_equal(model.fitted_.after, direct.fitted_.after)


# --- leakage ----------------------------------------------------------------------------------------------


def test_no_label_of_a_cell_can_enter():
    arguments = list(inspect.signature(ScDEAL.fit).parameters)
    assert arguments == ["self", "bulk_x", "bulk_y", "cells_x"]


def test_bulk_labels_of_held_out_lines_do_not_move_the_predictor(world):
    bulk_x, bulk_y, cells_x, _ = world
    model = ScDEAL(**SMALL | {"epochs": 4})
    lines, cells = Job(model.resolved(), *read(bulk_x, bulk_y, cells_x, "separate")).splits
    parts = [lines.train, lines.validation, lines.test]
    assert sorted(np.concatenate(parts)) == list(range(150))
    assert [len(p) for p in parts] == [96, 24, 30]
    assert sorted(np.concatenate([cells.train, cells.validation])) == list(range(60))
    flipped = bulk_y.copy()
    flipped.iloc[lines.test] = 1 - flipped.iloc[lines.test]
    expected = model.fit(bulk_x, bulk_y, cells_x).fitted_
    found = clone(model).fit(bulk_x, flipped, cells_x).fitted_
    np.testing.assert_array_equal(found.after, expected.after)
    assert found.bulk_test_auroc == pytest.approx(1 - expected.bulk_test_auroc)


@pytest.mark.parametrize(("sampling", "count"), [(None, [30, 10]), ("up", [30, 30]), ("down", [10, 10])])
def test_sampling_repeats_or_drops_rows(sampling, count):
    x, y = torch.rand(40, 3), torch.tensor([0] * 30 + [1] * 10)
    balanced_x, balanced_y = balance(x, y, sampling, seed=1)
    assert np.bincount(balanced_y).tolist() == count
    rows = {row.numpy().tobytes() for row in x}
    assert {row.numpy().tobytes() for row in balanced_x} <= rows


def test_smote_adds_rows_between_neighbours():
    x, y = torch.rand(40, 3), torch.tensor([0] * 30 + [1] * 10)
    balanced_x, balanced_y = balance(x, y, "SMOTE", seed=1)
    assert np.bincount(balanced_y).tolist() == [30, 30]
    own = x[30:]
    new = balanced_x[balanced_y == 1]
    assert (new.min(0).values >= own.min(0).values - 1e-6).all()
    assert (new.max(0).values <= own.max(0).values + 1e-6).all()
    assert len(new.unique(dim=0)) == 30


# --- interpretation -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reading", ["faithful", "described"])
def test_attributions_are_complete(world, reading):
    bulk_x, bulk_y, cells_x, _ = world
    model = ScDEAL(reading, **SMALL | {"epochs": 30}).fit(bulk_x, bulk_y, cells_x)
    lowest = pd.DataFrame([cells_x.min()])  # scaled, this is the zero baseline
    for target in (0, 1):
        found = model.integrated_gradients(cells_x, target=target)
        assert found.shape == cells_x.shape
        gain = model.predict_proba(cells_x)[:, target] - model.predict_proba(lowest)[:, target]
        # The predictor's ReLUs have kinks, so the quadrature is close, not exact; more points are closer.
        np.testing.assert_allclose(found.sum(axis=1), gain, atol=0.03)
        finer = model.integrated_gradients(cells_x[:5], target=target, steps=1000)
        np.testing.assert_allclose(finer.sum(axis=1), gain[:5], atol=1e-3)


def test_attributions_are_exactly_complete_where_the_score_is_smooth(world, of_reading):
    """Without a kink on the path the quadrature is exact: what is left is rounding."""
    bulk_x, bulk_y, cells_x, _ = world
    model = of_reading("described")
    networks = model.fitted_.networks
    with torch.no_grad():
        for norm in networks.predictor.norm:
            norm.bias += 20  # every rectifier is open
        outputs = networks.predictor(networks.encode(read(bulk_x, bulk_y, cells_x, "shared")[1].x, "cells"))
        networks.predictor.out.bias -= outputs.mean(dim=0)  # and no output saturates
    found = model.integrated_gradients(cells_x)
    lowest = pd.DataFrame([cells_x.min()])
    gain = model.predict_proba(cells_x)[:, 1] - model.predict_proba(lowest)[:, 1]
    assert abs(gain).max() > 0.01
    np.testing.assert_allclose(found.sum(axis=1), gain, atol=1e-5)


@pytest.mark.parametrize("reading", ["faithful", "described"])
def test_attributions_name_the_genes_that_the_network_reads(world, of_reading, reading):
    """A gene without a weight gets nothing, exactly; the others share the whole gain."""
    cells_x = world[2]
    model = of_reading(reading)
    read_by_network = np.arange(60) % 3 == 0
    with torch.no_grad():
        model.fitted_.networks.cells.linear[0].weight[:, ~read_by_network] = 0
    found = model.integrated_gradients(cells_x)
    assert (found[:, ~read_by_network] == 0).all()
    assert (abs(found[:, read_by_network]).max(axis=0) > 0).all()


def test_transfer_moves_the_embedding_of_the_cells(world, of_reading):
    model = of_reading("described")
    cells_x = read(*world[:3], "shared")[1].x
    with torch.no_grad():
        before, after = (
            n.encode(cells_x, "cells") for n in (model.fitted_.networks_before, model.fitted_.networks)
        )
    assert before.shape == after.shape == (60, 8)
    assert not torch.allclose(before, after)
    assert model.fitted_.mmd_after < model.fitted_.mmd_before


def test_cross_entropy_of_sigmoids_has_a_floor(of_reading):
    fitted = of_reading("faithful").fitted_
    assert fitted.validation_loss > fitted.cross_entropy >= np.log(1 + np.exp(-1))
