"""Settings that the scDEAL study searched, and those that its repository lists as best."""

from __future__ import annotations

#: The grid that was searched for each data set, without the bulk source and a learning rate that the
#: public code does not use: 5 x 2 x 2 x 2 x 4 x 2 settings.
GRID: dict[str, tuple] = {
    "bottleneck": (32, 64, 128, 256, 512),
    "encoder": ((512, 256), (256, 128)),
    "predictor": ((256, 128), (128, 64)),
    "dropout": (0.1, 0.3),
    "sampling": (None, "up", "down", "SMOTE"),
    "denoising": (False, True),
}


def _setting(bottleneck: int, encoder: int, predictor: int, dropout: float, sampling: str | None) -> dict:
    return {
        "bottleneck": bottleneck,
        "encoder": (encoder, encoder // 2),
        "predictor": (predictor, predictor // 2),
        "dropout": dropout,
        "sampling": sampling,
    }


#: Best setting of each data set by the repository's README of 2023; the checkpoints of 2021 differ in all.
BEST: dict[str, dict] = {
    "GSE110894": _setting(512, 256, 128, 0.1, "up"),
    "GSE112274": _setting(256, 512, 256, 0.1, None),
    "GSE117872-HN120": _setting(512, 256, 128, 0.3, "SMOTE"),
    "GSE117872-HN137": _setting(32, 512, 256, 0.3, "up"),
    "GSE140440": _setting(512, 256, 256, 0.1, "up"),
    "GSE149383": _setting(64, 512, 256, 0.3, "up"),
}
