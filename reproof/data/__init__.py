"""Data sets: fetched once into one safetensors file each, then split, kept on the device and normalised per batch."""
