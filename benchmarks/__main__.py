"""Run every script of this folder and write ``docs/benchmarks.md``: machine, date, and what each printed.

No figure enters a document any other way.
"""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
FIRST = "reading"  # the rest follow in alphabetical order
PACKAGES = ("numpy", "opencv-python-headless", "onnxruntime", "polars", "scipy")


def machine() -> str:
    """One line that says what the figures were measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            s.split(":", 1)[1].strip() for s in cpuinfo.read_text().splitlines() if s.startswith("model name")
        ]
        model = models[0] if models else model
    versions = ", ".join(f"{p} {metadata.version(p)}" for p in PACKAGES)
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {versions}"


def main() -> int:
    """Run all scripts; the exit status is 1 if one of them failed."""
    scripts = sorted(p.stem for p in HERE.glob("[a-z]*.py"))
    scripts.sort(key=lambda name: name != FIRST)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    parts = [
        "# Benchmarks\n\nWritten by `make bench`; every figure below was printed by the script named above it.\n",
        f"- Machine: {machine()}\n- Date: {today}\n",
    ]
    failed = False
    for name in scripts:
        print(f"benchmarks.{name} …", file=sys.stderr)
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"],
            cwd=HERE.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        failed |= done.returncode != 0
        doc = (HERE / f"{name}.py").read_text(encoding="utf-8").split('"""')[1].strip()
        output = done.stdout.strip() if done.returncode == 0 else f"FAILED\n{done.stderr.strip()[-2000:]}"
        parts.append(f"## `python -m benchmarks.{name}`\n\n{doc}\n\n```\n{output}\n```\n")
        print(output)
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
