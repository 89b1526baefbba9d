"""The six networks with scikit-learn's interface."""

from __future__ import annotations

import threading
import warnings
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from helpers.bounds import check_number
from helpers.checks import as_numbers, check_columns, check_same_rows
from helpers.errors import DataError, ParameterError
from helpers.studies.perturbation.model.architectures import Design, build, initial_weights, scratch_model
from helpers.studies.perturbation.model.backend import use_device
from helpers.studies.perturbation.model.encoder import FEATURES, CategoryEncoder
from helpers.studies.perturbation.model.published import DROPOUT, PUBLISHED
from helpers.studies.perturbation.model.targets import SCALES, Scale
from helpers.studies.perturbation.model.training import (
    LOSSES,
    NOT_FINITE,
    Task,
    Training,
    compiled_for,
    fit,
)
from helpers.training.guards import one_thread

# Embedding rows in training are a multiple of this, so that folds share one graph of Keras.
_TABLE = 32
_VALIDATION = 0.1

# Fits of one design share a scratch model, and models run in threads.
_SCRATCH = threading.Lock()


class PerturbationNetwork(RegressorMixin, BaseEstimator):
    """Change of expression of every gene from cell and compound, as five ordinal features.

    Ali, Omer, Le, Raza and Choo, "Deep Learning for Drug Response Prediction with Gene Expression Data".
    Five features are embedded in 16 numbers each and stacked as a sequence (5, 16); a core (the
    architecture), one dense layer, dropout 0.5 and a linear layer of one unit a gene follow. Adam with
    Keras' defaults. ``None`` takes the published value. The paper states neither the loss nor several
    details; defaults are the readings of the project's protocol sheet (section 6), the alternatives are
    the options below.

    Parameters
    ----------
    architecture : {"LSTM", "GRU", "GRU3", "GRU3-ATTN", "Transformer", "Autoencoder"}
    epochs, batch_size : int or None
    learning_rate : float or None
    loss : {"mse", "mae"}
        Mean over genes of the squared or the absolute error.
    scale : {"raw", "clip", "z"}
        See :data:`helpers.studies.perturbation.model.targets.SCALES`.
    features : tuple of str
        Features in the order of the sequence; ``("cell", "compound")`` holds all that the five know.
    length : {"code", "number"}
        SMILES length embedded like a category, or as the number itself through one dense layer.
    tables : {"separate", "shared"}
        An embedding table a feature, or one for all (equal codes then share a row).
    units : int or None
        Size of the recurrent layer of LSTM (published 16) and GRU (128).
    stack : {"three", "printed"}
        GRU3 as three layers 128, 64, 64 or the two that are printed; GRU3-ATTN as three layers or one of 64.
    attention : {"dot", "additive", "none"}
        ``"none"`` pools the steps of the stack as they are, a control.
    pooling : {"mean+last", "flatten"}
        What GRU3-ATTN hands on: mean over steps beside the last state, or all steps.
    transformer : {"block", "bare"}
        One block (residuals, normalisation, feed-forward) and the mean, or attention alone, flattened.
    autoencoder : {"bottleneck", "reconstruct"}
        Bottleneck network, or the same with the embedded inputs reconstructed, weight 1.
    dropout : float
    early_stopping : bool
        Stop when the loss on a random tenth of the rows has not improved for 20 epochs, and return to
        the best epoch. The paper trains all epochs.
    engine : {"auto", "compiled", "keras"}
        What trains the weights of the Keras model; see
        :func:`helpers.studies.perturbation.model.training.engine_of`.
    device : {"cpu", "cuda"}
        ``"cuda"`` trains the Keras model on its PyTorch backend, on the GPU; see
        :func:`helpers.studies.perturbation.model.backend.use_device`.
    random_state : int
        Start values, order of rows, dropout and validation rows follow from it.

    Attributes
    ----------
    weights_ : list of arrays
        Of the Keras model, in the order of its trainable variables; see :meth:`keras_model`.
    history_ : array (epochs, 1 or 2)
        Training loss and, with early stopping, validation loss.
    n_iter_ : int
        Epochs done; ``stopped_`` says why training ended.

    Notes
    -----
    Adam sees the gradient of a whole embedding row, as in Keras 2 and on Keras' PyTorch backend. Adam of
    Keras 3.15 on TensorFlow squares the gradients of a row's occurrences in a minibatch one by one before
    adding them, which makes larger steps; which version the paper used is not stated.
    """

    def __init__(
        self,
        architecture: str = "GRU",
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        *,
        loss: str = "mse",
        scale: str = "raw",
        features: tuple[str, ...] = tuple(FEATURES),
        length: str = "code",
        tables: str = "separate",
        units: int | None = None,
        stack: str = "three",
        attention: str = "dot",
        pooling: str = "mean+last",
        transformer: str = "block",
        autoencoder: str = "bottleneck",
        dropout: float = DROPOUT,
        early_stopping: bool = False,
        engine: str = "auto",
        device: str = "cpu",
        random_state: int = 0,
    ) -> None:
        self.architecture = architecture
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.loss = loss
        self.scale = scale
        self.features = features
        self.length = length
        self.tables = tables
        self.units = units
        self.stack = stack
        self.attention = attention
        self.pooling = pooling
        self.transformer = transformer
        self.autoencoder = autoencoder
        self.dropout = dropout
        self.early_stopping = early_stopping
        self.engine = engine
        self.device = device
        self.random_state = random_state

    def fit(self, rows: pd.DataFrame, values: np.ndarray) -> PerturbationNetwork:
        """Train the network.

        Parameters
        ----------
        rows : DataFrame, n rows
            Columns ``cell``, ``compound``, ``lincs_id``, ``smiles``.
        values : array (n, genes)
            Change of expression, in any unit.

        Raises
        ------
        DataError
            If rows and values do not fit together, in number or in their names, or a value is missing or not
            finite.
        ParameterError
            If an option is unknown or out of range.

        Warns
        -----
        ConvergenceWarning
            If the loss is not finite any more: training then ends with the last good state.
        """
        use_device(self.device)
        training, task = self._prepare(rows, values)
        with one_thread():
            fitted = fit(training, task, self.engine, self.device)
        self.weights_ = fitted.weights
        self.history_ = fitted.history
        self.n_iter_ = fitted.epochs
        self.stopped_ = fitted.stopped
        if fitted.stopped == NOT_FINITE:
            msg = (
                f"{self.architecture} (seed {self.random_state}): loss or weights were not finite in epoch "
                f"{fitted.epochs}; training stopped with the state before it. A smaller learning_rate or "
                "another scale may help"
            )
            warnings.warn(msg, ConvergenceWarning, stacklevel=2)
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Predicted changes, float32 (rows, genes), in the unit of the fitted values.

        A category that was not fitted (a held-out compound) has the reserved embedding, which stays at
        its random start.
        """
        check_is_fitted(self, "weights_")
        codes = self.encoder_.transform(rows)
        compiled = compiled_for(self.design_, self.engine, self.device)
        if compiled is None:
            return self.scale_.back(self._keras_output(codes))
        with one_thread():
            return self.scale_.back(compiled.predict(self.design_, self.weights_, codes))

    def _keras_output(self, codes: np.ndarray) -> np.ndarray:
        import keras

        inputs = [codes, np.ones((len(codes), self.design_.dense), np.float32)]
        with _SCRATCH:
            model = scratch_model(self.design_)
            self._write(model)
            output = model(inputs, training=False)
        return keras.ops.convert_to_numpy(output[0] if self.design_.penalised else output)

    def keras_model(self) -> Any:
        """Return the trained network as a Keras model; inputs as in ``architectures.build``."""
        check_is_fitted(self, "weights_")
        model = build(self.design_)
        self._write(model)
        return model

    def _write(self, model: Any) -> None:
        for variable, value in zip(model.trainable_variables, self.weights_, strict=True):
            variable.assign(value)

    def settings(self) -> dict[str, Any]:
        """Epochs, batch size and learning rate in effect, by name.

        Raises
        ------
        ParameterError
            If the architecture is unknown or a setting is out of range.
        """
        if self.architecture not in tuple(PUBLISHED):
            msg = f"architecture={self.architecture!r} is not one of {', '.join(PUBLISHED)}"
            raise ParameterError(msg)
        settings = {}
        for name in ("epochs", "batch_size", "learning_rate"):
            value = getattr(self, name)
            settings[name] = getattr(PUBLISHED[self.architecture], name) if value is None else value
            whole = name != "learning_rate"
            low, high = (1, np.inf) if whole else (1e-300, 1e300)
            check_number(name, settings[name], low, high, whole=whole, error=ParameterError)
        check_number("random_state", self.random_state, 0, whole=True, error=ParameterError)
        if not isinstance(self.early_stopping, bool):
            msg = f"early_stopping={self.early_stopping!r} is not one of True, False"
            raise ParameterError(msg)
        return settings

    def _table(self) -> int:
        """Rows of the embedding tables that are needed: the others keep their start."""
        return min(self.design_.vocabulary, -(-(self.encoder_.largest_code + 1) // _TABLE) * _TABLE)

    def _check(self, rows: pd.DataFrame, values: np.ndarray) -> np.ndarray:
        for name, allowed in (("loss", LOSSES), ("scale", tuple(SCALES))):
            if getattr(self, name) not in allowed:
                msg = f"{name}={getattr(self, name)!r} is not one of {', '.join(allowed)}"
                raise ParameterError(msg)
        check_columns(rows, (), "rows")
        check_same_rows(rows, values, "rows and values")
        values = as_numbers(values, "values", np.float32)
        if values.ndim != 2 or len(values) != len(rows) or values.shape[1] == 0:
            msg = f"values has shape {values.shape}, expected ({len(rows)}, genes): one row of changes a row"
            raise DataError(msg)
        bad = ~np.isfinite(values)
        if bad.any():
            row, gene = np.argwhere(bad)[0]
            msg = (
                f"values holds {int(bad.sum())} entries that are not finite, first in row {row}, gene {gene}"
            )
            raise DataError(msg)
        return values

    def _prepare(self, rows: pd.DataFrame, values: np.ndarray) -> tuple[Training, Task]:
        """Learn codes and scale from the training rows, draw the start."""
        settings = self.settings()
        encoder = CategoryEncoder(self.features, self.length)
        values = self._check(rows, values)
        options = {f.name: getattr(self, f.name) for f in fields(Design) if hasattr(self, f.name)}
        self.design_ = Design(genes=values.shape[1], **options)
        start, stream, split = np.random.SeedSequence(self.random_state).spawn(3)
        train = np.arange(len(rows))
        held_out = None
        if self.early_stopping:
            n_out = round(_VALIDATION * len(rows))
            if n_out < 1:
                msg = f"early stopping holds out a tenth of the rows, but there are only {len(rows)}"
                raise DataError(msg)
            order = np.random.default_rng(split).permutation(len(rows))
            train, held = np.sort(order[n_out:]), np.sort(order[:n_out])
        self.encoder_ = encoder.fit(rows.iloc[train])
        self.scale_ = Scale.fit(self.scale, values[train])
        if self.early_stopping:
            held_out = self.encoder_.transform(rows.iloc[held]), self.scale_.forward(values[held])
        self.n_features_in_ = len(self.features)
        weights = initial_weights(self.design_, np.random.default_rng(start))
        task = Task(
            self.encoder_.transform(rows.iloc[train]),
            self.scale_.forward(values[train]),
            weights,
            np.random.default_rng(stream),
            held_out,
        )
        return Training(replace(self.design_, vocabulary=self._table()), self.loss, **settings), task
