"""Declarations: what modules of the library say of themselves (metrics, costs, words), read without importing torch."""
