"""Figures, each beside its peer or its limit in one run: `python -m benchmarks`."""
