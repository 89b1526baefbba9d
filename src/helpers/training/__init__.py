"""What trainers of several studies share: K models of one architecture, trained side by side.

Tensors have a leading *model axis*. Models may differ in data, rows, widths, start values, learning rate and
weight decay; narrower ones are padded with zeros, which have a gradient of exactly zero. A model in a batch
has the numbers of the same model alone, up to the rounding of float32.

:mod:`~helpers.training.layers` stacks dense layers, :mod:`~helpers.training.rows` deals out minibatches,
:mod:`~helpers.training.adam` and :mod:`~helpers.training.fit` train; :mod:`~helpers.training.guards` stand
around a fit.
"""
