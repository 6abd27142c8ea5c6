"""Figures for BENCHMARKS.md: rival and own in one run, written down as they come."""
