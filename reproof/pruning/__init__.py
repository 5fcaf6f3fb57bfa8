"""Pruning: criteria, masks and their storage, and controls that change one property of a ticket at a time."""
