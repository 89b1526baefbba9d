"""The plain variational autoencoder with PertVAE's encoder and decoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp

from helpers.studies.pertvae.model.base import ProfileModel, scaler_of
from helpers.studies.pertvae.model.profiles import (
    Profiles,
    check_names,
    check_profiles,
    gene_names,
    held_out_lines,
    line_weights,
)
from helpers.studies.pertvae.model.trainer import Task


class VAE(ProfileModel):
    """Variational autoencoder with PertVAE's networks and no drug effect: the model of the paper's figure 2.

    Settings and attributes as :class:`PertVAE`. Early stopping watches the reconstruction loss
    -log p(x | z), z ~ q(z | x), of held-out profiles, or the correlation of x with its reconstruction (ours;
    the paper does not say how this VAE ended).
    """

    _choices = ProfileModel._choices | {"sampling": ("line", "shuffle"), "scaling": ("source", None)}

    def __init__(
        self,
        latent: int = 100,
        *,
        hidden: tuple[int, ...] = (500, 300),
        context: int = 200,
        flow_hidden: int = 300,
        flow_steps: int = 2,
        scale: str = "exp",
        free_bits: float = 2.0,
        free_bits_per: str = "batch",
        weight_norm: str = "data",
        sampling: str = "line",
        scaling: str | None = "source",
        learning_rate: float = 5e-4,
        batch_size: int = 150,
        epochs: int = 1000,
        first_stop: int = 50,
        patience: int = 15,
        watch: str = "likelihood",
        validation_fraction: float = 0.2,
        draws: int = 100,
        random_state: int = 0,
        device: str = "auto",
    ) -> None:
        self.latent = latent
        self.hidden = hidden
        self.context = context
        self.flow_hidden = flow_hidden
        self.flow_steps = flow_steps
        self.scale = scale
        self.free_bits = free_bits
        self.free_bits_per = free_bits_per
        self.weight_norm = weight_norm
        self.sampling = sampling
        self.scaling = scaling
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.first_stop = first_stop
        self.patience = patience
        self.watch = watch
        self.validation_fraction = validation_fraction
        self.draws = draws
        self.random_state = random_state
        self.device = device

    def fit(
        self, X: Profiles, y: None = None, *, lines: Any = None, validation: Profiles | None = None
    ) -> VAE:
        """Fit the model.

        Parameters
        ----------
        X : table or array (profiles, genes)
        y : ignored
        lines : sequence of str, optional
            Cell line of every profile.
        validation : table or array (profiles, genes), optional
            Profiles that early stopping watches; without them a share of the lines is held out.

        Raises
        ------
        DataError
            If profiles are empty, hold NaN, or differ in genes.
        ParameterError
            If a setting is unknown or out of range.
        """
        self._fit(self._task(X=X, lines=lines, validation=validation))
        return self

    def elbo(self, X: Profiles, draws: int = 100) -> np.ndarray:
        """Bound of log p(x): mean over draws, in nats, array (rows,)."""
        x = self._read(X)
        return self._log_weights(x, x[:0], draws).mean(axis=0)

    def log_likelihood(self, X: Profiles, draws: int = 100) -> np.ndarray:
        """Importance-weighted estimate of log p(x), in nats, array (rows,)."""
        x = self._read(X)
        return logsumexp(self._log_weights(x, x[:0], draws), axis=0) - np.log(draws)

    def _effect_scale(self) -> None:
        return None

    def _task(self, *, X, lines=None, validation=None) -> Task:
        """Gather the arrays of one fit and remember what prediction will need."""
        self._check_settings()
        self.genes_ = gene_names(X)
        x = check_profiles(X, "X", None, None)
        self.n_features_in_ = x.shape[1]
        names = check_names(lines, len(x), "lines")
        if validation is None:
            seed = np.random.SeedSequence([self.random_state, 3])
            out = np.isin(names, held_out_lines(names, self.validation_fraction, seed))
            validation, x, names = x[out], x[~out], names[~out]
        watched = check_profiles(validation, "validation", self.genes_, self.n_features_in_)
        self.scaler_ = scaler_of(self.scaling, x)
        watched = self.scaler_.apply(watched)
        return Task(
            arch=self._architecture(),
            schedule=self._schedule(),
            pre=x[:0],
            post=x[:0],
            singletons=self.scaler_.apply(x),
            weight=line_weights(names) if self.sampling == "line" else None,
            validation=(watched, watched),
            latent=self.latent,
            l2=0.0,
            seed=self.random_state,
        )
