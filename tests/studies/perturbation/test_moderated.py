"""limma's moderated t against moments of the F distribution, a written-out case, and a simulated null."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.errors import DataError
from helpers.studies.perturbation.hepatocytes import contrasts
from helpers.studies.perturbation.moderated import prior_of_variances, signed_log_p


@pytest.mark.parametrize(("d0", "s0", "df"), [(3.0, 0.04, 4), (12.0, 2.0, 3), (6.5, 0.5, 10)])
def test_the_prior_is_found_again(d0, s0, df):
    variances = s0 * stats.f(df, d0).rvs(200_000, random_state=1)
    found_d0, found_s0 = prior_of_variances(variances, df)
    assert found_d0 == pytest.approx(d0, rel=0.05) and found_s0 == pytest.approx(s0, rel=0.02)


def test_the_fitted_f_distribution_has_the_moments_of_the_logarithms():
    """Closed form against numerical integration over the density of F."""
    variances = np.random.default_rng(3).lognormal(-1, 0.9, 300)
    d0, s0 = prior_of_variances(variances, 5)
    fitted = stats.f(5, d0)
    mean = fitted.expect(np.log) + np.log(s0)
    variance = fitted.expect(lambda x: (np.log(x) + np.log(s0) - mean) ** 2)
    assert mean == pytest.approx(np.log(variances).mean(), abs=1e-5)
    assert variance == pytest.approx(np.log(variances).var(ddof=1), rel=1e-4)


def test_variances_that_differ_by_chance_alone_have_an_infinite_prior():
    d0, s0 = prior_of_variances(np.array([1.0, 1.01, 0.99, 1.0]), 4)
    assert np.isinf(d0) and s0 > 0
    values = np.random.default_rng(0).normal(size=(6, 2)) + np.repeat([[0], [1]], 3, axis=0)
    assert np.isfinite(signed_log_p(values, np.repeat(["a", "b"], 3), "a")["b"]).all()


def test_a_contrast_written_out():
    rng = np.random.default_rng(5)
    values = rng.normal(8, rng.gamma(2, 0.2, 50), (8, 50))
    groups = np.repeat(["Control", "Low", "Middle", "High"], 2)
    ss = sum(((values[groups == g] - values[groups == g].mean(0)) ** 2).sum(0) for g in set(groups))
    d0, s0 = prior_of_variances(ss / 4, 4)
    change = values[6:].mean(0) - values[:2].mean(0)
    t = change / np.sqrt((d0 * s0 + ss) / (d0 + 4))  # 1 / 2 + 1 / 2 = 1
    p = 2 * stats.t(d0 + 4).sf(np.abs(t))
    found = signed_log_p(values, groups, "Control")
    assert set(found) == {"Low", "Middle", "High"}
    np.testing.assert_allclose(found["High"], -np.sign(change) * np.log10(p), rtol=1e-10)


def test_p_is_uniform_where_nothing_happens():
    rng = np.random.default_rng(6)
    p = []
    for _ in range(40):
        sd = np.sqrt(0.05 * 6 / rng.chisquare(6, 200))
        found = signed_log_p(rng.normal(0, sd, (6, 200)), np.repeat(["c", "x", "y"], 2), "c")
        p.append(10 ** -np.abs(found["x"]))
    assert stats.kstest(np.concatenate(p)[::7], "uniform").pvalue > 0.01


@pytest.mark.parametrize("groups", [["a", "b"], ["a", "a"], ["b", "b"]])
def test_groups_that_cannot_be_contrasted(groups):
    with pytest.raises(DataError, match="another group and a replicate"):
        signed_log_p(np.zeros((2, 3)), np.array(groups), "a")


@pytest.mark.parametrize("variances", [[1.0], [1.0, 0.0], [[1.0, 2.0]]])
def test_variances_that_have_no_prior(variances):
    with pytest.raises(DataError, match="positive variances"):
        prior_of_variances(np.array(variances), 4)


def test_rows_of_arrays_are_compounds_in_contexts_with_their_own_controls():
    rng = np.random.default_rng(0)
    design = [(c, f"0{c}", d, h) for c in "xy" for h in ("2", "8") for d in ("Control", "Middle", "High")]
    arrays = pd.DataFrame(
        [row for row in design for _ in range(2)],
        columns=["treatmentid", "treatmentid_no", "dose_level", "duration"],
    )
    values = pd.DataFrame(rng.normal(size=(len(arrays), 20)), columns=[f"g{i}" for i in range(20)])
    rows, found = contrasts(pd.concat([arrays, values], axis=1))
    assert len(rows) == 8 and found.shape == (8, 20) and rows["block"].nunique() == 4
    own = ((arrays["treatmentid"] == "y") & (arrays["duration"] == "8")).to_numpy()
    expected = signed_log_p(values[own].to_numpy(), arrays.loc[own, "dose_level"].to_numpy(str), "Control")
    row = rows.index[(rows["compound"] == "y") & (rows["cell"] == "High, 8 h")][0]
    np.testing.assert_allclose(found.loc[row], expected["High"], rtol=1e-5)
