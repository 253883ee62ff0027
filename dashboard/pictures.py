"""Pictures of an acta for people to look at: smaller, flat, cut out. Derived ones carry no EXIF and no original leaves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ocr.crops import crop, encode_jpeg, encode_png, rectify
from ocr.form import Form
from ocr.image import Refused, open_picture
from ocr.reading import Reading
from tabulate.mission import Mission

SIDE = 1600  # pixels of the longer side that go to the browser
CROP = 44  # pixels of height


@dataclass(frozen=True)
class Pictures:
    """JPEG and PNG bytes; `refused` says why the photo cannot be shown."""

    photo: bytes | None
    flat: bytes | None
    crops: dict[str, bytes]
    refused: str | None = None


def pictures(mission: Mission, photo: str, page: int, reading: Reading | None) -> Pictures:
    """The pictures of one page of one photo; made once for all sessions."""
    return _pictures(mission, reading, str(mission.folder), photo, page, reading.reader if reading else "")


@st.cache_resource(max_entries=40, show_spinner=False)
def _pictures(
    _mission: Mission, _reading: Reading | None, folder: str, photo: str, page: int, reader: str
) -> Pictures:
    try:
        picture = open_picture(_mission.blobs.get(photo), page)
    except Refused as e:
        return Pictures(None, None, {}, str(e))
    small = encode_jpeg(_shrunk(picture.pixels))
    if _reading is None or _reading.form not in _mission.forms or not _reading.transform:
        return Pictures(small, None, {})
    form: Form = _mission.forms[_reading.form]
    flat = encode_jpeg(
        rectify(picture, _reading, form, scale=min(1.0, SIDE / max(form.page.width, form.page.height)))
    )
    cut = {name: crop(picture, f, CROP * 2) for name, f in _reading.fields.items()}
    return Pictures(small, flat, {name: encode_png(c) for name, c in cut.items() if c is not None})


def _shrunk(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    long = max(pixels.shape[:2])
    if long <= SIDE:
        return pixels
    size = (round(pixels.shape[1] * SIDE / long), round(pixels.shape[0] * SIDE / long))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
