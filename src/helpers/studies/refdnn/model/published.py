"""Settings that the RefDNN studies searched or fixed."""

from __future__ import annotations

from typing import Any

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
