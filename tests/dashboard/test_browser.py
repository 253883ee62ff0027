"""In a real browser: a photo goes in, is read, and its station is on the flagged list."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabulate.demo import snapshot_times
from tabulate.mission import Mission
from tabulate.register import import_register
from tabulate.snapshots import import_snapshot, parse_time
from tests.dashboard.conftest import planted

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
WAIT = 90_000  # milliseconds


@pytest.fixture
def address(sample: Path, tmp_path: Path) -> Iterator[str]:
    """`cotejo serve` over a mission with a register and two snapshots, and no photo yet."""
    folder = tmp_path / "mission"
    mission = Mission.create(folder, sample)
    import_register(mission, sample / "register.csv", actor="test")
    for name, at in snapshot_times(sample):
        import_snapshot(mission, sample / name, format="cotejo-csv", at=parse_time(at), actor="test")
    mission.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tabulate.cli", "serve", str(folder), "--port", str(port)]
    log = (tmp_path / "serve.log").open("wb")
    server = subprocess.Popen(
        command, cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            if server.poll() is not None:
                pytest.fail(f"cotejo serve ended: {(tmp_path / 'serve.log').read_text()}")
            try:
                with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def test_a_photo_is_uploaded_read_and_found_on_the_flagged_list(
    address: str, sample: Path, chromium: str
) -> None:
    from playwright.sync_api import expect, sync_playwright

    row = planted(sample, "official-transposition")
    photo, station = sample / "photos" / row["photo"], row["station_id"]
    outside: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(WAIT)
        page.on(
            "request",
            lambda r: outside.append(r.url) if not r.url.startswith((address, "data:", "blob:")) else None,
        )
        page.on(
            "websocket",
            lambda w: outside.append(w.url) if f"//{address.split('//')[1]}" not in w.url else None,
        )

        page.goto(f"{address}/?lang=en")
        expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=WAIT)
        page.get_by_role("link", name="Upload").click()
        expect(page.get_by_role("heading", name="Upload")).to_be_visible(timeout=WAIT)
        every_input_has_a_name(page)
        page.locator("input[type=file]").set_input_files(str(photo))
        expect(page.get_by_text(row["photo"])).to_be_visible(timeout=WAIT)
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_role("heading", name="Receipts")).to_be_visible(timeout=WAIT)
        no_error(page)

        # It was read at once: the flagged list has the station with the planted difference.
        page.get_by_role("link", name="Flagged stations").click()
        expect(page.get_by_role("heading", name="Flagged stations")).to_be_visible(timeout=WAIT)
        table = page.get_by_test_id("stDataFrame").first
        expect(table).to_be_visible(timeout=WAIT)
        expect(table.locator("td", has_text=station).first).to_be_attached(timeout=WAIT)
        no_error(page)
        every_input_has_a_name(page)

        # A row opens its acta: the box left of the row is drawn on a canvas, so it is clicked by its place.
        table.locator(".dvn-scroller").first.click(position={"x": 16, "y": 52})
        expect(page.get_by_role("heading", name="Review")).to_be_visible(timeout=WAIT)
        expect(page.get_by_alt_text("Photo of the acta")).to_be_visible(timeout=WAIT)
        assert f"station={station}" in page.url
        every_input_has_a_name(page)
        no_error(page)
        browser.close()
    assert not outside, json.dumps(outside)


def no_error(page) -> None:
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_test_id("stAlertContentError").count() == 0


def every_input_has_a_name(page) -> None:
    """What a person can fill in can be named by a screen reader."""
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
            .filter(e => !(e.getAttribute('aria-label') || e.labels?.length || e.getAttribute('aria-labelledby')
                           || e.closest('[aria-label]') || e.title))
            .map(e => e.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
