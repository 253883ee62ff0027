"""A file with a blank sheet on it -> the TOML of a proposed form, and a picture that shows what was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocr.errors import CotejoError
from ocr.form import Form
from ocr.form_toml import write
from ocr.image import kind, open_picture
from ocr.overlay import draw_boxes
from ocr.pdf_text import open_drawing
from ocr.propose import Proposal, propose
from ocr.propose_scan import straightened

FEW_LINES = 12  # a PDF that draws fewer is a scan in a PDF


@dataclass(frozen=True)
class Draft:
    """A proposed form as TOML, the form itself, and a picture (H, W, 3) of the sheet with its boxes and names drawn on it."""

    toml: str
    form: Form
    preview: NDArray[np.uint8]
    exact: bool  # from a vector PDF, not from a scan
    unnamed: int  # fields without words beside them


def draft(
    data: bytes, *, id: str, source: str, preview: str, title: str = "", country: str = "XX", page: int = 1
) -> Draft:
    """Propose a form for the sheet on one page of a file.

    Parameters
    ----------
    data : bytes
        A vector PDF, a PDF with a scan in it, or a scan or photo.
    id : str
        The form's id: lower case letters, digits and dashes.
    source : str
        What the file is, for the form's `source`.
    preview : str
        Where the picture will be written; the TOML names it.
    title, country : str
        As in the form; to be corrected by the person.
    page : int
        Of the file, from 1.

    Raises
    ------
    CotejoError
        If the file cannot be opened, or no rows of boxes are to be seen on it.
    """
    picture = open_picture(data, page)
    pixels = picture.pixels
    drawing = open_drawing(data, page) if kind(data) == "PDF" else None
    exact = drawing is not None and len(drawing.lines) + len(drawing.rects) >= FEW_LINES
    if drawing is None or not exact:
        pixels, drawing = straightened(pixels)
    try:
        proposal = propose(drawing, id=id, title=title or id, country=country, source=source, exact=exact)
    except ValueError as e:
        raise CotejoError(
            f"{e}; give the authority's own PDF, or scan a blank sheet flat at 200 dots an inch or more"
        ) from None
    return Draft(
        toml=write(proposal, preview),
        form=proposal.form,
        preview=_preview(pixels, proposal),
        exact=exact,
        unnamed=len(proposal.notes),
    )


def _preview(pixels: NDArray[np.uint8], proposal: Proposal) -> NDArray[np.uint8]:
    form = proposal.form
    scale = np.array([pixels.shape[1] / form.page.width, pixels.shape[0] / form.page.height])
    corners = {}
    for f in form.fields:
        b = np.array(f.boxes)
        quads = [b[:, :2], b[:, :2] + b[:, 2:] * [1, 0], b[:, :2] + b[:, 2:], b[:, :2] + b[:, 2:] * [0, 1]]
        corners[f.name] = np.stack(quads, axis=1) * scale
    return draw_boxes(pixels, corners, names=True)
