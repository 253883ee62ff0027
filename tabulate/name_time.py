"""The time that a file's name carries, as authorities write it: ``PA_20210308_051141.csv``, ``acta.2019.10.20.19.40.57.csv``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

_TIME = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)[-_.]?(?P<month>\d\d)[-_.]?(?P<day>\d\d)[-_. T]?"
    r"(?P<hour>\d\d)[-_.:h]?(?P<minute>\d\d)(?:[-_.:]?(?P<second>\d\d))?(?!\d)"
)


def time_in(name: str, zone: str = "UTC") -> datetime | None:
    """When, by the file's name; None if it carries no date with a time of day.

    Parameters
    ----------
    zone
        IANA name of the zone that the authority's clock shows; names carry none.
    """
    for found in _TIME.finditer(name):
        parts = {key: int(value or 0) for key, value in found.groupdict().items()}
        try:
            return datetime(**parts, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        except ValueError:
            continue
    return None


def time_of(path: Path, zone: str = "UTC") -> tuple[datetime, str]:
    """(when the count stood like this, ``name`` or ``mtime``: where that was taken from)."""
    named = time_in(path.name, zone)
    if named is not None:
        return named, "name"
    return datetime.fromtimestamp(path.stat().st_mtime, UTC), "mtime"
