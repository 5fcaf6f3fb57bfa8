"""Every single pixel: as good as any candidate tried by hand, and never worse than a search over the same values."""

from itertools import product

import pytest
import torch
from attack_kit import fooled, known, mnist, mnist_network, seeded
from linear_victims import chance

from reproof.attacks.attack import Aim
from reproof.attacks.every_pixel import every_pixel
from reproof.attacks.one_pixel import one_pixel
from reproof.attacks.victim import Victim, compute_margin
from reproof.storage.files import ReproofError

SHAPE = (2, 3, 4)


def curved():
    """Return a victim of three classes that is not linear."""
    first, second = torch.randn(24, 8, generator=chance(1)), torch.randn(8, 3, generator=chance(2))
    return Victim(lambda batch: 3 * (batch.flatten(1) @ first).tanh() @ second, gradients=False)


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("values", [(0.0, 0.5, 1.0), (0.25,), (0.0, 1.0)])
def test_no_candidate_of_the_values_is_better(values, targeted):
    victim, images = curved(), torch.rand(6, *SHAPE, generator=chance(3))
    aim = Aim((victim.predict(images) + targeted) % 3, targeted)
    made = every_pixel(victim, images, aim, generator=chance(), values=values)
    chances = victim.logits(made.images).double().softmax(1).gather(1, aim.labels[:, None]).squeeze(1)
    reached = aim.is_reached(victim.predict(made.images))
    assert made.images.ne(images).any(1).flatten(1).sum(1).max() <= 1
    for place, image in enumerate(images):
        tried = []
        for row, column, colour in product(range(3), range(4), product(values, repeat=2)):
            tried.append(image.clone())
            tried[-1][:, row, column] = torch.tensor(colour)
        logits = victim.logits(torch.stack(tried)).double()
        theirs, label = logits.softmax(1)[:, aim.labels[place]], aim.labels[place]
        hits = logits.argmax(1).eq(label) if targeted else logits.argmax(1).ne(label)
        assert reached[place] == hits.any()
        among = theirs[hits] if hits.any() else theirs
        assert chances[place].item() == pytest.approx((among.max() if targeted else among.min()).item())


def test_a_success_is_better_than_a_lower_probability_of_the_true_class():
    """Of (1, 0) class 0 has 36 % and is still the first; of (0, 1) it has 45 % and class 1 has more."""
    weights = torch.tensor([[-1.0, 0.9, 0.9], [-1.0, 1.2, -5.0]])
    victim = Victim(lambda batch: batch.flatten(1) @ weights + torch.tensor([2.0, 0.0, 0.0]), gradients=False)
    made = every_pixel(victim, torch.zeros(1, 1, 1, 2), Aim(torch.tensor([0])), generator=chance(), values=(0.0, 1.0))
    assert made.images.flatten().tolist() == [0, 1]


def test_each_candidate_is_one_query_and_adversarial_images_cost_one():
    asked, inner = [], curved()
    victim = Victim(lambda batch: asked.append(len(batch)) or inner.logits(batch), gradients=False)
    images = torch.rand(6, *SHAPE, generator=chance(3))
    labels = inner.predict(images)
    labels[:2] = (labels[:2] + 1) % 3
    made = every_pixel(victim, images, Aim(labels), generator=chance())
    assert made.queries.tolist() == [1, 1] + [1 + 12 * 9] * 4 and sum(asked) == made.queries.sum()
    assert torch.equal(made.images[:2], images[:2])


def test_on_digits_it_fools_all_that_evolution_fools_up_to_the_greys_between_its_values():
    victim = Victim(mnist_network())
    images, labels = known(victim, *(part[2000:] for part in mnist()))
    near = compute_margin(victim.logits(images), labels).argsort()[:30]
    images, labels = images[near], labels[near]
    exact = fooled(victim, every_pixel(victim, images, Aim(labels), generator=seeded()).images, labels)
    found = one_pixel(victim, images, Aim(labels), generator=seeded(), population=100, generations=5, at_once=True)
    evolved = fooled(victim, found.images, labels)
    assert exact.sum() > 3 and (evolved & ~exact).sum() <= 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], r"values \[\] must be pixels in \[0, 1\], at least one; correct them"),
        ([0.5, 255.0], r"values \[0.5, 255.0\] must be pixels in \[0, 1\], at least one; correct them"),
        ([i / 100 for i in range(100)], "120,000 candidates of an image are too many, at most 100,000; give fewer"),
    ],
)
def test_impossible_values_are_refused(values, message):
    images = torch.rand(1, *SHAPE, generator=chance())
    with pytest.raises(ReproofError, match=f"^attack: {message}"):
        every_pixel(curved(), images, Aim(torch.zeros(1).long()), generator=chance(), values=values)
