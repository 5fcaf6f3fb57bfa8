"""Szegedy et al. 2014, "Intriguing properties of neural networks": units, directions and Lipschitz bounds."""
