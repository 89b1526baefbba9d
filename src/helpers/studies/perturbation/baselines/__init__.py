"""Simple predictors of expression changes that the six networks are compared with."""
