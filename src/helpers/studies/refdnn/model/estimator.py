"""RefDNN with scikit-learn's interface."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import torch
from joblib import Parallel, delayed
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from helpers.bounds import check_number
from helpers.checks import refuse
from helpers.errors import DataError, ParameterError
from helpers.studies.refdnn.baselines.base import COUNT, HUGE, POSITIVE, SEED, Limits, PairClassifier
from helpers.studies.refdnn.features import PairFeatures
from helpers.studies.refdnn.model import batched, cpu, forward
from helpers.studies.refdnn.model.holdout import stratified_holdout
from helpers.studies.refdnn.model.layout import Layout
from helpers.studies.refdnn.model.stream import shuffled_stream
from helpers.studies.refdnn.model.task import STATUS, Fitted, Pairs, Task

_ENCODERS = ("ftrl", "adam", "frozen", "zero")
_SIMILARITIES = ("structure", "identity", "ones", "shuffled")
_OUTPUTS = ("network", "encoder")
#: Models per GPU batch. At the largest published size one model and its optimiser state take 60 MB.
GPU_BATCH = 64
#: Buffer of the shuffled training stream, as in the published scripts.
SHUFFLE_BUFFER = 10_000

Job = tuple["RefDNNClassifier", Any, np.ndarray, tuple | None]


class RefDNNClassifier(PairClassifier):
    """RefDNN: reference-drug network for resistance of (cell line, drug) pairs.

    Choi, Park and Ahn, Sci Rep 10:1861 (2020). A linear encoder maps the expression x of a line to one
    logit per reference drug, a = W0'x + b0; with s, the structural similarity of the drug to the
    reference drugs, z = s * sigmoid(a) passes two layers of ``hidden_units`` (batch normalisation, then
    sigmoid) to one logit o. The loss is 0.5 * (cross-entropy of o + cross-entropy of the encoder's logit
    of the pair's own drug); FTRL-proximal trains the encoder, Adam everything else. Defaults are the
    published settings; the four hyperparameters that the study searched default to the authors' CCLE
    constants.

    Parameters
    ----------
    features : PairFeatures
        Lines, genes, drugs and fingerprints; shared, never copied.
    hidden_units : int
        H of both hidden layers.
    lr_ftrl, l1, l2 : float
        FTRL's learning rate and regularisation (``l2`` as TensorFlow counts it).
    lr_adam : float
    steps, batch_size : int
        At most this many minibatches; the published run uses 5,000 of 64.
    evaluate_every, first_evaluation, patience : int
        Validation loss every so many steps, from ``first_evaluation`` on; training stops at evaluation
        number ``patience + 1`` in a row without improvement.
    full_validation : bool
        Watch all validation pairs. The published code watches a window of whole batches that slides.
    encoder : {"ftrl", "adam", "frozen", "zero"}
        How the encoder learns; "frozen" keeps its random start (the published ablation), "zero" takes
        the expression away (sigmoid(a) = 0.5 for every line).
    loss_weights : (float, float)
        Weights of the network's and of the encoder's cross-entropy.
    output : {"network", "encoder"}
        Predict with o, or with the encoder's logit of the pair's own drug.
    similarity : {"structure", "identity", "ones", "shuffled"}
        What the network knows of drugs: Tanimoto similarity; the drug's name only, which is nothing for
        an unseen drug; nothing; or the structure of another drug: structures are dealt out to drugs
        anew, so that a reference drug keeps its 1 in its own place and an unseen one has none.
    standardise : bool
        Scale genes by mean and standard deviation of the fitted lines. The study did not.
    affine : bool
        Train gamma and beta of the batch normalisation. A slip in the published code freezes them.
    random_state : int
        Start values, order of the pairs and validation split follow from it.
    device : {"auto", "cpu", "cuda"}
        CPU fits run in compiled code, GPU fits in torch; "auto" takes a GPU where there is one.

    Attributes
    ----------
    fitted_ : task.Fitted
        Best checkpoint.
    reference_drugs_ : array of int
        Codes of the reference drugs: the drugs of the fitted pairs, in alphabetical order.
    n_iter_ : int
        Steps done; ``stopped_`` says why it ended.
    diverged_ : bool
        No loss was finite: a :class:`~sklearn.exceptions.ConvergenceWarning` says so, and every pair is
        predicted with 0.5.
    """

    limits: ClassVar = {
        **dict.fromkeys(("hidden_units", "steps", "batch_size", "evaluate_every"), COUNT),
        **dict.fromkeys(("first_evaluation", "patience"), Limits(whole=True)),
        **dict.fromkeys(("lr_ftrl", "lr_adam"), POSITIVE),
        **dict.fromkeys(("l1", "l2"), Limits()),
        "random_state": SEED,
    }
    switches: ClassVar = ("full_validation", "standardise", "affine")

    def __init__(
        self,
        features: PairFeatures,
        hidden_units: int = 128,
        lr_ftrl: float = 0.1,
        lr_adam: float = 0.014530495,
        l1: float = 100.0,
        l2: float = 0.001,
        *,
        steps: int = 5000,
        batch_size: int = 64,
        evaluate_every: int = 100,
        first_evaluation: int = 100,
        patience: int = 20,
        full_validation: bool = False,
        encoder: str = "ftrl",
        loss_weights: tuple[float, float] = (0.5, 0.5),
        output: str = "network",
        similarity: str = "structure",
        standardise: bool = False,
        affine: bool = False,
        random_state: int = 0,
        device: str = "auto",
    ) -> None:
        self.features = features
        self.hidden_units = hidden_units
        self.lr_ftrl = lr_ftrl
        self.lr_adam = lr_adam
        self.l1 = l1
        self.l2 = l2
        self.steps = steps
        self.batch_size = batch_size
        self.evaluate_every = evaluate_every
        self.first_evaluation = first_evaluation
        self.patience = patience
        self.full_validation = full_validation
        self.encoder = encoder
        self.loss_weights = loss_weights
        self.output = output
        self.similarity = similarity
        self.standardise = standardise
        self.affine = affine
        self.random_state = random_state
        self.device = device

    @property
    def weights_(self) -> np.ndarray:
        """Encoder kernel, genes x reference drugs: what the study ranks genes by; NaN where it diverged."""
        check_is_fitted(self, "fitted_")
        kernel = self.fitted_.encoder[:-1]
        return np.full_like(kernel, np.nan) if self.diverged_ else kernel

    @property
    def n_iter_(self) -> int:
        """Number of training steps done."""
        return self.fitted_.steps

    @property
    def diverged_(self) -> bool:
        """Whether no loss was finite. Such a fit knows nothing and predicts 0.5: the worst of a search."""
        return not np.isfinite(self.fitted_.history[:, 2]).any()

    @property
    def stopped_(self) -> str:
        """Why training ended."""
        return STATUS[self.fitted_.status]

    def _fit(self, codes, y, validation, value) -> None:
        device = self._device()
        task = self._task(codes, y, validation)
        with threadpool_limits(1):
            self._keep(cpu.fit(task) if device == "cpu" else batched.fit_batch([task], device)[0])

    def _keep(self, fitted: Fitted) -> None:
        self.fitted_ = fitted
        if self.diverged_:
            msg = (
                "RefDNN: training diverged, no loss was finite, so every pair is predicted with 0.5; "
                f"lr_ftrl={self.lr_ftrl:g} or lr_adam={self.lr_adam:g} is too large for these data"
            )
            warnings.warn(msg, ConvergenceWarning, stacklevel=2)

    def on_gpu(self) -> bool:
        """Whether ``fit`` would run on a GPU."""
        return self._device() == "cuda"

    def _device(self) -> str:
        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "cpu"
        if self.device == "cuda" and not torch.cuda.is_available():
            msg = "device 'cuda' was asked for, but torch finds no GPU; use device='cpu' or 'auto'"
            raise ParameterError(msg)
        if self.device not in ("cpu", "cuda"):
            msg = f"unknown device {self.device!r}; one of auto, cpu, cuda"
            raise ParameterError(msg)
        return self.device

    def _check_settings(self) -> None:
        super()._check_settings()
        choices = {"encoder": _ENCODERS, "similarity": _SIMILARITIES, "output": _OUTPUTS}
        for name, allowed in choices.items():
            if not isinstance(getattr(self, name), str) or getattr(self, name) not in allowed:
                msg = f"{name}={getattr(self, name)!r} is not one of {', '.join(allowed)}"
                raise ParameterError(msg)
        last_evaluation = self.steps // self.evaluate_every * self.evaluate_every
        if last_evaluation < max(self.evaluate_every, self.first_evaluation):
            msg = f"steps={self.steps} ends before the first evaluation; nothing could be kept"
            raise ParameterError(msg)
        if not isinstance(self.loss_weights, tuple | list) or len(self.loss_weights) != 2:
            msg = f"loss_weights must be two numbers, network and encoder; got {self.loss_weights!r}"
            raise ParameterError(msg)
        for weight in self.loss_weights:
            check_number("each of loss_weights", weight, 0, HUGE, error=ParameterError)
        if sum(self.loss_weights) <= 0:
            msg = f"loss_weights must not be both zero, got {self.loss_weights}"
            raise ParameterError(msg)

    def _task(self, codes: np.ndarray, y: np.ndarray, validation: tuple | None) -> Task:
        """Gather the arrays of one fit and remember what prediction will need."""
        seeds = np.random.SeedSequence(self.random_state).spawn(4)
        if validation is None:
            kept, held_out = stratified_holdout(codes[:, 1], seed=seeds[0])
            validation = codes[held_out], y[held_out]
            codes, y = codes[kept], y[kept]
        if len(np.unique(y)) < 2:
            msg = f"the {len(y)} training pairs hold only class {y[0]}; RefDNN needs both classes"
            raise DataError(msg)
        self.reference_drugs_ = np.union1d(codes[:, 1], validation[0][:, 1])
        self.expression_ = self._scaled_expression(np.unique(codes[:, 0]))
        self.similarity_ = self._similarity_rows(np.random.default_rng(seeds[3]))
        layout = Layout(self.expression_.shape[1], len(self.reference_drugs_), self.hidden_units)
        start = np.random.default_rng(seeds[1])
        network, encoder = layout.initial_network(start), layout.initial_encoder(start)
        if self.encoder == "zero":
            encoder[:] = 0
        stream = shuffled_stream(
            len(codes), self.steps * self.batch_size, SHUFFLE_BUFFER, np.random.default_rng(seeds[2])
        )
        held = self._pairs(*validation)
        batches = len(held) // self.batch_size
        whole = self.full_validation or batches == 0
        return Task(
            expression=self.expression_,
            similarity=self.similarity_,
            train=self._pairs(codes, y),
            validation=held,
            window=len(held) if whole else batches * self.batch_size,
            stream=stream,
            batch=self.batch_size,
            layout=layout,
            initial_encoder=encoder,
            initial_network=network,
            encoder="frozen" if self.encoder == "zero" else self.encoder,
            weights=self.loss_weights,
            lr_ftrl=self.lr_ftrl,
            lr_adam=self.lr_adam,
            l1=self.l1,
            l2=self.l2,
            affine=self.affine,
            evaluate_every=self.evaluate_every,
            first_evaluation=self.first_evaluation,
            patience=self.patience,
        )

    def _pairs(self, codes: np.ndarray, y: np.ndarray) -> Pairs:
        reference = np.searchsorted(self.reference_drugs_, codes[:, 1])
        return Pairs(
            np.ascontiguousarray(codes[:, 0]),
            np.ascontiguousarray(codes[:, 1]),
            reference,
            y.astype(np.float32),
        )

    def _scaled_expression(self, fitted_lines: np.ndarray) -> np.ndarray:
        expression = self.features.expression
        if not self.standardise:
            return expression
        seen = expression[fitted_lines]
        spread = seen.std(axis=0)
        return (expression - seen.mean(axis=0)) / np.where(spread > 0, spread, 1).astype(np.float32)

    def _similarity_rows(self, rng: np.random.Generator) -> np.ndarray:
        n_drugs = len(self.features.drug_names)
        if self.similarity == "identity":
            full = np.eye(n_drugs, dtype=np.float32)
        elif self.similarity == "ones":
            full = np.ones((n_drugs, n_drugs), dtype=np.float32)
        else:
            full = self.features.similarity
            if self.similarity == "shuffled":
                other = rng.permutation(n_drugs)
                full = full[np.ix_(other, other)]
        return np.ascontiguousarray(full[:, self.reference_drugs_])

    def _score(self, codes: np.ndarray) -> np.ndarray:
        if self.diverged_:
            return np.full(len(codes), 0.5)
        with threadpool_limits(1):
            if self.output == "encoder":
                unseen = np.setdiff1d(codes[:, 1], self.reference_drugs_)
                if len(unseen):
                    msg = (
                        "output='encoder' has no logit for drugs that were not fitted: "
                        f"{list(self.features.drug_names[unseen[:3]])}"
                    )
                    raise DataError(msg)
                logits = forward.encoder_logits(self.fitted_, self.expression_)
                return expit(logits[codes[:, 0], np.searchsorted(self.reference_drugs_, codes[:, 1])])
            lines, drugs = np.ascontiguousarray(codes[:, 0]), np.ascontiguousarray(codes[:, 1])
            return expit(
                forward.network_logits(self.fitted_, self.expression_, self.similarity_, lines, drugs).astype(
                    float
                )
            )


def fit_many(jobs: list[Job], n_jobs: int = 1) -> list[RefDNNClassifier]:
    """Fit many models at once: threads of compiled code on a CPU, batches on a GPU.

    Parameters
    ----------
    jobs : list of (estimator, X, y, validation)
        ``validation`` is (X, y) or None. All jobs of one call run on the first estimator's device.
    n_jobs : int
        Threads on the CPU; a joblib backend that is set by the caller (Dask, say) takes precedence.

    Returns
    -------
    list of RefDNNClassifier
        The estimators, fitted, with the numbers that separate fits would give.

    Raises
    ------
    DataError, ParameterError
        If a job is none, or as for :meth:`RefDNNClassifier.fit`.
    """
    check_number("n_jobs", n_jobs, -HUGE, HUGE, whole=True, error=ParameterError)
    if not isinstance(jobs, list):
        refuse("fit_many", f"jobs must be a list, got {type(jobs).__name__}")
    for job in jobs:
        if not isinstance(job, tuple) or len(job) != 4 or not isinstance(job[0], RefDNNClassifier):
            refuse("fit_many", "a job is a tuple (RefDNNClassifier, X, y, validation or None)")
    if not jobs:
        return []
    device = jobs[0][0]._device()
    if device == "cpu":
        with threadpool_limits(1):
            return Parallel(n_jobs=n_jobs, prefer="threads")(
                delayed(estimator.fit)(X, y, validation=validation) for estimator, X, y, validation in jobs
            )
    for group in _groups_of_equal_rhythm([estimator for estimator, *_ in jobs]):
        tasks = []
        for i in group:
            estimator, X, y, validation = jobs[i]
            held = None if validation is None else estimator._check_validation(validation)
            tasks.append(estimator._task(*estimator._check(X, y), held))
        for i, fitted in zip(group, batched.fit_batch(tasks, device), strict=True):
            estimator = jobs[i][0]
            estimator.classes_, estimator.n_features_in_ = np.array([0, 1]), 2
            estimator._keep(fitted)
    return [estimator for estimator, *_ in jobs]


def _groups_of_equal_rhythm(estimators: list[RefDNNClassifier]) -> list[list[int]]:
    """Positions of estimators that can advance in step, at most ``GPU_BATCH`` a group."""
    groups: dict[tuple, list[int]] = {}
    for i, e in enumerate(estimators):
        rhythm = (id(e.features), e.batch_size, e.steps, e.evaluate_every, e.first_evaluation, e.patience)
        groups.setdefault(rhythm, []).append(i)
    return [g[i : i + GPU_BATCH] for g in groups.values() for i in range(0, len(g), GPU_BATCH)]
