"""Networks of torchvision on a user's own folder of images: trained, pruned, retrained, connected, looked into."""

import json

import numpy as np
import pytest
from PIL import Image
from tiny import Folder

from reproof.data.fetch import fetch_dataset
from reproof.data.registry import Request
from reproof.data.sources import mnist5k
from reproof.figures.exciting_images import exciting_images
from reproof.figures.pixels import read_images
from reproof.metrics import read_metrics_of
from reproof.networks import build
from reproof.operations.common.subject import Subject, measure
from reproof.operations.connect import connect
from reproof.operations.lipschitz import lipschitz
from reproof.operations.unit_selectivity import unit_selectivity
from reproof.pipeline.prune import prune
from reproof.pipeline.retrain import retrain
from reproof.pipeline.train_dense import train_dense
from reproof.pruning.masks import compute_kept_share, read_masks
from reproof.storage.checkpoints import read_kinds
from reproof.storage.files import ReproofError, read_parquet

NETWORKS = {"resnet_50_imagenet": 32, "inception_v3": 75}  # the side of the images, in pixels
ASKED = {
    "initialisation": {"scheme": "kaiming_normal", "batch_norm_scale": "uniform"},
    "training": {"optimizer": "sgd", "lr": 0.01, "momentum": 0.9, "batch": 4, "steps": 2, "augment": "flip_crop"},
    "dataset": {"name": "imagefolder", "validation": 0},
    "seeds": [0],
}


def pictures(folder):
    """Four training and two validation pictures of each of two classes."""
    chance = np.random.default_rng(0)
    for part, count in (("train", 4), ("val", 2)):
        for name in ("ant", "cat"):
            for number in range(count):
                path = folder / part / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(chance.integers(0, 256, (80, 90, 3), dtype=np.uint8)).save(path)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_one_shot_tickets_on_a_folder_of_images(tmp_path, name):
    folder = Folder(tmp_path)
    fetch_dataset(
        name="imagefolder", output=tmp_path / "data.safetensors", folder=pictures(tmp_path / "photos"),
        image_size=NETWORKS[name], threads=1,
    )  # fmt: skip
    asked, dense = ASKED | {"network": {"name": name}}, folder("dense.safetensors")
    train_dense(job(folder, "dense", asked, snapshots=[0, 1]), checkpoint=dense, curves=folder("dense.parquet"))
    assert set(read_kinds(dense).values()) == {"conv", "output"}
    shares = {"conv": 0.7, "output": 0.7}
    how = {"by": "large_final", "scope": "global", "share": shares, "continued": False}
    prune(settings=json.dumps(how), dense=dense, trained=dense, previous=[], mask=folder("mask"))
    assert compute_kept_share(read_masks(tmp_path / "mask")[0]) == pytest.approx(0.3, abs=1e-7)
    files = {"checkpoint": folder("ticket"), "curves": folder("ticket.parquet")}
    retrain(job(folder, "t", asked, level=1, rewind=1), dense=dense, mask=folder("mask"), continued=[], **files)
    options = {"points": 3, "statistics": ["interpolated", "recomputed"]}
    what = {"levels": [1], "rewind": 1, "controls": {}, "operation": "connect", "options": options}
    subject = Subject(job(folder, "c", asked, **what), dense, [folder("mask")], [folder("ticket")])
    measure(connect, subject, folder("metrics.parquet"))
    table = read_parquet(folder("metrics.parquet"))
    assert (table.loc[table["metric"] == "distance", "value"] > 0).all()
    assert set(table.loc[table["metric"] == "train_instability", "part"]) == {"", "recomputed"}
    assert table["value"].notna().all()


def digits(folder):
    """Sixes and ones as pictures in colour: red and green on what the camera saw, of all shapes."""
    content, chance = mnist5k(Request()), np.random.default_rng(0)
    grey, labels = np.concatenate(content.train_images)[:, 0], content.train_labels
    for name, digit, channel in (("six", 6, 0), ("one", 1, 1)):
        for number, image in enumerate(grey[labels == digit][:10]):
            colours = chance.integers(0, 60, (28, 28, 3), dtype=np.uint8)
            colours[..., channel] = np.maximum(colours[..., channel], image)
            path = folder / ("train" if number < 6 else "val") / name / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(colours).resize((300 + 7 * number, 260)).save(path, quality=90)
    return folder


@pytest.mark.slow
def test_units_and_spectra_of_alexnet_on_a_folder_of_images(tmp_path):
    """Trained for three steps: bounds of all layers, the images that excite units, and pictures of them in colour."""
    folder = Folder(tmp_path)
    fetch_dataset(
        name="imagefolder", output=tmp_path / "data.safetensors", folder=digits(tmp_path / "photos"),
        image_size=224, threads=1,
    )  # fmt: skip
    asked = ASKED | {"network": {"name": "alexnet"}, "initialisation": {"scheme": "kaiming_normal"}}
    asked |= {"training": ASKED["training"] | {"steps": 3}}
    dense = folder("dense.safetensors")
    train_dense(job(folder, "dense", asked, snapshots=[0]), checkpoint=dense, curves=folder("dense.parquet"))
    tables = {}
    for operation, options in ((lipschitz, {}), (unit_selectivity, {"top": 2, "directions": 20, "permutations": 50})):
        one = job(folder, "e", asked, levels=[0], options=options)
        measure(operation, Subject(one, dense), folder("metrics.parquet"))
        tables[operation] = read_parquet(folder("metrics.parquet"))
    bounds = tables[lipschitz][tables[lipschitz]["metric"] == "lipschitz_bound"]
    assert set(bounds["part"]) == {*(f"conv_{layer}" for layer in range(1, 6)), "fc_1", "fc_2", "output"}
    assert (bounds["value"] > 0).all() and set(bounds["at"]) == {0.0, 3.0}
    found = tables[unit_selectivity].groupby("metric")["value"]
    assert set(found.groups) == set(read_metrics_of("unit_selectivity"))
    assert found.get_group("units_purity").between(0.5, 1).all()  # of two classes
    assert found.get_group("exciting_pixel").between(0, 1).all()
    names = {"run": "alexnet", "arm": "ticket", "level": 0, "kept": 1.0}
    drawn = exciting_images({"measurements": tables[unit_selectivity].assign(**names)}, [["alexnet"]], [])
    for picture in read_images(drawn[drawn["part"] != ""]).values():
        assert picture.shape == (48, 48, 3)
        red, green, blue = picture.mean(axis=(0, 1))
        assert max(red, green) > blue, "a six is red, a one green"


def job(folder, name, asked, **more):
    made = folder.job(name, **more)
    return type(made)(made.data, json.dumps(json.loads(made.settings_json) | asked), made.code, made.state)


def test_an_image_too_small_for_inception_is_refused():
    with pytest.raises(ReproofError, match="inception_v3: input 3x74x75; it reads 3 channels, 75 pixels or more"):
        build("inception_v3", input_shape=(3, 74, 75), classes=2)
