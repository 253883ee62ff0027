"""Audits: tables in, results out. Pure functions of polars frames and a seed.

Importing the package registers every audit below; a new one is a new file and its name in this list.
"""

from audits import (
    arithmetic,
    comparison,
    copies,
    corrections,
    filings,
    fingerprint,
    integer_percent,
    kernel,
    last_digit,
    neighbours,
    records,
    same_writing,
    toolkit,
)

__all__ = [
    "arithmetic",
    "comparison",
    "copies",
    "corrections",
    "filings",
    "fingerprint",
    "integer_percent",
    "kernel",
    "last_digit",
    "neighbours",
    "records",
    "same_writing",
    "toolkit",
]
