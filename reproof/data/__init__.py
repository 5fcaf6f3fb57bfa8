"""Data sets: fetched once into one safetensors file each, then split, held on the device and normalised per batch."""
