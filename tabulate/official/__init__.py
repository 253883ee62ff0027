"""Official counts: one module here per authority and layout. **A new official format is one new module here.**

======================  ============================================================================================
``base.py``             what a format is (`OfficialFormat`) and what it yields (`OfficialCount`)
``source.py``           opens a file safely and hands on its bytes
``rows.py``             rows of text out of the bytes
``layout.py``           from one row per station to an `OfficialCount`; a format says which column is what
``catalogue.py``        the authorities' own words for an acta, from ``catalogues/``
``bo_oep_2019.py``      Bolivia 2019, TREP and final count
``bo_oep.py``           Bolivia since 2020, the OEP's exports
``pe_onpe.py``          Peru, two scrapes of 2021 and ONPE's open data
``mx_prep.py``          Mexico, PREP of the INE; ``mx_prep_check.py`` its own figures, ``mx_coalitions.py`` its candidates
``mx_remesas.py``       Mexico, the INE's quick count
``br_tse.py``           Brazil, boletins de urna by section; sections abroad
``ve_2024.py``          Venezuela 2024, the opposition's file
``long.py``             files with one row per station and option
``ru_cec.py``           Russia, results by precinct
``mx_computos.py``      Mexico, a state's own final count
``cl_servel.py``, ``co_registraduria.py``, ``ec_cne.py``   Chile, Colombia, Ecuador
``workbook.py``         XLSX, opened in a process of its own (``xlsx_child.py``)
``parquet.py``          Parquet, opened in a process of its own (``parquet_child.py``)
``generic.py``          Cotejo's own plain CSV
``research.py``         tables as the literature on election data hands them round
``mapping.py``          any other table, with a TOML file that says which column is what
======================  ============================================================================================

A module that defines ``FORMAT: OfficialFormat`` (or ``FORMATS``, several) is found by itself; nothing has to be registered. It needs ``detect``
(look at the header), ``parse`` (for one row per station: a `Layout` and `build`), the authority's status catalogue,
and ``verified=False`` until a real file with known totals was read with it.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from ocr.errors import CotejoError
from tabulate.official.base import (
    CANONICAL_COLUMNS,
    NUMBER_COLUMNS,
    PLACE_COLUMNS,
    STATUS_COLUMNS,
    OfficialCount,
    OfficialFormat,
    Problem,
    Status,
)
from tabulate.official.source import read_bytes

__all__ = [
    "CANONICAL_COLUMNS",
    "FORMATS",
    "NUMBER_COLUMNS",
    "PLACE_COLUMNS",
    "STATUS_COLUMNS",
    "OfficialCount",
    "OfficialFormat",
    "Problem",
    "Status",
    "detect",
    "read_official",
]


def _find_formats() -> dict[str, OfficialFormat]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    found = [f for m in modules for f in (getattr(m, "FORMAT", None), *getattr(m, "FORMATS", ()))]
    by_id = {format_.id: format_ for format_ in found if isinstance(format_, OfficialFormat)}
    return dict(sorted(by_id.items()))


MAPPING = "mapping:"
"""Before the path of a mapping whose name does not end in ``.toml``."""

FORMATS: dict[str, OfficialFormat] = _find_formats()
"""Every known format by its id."""


def detect(path: Path) -> OfficialFormat:
    """The one format that fits the header of a file.

    Raises
    ------
    CotejoError
        When the file cannot be opened, or no format or more than one fits.
    """
    fitting = [format_ for format_ in FORMATS.values() if format_.detect(path)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(format_.id for format_ in fitting)
        raise CotejoError(f"{path} fits several formats ({names}); name one with --format.")
    read_bytes(path)  # an empty or damaged file is the better reason
    raise CotejoError(
        f"{path} has the header of no known format ({', '.join(FORMATS)}), or is not UTF-8 text; "
        "name its format with --format, or bring it into the format cotejo-csv."
    )


def read_official(path: Path, format: str = "auto") -> OfficialCount:
    """Read an official file.

    Parameters
    ----------
    path
        A plain file, a gzip, or a zip with one file in it.
    format
        An id of `FORMATS`, ``auto`` to find it from the header, or the path of a mapping (``….toml``, see `mapping`).

    Raises
    ------
    CotejoError
        When the format is unknown or cannot be told, or the file cannot be used; one sentence says why.
    """
    path = Path(path)
    if format == "auto":
        return detect(path).parse(path)
    if format.endswith(".toml") or format.startswith(MAPPING):
        from tabulate.official.mapping import parse_with, read_mapping

        return parse_with(path, read_mapping(Path(format.removeprefix(MAPPING))))
    if format not in FORMATS:
        raise CotejoError(f"There is no official format {format!r}; known are {', '.join(FORMATS)}.")
    return FORMATS[format].parse(path)
