"""Run every script of this folder, or those that are named, and write ``docs/benchmarks.md``: machine, date, and what each printed.

No figure enters that page any other way.
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
START = (
    "# Benchmarks\n\nWritten by `make bench`; every figure below was printed by the script named above it.\n"
)
HEADING = "## `python -m benchmarks."
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


def section(name: str) -> tuple[str, bool]:
    """What a script is, where and when it ran and what it printed; and whether it succeeded."""
    print(f"benchmarks.{name} …", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}"],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    doc = (HERE / f"{name}.py").read_text(encoding="utf-8").split('"""')[1].strip()
    output = done.stdout.strip() if done.returncode == 0 else f"FAILED\n{done.stderr.strip()[-2000:]}"
    print(output)
    printed = f"Printed on {datetime.datetime.now(datetime.UTC).date().isoformat()} on {machine()}."
    return f"{HEADING}{name}`\n\n{doc}\n\n{printed}\n\n```\n{output}\n```\n", done.returncode == 0


def main() -> int:
    """Run all scripts, or those that are named, and write their sections; the exit status is 1 if one of them failed."""
    known = sorted(p.stem for p in HERE.glob("[a-z]*.py"))
    named = sys.argv[1:] or known
    if unknown := sorted({*named} - {*known}):
        print(f"there is no benchmark {unknown[0]!r}; known are {', '.join(known)}", file=sys.stderr)
        return 2
    sections = {}
    if sys.argv[1:]:  # the others stay as they are
        for part in PAGE.read_text(encoding="utf-8").split(f"\n{HEADING}")[1:]:
            sections[part.split("`")[0]] = HEADING + part
    done = {name: section(name) for name in named}
    sections |= {name: text for name, (text, _) in done.items()}
    order = sorted(sections, key=lambda name: (name != FIRST, name))
    PAGE.write_text("\n".join([START, *(sections[name] for name in order)]), encoding="utf-8")
    return int(not all(well for _, well in done.values()))


if __name__ == "__main__":
    sys.exit(main())
