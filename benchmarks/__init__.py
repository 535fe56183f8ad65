"""One script a figure: `python -m benchmarks.<name>` measures both sides in one run and prints the ratio."""
