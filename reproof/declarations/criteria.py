"""What a mask criterion reads besides initial and trained weights; planning asks before a criterion is imported."""

from reproof.registry import list_options

GRADIENT = "gradient"  # the option of such a criterion, the setting of the dense job, and a point of its checkpoint
EXAMPLES = 100  # of the gradient, as in the code of Zhou et al. 2019 on MNIST


def reads_gradient(by: str) -> bool:
    """Return True if the criterion reads the gradient of the loss at the initial weights.

    >>> reads_gradient("snip"), reads_gradient("large_final")
    (True, False)
    """
    return GRADIENT in list_options("pruning", "criterion", by)
