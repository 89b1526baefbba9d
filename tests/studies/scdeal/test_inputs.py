"""Inputs and settings that scDEAL must refuse, each with a message that says what to do."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from helpers.errors import DataError, ParameterError
from helpers.studies.scdeal.model import CHOICES, READINGS, ScDEAL, fit_many
from helpers.studies.scdeal.model.domains import balance
from studies.scdeal.world import SMALL, make_world

QUICK = SMALL | {"epochs": 1}


@pytest.fixture(scope="module")
def world():
    return make_world()[:3]


def with_nan(x):
    x = x.copy()
    x.iloc[3, 2] = np.nan
    return x


def with_empty(x):
    x = x.copy()
    x.iloc[[4, 7]] = 0.0
    return x


BAD_INPUTS = [
    (lambda b, y, c: (b, y, c.add_prefix("ENSG")), "described", "share 0 genes .* map both to the same"),
    (lambda b, y, c: (b.to_numpy(), y, c), "described", "joins the domains by gene name"),
    (lambda b, y, c: (b, y * 0, c), "faithful", "hold only class 0; scDEAL needs sensitive and resistant"),
    (lambda b, y, c: (b, y * np.nan, c), "faithful", "the 0 labelled bulk lines hold no class"),
    (lambda b, y, c: (b, y + 1, c), "faithful", r"labels must be 1 .* got \[1. 2.\]"),
    (lambda b, y, c: (b, y.to_numpy()[:-1], c), "faithful", r"shape \(149,\), expected \(150,\)"),
    (lambda b, y, c: (b, y, with_nan(c)), "faithful", r"cell expression: 1 rows hold NaN .*first: row 3"),
    (lambda b, y, c: (with_nan(b), y, c), "faithful", r"bulk expression: 1 rows hold NaN"),
    (lambda b, y, c: (b, y, with_empty(c)), "faithful", r"2 cells are empty \(first: row 4\)"),
    (lambda b, y, c: (b, y, c.iloc[:0]), "faithful", r"must be a table, .* got shape \(0, 60\)"),
    (lambda b, y, c: (b, y, c.iloc[:9]), "faithful", "9 cells are too few"),
    (lambda b, y, c: (b.iloc[:8], y.iloc[:8], c), "faithful", "8 labelled bulk lines are too few"),
    (lambda b, y, c: (b, y, c.iloc[:, [0, 1, 1]]), "faithful", "gene 'gene1' occurs twice"),
]


@pytest.mark.parametrize(("change", "reading", "message"), BAD_INPUTS)
def test_bad_input_is_refused(world, change, reading, message):
    with pytest.raises(DataError, match=message):
        ScDEAL(reading, **QUICK).fit(*change(*world))


BAD_SETTINGS = [
    ({"reading": "literal"}, "reading='literal' is not one of faithful, described"),
    ({"kernel": "linear"}, "kernel='linear' is not one of single, mixture"),
    ({"sampling": "both"}, "sampling='both'"),
    ({"cell_start": "bulk"}, "cell_start='bulk' needs genes='shared'"),
    ({"dropout": 1.0}, "dropout must lie"),
    ({"epochs": -1}, "epochs must not be negative"),
    ({"batch_size": 1}, "batch_size must be at least 2"),
    ({"bottleneck": 0}, "at least one unit"),
    ({"encoder": ()}, "at least one unit"),
    ({"mmd_weight": -1.0}, "mmd_weight must not be negative"),
    ({"device": "tpu"}, "unknown device 'tpu'"),
]


@pytest.mark.parametrize(("setting", "message"), BAD_SETTINGS)
def test_bad_setting_is_refused(world, setting, message):
    with pytest.raises(ParameterError, match=message):
        ScDEAL(**QUICK | setting).fit(*world)


def test_a_missing_gpu_is_named(world):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ParameterError, match="torch finds no GPU"):
        ScDEAL(**QUICK, device="cuda").fit(*world)


def test_a_class_missing_from_the_training_part():
    x = torch.rand(10, 3)
    with pytest.raises(DataError, match="0 sensitive and 10 resistant lines"):
        balance(x, torch.zeros(10, dtype=torch.long), None, 0)
    one = torch.tensor([1] + [0] * 9)
    with pytest.raises(DataError, match="1 sensitive and 9 resistant lines: too few for sampling='SMOTE'"):
        balance(x, one, "SMOTE", 0)


def test_bad_prediction_input(world):
    cells_x = world[2]
    with pytest.raises(NotFittedError):
        ScDEAL().predict_proba(cells_x)
    model = ScDEAL(**QUICK).fit(*world)
    with pytest.raises(DataError, match=r"2 of the fitted genes are missing, e.g. \['gene0', 'gene1'\]"):
        model.predict_proba(cells_x.iloc[:, 2:])
    with pytest.raises(DataError, match="has 10 genes, the model was fitted to 60"):
        model.predict_proba(cells_x.to_numpy()[:, :10])
    with pytest.raises(DataError, match="NaN"):
        model.predict_proba(with_nan(cells_x))
    with pytest.raises(ParameterError, match="target must be 0"):
        model.integrated_gradients(cells_x, target=2)


def test_cells_outside_the_fitted_range_are_scored(world):
    model = ScDEAL(**QUICK).fit(*world)
    far = world[2] * 3 - 10
    assert np.isfinite(model.predict_proba(far)).all()


def test_constant_genes_and_arrays_are_taken(world):
    bulk_x, bulk_y, cells_x = world
    constant = cells_x.assign(gene0=2.0)
    named = ScDEAL(**QUICK).fit(bulk_x, bulk_y, constant)
    plain = ScDEAL(**QUICK).fit(bulk_x.to_numpy(), bulk_y.to_numpy(), constant.to_numpy())
    np.testing.assert_array_equal(named.fitted_.after, plain.fitted_.after)
    assert np.isfinite(named.fitted_.after).all()
    assert plain.gene_names_ is None


def test_odd_numbers_of_rows_are_taken(world):
    # 102 lines: 65 in training, so that batches of 16 leave a last one of a single row.
    bulk_x, bulk_y, cells_x = world
    settings = QUICK | {"batch_size": 16}
    model = ScDEAL(**settings).fit(bulk_x.iloc[:102], bulk_y.iloc[:102], cells_x.iloc[:11])
    assert np.isfinite(model.fitted_.validation_loss)


def test_no_jobs():
    assert fit_many([]) == []


def test_estimator_contract():
    model = ScDEAL("described", bottleneck=9, sampling="up")
    assert clone(model).get_params() == model.get_params()
    assert (
        pd.Series(model.get_params())
        .drop(["reading", "bottleneck", "sampling"])
        .equals(pd.Series(ScDEAL().get_params()).drop(["reading", "bottleneck", "sampling"]))
    )


def test_every_item_can_be_switched_alone():
    for name, (public, paper) in CHOICES.items():
        faithful = ScDEAL(**{name: paper}, **({"genes": "shared"} if name == "cell_start" else {})).resolved()
        assert getattr(faithful, name) == paper
        assert READINGS["faithful"][name] == public
    described = ScDEAL("described", cell_start="own").resolved()
    assert described.cell_start == "own"
    assert described.kernel == "mixture"
