from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import dashboard

FOLDER = Path(dashboard.__file__).resolve().parent
ASK = """
import json, app
from streamlit import config
names = ["browser.gatherUsageStats", "server.fileWatcherType", "server.headless", "client.showErrorDetails"]
print(json.dumps([str(app.app.script_path), {n: config.get_option(n) for n in names}]))
"""


def test_the_packaged_settings_apply_wherever_it_is_started(tmp_path):
    root = FOLDER.parent
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{ASK}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    script, options = json.loads(done.stdout.splitlines()[-1])
    assert Path(script) == FOLDER / "main.py"
    assert options == {
        "browser.gatherUsageStats": False,
        "server.fileWatcherType": "none",
        "server.headless": True,
        "client.showErrorDetails": "none",
    }


def test_fonts_are_those_of_the_readers_machine():
    theme = tomllib.loads((FOLDER / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
    assert "fontFaces" not in theme
    assert not any("http" in str(value) for value in theme.values())
