"""The faithful reading, stage by stage, against numbers of the public code on toy inputs.

The numbers were recorded once, outside this project, by running what trainers.py (graph of neighbours, its
Louvain clusters, the sum S) and models.py (layers of AEBase and Predictor) of the public repository hold,
with the inputs and weights made here. Where a stage moves rows only (resampling), rows are counted.
"""

import numpy as np
import pytest
import torch
from torch import nn

from helpers.studies.scdeal.model import ScDEAL, cluster_dissimilarity, pipeline
from helpers.studies.scdeal.model.clusters import batch_clusters, batch_edges
from helpers.studies.scdeal.model.networks import Autoencoder, Networks, Stack
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
    state = {name: value.clone() for name, value in networks.state_dict().items()}
    before = pipeline.score_before(networks, cells, ScDEAL(dropout=0.0).resolved())
    assert before[0].tolist() == pytest.approx([0.6705575951663051, 0.38953699713203993])
    assert before[:, 1].sum() == pytest.approx(3.345891312707132)
    after = pipeline.score_cells(networks, cells, ScDEAL(dropout=0.0).resolved())
    assert abs(after - before).max() > 0.05
    assert all(torch.equal(value, state[name]) for name, value in networks.state_dict().items())


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
    np.testing.assert_array_equal(model.fitted_.after, evaluated.fitted_.after)
    assert abs(model.fitted_.before - evaluated.fitted_.before).max() > 0.01
    np.testing.assert_array_equal(model.predict_before(cells_x), model.fitted_.before)
