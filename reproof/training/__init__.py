"""Training blocks of networks, exactly repeatable, with masks held at zero."""
