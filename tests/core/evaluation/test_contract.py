"""Every estimator of the package: either scikit-learn's checks, or a reason why its input is another."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

import helpers.studies
from helpers.errors import DataError
from helpers.evaluation.contract import fit_inputs, fit_table, new_table
from helpers.studies.gpds.baselines import PLSCV, NearestLines, PCARidge, PermutedTarget
from helpers.studies.gpds.model import EqualFrequencyBinner, GPDSRegressor

#: Bases whose subclasses have another input than a table X and a column y, and which.
OTHER_INPUT = {
    "PairClassifier": "pairs: integers into lines and drugs",
    "CellClassifier": "bulk lines, their labels, and cells",
    "ScDEAL": "bulk lines, their labels, and cells",
    "SimplePredictor": "rows that name a cell and a compound, and many columns of changes",
    "PerturbationNetwork": "rows that name a cell and a compound, and many columns of changes",
    "PairPredictor": "profiles before and after a treatment",
    "Settings": "profiles before and after a treatment",
    "LineageMean": "the index of the table, which names lines, and not its values",
    "LineageRidge": "the index of the table, which names lines, and not its values",
    "MeanVarianceFilter": "log2(TPM + 1): it refuses the checks' centred values, whose scale it cannot be",
}
#: Both ask float64 numbers for more digits than float32 networks have; the next test asks for what they have.
_ROUNDING = dict.fromkeys(
    ["check_methods_sample_order_invariance", "check_methods_subset_invariance"],
    "float32: other rows beside a row move the last digits of a matrix product, on some processors",
)
CHECKED = [
    PLSCV(),
    NearestLines(),
    PCARidge(),
    PermutedTarget(epochs=3),
    GPDSRegressor(epochs=3),
    EqualFrequencyBinner(),
]
_ERROR = "it asks for a TypeError where this project has one error for all bad data, a ValueError"
#: Checks that cannot apply.
EXPECTED = {
    "GPDSRegressor": _ROUNDING,
    "PermutedTarget": _ROUNDING | {"check_regressors_train": "that nothing is learned is its purpose"},
    "EqualFrequencyBinner": {
        "check_transformer_preserve_dtypes": "bins are small numbers: float32 whatever comes in",
    },
}


def expected(estimator: BaseEstimator) -> dict[str, str]:
    return {"check_dtype_object": _ERROR} | EXPECTED.get(type(estimator).__name__, {})


@parametrize_with_checks(CHECKED, expected_failed_checks=expected)
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("model", [GPDSRegressor(epochs=3), PermutedTarget(epochs=3)])
def test_a_prediction_depends_on_no_other_row(model):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 5)), rng.normal(size=40)
    whole = model.fit(X, y).predict(X)
    order = rng.permutation(40)
    np.testing.assert_allclose(model.predict(X[order]), whole[order], rtol=1e-5, atol=1e-6)
    for row in range(40):
        np.testing.assert_allclose(model.predict(X[[row]]), whole[[row]], rtol=1e-5, atol=1e-6)


def estimators() -> set[type]:
    found = set()
    for module in pkgutil.walk_packages(helpers.studies.__path__, "helpers.studies."):
        members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        found |= {one for _, one in members if issubclass(one, BaseEstimator)}
    return {one for one in found if one.__module__.startswith("helpers.")}


def test_no_estimator_is_forgotten():
    checked = {type(one) for one in CHECKED}
    rest = {
        one.__name__
        for one in estimators() - checked
        if not {base.__name__ for base in one.__mro__} & set(OTHER_INPUT)
    }
    assert rest == set()
    names = {base.__name__ for one in estimators() for base in one.__mro__}
    assert set(OTHER_INPUT) <= names, "a reason for a class that is gone"


X = pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=["a", "b", "c"])
Y = np.arange(4.0)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:0], Y[:0], r"Ridge: Found array with 0 sample"),
        (X[[]].to_numpy(), Y, "0 feature"),
        (X.where(X != 3), Y, "contains NaN"),
        (X.replace(3, np.inf), Y, "contains infinity"),
        (X.astype(object).replace(3, "x"), Y, "could not convert string to float: 'x'"),
        (X + 1j, Y, "Complex data not supported"),
        (sparse.csr_matrix(X), Y, "Sparse data was passed"),
        (X["a"], Y, "Expected a 2-dimensional|Expected 2D array"),
        (None, Y, "Ridge: "),
        (X, Y[:3], "inconsistent numbers of samples"),
        (X, np.full(4, np.nan), "Input y contains NaN"),
        (X, None, "requires y to be passed"),
        (X, ["high"] * 4, "Ridge: "),
    ],
)
def test_what_is_refused(x, y, message):
    with pytest.raises(DataError, match=message):
        fit_inputs(Ridge(), x, y)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (X[["a", "b"]], "The feature names should match|X has 2 features"),
        (X[["b", "a", "c"]], "in the same order"),
        (X.rename(columns={"a": "TP53"}), "unseen at fit time"),
        (X.replace(3, np.nan), "contains NaN"),
    ],
)
def test_new_tables_that_are_refused(new, message):
    ridge = Ridge()
    assert fit_table(ridge, X).shape == (4, 3)
    np.testing.assert_array_equal(new_table(ridge, X), X)
    with pytest.raises(DataError, match=message):
        new_table(ridge, new)
