"""Small networks and simulated pairs for the tests of PertVAE."""

import numpy as np
import torch

from helpers.studies.pertvae.model import VAE, PertVAE
from helpers.studies.pertvae.model.networks import Networks

SMALL = {
    "hidden": (12, 10),
    "context": 6,
    "flow_hidden": 9,
    "epochs": 14,
    "first_stop": 3,
    "patience": 3,
    "batch_size": 40,
    "learning_rate": 1e-2,
    "draws": 5,
}


def networks_of(latent=3, seed=0, genes=7, noise=1.0, flow_steps=2, effect=True, **more):
    """Networks whose parameters are random throughout, gains, biases and W included."""
    settings = (PertVAE if effect else VAE)(
        latent, hidden=(8, 6), context=4, flow_hidden=9, flow_steps=flow_steps, **more
    )
    rng = np.random.default_rng(seed)
    networks = Networks(genes, settings, rng)
    for parameter in networks.parameters():
        drawn = rng.normal(0, 0.3, tuple(parameter.shape)).astype(np.float32)
        parameter.data += noise * torch.from_numpy(drawn)
    return networks.requires_grad_(False)


def pairs_of(n, n_single=0, genes=10, latent=3, seed=0, noise=0.3):
    """Pairs with a planted linear latent effect: pre, post, singletons, and the truth as a dict."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(0, 1 / np.sqrt(latent), (latent, genes))
    W = 0.7 * rng.normal(0, 1 / np.sqrt(latent), (latent, latent))
    b = 0.7 * rng.normal(size=latent)
    z, z_single = rng.normal(size=(n, latent)), rng.normal(size=(n_single, latent))
    after = z + z @ W.T + b

    def profiles(codes):
        return codes @ loadings + noise * rng.normal(size=(len(codes), genes))

    truth = {"W": W, "b": b, "z": z, "shift": (after - z) @ loadings}
    return profiles(z), profiles(after), profiles(z_single), truth
