"""Declarations: metrics, costs and words that modules of the library declare, read without importing torch."""
