"""The gallery: one folder, readable from disk, with every verdict and figure of the papers that were run."""

from reproof.gallery.folder import build_gallery
from reproof.gallery.shapes import Departure, FigureEntry, Paper

__all__ = ["Departure", "FigureEntry", "Paper", "build_gallery"]
