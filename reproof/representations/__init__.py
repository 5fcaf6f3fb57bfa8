"""Representations: activations of layers, the units and directions in them, and bounds on how layers stretch inputs."""
