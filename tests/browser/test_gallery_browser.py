"""The gallery in a real browser, from disk: no error, no missing picture, nothing wider than the screen."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

sys.path.append(str(Path(__file__).parents[1] / "unit"))

from pages import built

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver (apt-get install chromium chromium-driver)"
)
PHONE, DESK = 390, 1400


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("gallery"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Service(DRIVER))
    yield chrome
    chrome.quit()


@pytest.fixture(params=[(PHONE, "light"), (PHONE, "dark"), (DESK, "light"), (DESK, "dark")], ids=str)
def page(request: pytest.FixtureRequest, browser: Chrome, gallery: Path) -> Chrome:
    width, scheme = request.param
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get((gallery / "index.html").as_uri())
    assert browser.execute_script("return innerWidth") == width
    return browser


def test_it_loads_without_a_word_in_the_console(page: Chrome) -> None:
    assert page.get_log("browser") == []
    assert page.title.startswith("Reproof")


def test_every_picture_is_there(page: Chrome) -> None:
    pictures = _all(page, "img", "[each.complete, each.naturalWidth, each.currentSrc]")
    assert len(pictures) == 2
    assert all(complete and width > 0 and source.endswith(".svg") for complete, width, source in pictures)


def test_nothing_is_wider_than_the_screen(page: Chrome) -> None:
    wide, screen = page.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= screen
    outside = _all(page, "main *, header *, nav *", "[each.tagName, each.getBoundingClientRect().right]", _UNBOXED)
    assert [each for each in outside if each[1] > screen + 1] == []


def test_text_can_be_read(page: Chrome) -> None:
    dark = page.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches")
    ink, paper = (sum(_colour(page, of)) for of in ("color", "backgroundColor"))
    assert (ink > paper) == dark and abs(ink - paper) > 400
    smallest = min(
        size for (size,) in _all(page, "p, td, th, li, dd, small", "[parseFloat(getComputedStyle(each).fontSize)]")
    )
    assert smallest >= 11


def test_figures_stand_on_white_in_the_dark(page: Chrome) -> None:
    assert (
        page.execute_script("return getComputedStyle(document.querySelector('.plate')).backgroundColor")
        == "rgb(255, 255, 255)"
    )


def test_verdicts_become_cards_on_a_phone_and_stay_a_table_to_a_reader(page: Chrome) -> None:
    cells = _all(page, ".claims td", "[getComputedStyle(each).display, each.getAttribute('role')]")
    phone = page.execute_script("return innerWidth") == PHONE
    assert {tuple(cell) for cell in cells} == {("block" if phone else "table-cell", "cell")}


# Elements that scroll inside a box of their own may be wider than the screen.
_UNBOXED = "!each.closest('.plate, .scroll') || each.matches('.plate, .scroll')"


def _all(page: Chrome, selector: str, value: str, which: str = "true") -> list[list[Any]]:
    script = f"return [...document.querySelectorAll({selector!r})].filter(each => {which}).map(each => {value})"
    return list(page.execute_script(script))


def _colour(page: Chrome, of: str) -> list[int]:
    text = page.execute_script(f"return getComputedStyle(document.body).{of}")
    return [int(number) for number in text.removeprefix("rgb(").removesuffix(")").split(", ")]
