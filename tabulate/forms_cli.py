"""``cotejo forms``: a new form proposed from a blank sheet, and a form checked against scans."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ocr.errors import CotejoError
from tabulate import show

if TYPE_CHECKING:
    from ocr.form import Form
    from ocr.form_check import ScanCheck

forms = App(name="forms", help="Propose a form from a blank sheet, and check a form against scans.")

Json = Annotated[
    bool, Parameter(name="--json", negative=(), help="Print one JSON document and nothing else.")
]


@forms.command
def new(
    sheet: Annotated[
        Path, Parameter(name=["SHEET"], help="The authority's PDF, or a scan of a blank sheet.")
    ],
    /,
    *,
    id: Annotated[
        str, Parameter(help="The form's id: lower case letters, digits and dashes, as cl-servel-2025.")
    ],
    out: Annotated[Path, Parameter(help="The folder in which the form's own folder is made.")] = Path(),
    page: Annotated[int, Parameter(help="The file's page.")] = 1,
    json: Json = False,
) -> None:
    """Propose a form: its page, boxes and rows, and from a vector PDF its words. A person then corrects it."""
    import cv2

    from ocr.draft import draft

    if not re.fullmatch(r"[a-z0-9-]+", id):
        raise CotejoError(f"{id!r} cannot be a form's id; use lower case letters, digits and dashes")
    folder, preview = out / id, out / f"{id}.png"
    for path in (folder, preview):
        if path.exists():
            raise CotejoError(f"{path} exists already; choose another --id or --out, or delete it")
    proposal = draft(
        _bytes(sheet),
        id=id,
        source=f"{sheet.name}, page {page}",
        preview=preview.name,
        country=_country(id),
        page=page,
    )
    folder.mkdir(parents=True)
    (folder / "form.toml").write_text(proposal.toml, encoding="utf-8")
    cv2.imwrite(str(preview), proposal.preview)
    form = proposal.form
    if json:
        show.as_json(
            {
                "form": str(folder / "form.toml"),
                "preview": str(preview),
                "exact": proposal.exact,
                "fields": [f.name for f in form.fields],
                "unnamed": proposal.unnamed,
                "sums": [s.name for s in form.sums],
            }
        )
        return
    show.table(
        f"{id}: proposed {'exactly from the PDF' if proposal.exact else 'from what is seen on the scan'}",
        ["what", "number"],
        [
            ("fields", len(form.fields)),
            ("of them without words beside them", proposal.unnamed),
            ("boxes", sum(f.digits for f in form.fields)),
            ("sums", len(form.sums)),
            ("printed texts", len(form.texts)),
        ],
        right=[1],
    )
    show.say(f"Look at {preview}, correct {folder / 'form.toml'}, then: cotejo forms check {folder} {sheet}")


@forms.command
def check(
    form: Annotated[
        str, Parameter(name=["FORM"], help="A form's folder, its form.toml, or the id of a known form.")
    ],
    scans: Annotated[
        tuple[Path, ...], Parameter(name=["SCAN"], help="Scans of the sheet, blank or filled.")
    ] = (),
    /,
    *,
    out: Annotated[
        Path, Parameter(help="Where the scans with the boxes drawn on them are written.")
    ] = Path(),
    json: Json = False,
) -> int:
    """Draw a form over scans of its sheet and say, a sentence each, what is to mend. Exits with 1 if anything is."""
    import cv2

    from ocr.form import load_forms
    from ocr.form_check import check_form, check_scan

    loaded = _form(form)
    mend = check_form(loaded)
    checked: list[tuple[ScanCheck, Path | None]] = []
    for scan in scans:
        result = check_scan(loaded, _bytes(scan), load_forms(), scan.name)
        path = out / f"{scan.stem}.{loaded.id}.png" if result.overlay is not None else None
        if path is not None and result.overlay is not None:
            out.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), result.overlay)
        checked.append((result, path))
    if json:
        show.as_json(
            {
                "form": loaded.id,
                "verified": loaded.verified,
                "mend": mend,
                "scans": [r.to_json() | {"overlay": None if p is None else str(p)} for r, p in checked],
            }
        )
    else:
        _tell(loaded, mend, checked)
    return int(bool(mend) or any(r.mend for r, _ in checked))


def _tell(form: Form, mend: list[str], checked: list[tuple[ScanCheck, Path | None]]) -> None:
    state = "verified on real sheets" if form.verified else "not verified on real sheets"
    show.say(f"{form.id}: loads; fields {len(form.fields)}, sums {len(form.sums)}, {state}")
    for sentence in mend:
        show.say(f"- {sentence}")
    for result, path in checked:
        score = (
            "not found"
            if result.score is None
            else f"score {result.score:.2f}, fields written {result.written}"
        )
        show.say(f"{result.file}: {score}{f', drawn in {path}' if path else ''}")
        for s in result.sums if result.written else ():
            holds = {True: "holds", False: "DOES NOT HOLD", None: "cannot be checked"}[s.holds]
            show.say(f"  {s.sum}: {s.left} {'=' if s.rule == 'equal' else '<='} {s.right}: {holds}")
        for sentence in result.mend:
            show.say(f"- {sentence}")
    if not mend and not any(r.mend for r, _ in checked):
        show.say("nothing to mend")


def _form(form: str) -> Form:
    from ocr.form import load_form, load_forms

    path = Path(form)
    if path.is_dir():
        return load_form(path / "form.toml")
    if path.suffix == ".toml":
        return load_form(path)
    known = load_forms()
    if form not in known:
        raise CotejoError(f"there is no form {form!r}: give a form's folder, or one of {', '.join(known)}")
    return known[form]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise CotejoError(f"{path} cannot be read ({e.strerror}); check the path") from None


def _country(id: str) -> str:
    """The country that an id begins with, as in ``mx-ine-2024``; XX if it begins with none."""
    start = id.split("-", 1)[0]
    return start.upper() if re.fullmatch(r"[a-z]{2}", start) else "XX"
