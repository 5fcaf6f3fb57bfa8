"""Adversarial examples: the attacks, one function each, the networks they attack and the training against them."""
