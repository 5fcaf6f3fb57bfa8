"""Operations: what is measured of trained networks, one module a measurement."""
