"""Places in config/config.yaml: checked before anything logs them."""

from pathlib import Path

import pytest
import yaml

from reproof.experiments.configuration import read_configuration
from reproof.storage.files import ROOT, ReproofError
from reproof.storage.places import check_place

CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
BAD = {
    "mirror": [
        ("https://user:secret@host/", "the address holds a user or a password, which logs would show; remove it"),
        ("https://secret@host", "the address holds a user or a password"),
        ("user:secret@host:data", "it reads like an address with a user or a password"),
        ("https://host/?key=secret", "the address holds a query or a fragment"),
        ("sftp://host/secret", "sftp:// is not supported; name a folder, or an http(s) address"),
        ("http://[secret", "the address is not valid; write it as http://host/folder"),
        ("  ", "'  ': this name is not printable Unicode; name another folder"),
        ("/data\nmirror", "'/data\\\\nmirror': this name is not printable Unicode"),
        ("/data\0", "'/data\\\\x00': this name is not printable Unicode"),
        ("/\udcff", "'/\\\\udcff': this name is not printable Unicode"),
        ("a:b@" + "x" * 300, "it reads like an address with a user or a password"),
        ("~nosuchuser/data", "~nosuchuser/data: no such user; write the whole path of the folder"),
    ],
    "imagefolder": [
        ("https://user:secret@host/", "the address holds a user or a password"),
        ("https://host/secret", "it is an address; name a folder of this machine"),
        ("~nosuchuser", "~nosuchuser: no such user"),
    ],
}
CASES = [(key, place, found) for key, places in BAD.items() for place, found in places]


@pytest.mark.parametrize(("key", "place", "found"), CASES)
@pytest.mark.parametrize("trusted", [True, False])
def test_a_start_refuses_a_place_without_a_repetition_of_secrets(
    key: str, place: str, found: str, trusted: bool
) -> None:
    config = CONFIG | {"data": CONFIG["data"] | {key: place}}
    with pytest.raises(ReproofError) as caught:
        read_configuration(config, trusted=trusted)
    assert str(caught.value).startswith(f"{ROOT / 'config/config.yaml'}: data.{key}: {found}")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("http://host", "http://host"),
        ("HTTPS://host:8080/data/", "https://host:8080/data/"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("/data/mirror", "/data/mirror"),
        ("relative/folder", "relative/folder"),
        ("~", str(Path.home())),
        ("~/data", f"{Path.home()}/data"),
        ("/data/me@home", "/data/me@home"),
        ("/data/it's here", "/data/it's here"),
    ],
)
def test_a_good_place_passes(place: str, expected: str) -> None:
    assert check_place(place, "here") == expected


def test_a_folder_that_looks_like_an_address_passes_if_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "a:b@c").mkdir()
    assert check_place(str(tmp_path / "a:b@c"), "here") == str(tmp_path / "a:b@c")
