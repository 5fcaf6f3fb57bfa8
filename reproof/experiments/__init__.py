"""Experiments: the papers' files and scales, read, merged, checked, as typed runs."""
