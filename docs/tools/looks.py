"""Look at a finished site in Chromium, at the width of a desk and of a phone, in the light and in the dark.

    python docs/tools/looks.py build/site [folder for pictures]

Every page must fit its width, show all its pictures, complain of nothing and ask nothing of the network. An exercise
must open, a figure that is too wide must scroll by itself, and the search must find a page.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-device-scale-factor=1",
)  # fmt: skip
PATIENCE = 15.0  # seconds
WIDTHS = {"desk": (1300, 900), "phone": (390, 800)}
SHOWN = "return [...document.images].every(i => i.complete && i.naturalWidth)"
# The list of results is made anew while one types: it is read in one piece, where no entry can go in between.
FOUND = "return [...document.querySelectorAll('.md-search-result__link')].some(a => a.href.includes('regularisation'))"
TOO_WIDE = "return document.documentElement.scrollWidth - window.innerWidth"
# Pictures are loaded when they come into sight; here they all do.
EAGER = "document.querySelectorAll('img[loading]').forEach(i => i.loading = 'eager')"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that keeps no log."""

    def log_message(self, *args: Any) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            yield driver
        finally:
            driver.quit()


def size(driver: Any, width: int, height: int) -> None:
    """The page's own size, which a window cannot have below 500."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )


def comes(driver: Any, question: str) -> bool:
    """Whether the page's answer to a script is yes after a while."""
    with contextlib.suppress(TimeoutException):
        return bool(WebDriverWait(driver, PATIENCE).until(lambda d: d.execute_script(question)))
    return False


def look(driver: Any, address: str, pages: list[str], pictures: Path | None) -> list[str]:
    """What is wrong with the pages at both widths."""
    found = []
    for name, (width, height) in WIDTHS.items():
        size(driver, width, height)
        for page in pages:
            driver.get(f"{address}/{page}")
            driver.execute_script(EAGER)
            found += [f"{page} at a {name}: a picture is not shown"] * (not comes(driver, SHOWN))
            extra = driver.execute_script(TOO_WIDE)
            found += [f"{page} at a {name}: {extra} pixels too wide"] * (extra > 0)
            found += [f"{page} at a {name}: {e['message']}" for e in driver.get_log("browser")]
            if pictures is not None:
                target = pictures / f"{page.replace('/', '-').removesuffix('.html')}-{name}.png"
                target.write_bytes(driver.get_screenshot_as_png())
    return found


def use(driver: Any, address: str) -> list[str]:
    """An exercise opens; the search finds; a wide figure scrolls on a phone."""
    found = []
    size(driver, *WIDTHS["desk"])
    driver.get(f"{address}/course/chain_rule.html")
    answer = driver.find_element(By.CSS_SELECTOR, "details")
    before = answer.size["height"]
    answer.find_element(By.TAG_NAME, "summary").click()
    found += ["the exercise does not open"] * (answer.size["height"] < before + 50)
    driver.find_element(By.CSS_SELECTOR, "input.md-search__input").send_keys("spectral norm")
    found += ["the search does not find the page"] * (not comes(driver, FOUND))
    size(driver, *WIDTHS["phone"])
    driver.get(f"{address}/course/activations.html")
    scrolls = "const f = document.querySelector('figure.plot'); return f.scrollWidth > f.clientWidth + 100"
    found += ["a wide figure is squeezed on a phone"] * (not comes(driver, scrolls))
    return found


def main(folder: Path, pictures: Path | None) -> int:
    """Look at all pages but the explorers, which have tests of their own, and say what is wrong."""
    pages = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.html"))
    pages = [p for p in pages if not p.startswith("explorer/") and p != "404.html"]
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
    with served(folder) as address, browser() as driver:
        wrong = look(driver, address, pages, pictures) + use(driver, address)
    sys.stdout.write("\n".join([*wrong, f"{len(pages)} pages at {len(WIDTHS)} widths, {len(wrong)} faults"]) + "\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
