"""Shared parts of operations: the networks to measure, and the training of further networks."""
