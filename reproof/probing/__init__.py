"""Trained networks probed layer by layer: what a layer is, what is reset in it, how far it moved, what it matters."""
