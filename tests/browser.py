"""The Chromium of this machine, for tests that open pages."""

from __future__ import annotations

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def browser():
    """Start the Chromium of this machine, cut off from everything but this machine."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the rendered pages were not opened")
    with sync_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        here = ("http://127.0.0.1", "data:", "blob:", "file:")
        context.route(lambda url: not url.startswith(here), lambda route: route.abort())
        yield context
        chromium.close()
