"""The page: what is in it, and what a browser makes of it."""

import json
import re
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from perfcheck.report.stalls.page import PIECES, document, render
from perfcheck.stalls.analysis import CAUSES, Analysis, DeviceAnalysis, Health
from tests.report.stalls.conftest import Opened, prefer
from tests.report.stalls.sample import (
    CUT,
    EVIL,
    FINDING,
    TRAINING,
    analysis,
    device,
    ranks,
    recording,
    training,
)

SIZES = [(390, 844), (1024, 768), (1920, 1080)]


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    document: dict[str, Any] = json.loads(found[1])
    return document


def test_the_library_is_the_one_it_is_said_to_be() -> None:
    vendor = files("perfcheck.report.stalls.page").joinpath("vendor")
    library = vendor.joinpath("echarts.min.js").read_bytes()
    assert sha256(library).hexdigest() in vendor.joinpath("README.md").read_text()
    assert b"</script" not in library.lower()
    assert b"<!--" not in library


@given(st.text())
def test_names_stay_data(name: str) -> None:
    page = render(replace(TRAINING, recordings=(recording(f"{name}{EVIL}"),)), name)
    assert page.count("<script") == 3  # the library, the data and the page's own; ECharts holds none
    assert data_of(page)["devices"]


def idle_by_cause(shown: dict[str, Any]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for part, idle in (("pieces", "length"), ("cells", "idle")):
        for code, ns in zip(shown[part]["cause"], shown[part][idle], strict=True):
            name = "unattributed" if code < 0 else CAUSES[code]
            sums[name] = sums.get(name, 0) + ns
    return sums


@cache
def trained(small: int) -> DeviceAnalysis:
    """A device with three times as many small gaps."""
    return device(training(small=small))


@pytest.mark.parametrize("small", [40, 40_000])
def test_a_page_is_bounded_and_loses_no_time(small: int) -> None:
    many = trained(small)
    page = render(analysis(many), "1")
    shown = data_of(page)["devices"][0]
    assert len(shown["pieces"]["start"]) <= PIECES
    assert len(page) < 5_000_000
    expected = {row.cause: row.idle_ns for row in many.causes} | {"unattributed": many.unattributed_ns}
    assert idle_by_cause(shown) == expected
    assert np.all(np.diff(shown["pieces"]["start"]) > 0)


def test_many_ranks_share_the_bound() -> None:
    one = trained(2_000)
    many = replace(one, kernels=one.kernels * 500, lines=one.lines * 200, step_rows=one.step_rows * 300)
    told = Analysis(
        ranks(128).recordings, tuple(replace(many, recording=rank) for rank in range(128)), (CUT,) * 128, ()
    )
    page = render(told, "1")
    assert len(page) < 10_000_000
    data = data_of(page)
    assert [row["message"].endswith("(and 127 more like this)") for row in data["health"]] == [True]
    assert sum(len(each["pieces"]["start"]) for each in data["devices"]) <= PIECES
    for each in data["devices"]:
        assert each["totals"]["kernels"] == len(many.kernels) > len(each["kernels"])
        assert sum(step["count"] for step in each["steps"]) == len(many.step_rows)
        assert sum(step["idle_ns"] for step in each["steps"]) == sum(step.idle_ns for step in many.step_rows)
        assert idle_by_cause(each) == idle_by_cause(document(analysis(one), "1")["devices"][0])


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_told_from_the_ground(scheme: str) -> None:
    style = files("perfcheck.report.stalls.page").joinpath("page.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colors = dict(re.findall(r"--([\w-]+): (#\w{6})", light if scheme == "light" else dark))
    for ground in ("card", "page"):
        for text in ("text", "soft", "warning", "error"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
    for mark in (*CAUSES, "unattributed", "accent"):
        assert contrast(colors[mark], colors["card"]) >= 3 or mark in {"pageable-copy", "device-latency"}, (
            mark
        )
        assert max(contrast(colors[mark], text) for text in ("#000000", "#ffffff")) >= 4.5, mark


# ---- in a browser -----------------------------------------------------------------------------------------


def complaints(browser: Chrome) -> list[Any]:
    found: list[Any] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return found


def pixel(browser: Chrome, at_ns: float) -> str:
    """The colour of the timeline's device lane at an instant, near its lower edge."""
    return str(
        browser.execute_script(
            """
            const canvas = document.querySelector("#timeline canvas");
            const [left, right, bottom] = [36, 36, 66];
            const x = left + (canvas.clientWidth - left - right) * arguments[0];
            const y = canvas.clientHeight - bottom - 4;
            const [r, g, b] = canvas.getContext("2d").getImageData(Math.round(x), Math.round(y), 1, 1).data;
            return "#" + [r, g, b].map((part) => part.toString(16).padStart(2, "0")).join("");
            """,
            at_ns / 300e6,
        )
    )


def color(browser: Chrome, name: str) -> str:
    script = "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0]).trim()"
    return str(browser.execute_script(script, f"--{name}"))


def text(browser: Chrome, selector: str) -> str:
    return browser.find_element(By.CSS_SELECTOR, selector).text


def test_nothing_is_loaded(opened: Opened) -> None:
    browser = opened(TRAINING)
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    browser.execute_script("document.body.append(Object.assign(new Image(), {src: 'http://localhost:9/'}))")
    WebDriverWait(browser, 5).until(lambda browser: "Content Security Policy" in str(complaints(browser)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_fits_windows_of_all_sizes(opened: Opened, width: int, height: int, scheme: str) -> None:
    browser = opened(ranks(3), width, height, scheme)
    assert browser.execute_script(
        "const page = document.documentElement; return page.scrollWidth == page.clientWidth"
    )
    for chart in ("timeline", "causes-chart", "lines-chart", "steps-chart", "ranks-chart"):
        canvas = browser.find_element(By.CSS_SELECTOR, f"#{chart} canvas")
        assert 200 < canvas.size["width"] < width
    ground = browser.execute_script(
        "return getComputedStyle(document.querySelector('section')).backgroundColor"
    )
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(29, 33, 38)")
    assert complaints(browser) == []


def test_the_timeline_shows_causes_where_they_are(opened: Opened) -> None:
    browser = opened(TRAINING)
    for at_ms, cause in (
        (15, "data-loader"),
        (115, "data-loader"),
        (44, "host-sync"),
        (35, "busy"),
        (65, "busy"),
    ):
        assert pixel(browser, at_ms * 1e6) == color(browser, cause), at_ms
    press(browser, "[data-move=in]")
    shows(browser, "75 ms to 225 ms (150 ms)")
    prefer(browser, "dark")
    at = 160e6  # where 155 ms is now
    WebDriverWait(browser, 5).until(lambda browser: pixel(browser, at) == color(browser, "busy") == "#2f4a38")
    shows(browser, "75 ms to 225 ms (150 ms)")


def test_sums_are_told(opened: Opened) -> None:
    browser = opened(TRAINING)
    assert text(browser, "#sums") == (
        "Sums close: 150,000,000 ns blamed + 411 ns unattributed = 150,000,411 ns idle. perfcheck 1.2.3"
    )
    assert "50.0 %" in text(browser, "#numbers")


def test_zooming(opened: Opened) -> None:
    browser = opened(TRAINING)
    assert text(browser, "#view") == "0 ms to 300 ms (300 ms)"
    press(browser, "[data-move=in]")
    shows(browser, "75 ms to 225 ms (150 ms)")
    timeline = browser.find_element(By.ID, "timeline")
    timeline.send_keys("+")
    shows(browser, "112.5 ms to 187.5 ms (75.0 ms)")
    timeline.send_keys(Keys.ARROW_LEFT)
    shows(browser, "93.8 ms to 168.8 ms (75.0 ms)")
    timeline.send_keys("0")
    shows(browser, "0 ms to 300 ms (300 ms)")
    for _ in range(30):
        timeline.send_keys("+")
    WebDriverWait(browser, 5).until(lambda browser: text(browser, "#view").endswith("(1.00 µs)"))
    assert complaints(browser) == []


def test_zooming_by_mouse(opened: Opened) -> None:
    browser = opened(TRAINING)
    canvas = browser.find_element(By.CSS_SELECTOR, "#timeline canvas")
    origin = ScrollOrigin.from_element(canvas)
    ActionChains(browser).key_down(Keys.CONTROL).scroll_from_origin(origin, 0, -300).key_up(
        Keys.CONTROL
    ).perform()
    WebDriverWait(browser, 5).until(lambda browser: text(browser, "#view") != "0 ms to 300 ms (300 ms)")
    zoomed = text(browser, "#view")
    ActionChains(browser).move_to_element(canvas).click_and_hold().move_by_offset(200, 0).release().perform()
    WebDriverWait(browser, 5).until(lambda browser: text(browser, "#view") != zoomed)
    assert re.search(r"\(.*\)", text(browser, "#view"))[0] == re.search(r"\(.*\)", zoomed)[0]  # type: ignore[index]
    dragged = text(browser, "#view")
    ActionChains(browser).scroll_from_origin(origin, 0, 300).perform()
    WebDriverWait(browser, 5).until(lambda browser: browser.execute_script("return scrollY") > 0)
    assert text(browser, "#view") == dragged


def press(browser: Chrome, selector: str) -> None:
    button = browser.find_element(By.CSS_SELECTOR, selector)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()


def shows(browser: Chrome, view: str) -> None:
    WebDriverWait(browser, 5).until(lambda browser: text(browser, "#view") == view, view)


def test_a_stall_is_told_in_full_and_found_in_the_timeline(opened: Opened) -> None:
    browser = opened(TRAINING)
    press(browser, "#stalls-table tbody button")
    detail = text(browser, "#stalls-table .detail")
    assert "30.0 ms data-loader: enumerate(DataLoader)" in detail
    assert "22.5 ms cudaStreamSynchronize (runtime)" in detail
    assert "train.py(3): main" in detail
    assert "launched by cudaLaunchKernel" in detail
    press(browser, "#stalls-table .detail button")
    shows(browser, "0 ms to 60 ms (60.0 ms)")


def column(browser: Chrome, table: str, number: int) -> list[str]:
    cells = browser.find_elements(By.CSS_SELECTOR, f"{table} tbody td:nth-child({number})")
    return [cell.text for cell in cells]


def test_tables_are_sorted_by_keyboard(opened: Opened) -> None:
    browser = opened(TRAINING)
    assert column(browser, "#causes-table", 1)[:2] == ["data-loader", "launch-overhead"]
    head = browser.find_element(By.CSS_SELECTOR, "#causes-table th:nth-child(2) button")
    head.send_keys(Keys.ENTER)
    assert column(browser, "#causes-table", 2) == ["30.0 ms", "10.0 ms", "8.00 ms", "2.00 ms", "137 ns"]
    head.send_keys(Keys.SPACE)
    assert column(browser, "#causes-table", 2) == ["137 ns", "2.00 ms", "8.00 ms", "10.0 ms", "30.0 ms"]
    parent = browser.find_element(By.CSS_SELECTOR, "#causes-table th:nth-child(2)")
    assert parent.get_attribute("aria-sort") == "ascending"
    first = browser.find_element(By.CSS_SELECTOR, "#causes-table th:nth-child(1) button")
    first.send_keys(Keys.ENTER)
    names = column(browser, "#causes-table", 1)
    assert names == sorted(names)
    assert parent.get_attribute("aria-sort") is None


def point_at(browser: Chrome, chart: str, x: float, y: float) -> ActionChains:
    """Move the mouse to a place in a chart, in parts of its width and height."""
    canvas = browser.find_element(By.CSS_SELECTOR, f"#{chart} canvas")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    size = canvas.size
    across, down = round((x - 0.5) * size["width"]), round((y - 0.5) * size["height"])
    chain = ActionChains(browser).move_to_element_with_offset(canvas, across, down)
    chain.perform()
    return chain


def tells(browser: Chrome, chart: str, expected: str) -> None:
    """Wait until a chart's tooltip holds that."""
    tips = f"#{chart} > div:last-of-type"
    WebDriverWait(browser, 5).until(lambda browser: expected in text(browser, tips), expected)


def test_what_the_mouse_is_on_is_told_and_chosen(opened: Opened) -> None:
    browser = opened(TRAINING)
    point_at(browser, "timeline", 0.55, 0.5)
    tells(browser, "timeline", "busy\nsome stream runs a kernel, copy or set")
    assert pixel(browser, 15e6) == color(browser, "data-loader")
    mouse = point_at(browser, "timeline", 0.37, 0.5)
    tells(browser, "timeline", "data-loader: 30.0 ms\nwaiting for the next batch\nenumerate(DataLoader)")
    mouse.click().perform()
    shows(browser, "85 ms to 145 ms (60.0 ms)")
    point_at(browser, "lines-chart", 0.01, 0.9)
    name = EVIL.replace("\u202e", "\\u202e")
    tells(browser, "lines-chart", f"to_device {name} (defined at src/data.py:12)")
    assert browser.find_elements(By.TAG_NAME, "img") == []
    assert complaints(browser) == []


def test_names_with_markup_are_text(opened: Opened) -> None:
    evil = Health("x", "warning", EVIL, EVIL, 1, EVIL)
    shown = analysis(device(training()), health=(evil,))
    browser = opened(replace(shown, recordings=(recording(EVIL),), findings=(FINDING,)))
    for summary in browser.find_elements(By.CSS_SELECTOR, "#tables summary"):
        browser.execute_script("arguments[0].click()", summary)
    WebDriverWait(browser, 5).until(lambda browser: "void gemm<float" in text(browser, "#tables"))
    assert browser.find_elements(By.TAG_NAME, "img") == []
    name = EVIL.replace("\u202e", "\\u202e")
    assert name in text(browser, "#recording")
    assert name in text(browser, "#health")
    assert f"Let workers prepare batches ahead {name}." in text(browser, "#tables")
    assert complaints(browser) == []


def test_labels_for_those_who_do_not_see(opened: Opened) -> None:
    browser = opened(ranks(3))
    unnamed = browser.execute_script(
        """
        return [...document.querySelectorAll("button, select, [role], section > .chart")].filter((element) =>
          !(element.ariaLabel || element.getAttribute("aria-label") || element.textContent.trim())
        ).map((element) => element.outerHTML.slice(0, 80));
        """
    )
    assert unnamed == []
    assert browser.execute_script("return document.documentElement.lang") == "en"


def test_another_device_can_be_chosen(opened: Opened) -> None:
    browser = opened(ranks(3))
    assert "GPU 0, rank 0" in text(browser, "#recording")
    browser.find_element(By.CSS_SELECTOR, "#device option[value='2']").click()
    assert "GPU 2, rank 2" in text(browser, "#recording")
    assert column(browser, "#ranks-table", 8) == ["no", "no", "yes"]


@pytest.mark.parametrize(
    "nothing",
    [
        analysis(replace(device(training()), concluded=False)),
        analysis(),
        analysis(device([])),
        analysis(device([], steps=0)),
        analysis(device(training(), steps=0, step_ns=300_000_000), health=(CUT,)),
    ],
    ids=["not concluded", "no device", "never idle", "no steps and never idle", "no steps"],
)
def test_little_to_show(opened: Opened, nothing: Analysis) -> None:
    browser = opened(nothing)
    assert text(browser, "h1") == "GPU idle time"
    assert ("not told" in text(browser, "body")) == any(not device.concluded for device in nothing.devices)
    assert complaints(browser) == []


def test_more_gaps_than_a_page_holds(opened: Opened) -> None:
    browser = opened(analysis(trained(40_000)))
    assert "shortest idle stretches are shown as sums" in text(browser, "#timeline-hint")
    assert pixel(browser, 80e6) == color(browser, "launch-overhead")
    assert complaints(browser) == []
