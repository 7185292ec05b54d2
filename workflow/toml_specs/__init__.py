"""Specs without Python: a TOML file with data, formula, priors and the options of a spec."""
