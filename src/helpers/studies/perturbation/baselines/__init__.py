"""Predictors of treatment pairs that the six networks are compared with."""
