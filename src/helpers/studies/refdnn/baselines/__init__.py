"""Predictors of line-drug pairs that RefDNN is compared with."""
