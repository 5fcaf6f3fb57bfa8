"""What tests of attacks share: a network that classifies digits, as attacks see it."""

import pytest


@pytest.fixture(scope="session")
def victim():
    from attack_kit import mnist_network  # noqa: PLC0415 (late: most tests of this folder need no torch)

    from reproof.attacks.victim import Victim  # noqa: PLC0415

    return Victim(mnist_network())
