"""What PertVAE and the plain VAE share: settings, fitting, and the use of a fitted model."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from helpers.errors import ParameterError
from helpers.studies.pertvae.model.bound import Batch, Objective, terms
from helpers.studies.pertvae.model.networks import Architecture, Networks
from helpers.studies.pertvae.model.profiles import Profiles, Scaler, check_profiles
from helpers.studies.pertvae.model.trainer import STATUS, Fitted, Schedule, Task, fit_batch
from helpers.training.guards import one_thread

#: Rows times draws that pass a network at once.
_BLOCK = 1024


class ProfileModel(BaseEstimator):
    """Base of models that encode profiles; a subclass turns the arguments of ``fit`` into a task."""

    #: Settings with a fixed set of values, and the lowest value of those that are numbers.
    _choices: ClassVar[dict[str, tuple]] = {
        "scale": ("exp", "softplus"),
        "free_bits_per": ("batch", "dimension", "example"),
        "weight_norm": ("data", "one"),
        "watch": ("likelihood", "correlation"),
        "device": ("auto", "cpu", "cuda"),
    }
    _lowest: ClassVar[dict[str, float]] = {
        "latent": 1,
        "context": 1,
        "flow_hidden": 1,
        "flow_steps": 0,
        "batch_size": 1,
        "epochs": 1,
        "first_stop": 0,
        "patience": 1,
        "draws": 0,
        "free_bits": 0,
        "l2": 0,
    }

    def _task(self, **arguments: Any) -> Task:
        raise NotImplementedError

    def _effect_scale(self) -> str | None:
        raise NotImplementedError

    def _objective(self) -> Objective:
        return Objective(self.free_bits, self.free_bits_per)

    def _check_settings(self) -> None:
        for name, allowed in self._choices.items():
            if getattr(self, name) not in allowed:
                msg = f"{name}={getattr(self, name)!r} is not one of {', '.join(map(str, allowed))}"
                raise ParameterError(msg)
        for name, lowest in self._lowest.items():
            if hasattr(self, name) and not getattr(self, name) >= lowest:
                msg = f"{name} must be at least {lowest}, got {getattr(self, name)}"
                raise ParameterError(msg)
        if not self.hidden or min(self.hidden) < 1:
            msg = f"hidden must name at least one layer of at least one unit, got {self.hidden}"
            raise ParameterError(msg)
        if not self.learning_rate > 0:
            msg = f"learning_rate must be positive, got {self.learning_rate}"
            raise ParameterError(msg)
        if not 0 < self.validation_fraction < 1:
            msg = f"validation_fraction must lie between 0 and 1, got {self.validation_fraction}"
            raise ParameterError(msg)

    def _device(self) -> str:
        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        if self.device == "cuda" and not torch.cuda.is_available():
            msg = "device 'cuda' was asked for, but torch finds no GPU; use device='cpu' or 'auto'"
            raise ParameterError(msg)
        return self.device

    def _architecture(self) -> Architecture:
        return Architecture(
            genes=self.n_features_in_,
            hidden=tuple(self.hidden),
            context=self.context,
            flow_hidden=self.flow_hidden,
            flow_steps=self.flow_steps,
            scale=self.scale,
            effect_scale=self._effect_scale(),
        )

    def _schedule(self) -> Schedule:
        return Schedule(
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            epochs=self.epochs,
            first_stop=self.first_stop,
            patience=self.patience,
            weight_norm=self.weight_norm,
            watch=self.watch,
            objective=self._objective(),
        )

    def _fit(self, task: Task) -> None:
        with one_thread():
            fitted = fit_batch([task], self._device())
        self._finish(fitted[0])

    def _finish(self, fitted: Fitted) -> None:
        """Take the result of the trainer."""
        self.networks_ = Networks(self._architecture(), fitted.weights, [self.latent])
        self.history_ = pd.DataFrame(fitted.history, columns=["epoch", "training_loss", "validation_loss"])
        self.best_epoch_ = fitted.best_epoch
        self.n_iter_ = len(fitted.history)
        self.stopped_ = STATUS[fitted.status]
        if fitted.status == 2:
            msg = (
                f"{type(self).__name__}: the loss was not finite after {self.n_iter_} whole epochs; training "
                f"stopped and the state of epoch {self.best_epoch_} is kept. Try a lower learning_rate."
            )
            warnings.warn(msg, ConvergenceWarning, stacklevel=3)

    def _read(self, x: Profiles, what: str = "profiles") -> np.ndarray:
        """Check and scale profiles for a fitted model."""
        check_is_fitted(self, "networks_")
        return self.scaler_.apply(check_profiles(x, what, self.genes_, self.n_features_in_))

    def _noise(self, draws: int, stream: int) -> np.ndarray:
        """Noise (draws, latent), the same for every profile, so that a result depends on its row only."""
        seed = np.random.SeedSequence([self.random_state, stream])
        if draws == 0:
            return np.zeros((1, self.latent), np.float32)
        return np.random.default_rng(seed).standard_normal((draws, self.latent), dtype=np.float32)

    @one_thread()
    @torch.no_grad()
    def _mean_over_draws(self, x: np.ndarray, last: Any) -> np.ndarray:
        """Mean over draws of z ~ q(z | x) of ``last(z)``."""
        noise = torch.from_numpy(self._noise(self.draws, 0))
        step = max(1, _BLOCK // len(noise))
        parts = []
        for start in range(0, len(x), step):
            rows = torch.from_numpy(x[start : start + step])[None]
            base = [None if b is None else b.repeat(1, len(noise), 1) for b in self.networks_.base(rows)]
            z, _ = self.networks_.posterior(tuple(base), noise.repeat_interleave(rows.shape[1], 0)[None])
            out = last(z)[0]
            parts.append(out.reshape(len(noise), rows.shape[1], -1).mean(dim=0).numpy())
        return np.concatenate(parts)

    def latent_mean(self, x: Profiles) -> np.ndarray:
        """Posterior mean of the latent code of profiles, array (rows, latent)."""
        return self._mean_over_draws(self._read(x), lambda z: z)

    def reconstruct(self, x: Profiles) -> np.ndarray:
        """Mean reconstruction of profiles, array (rows, genes), in the units of the input."""
        return self.scaler_.undo(self._mean_over_draws(self._read(x), lambda z: self.networks_.decode(z)[0]))

    @torch.no_grad()
    def decode(self, z: np.ndarray) -> np.ndarray:
        """Mean profile of latent codes (rows, latent), array (rows, genes), in the units of the input."""
        check_is_fitted(self, "networks_")
        codes = torch.from_numpy(np.asarray(z, dtype=np.float32))[None]
        return self.scaler_.undo(self.networks_.decode(codes)[0][0].numpy())

    @one_thread()
    @torch.no_grad()
    def _log_weights(self, pre: np.ndarray, post: np.ndarray, draws: int) -> np.ndarray:
        """Log importance weights log p(x, z) - log q(z | x), array (draws, rows).

        ``post`` has the rows of ``pre``, or none at all.
        """
        first, second = (torch.from_numpy(self._noise(draws, k)) for k in (1, 2))
        n, p = len(pre), len(post)
        x1, x2 = torch.from_numpy(pre), torch.from_numpy(post)
        size = max(1, _BLOCK // (n + p))
        weights = []
        for e1, e2 in zip(first.split(size), second.split(size), strict=True):
            k = len(e1)
            x = torch.cat([x1.repeat(k, 1), x2.repeat(k, 1)])[None]
            noise = torch.cat([e1.repeat_interleave(n, 0), e2.repeat_interleave(p, 0)])[None]
            batch = Batch(x, torch.ones(1, k * n), torch.ones(1, k * p), noise, noise[:, k * n :])
            t = terms(self.networks_, batch, Objective())
            log_w = t.pre[0] - t.kl_pre[0].sum(-1)
            if p:
                log_w = log_w + t.post[0] - t.kl_post[0].sum(-1)
            weights.append(log_w.reshape(k, n))
        jacobian = np.log(self.scaler_.spread, dtype=np.float64).sum() * (2 if p else 1)
        return torch.cat(weights).double().numpy() - jacobian


def scaler_of(scaling: str | None, x: np.ndarray) -> Scaler:
    """Scaler of training rows, or one that does nothing."""
    return Scaler.none(x.shape[1]) if scaling is None else Scaler.fit(x)
