"""RefDNN and its ablation: chapters 01 and 02."""
