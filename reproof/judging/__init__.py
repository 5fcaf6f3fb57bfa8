"""Verdicts: what is measured for a claim, how chance is told from effect, and what is said about it."""
