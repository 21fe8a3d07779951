"""A headless browser, for the tests that look at pages."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from perfcheck.report.stalls.page import render
from perfcheck.stalls.analysis import Analysis


@pytest.fixture(scope="session")
def chromium() -> Iterator[webdriver.Chrome]:
    """Chromium and its driver as the system has them; nothing is downloaded."""
    browser, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no chromium and chromedriver to open pages with (apt-get install chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.add_argument("--headless=new")
    options.add_argument("--disable-gpu")
    options.add_argument("--disable-dev-shm-usage")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # it refuses to run as root with one
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    yield chrome
    chrome.quit()


Opened = Callable[..., webdriver.Chrome]


@pytest.fixture
def opened(chromium: webdriver.Chrome, tmp_path: Path) -> Opened:
    """A function that opens an analysis' page in a window of a size and a colour scheme."""

    def open_page(
        analysis: Analysis, width: int = 1280, height: int = 900, scheme: str = "light"
    ) -> webdriver.Chrome:
        page = tmp_path / "page.html"
        page.write_text(render(analysis, "1.2.3"), encoding="utf-8")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        prefer(chromium, scheme)
        chromium.get_log("browser")  # type: ignore[no-untyped-call]  # drops what is of the page before
        chromium.get(page.as_uri())
        return chromium

    return open_page


def prefer(browser: webdriver.Chrome, scheme: str) -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
