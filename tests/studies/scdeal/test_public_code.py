"""The faithful reading, stage by stage, against numbers of the public code on toy inputs.

The numbers were recorded once, outside this project, by running functions of the public repository
OSU-BMBL/scDEAL on the inputs and weights made here, in double precision and without dropout. The functions
were read from a stored copy of the repository and retyped from there, unchanged but for one call of
``cuda()``: AEBase, PretrainedPredictor, Predictor and DaNN of models.py at 12655bd; mmd_loss of DaNN/mmd.py
at bbc1082; train_DAE_model and train_predictor_model of trainers.py at b545579; and graph, Louvain clusters
and train_DaNN_model2 of scmodel.py at beb61ad. The copy does not hold c0efdbc, where that last function
stands in trainers.py. Set from outside: loaders do not shuffle, denoising takes the mask of :class:`Plain`,
igraph starts each call from the same random numbers, and biases below batch normalisation start at 0 (there
are none here; in the running means they leave a trace of the first steps). Where a stage moves rows only
(resampling), rows are counted.
"""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from helpers.studies.scdeal.model import ScDEAL, cluster_dissimilarity, pipeline, stages
from helpers.studies.scdeal.model.clusters import batch_clusters, batch_edges
from helpers.studies.scdeal.model.networks import Autoencoder, Networks, Stack
from helpers.studies.scdeal.model.stages import Rows, train_autoencoder, train_predictor, train_transfer
from helpers.training.guards import one_thread
from studies.scdeal.world import SMALL, make_world


def batch_of_cells():
    """Hidden layer and input profiles of 36 cells in three groups, in mixed order."""
    rng = np.random.default_rng(7)
    groups = [rng.normal(mean, 0.3, (12, 3)) for mean in (0, 4, 9)]
    hidden = np.vstack(groups)[rng.permutation(36)].round(2)
    return hidden, rng.random((36, 5)).round(2)


def plain_weights(network):
    """Fill every linear map with sin(1), sin(2), ... halved, and every bias with 0.1."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            count = torch.arange(1, module.weight.numel() + 1, dtype=torch.float64)
            nn.init.constant_(module.bias, 0.1) if module.bias is not None else None
            module.weight.data = (torch.sin(count) / 2).view_as(module.weight)
    return network.double()


class Plain:
    """Order of rows and mask of denoising as set when the numbers were recorded."""

    def __init__(self):
        self.calls = 0

    def order(self, rows):
        return torch.arange(rows)

    def keep(self, x, rate, value=1.0):
        self.calls += 1
        dropped = (3 * np.arange(x.numel()) + self.calls) % 5 == 0
        return torch.from_numpy(~dropped.reshape(x.shape) * value)


def toy():
    """Scaled lines (44 to train on, 14 held out), their response, and scaled cells (30 and 12)."""
    rng = np.random.default_rng(11)
    bulk = rng.random((58, 6)).round(3)
    sensitive = (bulk[:, 0] + bulk[:, 1] > 1).astype(int)
    level = np.repeat([0.1, 0.5, 0.9], 14)[:, None] * np.array([1, -1, 1, -1, 1]) % 1
    cells = (level + rng.normal(0, 0.03, (42, 5))).clip(0, 1)[rng.permutation(42)].round(3)
    x, y, cells_x = (torch.from_numpy(table) for table in (bulk, sensitive, cells))
    return Rows(x[:44], y[:44], cells_x[:30]), Rows(x[44:], y[44:], cells_x[30:]), cells_x


def toy_settings():
    sizes = {"encoder": (5, 4), "bottleneck": 3, "predictor": (4, 3), "dropout": 0.0}
    return ScDEAL(**sizes, epochs=30, batch_size=16).resolved()


def toy_networks():
    """Bulk and cell encoder and predictor with plain weights."""
    rng = np.random.default_rng(0)
    stacks = [Stack((6, 5, 4, 3), rng), Stack((5, 5, 4, 3), rng), Stack((3, 4, 3, 2), rng, relu=True)]
    return plain_weights(Networks(*stacks, "sigmoid"))


def test_training_of_autoencoder_same_as_public():
    rows, held, _ = toy()
    network = plain_weights(Autoencoder((6, 5, 4, 3), np.random.default_rng(0), 0.0))
    training = train_autoencoder(network, rows.bulk, held.bulk, toy_settings(), Plain())
    assert (training.best_epoch, training.epochs, training.rate) == (23, 30, 0.01)
    assert training.loss == pytest.approx(0.059971783815558045)
    lines = torch.cat([rows.bulk, held.bulk])
    expected = [20.405696345887044, -1.912951406570345, 2.7300475568157507]
    assert network.encoder(lines).sum(dim=0).tolist() == pytest.approx(expected)
    assert network(lines).sum().item() == pytest.approx(139.24417040804045)


def test_training_of_predictor_same_as_public():
    rows, held, _ = toy()
    networks = toy_networks()
    training = train_predictor(networks.bulk, networks.predictor, rows, held, toy_settings(), Plain())
    assert training.best_epoch == 29
    assert training.loss == pytest.approx(0.4638676531628069)
    scores = networks.score(networks.encode(torch.cat([rows.bulk, held.bulk]), "bulk"))
    assert scores.sum(dim=0).tolist() == pytest.approx([43.05345250870106, 16.009477379942243])


def test_transfer_same_as_public():
    """Sums of the scores of cells before and after, the kept epoch, its loss, and the rate in the end."""
    rows, held, cells = toy()
    networks = toy_networks().eval()
    before = pipeline.score_before(networks, cells, toy_settings())
    assert before.sum(axis=0) == pytest.approx([26.261545550250766, 17.49451621287019])
    training = train_transfer(networks, rows, held, toy_settings(), Plain())
    assert training.best_epoch == 7
    assert training.loss == pytest.approx(0.7796065705236116)
    assert training.rate == pytest.approx(1e-4)
    after = pipeline.score_cells(networks, cells, toy_settings())
    assert after.sum(axis=0) == pytest.approx([22.855426016545977, 20.894229892257727])
    lines = torch.cat([rows.bulk, held.bulk])[:42]
    found = networks.score(networks.encode(lines, "bulk")).sum(dim=0).tolist()
    assert found == pytest.approx([22.74485008501805, 20.94402211053381])


@pytest.mark.parametrize(("epochs", "first"), [(10, 1), (30, 3), (500, 50)])
def test_first_epoch_that_transfer_may_keep_same_as_public(epochs, first):
    """The public code keeps an epoch above epochs * (1 - 0.9), whose rounding decides."""
    assert next(epoch for epoch in range(epochs) if epoch > epochs * (1 - 0.9)) == first
    assert stages.first_kept(epochs) == first


def test_graph_of_neighbours_same_as_public():
    edges, weights = batch_edges(batch_of_cells()[0])
    assert len(edges) == 182
    assert weights.sum() == pytest.approx(1271.0603096576315)
    assert np.sort(weights)[:2] == pytest.approx([0.16763054614240208, 0.18138357147217055])


def test_clusters_of_a_batch_same_as_public():
    """They come in the order of first occurrence, whatever cells they are read off to."""
    np.testing.assert_array_equal(batch_clusters(batch_of_cells()[0]), np.repeat([0, 1, 2], 12))


def test_similarity_term_same_as_public():
    hidden, inputs = batch_of_cells()
    found = cluster_dissimilarity(torch.from_numpy(inputs), torch.from_numpy(batch_clusters(hidden)))
    assert found.item() == pytest.approx(0.161066, abs=1e-6)


def test_decoder_same_as_public():
    network = plain_weights(Autoencoder((6, 5, 4, 2), np.random.default_rng(0), 0.0)).train()
    out = network(torch.from_numpy(np.random.default_rng(3).random((8, 6)).round(2)))
    expected = [0.515378, 0.555916, 0.5521, 0.509331, 0.488823, 0.520132]
    assert out[0].tolist() == pytest.approx(expected, abs=1e-6)
    assert out.sum().item() == pytest.approx(25.177971103164637)


def test_prediction_before_transfer_same_as_public():
    """The predictor is in training mode: batch normalisation takes the statistics of the cells."""
    rng = np.random.default_rng(0)
    predictor = plain_weights(Stack((2, 4, 3, 2), rng, relu=True))
    encoder = Stack((2, 2), rng).double()
    encoder.out.weight.data, encoder.out.bias.data = torch.eye(2).double(), torch.zeros(2).double()
    networks = Networks(encoder, encoder, predictor, "sigmoid").eval()
    cells = torch.from_numpy(np.random.default_rng(4).normal(size=(8, 2)).round(2))
    before = pipeline.score_before(deepcopy(networks), cells, ScDEAL(dropout=0.0).resolved())
    assert before[0].tolist() == pytest.approx([0.6705575951663051, 0.38953699713203993])
    assert before[:, 1].sum() == pytest.approx(3.345891312707132)
    after = pipeline.score_cells(networks, cells, ScDEAL(dropout=0.0).resolved())
    assert abs(after - before).max() > 0.05


@pytest.mark.parametrize(("resampled", "rows"), [("both", 120), ("predictor", 80)])
def test_resampled_lines_feed_the_first_autoencoder(monkeypatch, resampled, rows):
    bulk_x, _, cells_x, _ = make_world(lines=125)
    sensitive = (np.arange(125) % 4 == 0).astype(float)
    seen = []
    train = pipeline.train_autoencoder

    def spy(network, x, *others):
        seen.append(len(x))
        return train(network, x, *others)

    monkeypatch.setattr(pipeline, "train_autoencoder", spy)
    monkeypatch.setattr(pipeline, "split", lambda n, rng, *, test: every_fifth(n, test=test))
    ScDEAL(**SMALL | {"epochs": 1}, sampling="up", resampled=resampled).fit(bulk_x, sensitive, cells_x)
    assert seen == [rows, 48]


def every_fifth(rows, *, test):
    """Split so that classes of make_world keep their shares: a quarter of 80 training lines is sensitive."""
    order = np.arange(rows)
    n_test = rows // 5 if test else 0
    n_validation = (rows - n_test) // 5
    return pipeline.Split(
        order[n_test + n_validation :], order[n_test : n_test + n_validation], order[:n_test]
    )


def test_before_has_both_modes():
    bulk_x, labels, cells_x, _ = make_world()
    model = ScDEAL(**SMALL | {"epochs": 2}).fit(bulk_x, labels, cells_x)
    evaluated = ScDEAL(**SMALL | {"epochs": 2}, before="eval").fit(bulk_x, labels, cells_x)
    np.testing.assert_array_equal(model.fitted_.evaluated_before, evaluated.fitted_.before)
    # In training mode the prediction moves the running statistics of the predictor.
    assert abs(model.fitted_.after - evaluated.fitted_.after).max() > 0
    assert abs(model.fitted_.before - evaluated.fitted_.before).max() > 0.01
    with one_thread():  # as in the fit: with more, a matrix product rounds otherwise
        np.testing.assert_array_equal(model.predict_before(cells_x), model.fitted_.before)
