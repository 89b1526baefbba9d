"""scDEAL, transfer from bulk lines to single cells: chapter 06."""

#: Names under which the results report baselines that learn nothing of the question.
NAIVE_BASELINES = ("all resistant", "cluster majority")
