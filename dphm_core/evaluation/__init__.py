"""Metrics, ground-truth comparison and benchmarks."""
