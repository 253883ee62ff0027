"""The process in which a Parquet file from outside is opened. Run as a file of its own; imports nothing of ours.

Bytes come in on standard input, the table goes out as an Arrow IPC file. It limits its own memory and time first, so that pages that
swell, or whose declared sizes lie, take only this process with them. Nested and binary columns end it, and so does a table that is larger
than the limit given as the first argument.
"""

from __future__ import annotations

import io
import os
import resource
import sys

MEMORY = 4 * 1024**3
SECONDS = 120
NESTED, LARGE = 10, 11
"""Exit codes: a column holds no plain values (its name is on standard error); the table is larger than the limit."""


def main() -> int:
    """Read standard input, write standard output."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.environ["POLARS_MAX_THREADS"] = "1"  # every thread reserves address space
    import polars as pl

    limit = int(sys.argv[1])
    lazy = pl.scan_parquet(io.BytesIO(sys.stdin.buffer.read()))
    schema = lazy.collect_schema()
    for name, dtype in schema.items():
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            sys.stderr.buffer.write(name.encode())
            return NESTED
    rows = int(lazy.select(pl.len()).collect().item())
    if rows * max(1, len(schema)) * 8 > limit:
        return LARGE
    frame = lazy.collect()
    if frame.estimated_size() > limit:
        return LARGE
    plain = frame.select(
        pl.col(name).cast(pl.Int64 if dtype == pl.Boolean else dtype).cast(pl.String).fill_null("")
        for name, dtype in schema.items()
    )
    # Whole numbers that a program stored as floats are whole numbers.
    plain = plain.with_columns(
        pl.col(name).str.replace(r"\.0$", "") for name, dtype in schema.items() if dtype.is_float()
    )
    if plain.estimated_size() > 4 * limit:
        return LARGE
    plain.write_ipc(sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
