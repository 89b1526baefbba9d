"""Six networks for a cell's answer to a compound: chapter 04."""

#: Names under which the results report baselines that learn nothing of the question.
NAIVE_BASELINES = ("zero", "cell mean", "additive")
