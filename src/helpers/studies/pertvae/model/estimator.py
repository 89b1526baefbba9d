"""PertVAE with scikit-learn's interface."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.utils.validation import check_is_fitted

from helpers.errors import DataError
from helpers.studies.pertvae.model.base import ProfileModel, scaler_of
from helpers.studies.pertvae.model.bound import Objective
from helpers.studies.pertvae.model.profiles import (
    Profiles,
    check_names,
    check_profiles,
    gene_names,
    held_out_lines,
    line_weights,
)
from helpers.studies.pertvae.model.trainer import Task


class PertVAE(ProfileModel):
    """Perturbation variational autoencoder: the profile after a drug from the profile before it.

    Rampasek et al., "Modeling Post-treatment Gene Expression Change with a Deep Generative Model" (2017).
    One encoder q(z | x), a Gaussian followed by an inverse autoregressive flow, and one Gaussian decoder
    p(x | z) serve pre- and post-treatment profiles; the drug acts in the latent space,
    z2 ~ N(z1 + W z1 + b, sigma(z1)). Pairs and unpaired profiles (singletons) maximise one bound; only
    pairs reach W and b. Sizes are the paper's; what the paper leaves open is named "ours", and the other
    values of such a setting are the sensitivity checks of the chapter.

    Parameters
    ----------
    latent : int
        Units of z1 and of z2.
    hidden : tuple of int
        Hidden units of the encoder (ELU, weight normalisation); the decoder mirrors them.
    context, flow_hidden, flow_steps : int
        Context units, hidden units and number of the "LSTM-type" flow steps. 0 steps: plain Gaussian.
    effect_scale : {"linear", "scalar", "constant"}
        Standard deviation of z2 given z1: exp of a linear layer of z1 (ours), one learned number, exp(-1).
    scale : {"exp", "softplus"}
        Standard deviations are exp of an output, its log clamped to [-6, 3], or softplus + 0.001 (the
        authors' later code).
    free_bits, free_bits_per : float, {"batch", "dimension", "example"}
        Floor of each divergence in nats: of its minibatch mean (ours), of that mean in every latent unit,
        or of every example (later code).
    later_code_terms : bool
        Add 0.05 log p(x2 | z2 ~ p(z2 | z1)) and -KL(q(z2 | x2) || N(0, I)), as the later code does.
    post_code : {"own", "pre"}
        The code that is decoded to x2 in training is drawn from q(z2 | x2), or, a defect of the later
        code, from q(z1 | x1).
    l2, l2_on : float, {"effect", "all"}
        Weight decay (loss + l2 / 2 times the squared length) on W and b (0.05: ours), or on everything.
    weight_norm : {"data", "one"}
        Start of gains and biases: from the first minibatch (ours), or gain 1 and bias 0.
    sampling : {"line", "shuffle", "balanced"}
        Examples of an epoch: drawn so that every line counts once (ours), each once, or pairs as often as
        singletons.
    scaling : {"source", "joint", None}
        z-score genes by the training rows: pairs and singletons apart (ours), or together; or not at all.
    learning_rate, batch_size, epochs : float, int, int
        Adam; an epoch is cut into equal parts of at most ``batch_size`` examples (ours).
    first_stop, patience : int
        Training ends, not before epoch ``first_stop``, once the perturbation loss on the validation pairs
        has not improved for ``patience`` epochs (ours); the state of its minimum is kept.
    watch : {"likelihood", "correlation"}
        Validation loss: the mean of -log p(x2 | z2) with z2 ~ p(z2 | z1), z1 ~ q(z1 | x1), or, as the
        later code does, minus the Pearson correlations of x1 with its reconstruction and of x2 with its
        prediction.
    validation_fraction : float
        Share of the lines that early stopping watches when ``fit`` gets no validation pairs.
    draws : int
        Draws of z1 that predictions are averaged over; 0 pushes mu_0 through the flow once.
    random_state : int
    device : {"auto", "cpu", "cuda"}

    Attributes
    ----------
    W_, b_ : arrays (latent, latent) and (latent,)
        The drug effect.
    scaler_ : Scaler
        ``center`` and ``spread`` of the genes of the pairs; ``apply`` and ``undo``.
    history_ : DataFrame
        Epoch, training loss, validation loss (nats an example, standardised genes).
    best_epoch_, n_iter_, stopped_ : int, int, str
        Epoch of the kept state (0: the start), epochs done, and why training ended.
    """

    _choices = ProfileModel._choices | {
        "effect_scale": ("linear", "scalar", "constant"),
        "post_code": ("own", "pre"),
        "l2_on": ("effect", "all"),
        "sampling": ("line", "shuffle", "balanced"),
        "scaling": ("source", "joint", None),
    }

    def __init__(
        self,
        latent: int = 100,
        *,
        hidden: tuple[int, ...] = (500, 300),
        context: int = 200,
        flow_hidden: int = 300,
        flow_steps: int = 2,
        effect_scale: str = "linear",
        scale: str = "exp",
        free_bits: float = 2.0,
        free_bits_per: str = "batch",
        later_code_terms: bool = False,
        post_code: str = "own",
        l2: float = 0.05,
        l2_on: str = "effect",
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
        self.effect_scale = effect_scale
        self.scale = scale
        self.free_bits = free_bits
        self.free_bits_per = free_bits_per
        self.later_code_terms = later_code_terms
        self.post_code = post_code
        self.l2 = l2
        self.l2_on = l2_on
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

    @property
    def W_(self) -> np.ndarray:  # noqa: N802 - the paper's name
        """Matrix of the drug effect: z2 is z1 + W z1 + b on average."""
        check_is_fitted(self, "networks_")
        return self.networks_.weights["effect.W"][0].numpy()

    @property
    def b_(self) -> np.ndarray:
        """Offset of the drug effect."""
        check_is_fitted(self, "networks_")
        return self.networks_.weights["effect.b"][0, 0].numpy()

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
            Pairs that early stopping watches. Without them a share of the lines is held out, the
            singletons of these lines as well.

        Raises
        ------
        DataError
            If profiles are empty, hold NaN, differ in genes, or ``pre`` and ``post`` in length.
        ParameterError
            If a setting is unknown or out of range.
        """
        task = self._task(
            pre=pre,
            post=post,
            singletons=singletons,
            lines=lines,
            singleton_lines=singleton_lines,
            validation=validation,
        )
        self._fit(task)
        return self

    def predict(self, pre: Profiles) -> np.ndarray:
        """Mean profile after the drug, array (rows, genes), in the units of the input.

        The decoder's mean at the mean of z2 given z1, averaged over draws of z1 (see ``draws``).
        """
        return self.scaler_.undo(
            self._mean_over_draws(
                self._read(pre, "pre"), lambda z: self.networks_.decode(self.networks_.effect(z)[0])[0]
            )
        )

    def elbo(self, pre: Profiles, post: Profiles | None = None, draws: int = 100) -> np.ndarray:
        """Bound of log p(x1, x2), or of log p(x1) without ``post``: mean over draws, nats, array (rows,)."""
        return self._log_weights(*self._read_pairs(pre, post), draws).mean(axis=0)

    def log_likelihood(self, pre: Profiles, post: Profiles | None = None, draws: int = 100) -> np.ndarray:
        """Importance-weighted estimate of log p(x1, x2), or of log p(x1) without ``post``, in nats.

        Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders" (2016): never below the bound
        in expectation, and closer to the truth the more draws.
        """
        return logsumexp(self._log_weights(*self._read_pairs(pre, post), draws), axis=0) - np.log(draws)

    def _read_pairs(self, pre: Profiles, post: Profiles | None) -> tuple[np.ndarray, np.ndarray]:
        x1 = self._read(pre, "pre")
        x2 = self._read(post, "post") if post is not None else x1[:0]
        if post is not None and len(x1) != len(x2):
            raise DataError(_unequal(len(x1), len(x2)))
        return x1, x2

    def _effect_scale(self) -> str:
        return self.effect_scale

    def _objective(self) -> Objective:
        return Objective(
            self.free_bits, self.free_bits_per, self.post_code, self.later_code_terms, self.l2_on
        )

    def _task(self, *, pre, post, singletons=None, lines=None, singleton_lines=None, validation=None) -> Task:
        """Gather the arrays of one fit and remember what prediction will need."""
        self._check_settings()
        self.genes_ = gene_names(pre)
        x1 = check_profiles(pre, "pre", None, None)
        n_genes = self.n_features_in_ = x1.shape[1]
        x2 = check_profiles(post, "post", self.genes_, n_genes)
        if len(x1) != len(x2):
            raise DataError(_unequal(len(x1), len(x2)))
        single = np.zeros((0, n_genes), np.float32)
        if singletons is not None and len(singletons):
            single = check_profiles(singletons, "singletons", self.genes_, n_genes)
        names = check_names(lines, len(x1), "lines")
        single_names = check_names(singleton_lines, len(single), "singleton_lines")
        if validation is None:
            seed = np.random.SeedSequence([self.random_state, 3])
            held = held_out_lines(names, self.validation_fraction, seed)
            out, out_single = np.isin(names, held), np.isin(single_names, held)
            validation = x1[out], x2[out]
            x1, x2, names = x1[~out], x2[~out], names[~out]
            single, single_names = single[~out_single], single_names[~out_single]
        v1, v2 = (check_profiles(v, "validation", self.genes_, n_genes) for v in validation)
        if len(v1) != len(v2):
            raise DataError(_unequal(len(v1), len(v2)))
        paired = np.concatenate([x1, x2])
        everything = np.concatenate([paired, single])
        self.scaler_ = scaler_of(self.scaling, everything if self.scaling == "joint" else paired)
        apart = self.scaling == "source" and len(single)
        single_scaler = scaler_of(self.scaling, single) if apart else self.scaler_
        return Task(
            arch=self._architecture(),
            schedule=self._schedule(),
            pre=self.scaler_.apply(x1),
            post=self.scaler_.apply(x2),
            singletons=single_scaler.apply(single),
            weight=self._weights(names, single_names),
            validation=(self.scaler_.apply(v1), self.scaler_.apply(v2)),
            latent=self.latent,
            l2=self.l2,
            seed=self.random_state,
        )

    def _weights(self, names: np.ndarray, single_names: np.ndarray) -> np.ndarray | None:
        """Probability of every example, None for a plain shuffle."""
        if self.sampling == "line":
            return line_weights(np.concatenate([names, single_names]))
        if self.sampling == "shuffle" or not len(single_names):
            return None
        sizes = [len(names), len(single_names)]
        return np.repeat([0.5 / n for n in sizes], sizes)


def _unequal(n_pre: int, n_post: int) -> str:
    return f"pairs need one row before and one after the drug: {n_pre} pre, {n_post} post"
