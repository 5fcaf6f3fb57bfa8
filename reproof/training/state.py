"""The mappings of tensors by name that networks and trainings are made of."""

from collections.abc import Mapping

from torch import Tensor

# The whole state of one network, as `state_dict` gives it: {name: parameter or buffer}, each of the shape and dtype
# that the module has. Of a group of S networks the values are stacked: {name: [S, ...]}.
State = Mapping[str, Tensor]

# What a training saves to resume from, of all its parts: {"part:name": tensor}. Only its writer knows the keys.
ResumableState = dict[str, Tensor]
