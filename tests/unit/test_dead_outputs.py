"""Dead outputs and the accuracy without their classes, on numbers worked by hand."""

import pytest
import torch

from reproof.representations.dead_outputs import compute_living_accuracy, find_dead_outputs

LABELS = torch.tensor([0, 0, 1, 1, 2])


def test_an_output_that_is_silent_on_its_class_is_dead_even_if_it_speaks_elsewhere():
    outputs = torch.tensor([[0.0, 1, 0], [0, 2, 0], [3, 1, 0], [0, 0, 4], [0, 0, 0]])
    # Output 0 is 0 on both images of class 0; output 1 on one of two; output 2 on the only image of class 2.
    assert find_dead_outputs(outputs, LABELS).tolist() == [True, False, True]
    # Left are the two images of class 1, which are taken for 0 and for 2.
    assert compute_living_accuracy(outputs, LABELS) == 0.0


def test_without_a_relu_no_output_is_dead():
    outputs = -torch.arange(15.0).view(5, 3)
    assert find_dead_outputs(outputs, LABELS).tolist() == [False, False, True], "the least value lies on its only image"
    outputs[0] -= 100
    assert not find_dead_outputs(outputs, LABELS).any()
    assert compute_living_accuracy(outputs, LABELS) == pytest.approx(2 / 5)


@pytest.mark.parametrize(("loud", "dead"), [(0, True), (1, True), (2, False)])
def test_one_example_in_a_hundred_may_speak(loud, dead):
    outputs, labels = torch.zeros(101, 2), torch.tensor([0] * 100 + [1])
    outputs[:loud, 0], outputs[100, 1] = 1.0, 1.0
    assert find_dead_outputs(outputs, labels).tolist() == [dead, False]


def test_of_nothing_but_dead_outputs_there_is_no_accuracy():
    outputs = torch.zeros(5, 4)
    assert find_dead_outputs(outputs, LABELS).tolist() == [True, True, True, False], "class 3 has no examples"
    assert compute_living_accuracy(outputs, LABELS) is None
