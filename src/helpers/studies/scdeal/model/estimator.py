"""scDEAL as an estimator, and many of them fitted at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from helpers.errors import ParameterError
from helpers.studies.scdeal.model import pipeline
from helpers.studies.scdeal.model.attribution import integrated_gradients
from helpers.studies.scdeal.model.domains import read
from helpers.studies.scdeal.model.layers import State
from helpers.studies.scdeal.model.pipeline import Fitted
from helpers.studies.scdeal.model.settings import CHOICES, READINGS, Settings, check

Table = pd.DataFrame | np.ndarray


class ScDEAL(BaseEstimator):
    """Drug response of single cells from bulk lines by deep transfer (Chen et al. 2022).

    Stage 1 trains an autoencoder of the bulk lines, stage 2 its encoder together with a predictor of their
    response, stage 3 an autoencoder of the cells, and stage 4 moves the cell encoder so that both
    embeddings look alike. The predictor then scores cells. No label of a cell can enter: there is no
    argument for it.

    Parameters
    ----------
    reading : {"faithful", "described"}
        ``"faithful"`` does what the public code does, ``"described"`` what the paper says; see Notes.
        Each of the next eight arguments overrides one item of the reading; None leaves it.
    genes : {"separate", "shared"}, optional
        Each domain with all its own genes, or both with the genes that they share.
    cell_start : {"own", "bulk"}, optional
        Stage 3 starts from random weights, or from the weights of stage 1 (needs shared genes).
    kernel : {"single", "mixture"}, optional
        One Gaussian kernel of width ``mmd_sigma``, or five around the median distance.
    regulariser : {"inputs", "bottleneck"}, optional
        The cluster term S from input profiles in clusters of the batch, which has no gradient, or from
        embeddings in Leiden clusters of all cells.
    denoising_target : {"corrupted", "clean"}, optional
        What a denoising autoencoder must reconstruct.
    adapt : {"cells", "all"}, optional
        What stage 4 trains: the cell encoder alone, or both encoders and the predictor.
    loss : {"sigmoid", "logits"}, optional
        Cross-entropy on sigmoids of the outputs, or on the outputs.
    prediction : {"eval", "train"}, optional
        ``"train"`` predicts as the public code does with a shipped checkpoint: dropout stays active and
        batch normalisation uses the statistics of the given cells. Both readings use ``"eval"``.
    bottleneck, encoder, predictor : int, tuple, tuple
        Widths of the embedding, of the encoder's and of the predictor's blocks.
    dropout : float
    sampling : {None, "up", "down", "SMOTE"}
        How stage 2 balances the classes of its training lines.
    denoising : bool
        Set a fifth of the inputs of both autoencoders to zero.
    epochs : int or tuple of four int
        Of the four stages; published: 500 each. 0 leaves a stage at its start weights.
    batch_size, learning_rate : int, float
        Published: 200 and 0.01.
    mmd_weight, mmd_sigma, cluster_weight : float
        Weights of the terms of stage 4, and width of the single kernel.
    cluster_resolution : float
        Of the Leiden clusters of all cells.
    stop_rate : float
        A stage ends for a model once the plateau schedule has lowered its learning rate to this value;
        from there its weights cannot move by more than rate x steps. 0 trains all epochs, as published.
    random_state : int
        Splits, start values, order, dropout and noise follow from it.
    device : {"auto", "cpu", "cuda"}

    Attributes
    ----------
    fitted_ : pipeline.Fitted
        Scores before and after transfer, losses, distances and weights.
    settings_ : Settings
        What the reading and the overrides amount to.
    classes_ : array [0, 1]
        0 = resistant, 1 = sensitive.

    Notes
    -----
    No single setting was published: the study searched a grid for each data set (:data:`published.GRID`,
    :data:`published.BEST`). The defaults here lie within that grid. Items of the readings:

    ================= ============= ============
    switch            faithful      described
    ================= ============= ============
    genes             separate      shared
    cell_start        own           bulk
    kernel            single        mixture
    regulariser       inputs        bottleneck
    denoising_target  corrupted     clean
    adapt             cells         all
    loss              sigmoid       logits
    ================= ============= ============

    Deviations from the public code: biases below batch normalisation are left out, since it removes them;
    a last batch of one row is skipped; splits and start values come from ``random_state``.
    """

    def __init__(
        self,
        reading: str = "faithful",
        *,
        genes: str | None = None,
        cell_start: str | None = None,
        kernel: str | None = None,
        regulariser: str | None = None,
        denoising_target: str | None = None,
        adapt: str | None = None,
        loss: str | None = None,
        prediction: str | None = None,
        bottleneck: int = 128,
        encoder: tuple[int, ...] = (512, 256),
        predictor: tuple[int, ...] = (128, 64),
        dropout: float = 0.1,
        sampling: str | None = None,
        denoising: bool = True,
        epochs: int | tuple[int, int, int, int] = 500,
        batch_size: int = 200,
        learning_rate: float = 0.01,
        mmd_weight: float = 0.25,
        mmd_sigma: float = 1000.0,
        cluster_weight: float = 1.0,
        cluster_resolution: float = 0.2,
        stop_rate: float = 1e-6,
        random_state: int = 0,
        device: str = "auto",
    ) -> None:
        self.reading = reading
        self.genes = genes
        self.cell_start = cell_start
        self.kernel = kernel
        self.regulariser = regulariser
        self.denoising_target = denoising_target
        self.adapt = adapt
        self.loss = loss
        self.prediction = prediction
        self.bottleneck = bottleneck
        self.encoder = encoder
        self.predictor = predictor
        self.dropout = dropout
        self.sampling = sampling
        self.denoising = denoising
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.mmd_weight = mmd_weight
        self.mmd_sigma = mmd_sigma
        self.cluster_weight = cluster_weight
        self.cluster_resolution = cluster_resolution
        self.stop_rate = stop_rate
        self.random_state = random_state
        self.device = device

    def fit(self, bulk_x: Table, bulk_y: pd.Series | np.ndarray, cells_x: Table) -> ScDEAL:
        """Fit all four stages.

        Parameters
        ----------
        bulk_x : DataFrame or array (lines, genes)
            Log expression.
        bulk_y : Series or array (lines,)
            1 = sensitive, 0 = resistant, NaN = not measured (left out).
        cells_x : DataFrame or array (cells, genes)
            Log-normalised counts, or z-scores; scaled here to [0, 1] over all cells.

        Raises
        ------
        DataError
            If a domain is empty, too small, or holds NaN; if labels do not fit or hold one class; if the
            domains share no genes where they must.
        ParameterError
            If a setting cannot be used.
        """
        fit_many([(self, bulk_x, bulk_y, cells_x)], keep_weights=True)
        return self

    def predict_proba(self, cells_x: Table) -> np.ndarray:
        """Probability of resistance and sensitivity after transfer, array (cells, 2).

        With ``loss="sigmoid"`` the two are separate sigmoids and need not sum to 1.
        """
        return self._predict(cells_x, "after")

    def predict_before(self, cells_x: Table) -> np.ndarray:
        """Return the same before transfer: bulk predictor on the embedding of the cells' own autoencoder."""
        return self._predict(cells_x, "before")

    def predict(self, cells_x: Table) -> np.ndarray:
        """Return the likelier class of each cell: 1 = sensitive."""
        return self.predict_proba(cells_x).argmax(axis=1)

    def predict_bulk(self, bulk_x: Table) -> np.ndarray:
        """Probabilities of bulk lines by stage 2, array (lines, 2)."""
        code = self._codes(bulk_x, "bulk", "before")
        return pipeline.scores(self.settings_, self._state("before"), code)[0]

    def embed(self, x: Table, domain: str = "cells", stage: str = "after") -> np.ndarray:
        """Embedding in evaluation mode, array (rows, bottleneck).

        Parameters
        ----------
        x : table (rows, genes)
        domain : {"cells", "bulk"}
        stage : {"after", "before"}
            After or before transfer.
        """
        for value, allowed in ((domain, ("cells", "bulk")), (stage, ("after", "before"))):
            if value not in allowed:
                msg = f"{value!r} is not one of {', '.join(allowed)}"
                raise ParameterError(msg)
        return self._codes(x, domain, stage)[0].numpy()

    def integrated_gradients(self, cells_x: Table, *, target: int = 1, steps: int = 50) -> np.ndarray:
        """Attribute the score of each cell to its genes, array (cells, genes of ``gene_names_``).

        Parameters
        ----------
        cells_x : table (cells, genes)
        target : int
            1 = sensitivity, the unit that the study explains.
        steps : int
            Points of the path from the zero baseline, which is each gene's lowest value.

        Notes
        -----
        In evaluation mode. The attributed output is that of ``predict_proba``.
        """
        check_is_fitted(self, "fitted_")
        if target not in (0, 1):
            msg = f"target must be 0 (resistant) or 1 (sensitive), got {target!r}"
            raise ParameterError(msg)
        x = torch.from_numpy(self._scales["cells"].apply(cells_x, "cells"))
        state = self._state("after")
        encoder = self.settings_.encoder_stack("cells", x.shape[1])
        predictor = self.settings_.predictor_stack()

        def score(rows: torch.Tensor) -> torch.Tensor:
            code, _ = encoder.forward(state, rows[None])
            output, _ = predictor.forward(state, code)
            if self.settings_.loss == "sigmoid":
                return torch.sigmoid(output[0, :, target])
            return torch.softmax(output[0], dim=1)[:, target]

        return integrated_gradients(score, x, steps=steps).numpy()

    @property
    def gene_names_(self) -> np.ndarray | None:
        """Genes of the cells' inputs, in their order; None for input without names."""
        check_is_fitted(self, "fitted_")
        return self._scales["cells"].genes

    @property
    def validation_loss_(self) -> float:
        """Loss of the transfer on held-out lines and cells at the kept epoch; needs no label of a cell."""
        check_is_fitted(self, "fitted_")
        return self.fitted_.validation_loss

    def resolved(self) -> Settings:
        """Resolve reading and overrides to one set of checked settings.

        Raises
        ------
        ParameterError
            If one of them cannot be used.
        """
        if self.reading not in READINGS:
            msg = f"reading={self.reading!r} is not one of {', '.join(READINGS)}"
            raise ParameterError(msg)
        switches = READINGS[self.reading] | {
            name: getattr(self, name) for name in CHOICES if getattr(self, name) is not None
        }
        epochs = self.epochs if isinstance(self.epochs, tuple | list) else (self.epochs,) * 4
        if len(epochs) != 4:
            msg = f"epochs must be one number or four, one a stage; got {self.epochs}"
            raise ParameterError(msg)
        settings = Settings(
            **switches,
            bottleneck=self.bottleneck,
            encoder=tuple(self.encoder),
            predictor=tuple(self.predictor),
            dropout=self.dropout,
            sampling=self.sampling,
            denoising=self.denoising,
            epochs=tuple(epochs),
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            mmd_weight=self.mmd_weight,
            mmd_sigma=self.mmd_sigma,
            cluster_weight=self.cluster_weight,
            cluster_resolution=self.cluster_resolution,
            stop_rate=self.stop_rate,
            random_state=self.random_state,
        )
        check(settings)
        return settings

    def _device(self) -> torch.device:
        if self.device not in ("auto", "cpu", "cuda"):
            msg = f"unknown device {self.device!r}; one of auto, cpu, cuda"
            raise ParameterError(msg)
        if self.device == "cuda" and not torch.cuda.is_available():
            msg = "device 'cuda' was asked for, but torch finds no GPU; use device='cpu' or 'auto'"
            raise ParameterError(msg)
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return torch.device(self.device)

    def _state(self, stage: str) -> State:
        check_is_fitted(self, "fitted_")
        if stage == "after":
            weights = self.fitted_.transferred
        else:
            weights = self.fitted_.bulk_before | self.fitted_.cells_before
        return {name: value[None] for name, value in weights.items()}

    def _codes(self, x: Table, domain: str, stage: str) -> torch.Tensor:
        state = self._state(stage)
        rows = torch.from_numpy(self._scales[domain].apply(x, domain))[None]
        with torch.no_grad():
            return self.settings_.encoder_stack(domain, rows.shape[2]).forward(state, rows)[0]

    def _predict(self, cells_x: Table, stage: str) -> np.ndarray:
        state = self._state(stage)
        rows = torch.from_numpy(self._scales["cells"].apply(cells_x, "cells"))[None]
        with torch.no_grad():
            seeds = [pipeline.prediction_seed(self.settings_)]
            return pipeline.score_cells(self.settings_, state, rows, seeds)[0]


def fit_many(
    jobs: list[tuple[ScDEAL, Table, pd.Series | np.ndarray, Table]],
    n_jobs: int = 1,
    *,
    keep_weights: bool = False,
) -> list[Fitted]:
    """Fit many models at once: equal numbers as separate fits, in a fraction of the time.

    Stages that fits have in common are trained once (fits of one ``random_state`` that differ in predictor,
    sampling or terms of the transfer share both autoencoders), and models of equal shape in batches.

    Parameters
    ----------
    jobs : list of (estimator, bulk_x, bulk_y, cells_x)
        Tables that are the same object are read once. All jobs run on the first estimator's device.
    n_jobs : int
        Threads on a CPU.
    keep_weights : bool
        Also leave every estimator fitted. Takes 2 to 30 MB a model; without it only scores are kept.

    Returns
    -------
    list of Fitted
        In the order of ``jobs``: scores of all cells before and after transfer, losses, distances.

    Raises
    ------
    DataError, ParameterError
        As :meth:`ScDEAL.fit`, before any training starts, except for a class that a random split leaves
        empty.
    """
    if not jobs:
        return []
    device = jobs[0][0]._device()
    domains: dict[tuple, tuple] = {}
    prepared = []
    for estimator, bulk_x, bulk_y, cells_x in jobs:
        settings = estimator.resolved()
        key = (id(bulk_x), id(bulk_y), id(cells_x), settings.genes)
        if key not in domains:
            domains[key] = read(bulk_x, bulk_y, cells_x, settings.genes)
        prepared.append(pipeline.Job(settings, *domains[key]))
    results = pipeline.fit_jobs(prepared, device, n_jobs, keep_weights=keep_weights)
    if keep_weights:
        for (estimator, *_), job, fitted in zip(jobs, prepared, results, strict=True):
            estimator.settings_, estimator.fitted_ = job.settings, fitted
            estimator.classes_ = np.array([0, 1])
            estimator._scales = {"bulk": job.bulk.scale, "cells": job.cells.scale}
    return results
