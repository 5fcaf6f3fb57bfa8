"""Storage: atomic writes of files, tables, tensors and checkpoints."""
