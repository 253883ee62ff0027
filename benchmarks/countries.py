"""The whole battery on five published counts, each through ``cotejo audit --counts FILE --json``.

Needs the real counts (``COTEJO_DATA``, or ``../shared/data``). With ``--write`` the tables go into docs/audits.md between their markers, and so does
the description of every audit (that alone with ``--registry``). What is written there by hand says no figure that its table does not
print; ``tests/test_docs.py`` holds that.

Usage: ``python -m benchmarks.countries [--only COUNTRY …] [--no-calibrate] [--write | --registry]``
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from audits.describe import markdown

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "audits.md"
DATA = Path(os.environ.get("COTEJO_DATA", ROOT.parent / "shared" / "data")) / "official"
COUNTRIES = {
    "bo-2019": "bo-2019/final_computo.csv",
    "pe-2021": "pe-2021-runoff/actas_electorales_ronderos.pe.csv.gz",
    "ve-2024": "ve-2024/RESULTADOS_2024_CSV_V1.csv",
    "br-2022-abroad": "br-2022-abroad/data-2o-urno.csv",
    "mx-2018": "mx-2018-conteo-rapido/REMESAS0100020000.txt",
}
COLUMNS = (
    "audit",
    "grade",
    "n",
    "statistic",
    "p",
    "p corrected",
    "false alarms %",
    "noticed of 10 % planted, %",
    "votes",
    "% of margin",
    "flagged",
    "expected",
)


def audited(file: str, calibrate: bool) -> dict[str, Any]:
    """The audit document of a published count, from the command line."""
    command = [sys.executable, "-m", "tabulate.cli", "audit", "--counts", str(DATA / file), "--json"]
    done = subprocess.run(
        [*command, *([] if calibrate else ["--no-calibrate"])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{file}: the audit ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return dict(json.loads(done.stdout))


def table(document: dict[str, Any]) -> str:
    """One row for each audit and for each test among its parts; audits that do not apply say why below."""
    rows, absent = [], []
    for a in document["audits"]:
        if not a["applies"]:
            absent.append(f"- `{a['id']}`: {a['why_not']}")
            continue
        share, power = a["effect_of_margin"], a["calibration"].get("power_10")
        rows.append(
            [
                f"`{a['id']}`",
                a["grade"],
                shown(a["n"]),
                shown(a["statistic"]),
                shown(a["pvalue"]),
                shown(a["pvalue_corrected"]),
                with_error(a["false_alarm_rate"], a["calibration"].get("standard_error")),
                percent(power),
                shown(None if a["effect_votes"] is None or a["grade"] == "D" else round(a["effect_votes"])),
                percent(share),
                shown(a["flagged"]),
                shown(a["flags_expected"]),
            ]
        )
        for name, part in a["parts"].items():
            if isinstance(part.get("pvalue"), float):
                tail = [shown(part[k]) for k in ("pvalue", "pvalue_corrected")]
                rate = percent(part.get("false_alarm_rate"))
                first = [f"`{a['id']}` {name}", str(part.get("grade", "C")), "", shown(part.get("statistic"))]
                rows.append([*first, *tail, rate, "", "", "", "", ""])
    head = (
        f"{shown(document['stations'])} stations, {len(document['options'])} options, margin {shown(document['margin'])} votes, "
        f"{document['battery']['corrected']['tests']} tests corrected together."
    )
    lines = [head, "", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * 2}{'---:|' * (len(COLUMNS) - 2)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines + (["", "Not applied:", "", *absent] if absent else []))


def shown(value: float | None) -> str:
    """A figure with at most four digits; whole numbers in full."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def percent(share: float | None) -> str:
    """A share as a percentage with three digits."""
    return "" if share is None else f"{float(f'{100 * share:.3g}'):,g}"


def with_error(rate: float | None, error: float | None) -> str:
    """A rate as a percentage with its standard error, where it has one that can be seen."""
    return percent(rate) + (f" ± {100 * error:.1g}" if rate is not None and error and error >= 0.0005 else "")


def put(page: str, name: str, text: str) -> str:
    """The page with `text` between the markers of that name."""
    before, rest = page.split(f"<!-- {name} -->")
    after = rest.split(f"<!-- /{name} -->")[1]
    return f"{before}<!-- {name} -->\n{text.strip()}\n<!-- /{name} -->{after}"


def main() -> int:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=COUNTRIES, default=list(COUNTRIES))
    parser.add_argument("--no-calibrate", action="store_true")
    parser.add_argument("--write", action="store_true", help="write tables and registry into docs/audits.md")
    parser.add_argument("--registry", action="store_true", help="write only the registry")
    args = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    if not args.registry:
        for name in args.only:
            if not (DATA / COUNTRIES[name]).exists():
                print(f"{name}: the real count is absent; name its folder with COTEJO_DATA")
                continue
            text = table(audited(COUNTRIES[name], not args.no_calibrate))
            print(f"## {name}\n\n{text}\n", flush=True)
            page = put(page, f"countries {name}", text)
    if args.write or args.registry:
        PAGE.write_text(put(page, "registry", markdown()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
