"""Probes of trained networks, layer by layer: resets, distances and criticality (Zhang, Bengio & Singer 2022)."""
