"""Splits, metrics, statistics, tuning and cross-validation."""
