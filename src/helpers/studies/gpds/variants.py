"""The report's network in other ways: choices that it leaves open, and other depths."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from helpers.bounds import check_number
from helpers.checks import refuse
from helpers.studies.gpds.model import GPDSRegressor, gpds_pipeline


def sensitivity_models(network: GPDSRegressor | None = None) -> dict[str, Pipeline]:
    """Networks that differ from the study's in one choice that the report leaves open."""
    network = GPDSRegressor() if network is None else network

    def other(**settings: object) -> GPDSRegressor:
        return clone(network).set_params(**settings)

    return {
        "as chosen": gpds_pipeline(clone(network)),
        "bins over a line's genes": gpds_pipeline(clone(network), scope="line"),
        "bins over all values": gpds_pipeline(clone(network), scope="global"),
        "no bins": gpds_pipeline(clone(network), scope="none"),
        "tied bins dropped": gpds_pipeline(clone(network), ties="drop"),
        "no gene filter": gpds_pipeline(clone(network), gene_filter=False),
        "no scaling": gpds_pipeline(clone(network), scale=False),
        "z-scored target": gpds_pipeline(other(scale_target=True)),
        "learning rate 0.001": gpds_pipeline(other(lr=0.001)),
        "learning rate 0.001, weight decay 0.01": gpds_pipeline(other(lr=0.001, weight_decay=0.01)),
    }


def deeper_networks(
    depths: Sequence[int] = (1, 2, 3, 4), network: GPDSRegressor | None = None
) -> dict[str, Pipeline]:
    """Give the report's network other numbers of hidden layers: its first, then its second once or more.

    Raises
    ------
    DataError
        If a number is none, or the network has not two hidden layers.
    """
    network = GPDSRegressor() if network is None else network
    if not isinstance(depths, Sequence) or not depths or len(network.hidden) != 2:
        refuse("deeper_networks", f"needs numbers of layers and a network of two; got {depths!r}")
    for depth in depths:
        check_number("the number of hidden layers", depth, 1, whole=True)
    first, further = network.hidden

    def of_depth(depth: int) -> GPDSRegressor:
        return clone(network).set_params(hidden=(first, *[further] * (depth - 1)))

    return {
        f"{depth} hidden layer{'s' if depth > 1 else ''}": gpds_pipeline(of_depth(depth)) for depth in depths
    }
