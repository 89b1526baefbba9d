"""PertVAE and VAE as users meet them: fits alone and together, early stopping, bad input, planted truth."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from helpers.errors import DataError, ParameterError
from helpers.studies.pertvae.model import VAE, PertVAE, align_effect
from helpers.studies.pertvae.model.bound import training_loss
from helpers.studies.pertvae.model.networks import Networks
from helpers.studies.pertvae.model.training import Batches, start_from_data
from studies.pertvae.world import SMALL, pairs_of


@pytest.fixture(scope="module")
def world():
    return pairs_of(40, 30)


def same(a, b, tolerance=1e-4):
    assert (a.n_iter_, a.best_epoch_, a.stopped_) == (b.n_iter_, b.best_epoch_, b.stopped_)
    np.testing.assert_allclose(a.history_, b.history_, rtol=tolerance, atol=tolerance)
    others = b.networks_.state_dict()
    for name, value in a.networks_.state_dict().items():
        np.testing.assert_allclose(value, others[name], rtol=tolerance, atol=tolerance)


# --- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{}, {"flow_steps": 0}, {"post_code": "pre", "batch_size": 4, "latent": 1, "l2": 0.5}]
)
def test_an_epoch_same_as_a_plain_loop(world, changes):
    """Adam of torch's documentation, on gradients of the same loss in a layout of their own."""
    pre, post, single, _ = world
    model = PertVAE(3, **SMALL | {"epochs": 1, "first_stop": 0}).set_params(**changes)
    examples = model._examples(pre[:6], post[:6], single, validation=(pre[6:9], post[6:9]))
    start, order, noise, _ = (np.random.default_rng(s) for s in np.random.SeedSequence(0).spawn(4))
    networks = Networks(10, model, start)
    parts = examples.minibatches(model.batch_size, order)
    assert max(map(len, parts)) <= model.batch_size
    start_from_data(networks, examples, parts[0], model.latent, start)
    batches = Batches(examples, model, noise, "cpu")
    parameters = [p for p in networks.parameters() if p.requires_grad]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
    for step, part in enumerate(parts, 1):
        loss = training_loss(networks, batches.of(part), model)
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        for p, g, (m, v) in zip(parameters, gradients, moments, strict=True):
            m.mul_(0.9).add_(0.1 * g)
            v.mul_(0.999).add_(0.001 * g * g)
            root = (v / (1 - 0.999**step)).sqrt() + 1e-8
            p.data = p - model.learning_rate * m / (1 - 0.9**step) / root
    model.fit(pre[:6], post[:6], single, validation=(pre[6:9], post[6:9]))
    trained = model.networks_.state_dict()
    for name, value in networks.state_dict().items():
        np.testing.assert_allclose(trained[name], value, atol=2e-3, err_msg=name)


def test_the_fused_optimiser_does_what_the_plain_one_does(world, monkeypatch):
    """A fused Adam once took the gradient of a transposed parameter in the order of its memory."""
    pre, post, single, _ = world
    fused = PertVAE(3, **SMALL).fit(pre, post, single)
    adam = torch.optim.Adam
    monkeypatch.setattr(torch.optim, "Adam", lambda *a, fused, **k: adam(*a, **k, fused=False, foreach=False))
    same(fused, PertVAE(3, **SMALL).fit(pre, post, single), tolerance=1e-3)


def test_same_seed_same_bits_other_seed_other_bits(world):
    pre, post, single, _ = world
    a, b, c = (PertVAE(3, random_state=s, **SMALL).fit(pre, post, single) for s in (4, 4, 5))
    same(a, b, tolerance=0)
    np.testing.assert_array_equal(a.predict(pre), b.predict(pre))
    assert not np.array_equal(a.predict(pre), c.predict(pre))


def test_threads_do_not_change_a_bit(world):
    pre, post, single, _ = world
    models = [PertVAE(latent, random_state=latent, **SMALL) for latent in (1, 3, 3, 5)]
    alone = [clone(model).fit(pre, post, single) for model in models]
    side_by_side = Parallel(2, prefer="threads")(delayed(m.fit)(pre, post, single) for m in models)
    for a, b in zip(alone, side_by_side, strict=True):
        same(a, b, tolerance=0)


# --- early stopping ------------------------------------------------------------------------------


def test_the_state_of_the_lowest_validation_loss_is_kept(world):
    pre, post, single, _ = world
    settings = SMALL | {"epochs": 30, "patience": 60, "learning_rate": 0.03}
    long = PertVAE(3, **settings).fit(pre[:14], post[:14], single[:5])
    best = int(long.history_["validation_loss"].idxmin()) + 1
    assert long.best_epoch_ == best < long.n_iter_ == 30
    assert long.stopped_ == "all epochs done"
    # A run that ends at that epoch has the same state: nothing later leaks into it.
    short = PertVAE(3, **settings | {"epochs": best}).fit(pre[:14], post[:14], single[:5])
    same_state = short.networks_.state_dict()
    for name, value in long.networks_.state_dict().items():
        np.testing.assert_array_equal(value, same_state[name])


@pytest.mark.parametrize(("first_stop", "patience"), [(0, 3), (15, 3), (0, 6)])
def test_training_ends_after_patience(world, first_stop, patience):
    pre, post, single, _ = world
    settings = SMALL | {"epochs": 80, "first_stop": first_stop, "patience": patience, "learning_rate": 0.03}
    model = PertVAE(3, **settings).fit(pre, post, single)
    assert model.stopped_ == "early stopping"
    losses = model.history_["validation_loss"].to_numpy()
    ends = [
        epoch
        for epoch in range(1, len(losses) + 1)
        if epoch >= first_stop and epoch - (np.argmin(losses[:epoch]) + 1) >= patience
    ]
    assert model.n_iter_ == len(losses) == ends[0]


@pytest.mark.parametrize("where", ["pre", "validation"])
def test_a_loss_that_is_not_finite_ends_the_fit(world, where):
    pre, post, single, _ = world
    arguments = {"pre": pre, "post": post, "singletons": single, "validation": (pre[:5], post[:5])}
    broken = pre.copy()
    broken[3] = 1e25
    arguments |= {"pre": broken} if where == "pre" else {"validation": (broken[:5], post[:5])}
    model = PertVAE(3, **SMALL)
    with pytest.warns(
        ConvergenceWarning, match=r"not finite after \d+ whole epochs.*state of epoch \d+ is kept"
    ):
        model.fit(**arguments)
    assert model.stopped_ == "loss not finite"
    assert np.isfinite(model.predict(pre)).all()


def test_without_validation_whole_lines_are_held_out():
    pre, post, single, _ = pairs_of(30, 10)
    lines = np.repeat([f"line {i}" for i in range(10)], 3)
    settings = SMALL | {"epochs": 2, "first_stop": 0}
    model = PertVAE(3, **settings)
    singles = [f"line {i}" for i in range(10)]
    examples = model._examples(pre, post, single, lines, singles)
    watched = examples.validation[0]
    rows = [int(np.abs(pre - w).sum(axis=1).argmin()) for w in watched]
    held = set(lines[rows])
    assert len(held) == 2
    assert len(rows) == 6
    assert len(examples.pre) == 24
    assert len(examples.singletons) == 8, "the singletons of held-out lines are held out too"


def test_every_line_weighs_the_same():
    pre, post, single, _ = pairs_of(6, 4)
    lines, singles = ["a", "a", "a", "b", "c", "d"], ["a", "b", "e", "e"]
    held = {"validation": (pre, post)}
    arguments = {"pre": pre, "post": post, "singletons": single, "lines": lines, "singleton_lines": singles}
    weight = PertVAE(3, **SMALL)._examples(**arguments, **held).weight
    expected = np.array([1 / 4, 1 / 4, 1 / 4, 1 / 2, 1, 1, 1 / 4, 1 / 2, 1 / 2, 1 / 2]) / 5
    np.testing.assert_allclose(weight, expected)
    assert weight.sum() == pytest.approx(1)


# --- use -----------------------------------------------------------------------------------------


def test_prediction_is_the_mean_over_draws(world):
    pre, post, single, _ = world
    model = PertVAE(3, **SMALL).fit(pre, post, single)
    few, many_draws = (clone(model).set_params(draws=d) for d in (0, 2000))
    for m in (few, many_draws):
        m.__dict__.update({k: v for k, v in model.__dict__.items() if k.endswith("_")})
    one_by_one = np.concatenate([many_draws.predict(pre[[i]]) for i in range(3)])
    np.testing.assert_allclose(many_draws.predict(pre[:3]), one_by_one, rtol=1e-4, atol=1e-4)
    # Pushing the mean through the flow is the same place up to curvature.
    assert np.corrcoef(few.predict(pre).ravel(), many_draws.predict(pre).ravel())[0, 1] > 0.95
    np.testing.assert_allclose(few.reconstruct(pre), few.decode(few.latent_mean(pre)), rtol=1e-3, atol=1e-3)
    shifted = few.latent_mean(pre) + few.latent_mean(pre) @ few.W_.T + few.b_
    np.testing.assert_allclose(few.predict(pre), few.decode(shifted), rtol=1e-3, atol=1e-3)


def test_tables_and_arrays_give_the_same(world):
    pre, post, _, _ = world
    names = [f"gene {i}" for i in range(pre.shape[1])]
    tables = [pd.DataFrame(x, columns=names) for x in (pre, post)]
    settings = SMALL | {"epochs": 3, "first_stop": 0}
    a, b = PertVAE(3, **settings).fit(*tables), PertVAE(3, **settings).fit(pre, post)
    np.testing.assert_array_equal(a.predict(tables[0]), b.predict(pre))
    with pytest.raises(DataError, match="genes differ"):
        a.predict(tables[0][names[::-1]])


def test_plain_vae_rebuilds_better_with_more_units():
    single = pairs_of(0, 300, genes=12, latent=4, seed=1)[2]
    settings = SMALL | {"hidden": (24, 16), "epochs": 40, "patience": 20}
    models = [VAE(k, **settings).fit(single[:240]) for k in (1, 4)]
    errors = [float(((m.reconstruct(single[240:]) - single[240:]) ** 2).mean()) for m in models]
    assert errors[1] < 0.75 * errors[0] < 0.75 * single[240:].var()
    estimate = models[1].log_likelihood(single[240:], draws=50)
    assert (estimate >= models[1].elbo(single[240:], draws=50)).all()


# --- planted truth -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recovered():
    pre, post, _, truth = pairs_of(460, genes=40, seed=2)
    model = PertVAE(
        3,
        hidden=(48, 32),
        context=12,
        flow_hidden=24,
        learning_rate=5e-3,
        epochs=150,
        patience=15,
        watch="correlation",
        draws=50,
    )
    model.fit(pre[:400], post[:400], validation=(pre[400:430], post[400:430]))
    return model, pre, post, truth


def test_planted_shift_is_predicted_line_by_line(recovered):
    model, pre, post, truth = recovered
    new = slice(430, None)
    shift, true = model.predict(pre[new]) - model.reconstruct(pre[new]), truth["shift"][new]
    assert np.corrcoef(shift.ravel(), true.ravel())[0, 1] > 0.95
    # Beyond the mean shift that every line shares:
    own, true_own = (x - x.mean(axis=0) for x in (shift, true))
    assert np.corrcoef(own.ravel(), true_own.ravel())[0, 1] > 0.9
    mean_shift = pre[new] + (post[:400] - pre[:400]).mean(axis=0)
    assert ((model.predict(pre[new]) - post[new]) ** 2).mean() < ((mean_shift - post[new]) ** 2).mean()


def test_w_and_b_say_where_a_code_goes_in_either_form():
    pre, post, _, _ = pairs_of(40, seed=3)
    for form in ("identity", "free"):
        model = PertVAE(3, **{**SMALL, "draws": 0}, form=form).fit(pre, post)
        z = model.latent_mean(pre)
        assert np.allclose(model.decode(z + z @ model.W_.T + model.b_), model.predict(pre), atol=1e-4)


def test_planted_matrix_is_recovered_up_to_the_basis(recovered):
    model, pre, _, truth = recovered
    aligned = align_effect(model.W_, model.b_, model.latent_mean(pre), truth["z"])
    assert aligned.explained > 0.95
    assert np.linalg.norm(aligned.W - truth["W"]) < 0.4 * np.linalg.norm(truth["W"])
    assert np.linalg.norm(aligned.b - truth["b"]) < 0.5 * np.linalg.norm(truth["b"])


def test_alignment_undoes_any_affine_basis():
    rng = np.random.default_rng(0)
    W, b, z = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=(20, 3))
    turn, shift = rng.normal(size=(3, 3)), rng.normal(size=3)
    # codes u with z = turn u + shift; the same effect written for u.
    codes = (z - shift) @ np.linalg.inv(turn).T
    W_codes = np.linalg.inv(turn) @ W @ turn
    b_codes = np.linalg.inv(turn) @ (W @ shift + b)
    aligned = align_effect(W_codes, b_codes, codes, z)
    np.testing.assert_allclose(aligned.W, W, atol=1e-8)
    np.testing.assert_allclose(aligned.b, b, atol=1e-8)
    assert aligned.explained == pytest.approx(1)
    with pytest.raises(DataError, match="agree in rows"):
        align_effect(W, b, codes[:, :2], z)
    with pytest.raises(DataError, match="pass at least 5"):
        align_effect(W, b, codes[:4], z[:4])


# --- bad input -----------------------------------------------------------------------------------


def with_nan(x):
    x = x.copy()
    x[2, 1] = np.nan
    return x


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda p, q, s: {"pre": p, "post": q[:-1]}, "40 pre, 39 post"),
        (lambda p, q, s: {"pre": p, "post": q[:, :-1]}, "post has 9 genes, expected 10"),
        (
            lambda p, q, s: {"pre": with_nan(p), "post": q},
            "pre holds NaN or infinite values, first at row 2, gene 1",
        ),
        (lambda p, q, s: {"pre": p, "post": q, "singletons": with_nan(s)}, "singletons holds NaN"),
        (lambda p, q, s: {"pre": p, "post": q, "singletons": s[:, 1:]}, "singletons has 9 genes"),
        (lambda p, q, s: {"pre": p[:0], "post": q[:0]}, "at least one row"),
        (lambda p, q, s: {"pre": p[0], "post": q[0]}, "must be a matrix"),
        (lambda p, q, s: {"pre": p, "post": q, "lines": ["a"] * 3}, "one line a profile"),
        (lambda p, q, s: {"pre": p, "post": q, "lines": ["a"] * 40}, "needs a second line"),
        (lambda p, q, s: {"pre": p, "post": q, "validation": (p[:2], q[:3])}, "2 pre, 3 post"),
        (lambda p, q, s: {"pre": p, "post": q, "validation": (p[:0], q[:0])}, "validation must be a matrix"),
    ],
)
def test_bad_input(world, arguments, message):
    with pytest.raises(DataError, match=message):
        PertVAE(3, **SMALL).fit(**arguments(*world[:3]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"post_code": "both"}, "post_code='both'"),
        ({"watch": "loss"}, "watch='loss' is not one of likelihood, prediction, correlation"),
        ({"device": "tpu"}, "device='tpu'"),
        ({"latent": 0}, "latent must be a whole number from 1"),
        ({"flow_steps": -1}, "flow_steps must be a whole number from 0"),
        ({"free_bits": -1.0}, "free_bits must be a number from 0"),
        ({"l2": float("nan")}, "l2 must be a number from 0"),
        ({"learning_rate": 0.0}, "learning_rate must be a number"),
        ({"hidden": ()}, "hidden must name at least one layer"),
    ],
)
def test_bad_settings(world, changes, message):
    with pytest.raises(ParameterError, match=message):
        PertVAE(**{"latent": 3, **SMALL, **changes}).fit(*world[:3])


def test_bad_use_of_a_fitted_model(world):
    pre, post, _, _ = world
    model = PertVAE(3, **SMALL | {"epochs": 1, "first_stop": 0}).fit(pre, post)
    for wrong, message in ((pre[:, :4], "pre has 4 genes"), (with_nan(pre), "pre holds NaN")):
        with pytest.raises(DataError, match=message):
            model.predict(wrong)
    with pytest.raises(DataError, match="3 pre, 2 post"):
        model.elbo(pre[:3], post[:2])
    with warnings.catch_warnings(), pytest.raises(DataError, match="X holds NaN"):
        VAE(2, **SMALL).fit(with_nan(pre))
