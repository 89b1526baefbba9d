"""The default readings of the six networks trained in compiled code; nothing here defines a network.

The folder can be deleted: :func:`helpers.studies.perturbation.model.training.compiled_for` alone imports it,
and the Keras model serves where it is not there. Its test is ``test_compiled_engine.py``.
"""

from helpers.studies.perturbation.model.compiled.engine import CompiledEngine, knows, predict

__all__ = ["CompiledEngine", "knows", "predict"]
