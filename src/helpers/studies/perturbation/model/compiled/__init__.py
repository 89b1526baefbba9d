"""The default readings of the six networks trained in compiled code; nothing here defines a network.

The folder can be deleted: :func:`helpers.studies.perturbation.model.training.engine_of`, the one place that
imports it, takes the Keras model where it is not there. Its test is ``test_compiled_engine.py``.
"""

from helpers.studies.perturbation.model.compiled.engine import CompiledEngine, knows

__all__ = ["CompiledEngine", "knows"]
