"""Settings that the RefDNN studies searched or fixed."""

from __future__ import annotations

from typing import Any

from helpers.bounds import check_number
from helpers.errors import ParameterError
from helpers.evaluation.space import Float, Integer, Space

#: Search space of the nested cross-validation.
REFDNN_SPACE: Space = {
    "hidden_units": Integer(4, 128),
    "lr_ftrl": Float(1e-6, 1e-1, log=True),
    "lr_adam": Float(1e-6, 1e-1, log=True),
    "l1": Float(1e-3, 1e2, log=True),
    "l2": Float(1e-3, 1e2, log=True),
}

#: Space of the ablation "RefDNN-test", which has no FTRL optimiser.
ABLATION_SPACE: Space = {name: REFDNN_SPACE[name] for name in ("hidden_units", "lr_adam")}

#: The ablation as published: no encoder loss, and an encoder that no optimiser trains.
ABLATION: dict[str, Any] = {"encoder": "frozen", "loss_weights": (1.0, 0.0)}

#: Fixed hyperparameters of the leave-one-group-out protocols. They come from other runs than the
#: reported search, in which the left-out groups were present.
REFDNN_FIXED: dict[str, dict[str, Any]] = {
    "CCLE": {"hidden_units": 128, "lr_ftrl": 0.1, "lr_adam": 0.014530495, "l1": 100.0, "l2": 0.001},
    "GDSC": {
        "hidden_units": 49,
        "lr_ftrl": 7.94581e-6,
        "lr_adam": 4.06785e-4,
        "l1": 0.001,
        "l2": 66.75165,
    },
}

#: Genes of the study's expression data, for which it found these settings.
STUDY_GENES = {"CCLE": 18_926, "GDSC": 17_780}


def fixed_settings(dataset: str) -> dict[str, Any]:
    """Return the study's fixed hyperparameters for ``"CCLE"`` or ``"GDSC"``.

    Raises
    ------
    ParameterError
        If the study gives none.
    """
    if dataset not in tuple(REFDNN_FIXED):
        known = ", ".join(REFDNN_FIXED)
        msg = f"the study has no settings for {dataset!r}; take those of one of {known}, the nearer in size"
        raise ParameterError(msg)
    return REFDNN_FIXED[dataset]


def scale_matched(dataset: str, n_genes: int) -> dict[str, Any]:
    """Return the fixed settings with FTRL's learning rate scaled to another number of genes.

    An encoder's logit is a sum over genes, so that a step of one learning rate moves it in proportion to
    their number. The rate of the study times its number of genes over ``n_genes`` moves it as far as there.

    Parameters
    ----------
    dataset : {"CCLE", "GDSC"}
    n_genes : int
        Genes at hand.

    Raises
    ------
    ParameterError, DataError
        If the data set is another, or the number of genes cannot be.
    """
    fixed = fixed_settings(dataset)
    check_number("n_genes", n_genes, 1, whole=True)
    return fixed | {"lr_ftrl": fixed["lr_ftrl"] * STUDY_GENES[dataset] / n_genes}
