"""The operations attack and distort: on real files, what they say is what a plain look at the same network says."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from reproof.data.dataset import load_dataset
from reproof.networks import build
from reproof.operations.attack import attack
from reproof.operations.common.subject import Subject, measure
from reproof.operations.minimum_distortion import minimum_distortion
from reproof.storage.checkpoints import read_checkpoint
from reproof.storage.files import ReproofError, read_parquet

FGSM = {"attack": "fgsm"}
PGD = {"attack": "pgd", "steps": 5, "step_size": 0.05}
SQUARE = {"attack": "square", "queries": 40}
ONE_PIXEL = {"attack": "one_pixel", "population": 8, "generations": 3}


def distorted(folder, victims, **options):
    """The table of `distort`, all victims being the dense block itself under other names."""
    settings = folder.job().settings
    named = {key: {"network": settings["network"]} for key in victims}
    options = {"examples": 30, "split": "test", "searches": 4, "iterations": 40, "victims": victims} | options
    options = options if victims else {key: value for key, value in options.items() if key != "victims"}  # as the plan
    job = folder.job(levels=[0], options=options, victims=named)
    subject = Subject(job, folder("dense.safetensors"), victim_files=[folder("dense.safetensors")] * len(victims))
    measure(minimum_distortion, subject, folder("distorted.parquet"))
    return read_parquet(folder("distorted.parquet"))


def values(table, metric, **where):
    """{(part, at or None, seed): value} of a metric."""
    rows = table[table["metric"] == metric]
    keys = zip(rows["part"], (None if at != at else at for at in rows["at"]), rows["seed"], strict=True)
    return dict(zip(keys, rows["value"], strict=True))


def network(folder, seed):
    """The trained network of a seed, and the test images as inputs and labels, by the plainest means."""
    data = load_dataset(folder("data.safetensors"), validation=20)
    (ends,) = read_checkpoint(folder("dense.safetensors"), "final")
    module = build("lenet_300_100", input_shape=data.input_shape, classes=data.classes, width=0.1).eval()
    module.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in ends[seed].items()})
    return module, data


def test_accuracy_under_fgsm_is_that_of_its_formula(folder):
    table = folder.measured(attack, attacks={"sign": FGSM}, epsilons=[0.1, 0.4])
    found = values(table, "test_accuracy_under_attack")
    for seed in (0, 1):
        module, data = network(folder, seed)
        pixels = (data.test.images / 255).requires_grad_()
        scale, shift = data.scale_and_shift
        cross_entropy(module(pixels * 255 * scale + shift), data.test.labels, reduction="sum").backward()
        clean = module(pixels * 255 * scale + shift).argmax(1).eq(data.test.labels)
        for epsilon in (0.0, 0.1, 0.4):
            moved = (pixels + epsilon * pixels.grad.sign()).clamp(0, 1)
            right = clean & module(moved * 255 * scale + shift).argmax(1).eq(data.test.labels)
            assert found["sign", epsilon, seed] == pytest.approx(right.double().mean().item(), abs=1e-12)
    assert found["sign", 0.4, 0] < found["sign", 0.0, 0]
    assert values(table, "test_clean_accuracy")["", None, 0] == found["sign", 0.0, 0]


def test_success_and_queries_are_told_of_images_that_were_right(folder):
    table = folder.measured(attack, attacks={"square": SQUARE}, epsilons=[0.3], queries=[1, 10, 40])
    within = values(table, "test_success_within_queries")
    success = values(table, "test_attack_success_share")
    clean, left = values(table, "test_clean_accuracy"), values(table, "test_accuracy_under_attack")
    for seed in (0, 1):
        shares = [within["square", limit, seed] for limit in (1.0, 10.0, 40.0)]
        assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == success["square", 0.3, seed] > 0
        fooled = success["square", 0.3, seed] * clean["", None, seed]
        assert left["square", 0.3, seed] == pytest.approx(clean["", None, seed] - fooled, abs=1e-9)
        assert 1 < values(table, "test_attack_queries")["square", 0.3, seed] <= 40


def test_an_attack_without_epsilon_stands_at_none_and_square_beside_pgd_says_if_gradients_mislead(folder):
    table = folder.measured(attack, attacks={"one": ONE_PIXEL, "pgd": PGD, "square": SQUARE}, epsilons=[0.2])
    accuracy = values(table, "test_accuracy_under_attack")
    assert {(part, at) for part, at, _ in accuracy} == {(part, at) for part in ("pgd", "square") for at in (0.0, 0.2)}
    assert set(values(table, "test_unbounded_accuracy_under_attack")) == {("one", None, 0), ("one", None, 1)}
    assert values(table, "test_gradients_masked") == {("square", 0.2, 0): 0.0, ("square", 0.2, 1): 0.0}
    assert all(value <= 1 for value in values(table, "test_unbounded_attack_distance").values())


def test_square_is_held_against_the_strongest_pgd(folder):
    """The one listed last hardly moves an image: Square does more, and would pass for what gradients cannot do."""
    weak = {"attack": "pgd", "steps": 1, "step_size": 1e-6, "random_start": False}
    table = folder.measured(attack, attacks={"strong": PGD, "weak": weak, "square": SQUARE}, epsilons=[0.2])
    left = values(table, "test_accuracy_under_attack")
    assert all(left["square", 0.2, seed] < left["weak", 0.2, seed] - 0.02 for seed in (0, 1))
    assert values(table, "test_gradients_masked") == {("square", 0.2, 0): 0.0, ("square", 0.2, 1): 0.0}


def test_pictures_are_the_images_of_the_split_and_what_became_of_them(folder):
    table = folder.measured(attack, attacks={"sign": FGSM}, epsilons=[0.1, 0.25], pictures=2)
    pixels = table[table["metric"] == "example_pixel"]
    assert set(pixels["part"]) == {"original/0", "original/1", "sign/0", "sign/1"} and set(pixels["seed"]) == {0}
    module, data = network(folder, 0)
    right = module(data.normalise(data.test.images)).argmax(1).eq(data.test.labels).nonzero().squeeze(1)[:2]
    for number, place in enumerate(right.tolist()):
        each = {name: pixels[pixels["part"] == f"{name}/{number}"].sort_values("at") for name in ("original", "sign")}
        image = data.test.images[place].flatten().numpy() / 255
        assert np.allclose(each["original"]["value"], image, atol=1e-7)
        change = np.abs(each["sign"]["value"].to_numpy() - each["original"]["value"].to_numpy())
        assert change.max() == pytest.approx(0.25, abs=1e-6)
        classes = values(table, "example_class")
        assert classes[f"original/{number}", None, 0] == data.test.labels[place]


def test_a_targeted_attack_reaches_a_class_that_is_not_the_true_one(folder):
    table = folder.measured(attack, attacks={"to": {**PGD, "targeted": True, "steps": 20}}, epsilons=[0.6])
    success = values(table, "test_attack_success_share")["to", 0.6, 0]
    assert success > 0.5
    assert values(table, "test_accuracy_under_attack")["to", 0.6, 0] < 0.5


def test_attacks_measure_dense_networks_alone_and_need_examples(folder):
    with pytest.raises(ReproofError, match="leave `levels` out"):
        folder.measured(attack, asked={"levels": [1]}, attacks={"sign": FGSM}, epsilons=[0.1])
    with pytest.raises(ReproofError, match=r"no validation examples; set dataset.validation"):
        folder.measured(attack, asked={"dataset": {"validation": 0}}, attacks={}, split="validation")


def test_distorted_images_fool_the_network_that_they_were_made_for(folder):
    table = distorted(folder, ["itself", "again"])
    for seed in (0, 1):
        assert values(table, "test_distorted_share")["", None, seed] >= 0.9
        for part in ("itself", "again"):
            assert values(table, "test_transfer_error")[part, None, seed] == 1
        assert 0 < values(table, "test_minimum_distortion")["", None, seed] < 0.5


def test_error_under_noise_and_excess_over_it_are_told(folder):
    table = distorted(folder, ["itself"], noises=[0.01, 3.0])
    noise, clean = values(table, "test_noise_error"), values(table, "test_clean_error")
    for seed in (0, 1):
        assert noise["", 0.01, seed] == pytest.approx(clean["", None, seed], abs=0.1) and noise["", 3.0, seed] > 0.3
        parts = {kind: values(table, f"test_transfer{kind}_error")["itself", None, seed] for kind in ("", "_noise")}
        assert values(table, "test_transfer_excess_error")["itself", None, seed] == pytest.approx(
            parts[""] - max(parts["_noise"], values(table, "test_transfer_clean_error")["itself", None, seed])
        )


def test_each_seed_is_shown_to_the_victim_of_its_own_seed(folder):
    """The second seed's victim is the second seed's network: its error on the untouched images is that network's."""
    table = distorted(folder, ["itself"])
    for seed in (0, 1):
        module, data = network(folder, seed)
        wrong = module(data.normalise(data.test.images[:30])).argmax(1).ne(data.test.labels[:30]).double()
        assert values(table, "test_clean_error")["", None, seed] == pytest.approx(wrong.mean().item())


def test_nobody_needs_to_be_shown_the_images(folder):
    table = distorted(folder, [], noises=[])
    assert set(table["metric"]) == {
        *("test_clean_error", "test_images_attacked", "test_distorted_share", "test_minimum_distortion")
    }
