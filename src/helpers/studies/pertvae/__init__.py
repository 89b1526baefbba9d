"""PertVAE, profiles before and after treatment: chapter 05."""

#: Names under which the results report baselines that learn nothing of the question.
NAIVE_BASELINES = ("Identity", "Mean shift")
