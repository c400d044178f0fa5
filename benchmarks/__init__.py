"""Measurements of Wengert beside its peers; `benchmarks/README.md` says how to run them and how to add to them."""
