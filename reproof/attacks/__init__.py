"""Adversarial examples: what an attack is given, what it gives back, and the attacks, each one function."""
