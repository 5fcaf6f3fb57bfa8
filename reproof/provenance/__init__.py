"""Provenance: what a result depends on, what it records of that, and whether both still fit."""
