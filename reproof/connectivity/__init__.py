"""Linear mode connectivity (Frankle et al. 2020): the line between two networks, and what is measured along it."""
