"""Photo to `Reading`: open, find the form, cut the boxes, read the digits, weigh the sums, read the station.

`read` is the one name that other packages need. A photo that cannot be read is an ordinary result (a refusal with its
reason); what is raised is a mistake in the call (no such file) or a machine that does not work (no weights).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocr import image, words
from ocr.bu_parts import BadBulletin, is_part
from ocr.cells import cut
from ocr.codes import find_codes, stations
from ocr.decode import Decoded, DecodedField, decode
from ocr.digits import MODEL, default_reader
from ocr.errors import CotejoError
from ocr.evidence import Settings
from ocr.form import Form, Role, Writing, load_forms
from ocr.found import NotFound, Registration
from ocr.hand import FILE as HAND
from ocr.hand import default_hand
from ocr.image import Limits, Refused, open_picture, page_count
from ocr.printed import Printed, printed
from ocr.reading import DECIMALS, CodeReading, FieldReading, Reading, State, refusal
from ocr.register import prepare, register
from ocr.same import fingerprint
from ocr.whole import Whole, read_whole, whole_of_bulletin
from ocr.witness import Witness

VERSION = "13"  # of everything but the weights: raise it when the same photo and weights may read differently
STATION_SURE = (
    0.98  # least probability of a printed station number that is used: eight boxes read well reach it
)

_WEIGHTS = b"".join(path.read_bytes() for path in (MODEL, HAND, words.MODEL) if path.is_file())
READER = f"{VERSION}+{hashlib.sha256(_WEIGHTS).hexdigest()[:12] if _WEIGHTS else 'no-weights'}"
"""The reader's version and the hash of its networks; a reading is made by exactly one."""

_log = logging.getLogger(__name__)


def read(
    photo: Path | bytes, forms: Mapping[str, Form] | None = None, *, file: str = "", page: int = 1
) -> Reading:
    """Read one page of one photo. Deterministic; a bad photo gives a refusal, never an exception.

    Parameters
    ----------
    photo : Path or bytes
        A JPEG, PNG, WebP, TIFF or PDF file, or its bytes.
    forms : mapping of str to Form, optional
        The forms it may show; the ones under ``ocr/forms`` if left out.
    file : str
        A name for people; the path's own name if left out.
    page : int
        Page within the file, from 1.

    Raises
    ------
    CotejoError
        If there is no such file, or the weights are missing.
    MachineError
        If the process that opens pictures cannot be started.
    """
    data, sha256, file = _bytes(photo, file)
    if data is None:
        why = str(Refused("too-many-bytes", Limits().bytes // 2**20))
        return refusal(file=file, sha256=sha256, why=why, reader=READER, page=page)
    return _read(data, sha256, load_forms() if forms is None else forms, file, page)


def read_all(
    photo: Path | bytes, forms: Mapping[str, Form] | None = None, *, file: str = ""
) -> list[Reading]:
    """Read every page of a file, in order; parameters and exceptions as for `read`."""
    data, sha256, file = _bytes(photo, file)
    try:
        pages = page_count(data) if data is not None else 1
    except Refused:
        pages = 1  # reading the first page says why
    known = load_forms() if forms is None else forms
    if data is None:
        return [read(photo, known, file=file)]
    return joined([_read(data, sha256, known, file, page) for page in range(1, pages + 1)], known)


def joined(readings: list[Reading], forms: Mapping[str, Form]) -> list[Reading]:
    """The readings, with a sheet whose codes stand on several photos or pages read from all of them.

    It takes the place of the first of these; the others say where they went. What does not make a whole sheet stays as it is.
    """
    pieces = [i for i, r in enumerate(readings) if r.form is None and any(is_part(c.text) for c in r.codes)]
    form = next((f for f in forms.values() if any(c.whole == "tse-bu" for c in f.codes)), None)
    if len(pieces) < 2 or form is None:
        return readings
    codes = dict.fromkeys(code for i in pieces for code in readings[i].codes)
    try:
        sheet = whole_of_bulletin(form, tuple(codes))
    except BadBulletin:
        return readings
    if any(reason.startswith("chain-broken") for reason in sheet.reasons):
        return readings  # parts that do not continue one another may be of two boletins
    first, *rest = (readings[i] for i in pieces)
    why = f"its codes were joined with those of page {first.page} of {first.file or 'the file'}, which has the sheet; nothing is left to do"
    out = list(readings)
    out[pieces[0]] = _of_whole(first, sheet)
    for i, r in zip(pieces[1:], rest, strict=True):
        out[i] = replace(r, refused=why)
    return out


def warm_up(forms: Mapping[str, Form] | None = None) -> None:
    """Load the weights and the forms (the ones under ``ocr/forms`` if left out), draw what registration needs of these, and start
    the process that opens pictures, before the first photo comes.
    """
    default_hand(default_reader().sha256)
    words.default_reader()
    prepare(list((load_forms() if forms is None else forms).values()))
    image.warm_up()


def _bytes(photo: Path | bytes, file: str) -> tuple[bytes | None, str, str]:
    """The bytes (None if there are too many to hold), their SHA-256, and the name."""
    if isinstance(photo, bytes):
        return photo, hashlib.sha256(photo).hexdigest(), file
    if photo.exists() and not photo.is_file():  # a pipe or a device might never end
        raise CotejoError(f"the photo {photo} cannot be read (it is no file); check the path")
    try:
        with photo.open("rb") as stream:
            data = stream.read(Limits().bytes + 1)
            digest = hashlib.sha256(data)
            if len(data) <= Limits().bytes:
                return data, digest.hexdigest(), file or photo.name
            while part := stream.read(2**20):
                digest.update(part)
            return None, digest.hexdigest(), file or photo.name
    except OSError as e:
        raise CotejoError(f"the photo {photo} cannot be read ({e.strerror}); check the path") from None


def _read(data: bytes, sha256: str, forms: Mapping[str, Form], file: str, page: int) -> Reading:
    size: tuple[int, int] = (0, 0)
    codes: tuple[CodeReading, ...] = ()
    try:
        picture = open_picture(data, page, grey=True)
        size = (picture.pixels.shape[1], picture.pixels.shape[0])
        blank = refusal(file=file, sha256=sha256, why="", reader=READER, page=page, size=size)
        gray = picture.pixels
        if (whole := read_whole(gray, forms.values())) is not None:
            return _of_whole(blank, whole)
        try:
            registration = register(gray, list(forms.values()))
        except NotFound:
            if (whole := read_whole(gray, forms.values(), thorough=True)) is not None:
                return _of_whole(blank, whole)
            codes = find_codes(gray)  # they may tell a person which station's photo this is
            raise
        text = printed(data, page, gray, registration) or Printed({})
        return _reading(blank, gray, registration, text)
    except BadBulletin as e:
        codes, why = e.codes, str(e)
    except (Refused, NotFound) as e:
        why = str(e)
    except CotejoError:
        raise  # not the photo's fault
    except Exception as e:  # one strange photo must not end a night of reading; the log has the whole story
        _log.exception("the reader failed on %s (page %d)", sha256, page)
        why = f"the reader failed on this photo ({type(e).__name__}); key it by hand and report the photo's SHA-256"
    return refusal(file=file, sha256=sha256, why=why, reader=READER, page=page, size=size, codes=codes)


def _reading(blank: Reading, gray: NDArray[np.uint8], registration: Registration, text: Printed) -> Reading:
    form = registration.form
    cells = cut(gray, registration)
    boxes = text.over(box_probabilities(form, cells, registration.absent | text.boxes.keys()))
    # A file's own text needs no second witness.
    seen = words.witnesses(gray, registration)
    written = {name: witness for name, witness in seen.items() if name not in text.boxes}
    decoded = _decoded(registration, boxes, text.settings(registration), written)
    codes = find_codes(gray, registration)
    station, source, trouble = _station(form, codes, decoded)
    lineless = ("no-lines",) if registration.by_print else ()
    whole = Whole(
        form,
        codes,
        station,
        source,
        decoded,
        registration.corners,
        registration.transform,
        registration.score,
        (*trouble, *text.reasons, *lineless),
    )
    # Without a station on the sheet, the sender's claim may do: that is the tally's to say.
    accepted = decoded.accepted and "station-differs" not in trouble and not text.differs and not lineless
    reading = _of_whole(blank, whole, accepted)
    told = {name: replace(reading.fields[name], method="text") for name in text.boxes}
    by_hand = (cells[f.name] for f in form.fields if f.writing is Writing.HAND and f.name in cells)
    return replace(reading, fields={**reading.fields, **told}, writing=fingerprint(by_hand))


def _decoded(
    registration: Registration,
    boxes: Mapping[str, NDArray[np.float64]],
    settings: Settings | None,
    written: Mapping[str, Witness],
) -> Decoded:
    """The numbers of the fields that are on the photo, weighed by the sums that lie wholly among them; the others absent."""
    form, absent = registration.form, registration.absent
    if not absent:
        return decode(form, boxes, settings, written)
    part = form.model_copy(
        update={
            "fields": tuple(f for f in form.fields if f.name not in absent),
            "sums": tuple(s for s in form.sums if not absent & {*s.left, *s.right}),
        }
    )
    there = decode(
        part,
        {name: p for name, p in boxes.items() if name not in absent},
        settings,
        {name: w for name, w in written.items() if name not in absent},
    )
    nothing = DecodedField(None, State.ABSENT, 1.0, None, 0.0, "", 1.0, None)
    return replace(
        there,
        fields={f.name: there.fields.get(f.name, nothing) for f in form.fields},
        accepted=False,
        reasons=(*there.reasons, *(f"absent:{f.name}" for f in form.fields if f.name in absent)),
    )


def _of_whole(blank: Reading, sheet: Whole, accepted: bool | None = None) -> Reading:
    """The reading of a sheet that was found, in whichever way, of the photo that `blank` names.

    It is accepted, if that is not given, where nothing speaks against it.
    """
    decoded, nowhere = sheet.decoded, np.zeros((0, 4, 2))
    return replace(
        blank,
        form=sheet.form.id,
        verified=sheet.form.verified,
        refused=None,
        station_id=sheet.station,
        station_source=sheet.source,
        accepted=decoded.accepted and not sheet.reasons if accepted is None else accepted,
        reasons=(*decoded.reasons, *sheet.reasons, *sheet.notes),
        probability=_round(decoded.probability),
        inconsistent=_round(decoded.inconsistent),
        registration=_round(sheet.score),
        transform=tuple(_round(x) for x in sheet.transform.ravel()) if sheet.transform is not None else (),
        fields={name: _field(f, sheet.corners.get(name, nowhere)) for name, f in decoded.fields.items()},
        sums=tuple(replace(s, probability=_round(s.probability)) for s in decoded.sums),
        codes=sheet.codes,
    )


def box_probabilities(
    form: Form, cells: Mapping[str, NDArray[np.uint8]], silent: Collection[str] = ()
) -> dict[str, NDArray[np.float64]]:
    """All boxes of the sheet through the network at once; those written by hand are weighed with one another.

    The `silent` fields say nothing of the hand and are not weighed: what is cut for them is no box that it wrote.
    """
    names = [f.name for f in form.fields]
    reader = default_reader()
    seen = reader.look(np.concatenate([cells[name] for name in names]))
    every = seen.probabilities
    written = [f.writing is Writing.HAND and f.name not in silent for f in form.fields]
    mine = np.repeat(written, [len(cells[name]) for name in names])
    every[mine] = default_hand(reader.sha256).reread(every[mine], seen.traits[mine])
    ends = np.cumsum([len(cells[name]) for name in names])
    return dict(zip(names, np.split(every, ends[:-1]), strict=True))


def _station(
    form: Form, codes: tuple[CodeReading, ...], decoded: Decoded
) -> tuple[str | None, str | None, tuple[str, ...]]:
    """The station's id, where it was read, and what is wrong with it.

    Codes come before the printed number; leading zeros make no difference between the two.
    """
    told = stations(form, codes)
    printed = _printed_station(form, decoded)
    if len(told) > 1:
        return None, None, ("station-differs",)  # nobody can say from here which code is this sheet's
    if told:
        differs = printed is not None and printed.lstrip("0") != told[0][0].lstrip("0")
        return (*told[0], ("station-differs",) if differs else ())
    if printed is not None:
        return printed, "printed", ()
    asked = bool(form.codes) or any(f.role is Role.STATION for f in form.fields)
    return None, None, ("no-station",) if asked else ()


def _printed_station(form: Form, decoded: Decoded) -> str | None:
    for f in form.fields:
        if f.role is Role.STATION:
            field = decoded.fields[f.name]
            text = field.raw.lstrip("_x")
            sure = field.state is State.NUMBER and field.probability >= STATION_SURE
            return text if sure and text.isdecimal() else None
    return None


def _field(field: DecodedField, corners: NDArray[np.float64]) -> FieldReading:
    return FieldReading(
        value=field.value,
        state=field.state,
        probability=_round(field.probability),
        runner_up=field.runner_up,
        runner_up_probability=_round(field.runner_up_probability),
        raw=field.raw,
        alone=_round(field.alone),
        alone_value=field.alone_value,
        boxes=tuple(tuple((round(float(x), 2), round(float(y), 2)) for x, y in box) for box in corners),
        flags=field.flags,
    )


def _round(value: float) -> float:
    return round(float(value), DECIMALS)
