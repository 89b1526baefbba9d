"""RefDNN and its ablation: chapters 01 and 02."""

#: Names under which the results report baselines that learn nothing of the question.
NAIVE_BASELINES = ("Prevalence", "Additive")
