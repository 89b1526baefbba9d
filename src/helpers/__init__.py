"""Data, models, evaluation and claims behind the notebooks of the reproducibility book.

Arrows run downward only: ``cli`` -> ``run``, ``book`` -> ``study`` -> ``claims`` -> ``evaluation``
-> ``models`` -> ``datasets``. Models, evaluation and datasets know nothing of notebooks, claims or
result files.
"""

from helpers.compiled import set_cache_folder

__version__ = "0.1.0"

set_cache_folder()  # before any module imports numba
