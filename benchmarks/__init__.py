"""Throughput and memory of the RefDNN trainer."""
