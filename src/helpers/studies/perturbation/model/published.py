"""Settings of the six networks as printed (Table III of the paper), and what this package reads into them."""

from __future__ import annotations

from dataclasses import dataclass

#: Rows of an embedding table.
VOCABULARY = 1000
#: Numbers a category is embedded in (the table's "(None, 5, 15)" contradicts it; see the protocol sheet).
EMBEDDING = 16
DROPOUT = 0.5


@dataclass(frozen=True)
class Published:
    """One column of Table III.

    Attributes
    ----------
    units : tuple of int
        Recurrent layers (our reading of "3-stacked"), heads of the attention, or the autoencoder's
        dense layers up to the head.
    printed_units : tuple of int
        The same, counted as the table prints it.
    dense : int
        Units of the last hidden layer; ``activation`` is its activation.
    learning_rate : float
    epochs, batch_size : int
    """

    units: tuple[int, ...]
    printed_units: tuple[int, ...]
    dense: int
    activation: str
    learning_rate: float
    epochs: int
    batch_size: int


#: Architecture -> its published settings, in the order of Table IV.
PUBLISHED = {
    "LSTM": Published((16,), (16,), 256, "tanh", 0.001, 300, 30),
    "GRU": Published((128,), (128,), 256, "tanh", 0.001, 300, 30),
    "GRU3": Published((128, 64, 64), (128, 64), 256, "tanh", 0.001, 300, 30),
    "GRU3-ATTN": Published((128, 64, 64), (64,), 256, "tanh", 0.001, 300, 20),
    "Transformer": Published((2,), (2,), 256, "tanh", 0.003, 400, 50),
    "Autoencoder": Published((256, 64, 64, 256), (256, 64, 64, 256), 128, "relu", 0.003, 500, 70),
}
