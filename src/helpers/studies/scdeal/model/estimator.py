"""scDEAL as an estimator, and many of them fitted at once."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeAlias

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from helpers.errors import DataError, ParameterError
from helpers.studies.scdeal.attribution import integrated_gradients
from helpers.studies.scdeal.model import pipeline
from helpers.studies.scdeal.model.domains import read
from helpers.studies.scdeal.model.networks import Networks
from helpers.studies.scdeal.model.pipeline import Fitted
from helpers.studies.scdeal.model.settings import CHOICES, READINGS, Settings

Table: TypeAlias = pd.DataFrame | np.ndarray
# Parameters that are no settings of the method.
_OF_THE_RUN = ("reading", "device")


class ScDEAL(BaseEstimator):
    """Drug response of single cells from bulk lines by deep transfer (Chen et al. 2022).

    Stage 1 trains an autoencoder of the bulk lines, stage 2 its encoder together with a predictor of their
    response, stage 3 an autoencoder of the cells, and stage 4 moves the cell encoder so that both
    embeddings look alike. The predictor then scores cells. No label of a cell can enter: there is no
    argument for it.

    Parameters
    ----------
    reading : {"faithful", "described"}
        ``"faithful"`` does what the public code does, ``"described"`` what the paper says. Each of the next
        ten arguments overrides one item of the reading; None leaves it.
    genes : {"separate", "shared"}, optional
        Each domain with all its own genes, or both with the genes that they share.
    cell_start : {"own", "bulk"}, optional
        Stage 3 starts from random weights, or from the weights of stage 1 (needs shared genes).
    kernel : {"single", "mixture"}, optional
        One Gaussian kernel of width 1,000, or five around the median distance.
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
    before : {"train", "eval"}, optional
        Mode of the predictor for the scores before transfer (the cell encoder is in evaluation mode). After
        transfer it is in evaluation mode in any case, so that with ``"train"``, as in the public code, after
        minus before also compares two modes.
    resampled : {"both", "predictor"}, optional
        Whether ``sampling`` also changes the lines of the autoencoder of stage 1.
    bottleneck, encoder, predictor : int, tuple, tuple
        Widths of the embedding, of the encoder's and of the predictor's blocks.
    dropout : float
    sampling : {None, "up", "down", "SMOTE"}
        How the classes of the training lines are balanced.
    denoising : bool
        Set a fifth of the inputs of both autoencoders to zero.
    epochs : int
        Of each of the four stages; published: 500. 0 leaves the networks at their start weights. A stage ends
        early once the plateau schedule has lowered its learning rate to a ten-thousandth.
    batch_size : int
        Published: 200.
    mmd_weight, cluster_weight : float
        Weights of the terms of stage 4.
    random_state : int
        Splits, start values, order, dropout and noise follow from it.
    device : {"auto", "cpu", "cuda"}

    Attributes
    ----------
    fitted_ : pipeline.Fitted
        Scores before and after transfer, losses, distances and networks.
    settings_ : Settings
        What the reading and the overrides amount to.
    classes_ : array [0, 1]
        0 = resistant, 1 = sensitive.

    Notes
    -----
    No single setting was published: the study searched a grid for each data set, within which the defaults
    lie. Of each switch above the first value is that of the faithful reading and the second that of the
    described one (:data:`READINGS`).

    Deviations from the public code: biases below batch normalisation are left out, since it removes them;
    a last batch of one row is skipped, and one of two to nine in the transfer, which the public code skips,
    is not; splits and start values come from ``random_state``.
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
        before: str | None = None,
        resampled: str | None = None,
        bottleneck: int = 128,
        encoder: tuple[int, ...] = (512, 256),
        predictor: tuple[int, ...] = (128, 64),
        dropout: float = 0.1,
        sampling: str | None = None,
        denoising: bool = True,
        epochs: int = 500,
        batch_size: int = 200,
        mmd_weight: float = 0.25,
        cluster_weight: float = 1.0,
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
        self.before = before
        self.resampled = resampled
        self.bottleneck = bottleneck
        self.encoder = encoder
        self.predictor = predictor
        self.dropout = dropout
        self.sampling = sampling
        self.denoising = denoising
        self.epochs = epochs
        self.batch_size = batch_size
        self.mmd_weight = mmd_weight
        self.cluster_weight = cluster_weight
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
        fit_many([(self, bulk_x, bulk_y, cells_x)], keep_networks=True)
        return self

    def predict_proba(self, cells_x: Table) -> np.ndarray:
        """Probability of resistance and sensitivity after transfer, array (cells, 2).

        With ``loss="sigmoid"`` the two are separate sigmoids and need not sum to 1.

        Raises
        ------
        DataError
            If a fitted gene is missing, a value is not finite, or a single cell is asked for where the
            networks are in training mode, which uses statistics of the given cells.
        """
        networks = self._networks("after")
        x = self._scaled(cells_x, several=self.settings_.prediction == "train")
        return pipeline.score_cells(networks, x, self.settings_)

    def predict_before(self, cells_x: Table) -> np.ndarray:
        """Return the same before transfer: bulk predictor on the embedding of the cells' own autoencoder.

        Raises
        ------
        DataError
            As :meth:`predict_proba`.
        """
        networks = deepcopy(self._networks("before"))
        x = self._scaled(cells_x, several="train" in (self.settings_.before, self.settings_.prediction))
        return pipeline.score_before(networks, x, self.settings_)

    def predict(self, cells_x: Table) -> np.ndarray:
        """Return the likelier class of each cell: 1 = sensitive."""
        return self.predict_proba(cells_x).argmax(axis=1)

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
        if isinstance(target, bool) or target not in (0, 1):
            msg = f"target must be 0 (resistant) or 1 (sensitive), got {target!r}"
            raise ParameterError(msg)
        networks = self._networks("after")

        def score(rows: torch.Tensor) -> torch.Tensor:
            return networks.score(networks.encode(rows, "cells"))[:, target]

        return integrated_gradients(score, self._scaled(cells_x), steps=steps).numpy()

    @property
    def gene_names_(self) -> np.ndarray | None:
        """Genes of the cells' inputs, in their order; None for input without names."""
        check_is_fitted(self, "fitted_")
        return self._scales["cells"].genes

    def resolved(self) -> Settings:
        """Resolve reading and overrides to one set of checked settings.

        Raises
        ------
        ParameterError
            If one of them cannot be used.
        """
        if self.reading not in tuple(READINGS):
            msg = f"reading={self.reading!r} is not one of {', '.join(READINGS)}"
            raise ParameterError(msg)
        switches = READINGS[self.reading] | {
            name: getattr(self, name) for name in CHOICES if getattr(self, name) is not None
        }
        own = {
            name: value for name, value in self.get_params().items() if name not in (*CHOICES, *_OF_THE_RUN)
        }
        layers = {name: own[name] for name in ("encoder", "predictor")}
        lists = {name: tuple(one) for name, one in layers.items() if isinstance(one, list | np.ndarray)}
        return Settings(**switches, **own | lists)

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

    def _networks(self, stage: str) -> Networks:
        check_is_fitted(self, "fitted_")
        return self.fitted_.networks if stage == "after" else self.fitted_.networks_before

    def _scaled(self, cells_x: Table, *, several: bool = False) -> torch.Tensor:
        x = self._scales["cells"].apply(cells_x, "cells")
        if several and len(x) < 2:
            msg = "in training mode batch normalisation needs two cells at least; give more, or use 'eval'"
            raise DataError(msg)
        return torch.from_numpy(x)


def fit_many(
    jobs: list[tuple[ScDEAL, Table, pd.Series | np.ndarray, Table]],
    n_jobs: int = 1,
    *,
    keep_networks: bool = False,
) -> list[Fitted]:
    """Fit many models side by side; every one gets the numbers of a fit of its own.

    Stages that fits have in common are trained once: fits of one ``random_state`` that differ in predictor,
    sampling or terms of the transfer share both autoencoders.

    Parameters
    ----------
    jobs : list of (estimator, bulk_x, bulk_y, cells_x)
        Tables that are the same object are read once. All jobs run on the first estimator's device.
    n_jobs : int
        Fits side by side on a CPU.
    keep_networks : bool
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
    results = pipeline.fit_jobs(prepared, device, n_jobs, keep_networks=keep_networks)
    if keep_networks:
        for (estimator, *_), job, fitted in zip(jobs, prepared, results, strict=True):
            estimator.settings_, estimator.fitted_ = job.settings, fitted
            estimator.classes_ = np.array([0, 1])
            estimator._scales = {"bulk": job.bulk.scale, "cells": job.cells.scale}
    return results
