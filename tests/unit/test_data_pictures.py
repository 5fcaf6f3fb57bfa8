"""Every kind of image of a user: converted as stated, or refused by name; none takes gigabytes or starts a program."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin
from serving import SHARED

from reproof.data import pictures
from reproof.data.fetch import fetch_dataset
from reproof.data.pictures import decode_picture
from reproof.storage.files import Array, ReproofError, read_tensors

CASES = SHARED.parent / "cases" / "images"
GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)
COLOUR = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)


def make(mode: str) -> Image.Image:
    """Return the test picture in a mode that Pillow has."""
    by_way_of = {"La": "LA", "RGBa": "RGBA", "PA": "P"}.get(mode, "RGB")
    return Image.fromarray(COLOUR).convert(by_way_of).convert(mode)


def decode(path: Path, size: int = 16) -> Array:
    return decode_picture(path, size).pixels


def refuse(path: Path) -> str:
    """Return the one line about an image that is refused."""
    with pytest.raises(ReproofError) as caught:
        decode_picture(path, 8)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


EQUAL = [
    *(("png", mode) for mode in ("1", "L", "P", "RGB", "RGBA", "LA")),
    *(("tiff", mode) for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "PA", "RGBX", "CMYK")),
    *(("bmp", mode) for mode in ("1", "L", "P", "RGB", "RGBA")),
    *(("ppm", mode) for mode in ("1", "L", "RGB")),
]


@pytest.mark.parametrize(("kind", "mode"), EQUAL)
def test_eight_bits_come_as_pillow_converts_them(tmp_path: Path, kind: str, mode: str) -> None:
    image = make(mode)
    image.save(tmp_path / f"a.{kind}")
    expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(decode(tmp_path / f"a.{kind}"), expected)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_comes_close_to_its_original(tmp_path: Path, mode: str) -> None:
    smooth = Image.fromarray(np.kron(COLOUR[:2, :2], np.ones((8, 8, 1), np.uint8))).convert(mode)
    smooth.save(tmp_path / "a.jpg", quality=100)
    expected = np.asarray(smooth.convert("RGB")).transpose(2, 0, 1).astype(int)
    assert np.abs(decode(tmp_path / "a.jpg") - expected).mean() < 4


def write_grey_16(path: Path, maximum: int = 65535, order: str = ">") -> None:
    """Write the 256 greys with 16 bits: black is 0, white is `maximum`."""
    values = (GREY.astype(np.int64) * maximum // 255).astype(f"{order}u2")
    if path.suffix == ".pgm":
        path.write_bytes(f"P5 16 16 {maximum}\n".encode() + values.tobytes())
    else:
        Image.fromarray(values).save(path)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm", "b.pgm", "big.tif"])
def test_sixteen_bits_of_grey_are_the_same_greys(tmp_path: Path, name: str) -> None:
    order = ">" if name in ("a.pgm", "b.pgm", "big.tif") else "<"
    write_grey_16(tmp_path / name, 1020 if name == "b.pgm" else 65535, order)
    np.testing.assert_array_equal(decode(tmp_path / name), np.stack([GREY] * 3))


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")
def test_the_case_of_the_issue() -> None:
    np.testing.assert_array_equal(decode(CASES / "grey16.png", 64), decode(CASES / "grey8.png", 64))
    assert decode(CASES / "grey16.png", 64).std() > 50


def write_png(path: Path, width: int, height: int, depth: int, colour: int, row: bytes, extra: bytes = b"") -> None:
    """Write a PNG of equal rows, for the kinds that Pillow reads and does not write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    packer = zlib.compressobj()
    body = b"".join(packer.compress(b"\0" + row) for _ in range(height)) + packer.flush()
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b""))


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_of_colour_and_transparency_keep_their_upper_bits(
    tmp_path: Path, colour: int, channels: int
) -> None:
    values = (np.arange(8 * channels) * 2000 + 255).astype(">u2")
    write_png(tmp_path / "a.png", 8, 8, 16, colour, values.tobytes())
    grey = channels == 2
    expected = (values.reshape(8, channels) >> 8).astype(np.uint8)[:, [0, 0, 0] if grey else [0, 1, 2]].T
    np.testing.assert_array_equal(decode(tmp_path / "a.png", 8)[:, 3], expected)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_few_bits_of_grey_run_from_black_to_white(tmp_path: Path, depth: int) -> None:
    write_png(tmp_path / "a.png", 8, 8, depth, 0, bytes([0] * (depth // 2) + [255] * (depth - depth // 2)))
    row = decode(tmp_path / "a.png", 8)[0, 0]
    assert (row.min(), row.max()) == ((0, 255) if depth > 1 else (255, 255))


def test_a_palette_with_transparency_keeps_its_colours(tmp_path: Path) -> None:
    """Pillow warns of the direct way, and warnings are errors here."""
    image = make("P")
    image.save(tmp_path / "a.png", transparency=bytes(range(256)))
    np.testing.assert_array_equal(decode(tmp_path / "a.png"), np.asarray(image.convert("RGB")).transpose(2, 0, 1))


def write_tiff(path: Path, mode: str, tags: dict[int, int]) -> None:
    """Write a TIFF and change some of its tags, for the kinds that Pillow reads and does not write."""
    about = TiffImagePlugin.ImageFileDirectory_v2()
    about[339] = 1  # unsigned numbers; Pillow leaves this tag out
    make(mode).save(path, tiffinfo=about)
    content = bytearray(path.read_bytes())
    start = struct.unpack_from("<I", content, 4)[0]
    for entry in range(struct.unpack_from("<H", content, start)[0]):
        place = start + 2 + 12 * entry
        tag = struct.unpack_from("<H", content, place)[0]
        if tag in tags:
            struct.pack_into("<H", content, place + 8, tags[tag])
    path.write_bytes(content)


def write_lab(path: Path) -> None:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    ImageCms.buildTransform(*profiles, "RGB", "LAB").apply(make("RGB")).save(path)


REFUSED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "32 bits": ("I (TIFF)", lambda path: make("I").save(path)),
    "floats": ("F (TIFF)", lambda path: make("F").save(path)),
    "LAB": ("LAB (TIFF)", write_lab),
    "16 signed bits": ("I (TIFF)", lambda path: write_tiff(path, "I;16", {339: 2})),
    "16 bits, white is 0": ("I;16 (TIFF)", lambda path: write_tiff(path, "I;16", {262: 0})),
    "12 bits": ("I;16 (TIFF)", lambda path: write_tiff(path, "I;16", {258: 12})),
    "floats of netpbm": ("F (PPM)", lambda path: make("F").save(path, format="PPM")),
}


@pytest.mark.parametrize(("stored", "write"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_known_range_is_refused_by_name(
    tmp_path: Path, stored: str, write: Callable[[Path], object]
) -> None:
    write(tmp_path / "a.tif")
    found = refuse(tmp_path / "a.tif")
    assert f"its pixels are stored as {stored}, whose conversion to 8 bits is not known; save it with 8 bits" in found


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 300])
def test_exif_is_not_applied_and_is_said(
    tmp_path: Path, kind: str, orientation: int, capsys: pytest.CaptureFixture[str]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = Image.fromarray(np.kron(COLOUR[:2, :2], np.ones((8, 8, 1), np.uint8)))
    for part in ("train", "val"):
        (tmp_path / f"photos/{part}/cat").mkdir(parents=True)
        upright.save(tmp_path / f"photos/{part}/cat/a.png")
        upright.save(tmp_path / f"photos/{part}/cat/b.{kind}", exif=exif, **({} if kind == "png" else {"quality": 100}))
    fetch_dataset(name="imagefolder", output=tmp_path / "out", folder=tmp_path / "photos", image_size=16)
    plain, turned = read_tensors(tmp_path / "out")[0]["train_images"].astype(int)
    assert np.abs(plain - turned).mean() < 12
    said = f"train/cat/b.{kind}: EXIF asks for a rotation of this image (1 of 2 in all), which is not applied"
    assert (said in capsys.readouterr().out) == (orientation in range(2, 9))


@pytest.mark.parametrize(("width", "height"), [(1, 2_000_000), (2_000_000, 1), (3, 500_000), (1, 51), (60, 1)])
def test_a_long_image_is_cut_before_it_is_resized(tmp_path: Path, width: int, height: int) -> None:
    values = np.full((height, width), 7, np.uint8)
    # The result shows the middle square alone.
    middle = slice(None) if width > height else slice(max(0, height // 2 - 30 * width), height // 2 + 30 * width)
    values[middle] = 200
    Image.fromarray(values).save(tmp_path / "a.png")
    found = decode(tmp_path / "a.png", 224)
    assert found.shape == (3, 224, 224)
    assert (found == 200).all()


def test_ratios_within_the_limit_are_resized_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 256, (4, 200), np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    cut = decode(tmp_path / "a.png", 8)
    monkeypatch.setattr(pictures, "LONGEST", 10**9)
    np.testing.assert_array_equal(decode(tmp_path / "a.png", 8), cut)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "device.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "folder.png", "device.png"):
        assert "not a whole image (it is not a regular file); replace or remove it" in refuse(tmp_path / name)
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(1 << 40)
    assert "it has 1,099,511,627,776 bytes, more than" in refuse(tmp_path / "large.png")


OTHERS = {
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(touched) (w) file closefile\n",
    "gif": b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00",
    "text": b"hello",
    "nothing": b"",
    "html": b"<html>",
    "bomb": b"P5 100000 100000 255\n",
    "dds": b"DDS " + bytes(200),
    "zip": b"PK\x03\x04" + bytes(100),
    "negative size": b"P5 -4 4 255\n" + bytes(16),
    "no pixels": b"P5 0 0 255\n",
    "long numbers": b"P5 99999999999 1 255\n",
    "text chunk": b"\x89PNG\r\n\x1a\n" + b"\x7f\xff\xff\xfftEXt" + bytes(100),
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_other_formats_reach_no_interpreter(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(content)
    assert "not a whole image (" in refuse(tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("kind", ["gif", "eps", "ico", "tga", "pdf", "jp2", "pcx", "sgi"])
def test_whole_images_of_other_formats_are_refused(tmp_path: Path, kind: str) -> None:
    make("RGB").save(tmp_path / f"a.{kind}")
    (tmp_path / f"a.{kind}").rename(tmp_path / "a.png")
    assert "not a whole image (it is none of JPEG, PNG" in refuse(tmp_path / "a.png")


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\nb", b"a\x1b[2J", b"\xed\xa0\x80"])
def test_names_that_no_page_can_show_are_refused_or_escaped(tmp_path: Path, name: bytes) -> None:
    for part in ("train", "val"):
        os.makedirs(os.fsencode(tmp_path / "photos" / part) + b"/" + name)
        make("L").save(os.fsdecode(os.fsencode(tmp_path / "photos" / part) + b"/" + name + b"/a.png"))
    with pytest.raises(ReproofError, match="this name is not printable Unicode; rename the folder") as caught:
        fetch_dataset(name="imagefolder", output=tmp_path / "out", folder=tmp_path / "photos", image_size=8)
    assert str(caught.value).isprintable()
    image = os.fsdecode(os.fsencode(tmp_path) + b"/" + name + b".png")
    Path(image).write_text("hello")
    with pytest.raises(ReproofError, match="not a whole image") as caught:
        decode_picture(image, 8)
    assert str(caught.value).isprintable()
