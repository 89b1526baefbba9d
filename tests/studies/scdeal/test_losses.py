"""Terms of scDEAL's loss against direct computations, and integrated gradients by their axioms."""

import numpy as np
import pytest
import torch

from helpers.errors import ParameterError
from helpers.studies.scdeal.attribution import integrated_gradients
from helpers.studies.scdeal.model import cluster_dissimilarity, cross_entropy, mmd
from helpers.studies.scdeal.model.clusters import batch_clusters, cell_clusters


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).to(dtype)


def direct_mmd(x, y, kernel):
    """Mean of all kernel values within and between, one pair at a time."""
    average = lambda a, b: np.mean([[kernel(np.sum((p - q) ** 2)) for q in b] for p in a])  # noqa: E731
    return average(x, x) + average(y, y) - 2 * average(x, y)


# --- distance of two samples ----------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.5, 2.0, 1000.0])
def test_mmd_same_as_direct_sum(sigma):
    x, y = normal(12, 4), normal(9, 4, seed=1) + 0.7
    expected = direct_mmd(x.numpy(), y.numpy(), lambda d: np.exp(-d / (2 * sigma**2)))
    assert mmd(x, y, sigma=sigma).item() == pytest.approx(expected, rel=1e-6)


def test_mixture_same_as_direct_sum():
    x, y = normal(11, 3), normal(8, 3, seed=1) + 0.7
    pooled = np.vstack([x, y])
    squared = [np.sum((pooled[i] - pooled[j]) ** 2) for i in range(19) for j in range(i)]
    median = np.median(squared)
    assert len(squared) % 2 == 1, "an odd number of pairs has one median"
    kernel = lambda d: np.mean([np.exp(-d / (f * median)) for f in (0.25, 0.5, 1, 2, 4)])  # noqa: E731
    expected = direct_mmd(x.numpy(), y.numpy(), kernel)
    assert mmd(x, y, kernel="mixture").item() == pytest.approx(expected, rel=1e-9)


def test_mmd_of_two_points_in_closed_form():
    x, y = torch.zeros(1, 2, dtype=torch.float64), torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    assert mmd(x, y, sigma=5.0).item() == pytest.approx(2 - 2 * np.exp(-0.5), rel=1e-12)


@pytest.mark.parametrize("shift", [0.3, 2.0])
def test_published_width_matches_means_only(shift):
    # Sheet, section 8.2: |mean x - mean y|^2 / 10^6 for embeddings of usual size, in float32 too.
    x, y = normal(200, 64, dtype=torch.float32), normal(200, 64, seed=1, dtype=torch.float32) + shift
    of_means = ((x.mean(0) - y.mean(0)) ** 2).sum() / 1e6
    assert mmd(x, y).item() == pytest.approx(of_means.item(), rel=0.05)


def test_published_width_is_blind_to_spread():
    x, y = normal(200, 16), normal(200, 16, seed=1)
    y = y - y.mean(0) + x.mean(0)
    wide = x.mean(0) + 2 * (y - y.mean(0))
    assert mmd(x, wide) < 1e-9
    assert mmd(x, wide, kernel="mixture") > 10 * mmd(x, y, kernel="mixture")


@pytest.mark.parametrize("kernel", ["single", "mixture"])
def test_mmd_of_a_sample_with_itself_is_zero(kernel):
    x = normal(10, 4)
    assert mmd(x, x, kernel=kernel).abs() < 1e-12


def test_mmd_gradient_same_as_differences():
    x, y = normal(5, 3).requires_grad_(), normal(4, 3, seed=1)
    assert torch.autograd.gradcheck(lambda v: mmd(v, y, sigma=1.5), x)


# --- cross-entropy -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("right", "expected"), [(True, 0.31326), (False, 1.31326)])
def test_cross_entropy_on_sigmoids_is_confined(right, expected):
    outputs = torch.tensor([[-60.0, 60.0]])
    labels = torch.tensor([1 if right else 0])
    assert cross_entropy(outputs, labels).item() == pytest.approx(expected, abs=1e-5)
    on_logits = cross_entropy(outputs, labels, "logits").item()
    assert on_logits == pytest.approx(0 if right else 120, abs=1e-4)


@pytest.mark.parametrize("loss", ["sigmoid", "logits"])
def test_cross_entropy_same_as_direct(loss):
    outputs, labels = normal(6, 2), torch.tensor([0, 1, 1, 0, 1, 0])
    score = 1 / (1 + np.exp(-outputs.numpy())) if loss == "sigmoid" else outputs.numpy()
    share = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    expected = -np.log(share[np.arange(6), labels.numpy()]).mean()
    assert cross_entropy(outputs, labels, loss).item() == pytest.approx(expected)


# --- clusters -----------------------------------------------------------------------------------------


def test_cluster_term_same_as_direct_sum():
    rows, clusters = normal(9, 4), torch.tensor([0, 0, 1, 1, 1, 2, 0, 1, 0])
    expected = 0.0
    for c in (0, 1):  # cluster 2 holds one row
        own = rows.numpy()[clusters == c]
        n = len(own)
        cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)  # noqa: E731
        pairs = [(a, b) for i, a in enumerate(own) for b in own[:i]]
        expected += sum(1 - cosine(a, b) for a, b in pairs) / (2 * n**2 - n)
    assert cluster_dissimilarity(rows, clusters).item() == pytest.approx(expected, rel=1e-9)
    assert cluster_dissimilarity(3 * rows, clusters).item() == pytest.approx(expected, rel=1e-9)


def test_clusters_find_two_groups():
    rng = np.random.default_rng(0)
    cells = rng.normal(0, 1, (80, 30)) + 6 * (np.arange(80) % 2)[:, None]
    found = cell_clusters(cells)
    assert not set(found[::2]) & set(found[1::2])
    assert set(cell_clusters(cells)) == {0, 1}
    np.testing.assert_array_equal(batch_clusters(cells), batch_clusters(cells))


# --- integrated gradients ------------------------------------------------------------------------------


def test_attributions_of_a_linear_model_are_weight_times_input():
    x, w = normal(7, 5), normal(5, seed=1)
    torch.testing.assert_close(integrated_gradients(lambda v: v @ w + 3, x), x * w)
    base = normal(5, seed=2)
    torch.testing.assert_close(integrated_gradients(lambda v: v @ w, x, baseline=base), (x - base) * w)


def test_attributions_of_a_product_by_hand():
    # Along the path both inputs are t times their end: each gets half of the product.
    x = torch.tensor([[3.0, 5.0]], dtype=torch.float64)
    found = integrated_gradients(lambda v: v[:, 0] * v[:, 1], x)
    torch.testing.assert_close(found, torch.tensor([[7.5, 7.5]], dtype=torch.float64))


def network(x, first, second):
    return torch.sigmoid(torch.tanh(x @ first) @ second)


def test_axioms_of_integrated_gradients():
    x, first, second = normal(20, 6), normal(6, 8, seed=1), normal(8, seed=2)
    first[2] = 0  # input 2 is a dummy
    first[4] = first[3]  # inputs 3 and 4 are symmetric
    x[:, 4] = x[:, 3]
    found = integrated_gradients(lambda v: network(v, first, second), x)
    gain = network(x, first, second) - network(torch.zeros_like(x), first, second)
    torch.testing.assert_close(found.sum(dim=1), gain)  # completeness
    assert (found[:, 2] == 0).all()
    torch.testing.assert_close(found[:, 3], found[:, 4])
    twice = integrated_gradients(lambda v: 2 * network(v, first, second) + v.sum(1), x)
    torch.testing.assert_close(twice, 2 * found + x)  # linearity
    # Implementation invariance: the same function written differently.
    other = integrated_gradients(lambda v: 1 / (1 + torch.exp(-(torch.tanh(v @ first) * second).sum(1))), x)
    torch.testing.assert_close(other, found)


def test_steps_must_be_positive():
    with pytest.raises(ParameterError, match="steps must be a whole number from 1"):
        integrated_gradients(lambda v: v.sum(1), normal(2, 2), steps=0)
