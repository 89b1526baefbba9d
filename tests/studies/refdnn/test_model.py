"""RefDNN against independent implementations, and against itself by another route."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_validate

from helpers.errors import DataError, ParameterError
from helpers.studies.refdnn.features import PairFeatures
from helpers.studies.refdnn.frozen import frozen_logits
from helpers.studies.refdnn.model import Layout, RefDNNClassifier, batched, cpu, fit_many
from helpers.studies.refdnn.model.stream import shuffled_stream
from helpers.training import kernels


def make_problem(n_lines=40, n_drugs=6, n_genes=30, seed=0):
    """Small pairs with a planted gene effect per drug."""
    rng = np.random.default_rng(seed)
    expression = rng.gamma(2.0, 1.5, (n_lines, n_genes)).astype(np.float32)
    bits = rng.integers(0, 2, (n_drugs, 64))
    features = PairFeatures(
        expression,
        bits,
        np.array([f"line{i}" for i in range(n_lines)]),
        np.array([f"drug{i}" for i in range(n_drugs)]),
        np.array([f"gene{i}" for i in range(n_genes)]),
    )
    codes = np.array([(line, drug) for line in range(n_lines) for drug in range(n_drugs)])
    effect = rng.normal(0, 1, (n_genes, n_drugs)) * (rng.random((n_genes, n_drugs)) < 0.2)
    logits = expression @ effect
    logits = (logits - logits.mean(0)) / logits.std(0) + rng.normal(0, 1.0, n_drugs)
    y = (rng.random(len(codes)) < 1 / (1 + np.exp(-3 * logits[codes[:, 0], codes[:, 1]]))).astype(int)
    return features, codes, y


SMALL = {"hidden_units": 8, "steps": 60, "batch_size": 16, "evaluate_every": 20, "first_evaluation": 20}


@pytest.fixture(scope="module")
def problem():
    return make_problem()


def task_of(estimator, codes, y, **changes):
    estimator = clone(estimator).set_params(**changes)
    return estimator._task(codes, y, None)


# --- oracles -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lr", "l1", "l2"), [(0.1, 0.0, 0.0), (0.1, 0.3, 0.0), (0.01, 0.0, 5.0), (5e-5, 1e-3, 66.0)]
)
def test_ftrl_same_as_keras(lr, l1, l2):
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(1)
    start = rng.normal(0, 0.5, 50).astype(np.float32)
    variable = keras.Variable(start)
    optimiser = keras.optimizers.Ftrl(
        learning_rate=lr,
        learning_rate_power=-0.5,
        initial_accumulator_value=0.1,
        l1_regularization_strength=l1,
        l2_regularization_strength=l2,
    )
    w, z, n = start.copy(), np.zeros(50, np.float32), np.full(50, 0.1, np.float32)
    for _ in range(10):
        gradient = rng.normal(0, 1, 50).astype(np.float32)
        gradient[:5] = 0
        optimiser.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        kernels.ftrl_update(w, z, n, gradient, np.float32(lr), np.float32(l1), np.float32(l2))
        np.testing.assert_allclose(w, np.asarray(variable), rtol=2e-5, atol=1e-6)
    assert (w[:5] == 0).all(), "coordinates without gradient become exactly zero at the first step"


def test_ftrl_first_step_nearly_erases_the_start():
    w0, g, lr = np.float32(0.7), np.float32(1.3), np.float32(0.1)
    w, z, n = np.array([w0]), np.zeros(1, np.float32), np.full(1, 0.1, np.float32)
    kernels.ftrl_update(w, z, n, np.array([g]), lr, np.float32(0), np.float32(0))
    expected = w0 * (1 - np.sqrt(0.1 / (0.1 + g**2))) - lr * g / np.sqrt(0.1 + g**2)
    # z is -(sqrt(n') - sqrt(n)) / lr * w0 + g, so the start survives only through that term.
    assert w[0] == pytest.approx(expected, rel=1e-5)


def test_adam_is_tensorflows_form():
    rng = np.random.default_rng(2)
    w, m, v = (np.zeros(20, np.float32) for _ in range(3))
    w[:] = rng.normal(size=20)
    ref_w, ref_m, ref_v = w.astype(float), np.zeros(20), np.zeros(20)
    for t in range(1, 30):
        g = rng.normal(0, 10.0 ** rng.integers(-6, 2), 20).astype(np.float32)
        kernels.adam_update(w, m, v, g, np.float32(0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)))
        ref_m = 0.9 * ref_m + 0.1 * g
        ref_v = 0.999 * ref_v + 0.001 * g.astype(float) ** 2
        ref_w -= 0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * ref_m / (np.sqrt(ref_v) + 1e-8)
    np.testing.assert_allclose(w, ref_w, rtol=1e-4, atol=1e-6)


def test_sigmoid_same_as_double_precision():
    x = np.concatenate([np.linspace(-90, 90, 20001), [0.0, -1e-6, 1e-6]]).astype(np.float32)
    ours = np.array([kernels.sigmoid(v) for v in x])
    np.testing.assert_allclose(ours, 1 / (1 + np.exp(-x.astype(float))), rtol=1e-6, atol=1e-37)


def plain_step(task, encoder, network, moving):
    """One training step in double precision, written from the equations of the paper with autograd."""
    import torch

    rows = task.stream[: task.batch]
    pairs = task.train
    parts = task.layout.parts(network)
    weights = {k: torch.tensor(v.astype(float), requires_grad=True) for k, v in parts.items()}
    w0 = torch.tensor(encoder.astype(float), requires_grad=True)
    x = torch.tensor(task.expression[pairs.lines[rows]].astype(float))
    s = torch.tensor(task.similarity[pairs.drugs[rows]].astype(float))
    y = torch.tensor(pairs.labels[rows].astype(float))
    a = x @ w0[:-1] + w0[-1]
    h = s * torch.sigmoid(a)
    stats = []
    for i in ("1", "2"):
        u = h @ weights[f"W{i}"] + weights[f"b{i}"]
        stats += [u.mean(0), u.var(0, unbiased=False)]
        normal = torch.nn.functional.batch_norm(u, None, None, training=True, eps=1e-3)
        h = torch.sigmoid(normal)
    o = h @ weights["w3"] + weights["b3"]
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    own = a[torch.arange(len(rows)), torch.tensor(pairs.reference[rows])]
    loss = task.weights[0] * bce(o, y) + task.weights[1] * bce(own, y)
    loss.backward()
    g = w0.grad.numpy()
    n = 0.1 + g**2
    z = g - (np.sqrt(n) - np.sqrt(0.1)) / task.lr_ftrl * encoder
    new_encoder = np.where(
        np.abs(z) <= task.l1, 0, (np.sign(z) * task.l1 - z) / (np.sqrt(n) / task.lr_ftrl + 2 * task.l2)
    )
    new_network = {}
    for name, value in parts.items():
        grad = weights[name].grad
        if name.startswith(("gamma", "beta")):
            new_network[name] = value
            continue
        grad = grad.numpy()
        step = task.lr_adam * np.sqrt(1 - 0.999) / (1 - 0.9)
        new_network[name] = value - step * 0.1 * grad / (np.sqrt(0.001 * grad**2) + 1e-8)
    new_moving = np.array([0.99 * m + 0.01 * s.detach().numpy() for m, s in zip(moving, stats, strict=True)])
    return loss.item(), new_encoder, new_network, new_moving


@pytest.mark.parametrize("weights", [(0.5, 0.5), (1.0, 0.0), (0.0, 1.0)])
def test_one_step_same_as_plain_implementation(problem, weights):
    features, codes, y = problem
    model = RefDNNClassifier(features, 8, lr_ftrl=0.1, lr_adam=1e-3, l1=1e-3, l2=1e-2, loss_weights=weights)
    model.set_params(steps=1, evaluate_every=1, first_evaluation=1, batch_size=32)
    task = model._task(codes, y, None)
    fitted = cpu.fit(task)
    loss, encoder, network, moving = plain_step(
        task, task.initial_encoder, task.initial_network, cpu.initial_moving(8)
    )
    assert fitted.history[0, 1] == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(fitted.encoder, encoder, rtol=2e-3, atol=2e-6)
    np.testing.assert_allclose(fitted.moving, moving, rtol=1e-4, atol=1e-6)
    ours = task.layout.parts(fitted.network)
    # b1 and b2: the plain implementation's gradient is rounding noise around zero, which Adam blows up.
    for name in set(ours) - {"b1", "b2"}:
        np.testing.assert_allclose(ours[name], network[name], rtol=1e-3, atol=2e-5, err_msg=name)


def test_prediction_same_as_plain_implementation(problem):
    features, codes, y = problem
    model = RefDNNClassifier(features, lr_adam=0.01, l1=0.01, **SMALL).fit(codes, y)
    p = Layout(30, 6, 8).parts(model.fitted_.network)
    moving = model.fitted_.moving
    sig = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    a = features.expression[codes[:, 0]].astype(float) @ model.weights_ + model.fitted_.encoder[-1]
    h = features.similarity[codes[:, 1]] * sig(a)
    for i, (mean, var) in (("1", moving[:2]), ("2", moving[2:])):
        h = sig((h @ p[f"W{i}"] + p[f"b{i}"] - mean) / np.sqrt(var + 1e-3))
    np.testing.assert_allclose(model.predict_proba(codes)[:, 1], sig(h @ p["w3"] + p["b3"]), rtol=1e-4)


def test_parameter_counts_of_the_report():
    counts = Layout(genes=18926, drugs=12, hidden=128).count_parameters()
    assert counts["weights"] == 245_941
    assert counts["learned"] == 245_429
    assert counts["published"] == 737_313
    gdsc = Layout(genes=17780, drugs=222, hidden=128).count_parameters()
    assert (gdsc["encoder"], gdsc["network"], gdsc["published"]) == (3_947_382, 45_185, 11_978_727)


# --- two engines, two routes ------------------------------------------------------------------------

VARIANTS = [
    {},
    {"encoder": "adam", "loss_weights": (1.0, 0.0)},
    {"encoder": "frozen", "loss_weights": (1.0, 0.0)},
    {"encoder": "zero", "loss_weights": (1.0, 0.0)},
    {"loss_weights": (0.0, 1.0), "output": "encoder"},
    {"affine": True, "standardise": True, "similarity": "identity"},
    {"hidden_units": 5, "full_validation": True, "similarity": "shuffled"},
]


def test_engines_agree_and_batch_equals_single(problem):
    """Networks of different size in one torch batch, alone, and in compiled code give the same numbers."""
    features, codes, y = problem
    base = RefDNNClassifier(features, lr_ftrl=0.05, lr_adam=3e-3, l1=1e-3, l2=1e-2, **SMALL)
    tasks = [task_of(base, codes, y, **variant) for variant in VARIANTS]
    compiled = [cpu.fit(t) for t in tasks]
    together = batched.fit_batch(
        [t for t, v in zip(tasks, VARIANTS, strict=True) if not v.get("standardise")], "cpu"
    )
    alone = [batched.fit_batch([t], "cpu")[0] for t in tasks]
    shared = iter(together)
    for variant, one, single in zip(VARIANTS, compiled, alone, strict=True):
        others = [single] if variant.get("standardise") else [single, next(shared)]
        for other in others:
            assert one.steps == other.steps
            np.testing.assert_allclose(one.history, other.history, rtol=1e-4)
            np.testing.assert_allclose(one.encoder, other.encoder, rtol=1e-3, atol=1e-4)
            np.testing.assert_allclose(one.network, other.network, rtol=1e-3, atol=1e-4)
            np.testing.assert_allclose(one.moving, other.moving, rtol=1e-3, atol=1e-4)


def test_threads_do_not_change_the_numbers(problem):
    features, codes, y = problem
    models = [RefDNNClassifier(features, random_state=s, l1=0.1, **SMALL) for s in range(4)]
    single = [clone(m).fit(codes, y).predict_proba(codes) for m in models]
    many = [m.predict_proba(codes) for m in fit_many([(clone(m), codes, y, None) for m in models], n_jobs=2)]
    for a, b in zip(single, many, strict=True):
        np.testing.assert_array_equal(a, b)


def test_tiles_do_not_change_the_numbers(problem, monkeypatch):
    features, codes, y = problem
    model = RefDNNClassifier(features, l1=0.01, **SMALL)
    whole = clone(model).fit(codes, y).predict_proba(codes)
    monkeypatch.setattr(cpu, "TILE", 7)
    np.testing.assert_allclose(clone(model).fit(codes, y).predict_proba(codes), whole, rtol=1e-3)


# --- behaviour ----------------------------------------------------------------------------------------


def test_learns_planted_effects():
    features, codes, y = make_problem(n_lines=150, seed=3)
    held = codes[:, 0] % 5 == 0
    model = RefDNNClassifier(features, 16, lr_ftrl=0.01, lr_adam=3e-3, l1=0.001, l2=0.001, steps=2000)
    model.fit(codes[~held], y[~held])
    p = model.predict_proba(codes[held])[:, 1]
    within = []
    for drug in range(6):
        rows = codes[held][:, 1] == drug
        pos, neg = p[rows & (y[held] == 1)], p[rows & (y[held] == 0)]
        within.append((pos[:, None] > neg[None, :]).mean())
    assert np.mean(within) > 0.6, "ranks unseen lines within a drug better than chance"


def test_early_stopping_at_the_21st_evaluation_without_improvement(problem):
    features, codes, y = problem
    model = RefDNNClassifier(features, 4, lr_ftrl=1e-6, lr_adam=1e-12, l1=1e3, steps=4000, batch_size=16)
    model.set_params(evaluate_every=10, first_evaluation=10, full_validation=True).fit(codes, y)
    losses = model.fitted_.history[:, 2]
    since = len(losses) - 1 - int(np.argmin(losses))
    assert model.stopped_ == "early stopping"
    assert since == 21
    assert model.n_iter_ == 10 * len(losses)


def test_frozen_encoder_stays_at_its_start(problem):
    features, codes, y = problem
    model = RefDNNClassifier(features, encoder="frozen", loss_weights=(1.0, 0.0), **SMALL)
    start = clone(model)._task(codes, y, None).initial_encoder
    np.testing.assert_array_equal(model.fit(codes, y).fitted_.encoder, start)


def test_frozen_logits_are_those_of_the_start(problem):
    """Means over drugs and lines, written out for one random start."""
    features = problem[0]
    table = frozen_logits({"CCLE": features}, draws=1, seed=7).set_index("what")["value"]
    start = Layout(30, 6, 4).initial_encoder(np.random.default_rng(7))
    logits = features.expression @ start[:-1]
    assert table["SD between drugs"] == pytest.approx(logits.mean(axis=0).std(), rel=1e-5)
    assert table["SD between lines"] == pytest.approx(logits.std(axis=0).mean(), rel=1e-5)
    assert table["saturated share"] == (np.abs(logits) > 4).mean()


def test_zero_encoder_ignores_expression(problem):
    features, codes, y = problem
    p = RefDNNClassifier(features, encoder="zero", **SMALL).fit(codes, y).predict_proba(codes)[:, 1]
    for drug in range(6):
        assert np.ptp(p[codes[:, 1] == drug]) == 0


def test_unseen_drug_gets_a_prediction_but_not_from_the_encoder(problem):
    features, codes, y = problem
    seen = codes[:, 1] < 5
    model = RefDNNClassifier(features, **SMALL).fit(codes[seen], y[seen])
    assert list(model.reference_drugs_) == [0, 1, 2, 3, 4]
    assert np.isfinite(model.predict_proba(codes[~seen])).all()
    model = RefDNNClassifier(features, output="encoder", **SMALL).fit(codes[seen], y[seen])
    with pytest.raises(DataError, match="drug5"):
        model.predict_proba(codes[~seen])


def test_works_with_scikit_learn(problem):
    features, codes, y = problem
    pairs = pd.DataFrame({"line": features.line_names[codes[:, 0]], "drug": features.drug_names[codes[:, 1]]})
    scores = cross_validate(
        RefDNNClassifier(features, **SMALL), pairs, y, cv=3, scoring=["accuracy", "roc_auc"]
    )
    assert np.isfinite(scores["test_roc_auc"]).all()
    assert clone(RefDNNClassifier(features)).features is features


def test_denormal_numbers_do_not_leak_out():
    """The flag that flushes tiny numbers to zero is thread-wide; a fit must put it back."""
    features, codes, y = make_problem()
    RefDNNClassifier(features, **SMALL).fit(codes, y)
    assert np.float32(1e-38) * np.float32(0.01) > 0


def test_stream_repeats_before_it_shuffles():
    rng = np.random.default_rng(0)
    stream = shuffled_stream(100, 1000, 10, rng)
    counts = np.bincount(stream, minlength=100)
    assert counts.min() >= 7 and counts.max() <= 11, "ten passes, less what the buffer still holds"
    assert np.abs(np.diff(stream[:50])).max() < 60, "a small buffer keeps neighbours together"
    late = shuffled_stream(50, 2000, 10_000, np.random.default_rng(1))
    assert set(late) == set(range(50))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"encoder": "sgd"}, "encoder='sgd'"),
        ({"similarity": "cosine"}, "similarity"),
        ({"output": "x"}, "output"),
        ({"hidden_units": 0}, "hidden_units"),
        ({"lr_ftrl": 0.0}, "lr_ftrl"),
        ({"steps": 50}, "first evaluation"),
        ({"loss_weights": (0.0, 0.0)}, "loss_weights"),
        ({"device": "tpu"}, "unknown device"),
    ],
)
def test_bad_settings_raise(problem, settings, words):
    features, codes, y = problem
    with pytest.raises(ParameterError, match=words):
        RefDNNClassifier(features, **settings).fit(codes, y)


def test_missing_gpu_is_said(problem):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    features, codes, y = problem
    with pytest.raises(ParameterError, match="no GPU"):
        RefDNNClassifier(features, device="cuda").fit(codes, y)


def test_bad_pairs_raise(problem):
    features, codes, y = problem
    model = RefDNNClassifier(features, **SMALL)
    with pytest.raises(DataError, match="unknown drug"):
        model.fit(pd.DataFrame({"line": ["line0"], "drug": ["aspirin"]}), np.array([1]))
    with pytest.raises(DataError, match="exceed"):
        model.fit(codes + 100, y)
    with pytest.raises(DataError, match="labels must be"):
        model.fit(codes, np.where(y == 1, 2, 0))
    with pytest.raises(DataError, match="only class 1"):
        model.fit(codes, np.ones(len(y), int))
    with pytest.raises(DataError, match="one label a pair"):
        model.fit(codes, y[:-1])


def test_nan_expression_raises():
    with pytest.raises(DataError, match="NaN"):
        PairFeatures(np.array([[np.nan]]), np.array([[1]]), ["l"], ["d"], ["g"])


def test_fingerprints_of_unequal_length_raise():
    with pytest.raises(DataError, match="every drug with as many bits"):
        PairFeatures(np.ones((1, 1)), [[1, 0], [1]], ["l"], ["d", "e"], ["g"])


FIT = """
import hashlib
from studies.refdnn.test_model import SMALL, RefDNNClassifier, make_problem
features, codes, y = make_problem(n_genes=700)
model = RefDNNClassifier(features, l1=0.01, **(SMALL | {"hidden_units": 32, "steps": 200})).fit(codes, y)
print(hashlib.sha256(model.fitted_.encoder.tobytes() + model.predict_proba(codes).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_compiled_and_cached_code_give_the_same_numbers(tmp_path):
    """The process that compiles, and one that loads what it has compiled, must not differ in a bit."""
    tests = Path(__file__).parents[2]
    path = os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": path}
    numbers = [
        subprocess.run(
            [sys.executable, "-c", FIT], env=environment, check=True, capture_output=True, encoding="utf-8"
        ).stdout
        for _ in range(2)
    ]
    assert any(tmp_path.rglob("*.nbc"))
    assert numbers[0] == numbers[1]
