"""Benchmarks: this tool beside its peers, as ratios in one run. See README.md."""
