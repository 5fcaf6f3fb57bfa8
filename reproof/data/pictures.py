"""One image file of a user: decoded by a named format, converted to 8 bits of red, green and blue, resized, cropped.

Modes of Pillow, which say how the pixels are stored:

* 1, L, P, RGB, RGBX, CMYK, YCbCr: converted by Pillow, without colour profiles.
* LA, PA, RGBA, La, RGBa, and palettes with transparency: the colours stay, the transparency is left out.
* I;16 (16 bits of grey), and I of a PGM file, whose pixels Pillow scales to 16 bits: the upper 8 bits count. Pillow
  itself does the same with 16 bits a colour, but would cut 16 bits of grey off at 255.
* Refused: I and F of other formats (32 bits, or signed), whose range no file states; TIFF with 12 bits of grey, or with
  16 bits of which 0 is white, which Pillow does not scale; LAB.

A rotation in EXIF is not applied: torchvision's loader, on which published results rest, does not apply it either.
"""

import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from reproof.storage.files import Array, ReproofError
from reproof.storage.reading import guard_reading, open_regular, show

FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP")  # no others: some of Pillow's start programs
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
MOST_BYTES = 1 << 30  # of a file; the largest image that Pillow opens, 179 million pixels, has less
LONGEST = 50  # longer side by shorter side; of a longer image only the middle can be in the result
COLOURS = {"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "LA", "PA", "RGBA"}
PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
GREY_16 = {"I;16", "I;16L", "I;16B", "I;16N"}
TURNED = range(2, 9)  # the values of Orientation with a meaning, but for 1, which is upright
BITS_PER_SAMPLE, PHOTOMETRIC, BLACK_IS_ZERO = 258, 262, 1  # tags of TIFF


class Picture(NamedTuple):
    """Pixels uint8 [3, size, size], and whether the file asks for a rotation, which is not applied."""

    pixels: Array
    turned: bool


def decode_picture(path: str | Path, size: int) -> Picture:
    """Return an image with its shorter side resized to `size` pixels (bilinear), and its centre cropped.

    Raises ReproofError with the file's name if it is no regular file, too large, damaged, of another format, or stored
    in a way whose conversion is not known.
    """
    with guard_reading(path, _make_error), open_regular(path) as file:
        if (length := os.fstat(file.fileno()).st_size) > MOST_BYTES:
            raise ValueError(f"it has {length:,} bytes, more than {MOST_BYTES:,}")
        with _open(file) as image:
            # Pillow itself applies the rotation of a TIFF when it loads the pixels.
            turned = image.format != "TIFF" and image.getexif().get(ExifTags.Base.Orientation, 1) in TURNED
            return Picture(_resize(_convert(image, path), size), turned)


def _open(file: BinaryIO) -> Image.Image:
    """Open an image; raise ValueError if it has none of the formats."""
    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:  # whose text names an object of Python
        raise ValueError(f"it is none of {', '.join(FORMATS)}") from error


def _convert(image: Image.Image, path: str | Path) -> Image.Image:
    """Return the image in RGB; raise ReproofError with the file's name for a mode that is refused."""
    if (image.mode in GREY_16 and _has_full_range(image)) or (image.mode == "I" and image.format == "PPM"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA").convert("RGB")  # Pillow warns of the direct way
    if image.mode in PREMULTIPLIED:
        return image.convert(PREMULTIPLIED[image.mode]).convert("RGB")
    if image.mode in COLOURS:
        return image.convert("RGB")
    raise ReproofError(
        f"{show(path)}: its pixels are stored as {image.mode} ({image.format}), whose conversion to 8 bits is not "
        "known; save it with 8 bits a channel"
    )


def _has_full_range(image: Image.Image) -> bool:
    """Return whether 16 bits of grey run from black, 0, to white, 65535; TIFF alone has other ways."""
    tags = getattr(image, "tag_v2", None)
    return tags is None or (tags.get(BITS_PER_SAMPLE), tags.get(PHOTOMETRIC)) == ((16,), BLACK_IS_ZERO)


def _resize(image: Image.Image, size: int) -> Array:
    """Return uint8 [3, size, size]: shorter side resized, centre cropped."""
    shorter = min(image.size)
    # Cut first: resized as a whole, an image of 1 x 2,000,000 would take gigabytes.
    image = _crop(image, *(min(side, LONGEST * shorter) for side in image.size))
    # Integer arithmetic: the shorter side is exactly `size`.
    width, height = (size * side // shorter for side in image.size)
    return np.asarray(_crop(image.resize((width, height), Image.Resampling.BILINEAR), size, size)).transpose(2, 0, 1)


def _crop(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return the middle of an image."""
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))


def _make_error(path: str | Path, reason: str) -> ReproofError:
    return ReproofError(f"{show(path)}: not a whole image ({reason}); replace or remove it")
