"""Data, models, evaluation and claims behind the notebooks of the reproducibility book.

Arrows run one way: ``cli`` -> ``book`` -> ``run`` -> ``chapter`` -> ``display`` -> ``claims``; notebooks ->
``studies/<name>`` -> ``chapter``, ``evaluation``, ``training``, ``data``, ``plots``. No study knows another,
and nothing else here knows a study; ``tests/core/test_house.py`` holds the arrows.
"""

from helpers.compiled import set_cache_folders

__version__ = "0.1.0"

set_cache_folders()  # before any module imports numba or matplotlib
