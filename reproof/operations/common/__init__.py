"""What operations share: the networks they are given, and the training of more."""
