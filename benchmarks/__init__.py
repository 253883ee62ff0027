"""Measurements beside peers and limits; each script prints a ratio in one run. See `benchmarks.__main__`."""
