"""GPDS, a network on bulk lines tested on single cells: chapter 03."""

#: Names under which the results report baselines that learn nothing of the question.
NAIVE_BASELINES = ("training mean", "lineage mean")
