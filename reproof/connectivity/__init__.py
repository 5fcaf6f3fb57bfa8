"""Linear mode connectivity (Frankle et al. 2020): the line between two networks, error barriers and distances."""
