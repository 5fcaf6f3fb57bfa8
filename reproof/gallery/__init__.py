"""The gallery: one folder, readable without a server, with all verdicts and figures of the papers."""

from reproof.gallery.folder import build_gallery
from reproof.gallery.shapes import Departure, FigureEntry, Paper

__all__ = ["Departure", "FigureEntry", "Paper", "build_gallery"]
