"""Networks of torchvision on a user's own folder of images: trained, pruned at once, retrained and connected."""

import json

import numpy as np
import pytest
from PIL import Image
from tiny import Folder

from reproof.checkpoints import read_kinds
from reproof.data.fetch import fetch_dataset
from reproof.files import ReproofError, read_parquet
from reproof.jobs.connect import connect
from reproof.jobs.prune import prune
from reproof.jobs.retrain import retrain
from reproof.jobs.subject import Subject, measure
from reproof.jobs.train_dense import train_dense
from reproof.networks import build
from reproof.pruning.masks import kept, read_masks

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
    assert kept(read_masks(tmp_path / "mask")[0]) == pytest.approx(0.3, abs=1e-7)
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


def job(folder, name, asked, **more):
    made = folder.job(name, **more)
    return type(made)(made.data, json.dumps(json.loads(made.settings) | asked), made.code, made.state)


def test_an_image_too_small_for_inception_is_refused():
    with pytest.raises(ReproofError, match="inception_v3: input 3x74x75; it reads 3 channels, 75 pixels or more"):
        build("inception_v3", input_shape=(3, 74, 75), classes=2)
