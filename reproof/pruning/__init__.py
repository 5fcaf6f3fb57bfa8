"""Masks: which weights a round removes, how masks are stored, and the controls that break one thing at a time."""
