"""Supermasks: masks under which an untrained network is accurate, found by gradient descent or genetic search."""
