"""PertVAE and the plain VAE with scikit-learn's interface."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from helpers.bounds import check_number
from helpers.checks import check_same_rows, refuse
from helpers.errors import DataError
from helpers.studies.pertvae.model.bound import Batch, terms
from helpers.studies.pertvae.model.networks import DrugEffect
from helpers.studies.pertvae.model.profiles import (
    Profiles,
    check_names,
    check_profiles,
    gene_names,
    held_out_lines,
    line_weights,
)
from helpers.studies.pertvae.model.settings import Settings
from helpers.studies.pertvae.model.training import NOT_FINITE, Examples, train
from helpers.training.guards import one_thread

#: Rows times draws that pass a network at once.
_BLOCK = 1024


class ProfileModel(Settings):
    """Fit and use of PertVAE and the plain VAE."""

    def _train(self, examples: Examples) -> None:
        """Fit the networks and take the result."""
        self.networks_, self.best_epoch_, history, self.stopped_ = train(examples, self)
        self.history_ = pd.DataFrame(history, columns=["epoch", "training_loss", "validation_loss"])
        self.n_iter_ = len(history)
        if self.stopped_ == NOT_FINITE:
            msg = (
                f"{type(self).__name__}: the loss was not finite after {self.n_iter_} whole epochs; training "
                f"stopped and the state of epoch {self.best_epoch_} is kept. Try a lower learning_rate."
            )
            warnings.warn(msg, ConvergenceWarning, stacklevel=3)

    def _held_out_lines(self, names: np.ndarray) -> np.ndarray:
        return held_out_lines(names, np.random.SeedSequence([self.random_state, 3]))

    def _read(self, x: Profiles, what: str = "profiles") -> np.ndarray:
        """Check profiles for a fitted model."""
        check_is_fitted(self, "networks_")
        return check_profiles(x, what, self.genes_, self.n_features_in_)

    def _noise(self, draws: int, stream: int) -> Tensor:
        """Noise (draws, latent), the same for every profile, so that a result depends on its row only."""
        if draws == 0:
            return torch.zeros(1, self.latent)
        rng = np.random.default_rng(np.random.SeedSequence([self.random_state, stream]))
        return torch.from_numpy(rng.standard_normal((draws, self.latent), dtype=np.float32))

    @one_thread()
    @torch.no_grad()
    def _mean_over_draws(self, x: np.ndarray, last: Callable[[Tensor], Tensor]) -> np.ndarray:
        """Mean over draws of z ~ q(z | x) of ``last(z)``."""
        noise = self._noise(self.draws, 0)
        parts = []
        for rows in torch.from_numpy(x).split(max(1, _BLOCK // len(noise))):
            base = tuple(part.repeat(len(noise), 1) for part in self.networks_.encoder(rows))
            z, _ = self.networks_.posterior(base, noise.repeat_interleave(len(rows), 0))
            parts.append(last(z).reshape(len(noise), len(rows), -1).mean(dim=0).numpy())
        return np.concatenate(parts)

    def latent_mean(self, x: Profiles) -> np.ndarray:
        """Posterior mean of the latent code of profiles, array (rows, latent)."""
        return self._mean_over_draws(self._read(x), lambda z: z)

    def reconstruct(self, x: Profiles) -> np.ndarray:
        """Mean reconstruction of profiles, array (rows, genes)."""
        return self._mean_over_draws(self._read(x), lambda z: self.networks_.decoder(z)[0])

    @torch.no_grad()
    def decode(self, z: np.ndarray) -> np.ndarray:
        """Mean profile of latent codes (rows, latent), array (rows, genes).

        Raises
        ------
        DataError
            If the codes are no finite numbers, or of another size.
        """
        check_is_fitted(self, "networks_")
        codes = check_profiles(z, "codes", None, self.latent)
        return self.networks_.decoder(torch.from_numpy(codes))[0].numpy()

    def elbo(self, pre: Profiles, post: Profiles | None = None, draws: int = 100) -> np.ndarray:
        """Bound of log p(x1, x2), or of log p(x1) without ``post``: mean over draws, nats, array (rows,)."""
        return self._log_weights(pre, post, draws).mean(axis=0)

    def log_likelihood(self, pre: Profiles, post: Profiles | None = None, draws: int = 100) -> np.ndarray:
        """Importance-weighted estimate of log p(x1, x2), or of log p(x1) without ``post``, in nats.

        Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders" (2016): never below the bound
        in expectation, and closer to the truth the more draws.
        """
        return logsumexp(self._log_weights(pre, post, draws), axis=0) - np.log(draws)

    @one_thread()
    @torch.no_grad()
    def _log_weights(self, pre: Profiles, post: Profiles | None, draws: int) -> np.ndarray:
        """Log importance weights log p(x, z) - log q(z | x), array (draws, rows)."""
        check_number("draws", draws, 1, whole=True)
        check_same_rows(pre, post, "pre and post")
        x1 = torch.from_numpy(self._read(pre, "pre"))
        x2 = x1[:0] if post is None else torch.from_numpy(self._read(post, "post"))
        if post is not None:
            _check_equal(x1, x2)
        n, p = len(x1), len(x2)
        size = max(1, _BLOCK // (n + p))
        weights = []
        for e1, e2 in zip(*(self._noise(draws, stream).split(size) for stream in (1, 2)), strict=True):
            k = len(e1)
            x = torch.cat([x1.repeat(k, 1), x2.repeat(k, 1)])
            noise = torch.cat([e1.repeat_interleave(n, 0), e2.repeat_interleave(p, 0)])
            t = terms(self.networks_, Batch(x, k * p, noise))
            log_w = t.pre - t.kl_pre
            weights.append((log_w + t.post - t.kl_post if p else log_w).reshape(k, n))
        return torch.cat(weights).double().numpy()


@dataclass(eq=False, repr=False)
class PertVAE(ProfileModel):
    """Perturbation variational autoencoder: the profile after a drug from the profile before it.

    Rampasek et al., "Modeling Post-treatment Gene Expression Change with a Deep Generative Model" (2017).
    One encoder q(z | x), a Gaussian followed by an inverse autoregressive flow, and one Gaussian decoder
    p(x | z) serve pre- and post-treatment profiles; the drug acts in the latent space,
    z2 ~ N(z1 + W z1 + b, sigma(z1)). Treatment pairs and unpaired profiles (singletons) maximise one bound;
    only pairs reach W and b. Sizes are the paper's; what the paper leaves open is named "ours". Profiles are
    expected as z-scores of the genes; every cell line is drawn equally often.

    Parameters
    ----------
    latent : int
        Units of z1 and of z2.
    hidden : tuple of int
        Hidden units of the encoder (ELU, weight normalisation); the decoder mirrors them.
    context, flow_hidden, flow_steps : int
        Context units, hidden units and number of the "LSTM-type" flow steps. 0 steps: plain Gaussian.
    free_bits : float
        Floor of the minibatch mean of each divergence, in nats (ours).
    learning_rate, batch_size, epochs : float, int, int
        Adam; an epoch is cut into equal parts of at most ``batch_size`` examples (ours).
    first_stop, patience : int
        Training ends, not before epoch ``first_stop``, once the perturbation loss on the validation pairs
        has not improved for ``patience`` epochs (ours); the state of its minimum is kept.
    watch : {"likelihood", "prediction", "correlation"}
        Validation loss: the mean of -log p(x2 | z2) with z2 ~ p(z2 | z1), z1 ~ q(z1 | x1); the squared
        error of the decoder's mean at the same z2; or, as the authors' later code does, minus the Pearson
        correlations of x1 with its reconstruction and of x2 with its prediction.
    draws : int
        Draws of z1 that predictions are averaged over; 0 pushes mu_0 through the flow once.
    random_state : int
    device : {"auto", "cpu", "cuda"}
    l2 : float
        Weight decay (loss + l2 / 2 times the squared length) of W and b (0.05: ours).
    post_code : {"own", "pre"}
        The code that is decoded to x2 in training is drawn from q(z2 | x2), or, a defect of the later
        code, from q(z1 | x1).
    form : {"identity", "free"}
        The mean of z2 is z1 + W z1 + b, as in the paper, or W z1 + b; W and b start near zero.

    Attributes
    ----------
    W_, b_ : arrays (latent, latent) and (latent,)
        The drug effect: z2 is z1 + W z1 + b on average, in either form.
    networks_ : Networks
    history_ : DataFrame
        Epoch, training loss, validation loss (nats an example).
    best_epoch_, n_iter_, stopped_ : int, int, str
        Epoch of the kept state (0: the start), epochs done, and why training ended.
    """

    l2: float = 0.05
    post_code: str = "own"
    form: str = "identity"

    @property
    def _effect(self) -> DrugEffect:
        check_is_fitted(self, "networks_")
        return cast(DrugEffect, self.networks_.effect)

    @property
    def W_(self) -> np.ndarray:  # noqa: N802 - the paper's name
        """Matrix of the drug effect: z2 is z1 + W z1 + b on average."""
        W = self._effect.W.numpy()
        return W if self._effect.identity else W - np.eye(len(W), dtype=W.dtype)

    @property
    def b_(self) -> np.ndarray:
        """Offset of the drug effect."""
        return self._effect.b.numpy()

    def fit(
        self,
        pre: Profiles,
        post: Profiles,
        singletons: Profiles | None = None,
        *,
        lines: Any = None,
        singleton_lines: Any = None,
        validation: tuple[Profiles, Profiles] | None = None,
    ) -> PertVAE:
        """Fit the model.

        Parameters
        ----------
        pre, post : tables or arrays (pairs, genes)
            Profiles before and after the drug, row by row.
        singletons : table or array (profiles, genes), optional
            Profiles without a counterpart.
        lines, singleton_lines : sequences of str, optional
            Cell line of every pair and of every singleton; without them each row is a line of its own.
        validation : (pre, post), optional
            Pairs that early stopping watches. Without them a fifth of the lines is held out, the
            singletons of these lines as well.

        Raises
        ------
        DataError
            If profiles are empty, hold NaN or differ in genes, if ``pre``, ``post`` and ``lines`` differ in
            length or in the names of their rows, or a line has no name.
        ParameterError
            If a setting is unknown or out of range.
        """
        self.check()
        self._train(self._examples(pre, post, singletons, lines, singleton_lines, validation))
        return self

    def predict(self, pre: Profiles) -> np.ndarray:
        """Mean profile after the drug, array (rows, genes).

        The decoder's mean at the mean of z2 given z1, averaged over draws of z1 (see ``draws``).
        """
        x = self._read(pre, "pre")
        return self._mean_over_draws(x, lambda z: self.networks_.decoder(self._effect(z)[0])[0])

    def _examples(
        self,
        pre: Profiles,
        post: Profiles,
        singletons: Profiles | None = None,
        lines: Any = None,
        singleton_lines: Any = None,
        validation: tuple[Profiles, Profiles] | None = None,
    ) -> Examples:
        """Check and gather the arrays of one fit."""
        self.genes_ = gene_names(pre)
        x1 = check_profiles(pre, "pre", None, None)
        n_genes = self.n_features_in_ = x1.shape[1]
        x2 = check_profiles(post, "post", self.genes_, n_genes)
        _check_equal(x1, x2)
        check_same_rows(pre, post, "pre and post")
        single = np.zeros((0, n_genes), np.float32)
        if singletons is not None and np.shape(singletons)[:1] != (0,):
            single = check_profiles(singletons, "singletons", self.genes_, n_genes)
        names = check_names(lines, len(x1), "lines", pre)
        single_names = check_names(singleton_lines, len(single), "singleton_lines", singletons)
        if validation is None:
            held = self._held_out_lines(names)
            out, out_single = np.isin(names, held), np.isin(single_names, held)
            validation = x1[out], x2[out]
            x1, x2, names = x1[~out], x2[~out], names[~out]
            single, single_names = single[~out_single], single_names[~out_single]
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            refuse("validation", "must be two tables, profiles before and after the drug")
        check_same_rows(*validation, "validation")
        v1, v2 = (check_profiles(v, "validation", self.genes_, n_genes) for v in validation)
        _check_equal(v1, v2)
        return Examples(x1, x2, single, line_weights(np.concatenate([names, single_names])), (v1, v2))


@dataclass(eq=False, repr=False)
class VAE(ProfileModel):
    """Variational autoencoder with PertVAE's networks and no drug effect: the model of the paper's figure 2.

    Settings and attributes as :class:`PertVAE`. Early stopping watches the reconstruction loss
    -log p(x | z), z ~ q(z | x), of held-out profiles, or the correlation of x with its reconstruction (ours;
    the paper does not say how this VAE ended).
    """

    with_effect = False

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
            Profiles that early stopping watches; without them a fifth of the lines is held out.

        Raises
        ------
        DataError
            If profiles are empty, hold NaN, or differ in genes, or lines do not name each.
        ParameterError
            If a setting is unknown or out of range.
        """
        self.check()
        self.genes_ = gene_names(X)
        x = check_profiles(X, "X", None, None)
        self.n_features_in_ = x.shape[1]
        names = check_names(lines, len(x), "lines", X)
        if validation is None:
            out = np.isin(names, self._held_out_lines(names))
            validation, x, names = x[out], x[~out], names[~out]
        watched = check_profiles(validation, "validation", self.genes_, self.n_features_in_)
        self._train(Examples(x[:0], x[:0], x, line_weights(names), (watched, watched)))
        return self


def _check_equal(pre: np.ndarray | Tensor, post: np.ndarray | Tensor) -> None:
    if len(pre) != len(post):
        msg = f"pairs need one row before and one after the drug: {len(pre)} pre, {len(post)} post"
        raise DataError(msg)
