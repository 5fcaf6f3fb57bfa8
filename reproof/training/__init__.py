"""Training of blocks of networks: repeatable to the bit, with masked weights at exactly zero."""
