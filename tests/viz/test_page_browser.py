"""The interactive page in a real browser: played, folded, pointed at, typed at, on a phone, in the dark, on paper.

Needs Chromium with its driver and selenium; without them these tests are skipped, and where WENGERT_REQUIRE_BROWSER is
set (in CI) that is an error.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.viz.groups import tree
from wengert.viz.layering import edges, rows
from wengert.viz.mathematics import Style
from wengert.viz.placing import layout
from wengert.viz.sketch import box_size, group_words, words

RNG = np.random.default_rng(0)
DESKTOP, PHONE = (1280, 800), (390, 844)
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


def unavailable(reason: str) -> None:
    if os.environ.get("WENGERT_REQUIRE_BROWSER"):
        pytest.fail(f"{reason}, and WENGERT_REQUIRE_BROWSER is set")
    pytest.skip(f"{reason}: the page is not tested in a browser here")


# ----- the browser and the pages --------------------------------------------------------------------------
class Page:
    """A page in the browser."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, file: Path, size: tuple[int, int] = DESKTOP, dark: bool = False, wait: bool = True) -> Page:
        mobile = size == PHONE
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": mobile}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature, still]})
        self.driver.get(file.as_uri())
        if wait:
            self.until(lambda: "ready" in self.js("return document.body.className"))
        return self

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, holds: Callable[[], Any], seconds: float = 15.0) -> Any:
        end = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.03)
        return found

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def count(self, selector: str) -> int:
        return int(self.js("return document.querySelectorAll(arguments[0]).length", selector))

    def box(self, start: str) -> str:
        """The selector of the box whose title starts so."""
        key = self.js(
            "return [...document.querySelectorAll('.box')].find((b) => "
            "b.querySelector('.title').textContent.startsWith(arguments[0]))?.dataset.key",
            start,
        )
        assert key, f"no box starts with {start!r}"
        return f'[data-key="{key}"]'

    def keys(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def hover(self, selector: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).move_to_element(self.find(selector)).perform()

    def step(self, number: int) -> None:
        """Slide to a step."""
        self.js("const s = arguments[0]; s.value = arguments[1]; s.dispatchEvent(new Event('input'))",
                self.find("#slider"), number)  # fmt: skip

    def steps(self) -> int:
        return int(self.js("return +document.querySelector('#slider').max"))

    def shot(self) -> np.ndarray:
        image = pytest.importorskip("matplotlib.image")
        return np.asarray(image.imread(io.BytesIO(self.driver.get_screenshot_as_png())))[..., :3]

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        unavailable("selenium is not installed")
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    helper = shutil.which("chromedriver")
    if browser is None or helper is None:
        unavailable("there is no Chromium with its driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = webdriver.Chrome(options=options, service=Service(helper))
    yield made
    made.quit()


@pytest.fixture
def page(driver: Any) -> Iterator[Page]:
    """A page without complaints in the console, and without a request but for itself."""
    made = Page(driver)
    driver.get("about:blank")
    made.complaints()
    made.requests()
    yield made
    assert made.complaints() == []
    assert all(url.startswith(("file://", "about:", "data:")) for url in made.requests())


def fan(x1: Any, x2: Any) -> Any:
    return x1 * x2 + np.sin(x1)


def deep(x: Any) -> Any:
    for _ in range(1250):
        x = np.tanh(x * 1.01) + x * 0.1
    return np.sum(x)


def loses(x: Any) -> Any:
    z = np.log(x - 1)
    return np.sum(z * 2 + np.exp(z))


def network() -> wg.nn.Module:
    wg.manual_seed(0)
    return wg.nn.Sequential(wg.nn.Linear(8, 6), wg.nn.ReLU(), wg.nn.Linear(6, 3))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "lecture": wg.explain("exp(w*x + b)", w=2, x=3, b=-4), "fan": wg.explain(fan, 2.0, 3.0),
        "network": wg.explain(network(), RNG.standard_normal((20, 8))), "nan": wg.explain(loses, np.array([2.0, 0.5])),
    }  # fmt: skip
    return {name: e.save(folder / f"{name}.html") for name, e in made.items()}


# ----- the sweeps -----------------------------------------------------------------------------------------
def test_the_sweeps_are_played_forward_and_backward(page: Page, files: dict[str, Path]) -> None:
    page.open(files["lecture"])
    page.step(0)
    assert "Given" in page.text("#story") and "w = 2" in page.text("#story")
    result = page.box("y = exp")
    assert page.find(f"{result} .value").value_of_css_property("opacity") == "0"
    assert page.find(f"{page.box('w')} .value").value_of_css_property("opacity") == "1"
    page.step(3)
    assert page.text("#story").startswith("Forward 3 of 3") and "7.3891" in page.text("#story")
    assert page.find(f"{result} .value").value_of_css_property("opacity") == "1"
    assert page.find(f"{result} .adjoint").value_of_css_property("opacity") == "0"
    page.step(4)
    assert page.text("#story").startswith("Backward 1 of 6")
    assert page.find(f"{result} .adjoint").value_of_css_property("opacity") == "1"
    page.step(page.steps())
    assert "∂y/∂w = 22.167" in page.text("#story")
    assert page.count(".box.current") == 0


def test_where_paths_meet_they_are_listed_and_summed(page: Page, files: dict[str, Path]) -> None:
    page.open(files["fan"])
    stories = []
    for step in range(page.steps() + 1):
        page.step(step)
        stories.append(page.text("#story"))
        arrows = page.count(".arrow.back")
        if "sum of 2 paths" in stories[-1]:
            assert arrows == 2
            assert "∂y/∂v1 · ∂v1/∂x1 = 1 · 3 = 3" in stories[-1].replace("  ", " ")
            assert "through v2" in stories[-1] and "2.5839" in stories[-1]
    assert sum("sum of 2 paths" in story for story in stories) == 1


def test_play_runs_to_the_end_by_itself(page: Page, files: dict[str, Path]) -> None:
    page.open(files["fan"])
    page.find("#play").click()
    page.until(lambda: page.text("#story").startswith("Forward 1"))
    assert page.find("#play").get_attribute("aria-label") == "Pause"
    page.until(lambda: "sum of 2 paths" in page.text("#story"))
    page.until(lambda: page.text("#story").startswith("Done"))
    assert page.find("#play").get_attribute("aria-label") == "Play"


# ----- pointing and typing --------------------------------------------------------------------------------
def test_a_box_under_the_mouse_tells_everything(page: Page, files: dict[str, Path]) -> None:
    page.open(files["lecture"])
    assert "Reverse mode" in page.text("#panel")
    page.hover(page.box("v1 = w·x"))
    page.until(lambda: "multiply" in page.text("#panel"))
    panel = page.text("#panel")
    for part in ("v1 = w·x", "6", "∂v1/∂w = x", "∂v1/∂x = w", "float64", "8 B", "∂y/∂v2 · ∂v2/∂v1"):
        assert part in panel, part
    assert re.search(r"time[\d.]+ (µs|ms|s)", panel), panel  # however busy the machine is
    assert "∂v1/∂b" in panel  # forward mode


def test_the_drawing_is_moved_and_zoomed_but_never_lost(page: Page, files: dict[str, Path]) -> None:
    from selenium.webdriver import ActionChains

    def view() -> tuple[float, float, float]:
        text = page.js("return document.querySelector('#world').getAttribute('transform')")
        x, y, k = (
            float(number) for number in text.replace("translate(", "").replace(") scale(", " ").strip(")").split()
        )
        return x, y, k

    page.open(files["network"])
    x, y, k = view()
    ActionChains(page.driver).move_to_element_with_offset(
        page.find("#drawing"), -400, 0
    ).click_and_hold().move_by_offset(50, 30).release().perform()
    assert view() == pytest.approx((x + 50, y + 30, k))
    page.keys("+")
    assert view()[2] == pytest.approx(k * 1.25)
    page.js("const s = document.querySelector('#drawing'); for (let i = 0; i < 99; i++)"
            "s.dispatchEvent(new WheelEvent('wheel', {deltaY: 500, cancelable: true}))")  # fmt: skip
    assert (rectangles(page)[:, 3] > 0).any()
    page.keys("0")
    boxes = rectangles(page)
    area = page.js(
        "const r = document.querySelector('#stage').getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]"
    )
    assert (boxes[:, :2] >= area[:2]).all() and (boxes[:, 2:] <= area[2:]).all()


def test_enter_folds_and_unfolds_the_group_in_focus(page: Page, files: dict[str, Path]) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open(files["network"])
    page.js("document.querySelector('.box[tabindex=\"0\"]').focus()")
    page.keys("f")
    assert page.count(".box.group") == 1 and "folded group" in page.text("#panel")
    page.js("document.querySelector('.box.group').focus()")
    page.keys(Keys.ENTER)
    assert page.count(".box.group") == 0
    page.keys(Keys.ARROW_RIGHT)
    assert page.text("#panel h2")


def test_large_jacobians_are_heat_maps(page: Page, files: dict[str, Path]) -> None:
    page.open(files["network"])
    page.js("document.querySelector(arguments[0]).dispatchEvent(new MouseEvent('click', {bubbles: true}))",
            page.box("v2 = x @ v1"))  # fmt: skip
    panel = page.text("#panel")
    assert "Jacobian [20×6×20×8]" in panel
    assert page.count("#panel .partial canvas") == 2
    colours = page.js(
        "const c = document.querySelector('#panel .partial canvas'); const d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; const s = new Set();"
        "for (let i = 0; i < d.length; i += 4) s.add(d[i] + ',' + d[i + 1] + ',' + d[i + 2]); return s.size"
    )
    assert colours > 5


def test_the_keyboard_goes_along_the_graph(page: Page, files: dict[str, Path]) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open(files["lecture"])
    page.js("document.querySelector('.box[tabindex=\"0\"]').focus()")
    assert page.text("#panel h2") == "w"
    page.keys(Keys.ARROW_DOWN)
    assert page.text("#panel h2") == "v1 = w·x"
    page.keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert page.text("#panel h2") == "y = exp(v2)"
    page.keys(Keys.ARROW_UP)
    assert page.text("#panel h2") == "v2 = v1 + b"
    label = page.js("return document.activeElement.getAttribute('aria-label')")
    assert "v2 = v1 + b" in label and "value 2" in label and "adjoint 7.3891" in label
    page.keys("[", "[")
    assert page.js("return +document.querySelector('#slider').value") == page.steps() - 2
    page.keys("t")
    assert page.count("#table-view tbody tr") == 6
    page.keys("t", Keys.ESCAPE)
    assert "Reverse mode" in page.text("#panel")


def test_search_finds_and_unfolds(page: Page, files: dict[str, Path]) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open(files["network"])
    page.find("#fold").click()
    assert page.count(".box.group") == 2
    page.keys("/")
    page.keys("v2 = x")
    assert page.count("#hits [role=option]") == 1
    page.keys(Keys.ENTER)
    assert page.text("#panel h2") == "v2 = x @ v1"
    assert page.count(".box.group") == 1  # the group of the line found is unfolded
    page.find("#search").clear()
    page.find("#search").send_keys("no such thing")
    assert "nothing found" in page.text("#hits")


# ----- folding --------------------------------------------------------------------------------------------
def test_groups_fold_and_unfold(page: Page, files: dict[str, Path]) -> None:
    page.open(files["network"])
    unfolded = page.count(".box")
    assert page.count(".frame") == 2
    page.find(".frame .handle").click()
    assert page.count(".box") < unfolded and page.count(".frame") == 1
    group = page.find(".box.group")
    assert group.get_attribute("aria-expanded") == "false" and "Linear" in group.text
    assert page.count(".arrow") > 0
    group.click()
    assert page.count(".box") == unfolded
    page.find("#fold").click()
    assert page.count(".frame") == 0
    last = page.steps()
    page.step(last - 1)
    assert "Backward" in page.text("#story")
    page.find("#unfold").click()
    assert page.count(".box") == unfolded and page.steps() > last


def rectangles(page: Page) -> np.ndarray:
    """Left, top, right, bottom of every box on the screen."""
    found = page.js(
        "return [...document.querySelectorAll('.box .face')].map((f) => f.getBoundingClientRect())"
        ".map((r) => [r.left, r.top, r.right, r.bottom])"
    )
    return np.array(found)


def overlaps(boxes: np.ndarray) -> int:
    left, top, right, bottom = boxes.T
    across = np.minimum(right[:, None], right) - np.maximum(left[:, None], left) > 1
    down = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top) > 1
    return int(np.triu(across & down, 1).sum())


@pytest.mark.parametrize("name", ["lecture", "fan", "network", "nan"])
def test_boxes_stand_apart_and_hold_their_words(page: Page, files: dict[str, Path], name: str) -> None:
    page.open(files[name])
    boxes = rectangles(page)
    assert len(boxes) > 3 and overlaps(boxes) == 0
    planted = np.vstack([boxes, boxes[0] + 5])
    assert overlaps(planted) >= 1
    sticking_out = page.js(
        "const right = (e) => e.getBoundingClientRect().right;"
        "return [...document.querySelectorAll('.box')].filter((b) => [...b.querySelectorAll('text:not(.badge)')]"
        ".some((t) => right(t) > right(b.querySelector('.face')) + 1)).map((b) => b.textContent)"
    )
    assert sticking_out == []


def test_the_page_places_boxes_as_python_does(page: Page, files: dict[str, Path]) -> None:
    e = wg.explain(network(), RNG.standard_normal((20, 8)))
    root = tree(e)
    readers = edges(root, e)
    layers = {group: rows(group, readers[group]) for group in root.groups()}
    style = Style(7)
    placed = layout(
        root, layers, readers,
        lambda c: box_size(words(e, e.lines[c], style) if isinstance(c, int) else group_words(c)),
    )  # fmt: skip
    page.open(files["network"])
    for key, (left, top, *_) in placed.boxes.items():
        if key[0] == "l":
            there = page.js("return document.querySelector(arguments[0]).style.transform", f'[data-key="{key}"]')
            x, y = (float(word.strip("px) ")) for word in there.removeprefix("translate(").split(","))
            assert (x, y) == pytest.approx((left, top), abs=0.01), key


# ----- large lists ----------------------------------------------------------------------------------------
def test_five_thousand_lines_stay_usable(page: Page, tmp_path: Path) -> None:
    file = wg.explain(deep, np.ones(4) * 0.5).save(tmp_path / "deep.html")
    start = time.monotonic()
    page.open(file)
    assert time.monotonic() - start < 20
    assert 3 < page.count(".box") <= 80
    assert "Gradients vanish towards the inputs" in page.text("#panel")
    assert "5,001 lines" in page.text("#counts")
    page.step(5)
    assert "lines computed" in page.text("#story")
    page.find("#unfold").click()
    assert page.count(".box") < 1500  # only what is in sight is in the document
    assert page.steps() > 10_000
    page.find("#search").send_keys("v4321 =")
    page.until(lambda: page.count("#hits [role=option]") == 1)
    page.find("#hits [role=option]").click()
    assert page.text("#panel h2").startswith("v4321 =")
    page.until(lambda: page.count(".box.selected") == 1)
    spent = page.js(
        "const t = performance.now(); for (let i = 0; i < 20; i++) document.querySelector('#forth').click();"
        "return (performance.now() - t) / 20"
    )
    assert spent < 1000, f"{spent:.0f} ms a step"


# ----- findings -------------------------------------------------------------------------------------------
def test_the_first_nan_is_red(page: Page, files: dict[str, Path]) -> None:
    page.open(files["nan"])
    assert "The first NaN in the forward sweep: v2" in page.text("#panel .finding")
    assert page.count(".box.origin") == 1
    box = page.box("v2 = log")
    red = page.find(f"{box} .face").value_of_css_property("stroke")
    assert red == "rgb(207, 32, 48)"
    assert page.find(f"{box} .badge").text == "first NaN"
    page.step(1)  # before it is computed
    assert page.count(".box.origin") == 0
    page.find("#panel .finding").click()
    assert page.text("#panel h2") == "v2 = log(v1)"


# ----- hostile names --------------------------------------------------------------------------------------
def test_hostile_names_are_only_text(page: Page, tmp_path: Path) -> None:
    names = [
        "<script>document.title='broken'</script>", "</script><img src=x onerror=document.title='broken'>",
        '"><svg onload=document.title="broken">', "@@script@@", "&lt;b&gt;", "\u202eright to left\u2028", "<!--",
    ]  # fmt: skip
    e = wg.explain(lambda p: sum(p.values(), 0.0), dict.fromkeys(names, 1.5))
    page.open(e.save(tmp_path / "hostile.html"))
    assert "broken" not in page.driver.title
    assert page.count("img") == 0 and page.count("script") == 2
    shown = page.js("return [...document.querySelectorAll('.box .title')].map((t) => t.textContent)")
    assert any("<script>document" in text for text in shown)
    page.find("#table").click()
    assert page.count("#table-view img, #table-view script") == 0
    assert "</script><img src=x" in page.text("#table-view")
    assert page.count("#drawing script, #drawing img") == 0


def test_an_injected_script_is_refused(driver: Any, files: dict[str, Path], tmp_path: Path) -> None:
    """The policy in the page holds: it would stop what slipped through."""
    text = files["lecture"].read_text(encoding="utf-8")
    file = tmp_path / "injected.html"
    file.write_text(text.replace("</body>", "<script>document.title = 'broken'</script></body>"), encoding="utf-8")
    page = Page(driver).open(file)
    assert "broken" not in driver.title
    assert any("Content Security Policy" in complaint for complaint in page.complaints())


# ----- looks ----------------------------------------------------------------------------------------------
def colours(image: np.ndarray) -> int:
    return len(np.unique((image.reshape(-1, 3) * 255).astype(int) // 8, axis=0))


def test_light_and_dark(page: Page, files: dict[str, Path]) -> None:
    light = page.open(files["network"]).shot()
    dark = page.open(files["network"], dark=True).shot()
    assert light.shape == (DESKTOP[1], DESKTOP[0], 3)
    assert light.mean() > 0.85 and dark.mean() < 0.25
    assert colours(light) > 60 and colours(dark) > 60
    page.find("#theme").click()
    assert page.shot().mean() > 0.85


def test_colour_by_gradient_tints_the_boxes(page: Page, files: dict[str, Path]) -> None:
    before = page.open(files["network"]).shot()
    page.js("const c = document.querySelector('#colour'); c.value = 'gradient'; c.dispatchEvent(new Event('change'))")
    after = page.shot()
    assert np.abs(before - after).max(axis=2).astype(bool).mean() > 0.03
    assert "root mean square" in page.text("#scale")
    strengths = page.js("return [...document.querySelectorAll('.tint')].map((t) => +t.style.fillOpacity)")
    assert max(strengths) > 0.5 > min(strengths)


def test_a_phone_has_everything_in_reach(page: Page, files: dict[str, Path]) -> None:
    page.open(files["network"], PHONE)
    assert page.js("return document.documentElement.scrollWidth") <= PHONE[0]
    outside = page.js(
        "const away = (r) => r.left < 0 || r.right > innerWidth;"
        "return [...document.querySelectorAll('button, input, select')].filter((b) => b.offsetParent)"
        ".filter((b) => !b.closest('#panel') && away(b.getBoundingClientRect())).map((b) => b.id)"
    )
    assert outside == []
    assert page.find("#panel").value_of_css_property("visibility") == "hidden"
    page.find(page.box("v2 = x @ v1")).click()
    page.until(lambda: page.find("#panel").value_of_css_property("visibility") == "visible")
    assert page.text("#panel h2") == "v2 = x @ v1"
    page.find("#panel .close").click()
    page.until(lambda: page.find("#panel").value_of_css_property("visibility") == "hidden")
    page.find("#about").click()
    page.until(lambda: "Reverse mode" in page.text("#panel"))
    assert overlaps(rectangles(page)) == 0


def test_a_training_step_plays_as_the_list_it_compiles_to(page: Page, tmp_path: Path) -> None:
    model = network()
    optimizer = wg.optim.SGD(model.parameters(), lr=0.1)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    x = RNG.standard_normal((20, 8)).astype(np.float32)
    seen = wg.show(step, x, file=tmp_path / "step.html")
    page.open(tmp_path / "step.html")
    assert "after all passes of the compiler" in page.text("#panel")
    page.step(page.steps())
    assert f"{len(seen.lines) - sum(v.kind != 'operation' for v in seen.lines)} lines" in page.text("header")
    assert page.count(".box .value") > 5
    assert overlaps(rectangles(page)) == 0


def test_it_prints_the_drawing_and_the_table(page: Page, files: dict[str, Path]) -> None:
    import base64

    page.open(files["lecture"])
    paper = base64.b64decode(page.driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert paper.startswith(b"%PDF") and len(paper) > 5000
    assert page.count("#table-view tbody tr") == 6
    assert page.js("return document.querySelector('#drawing').getAttribute('viewBox')") is None  # back to normal


def test_assistive_technology_finds_names_for_everything(page: Page, files: dict[str, Path]) -> None:
    page.open(files["network"])
    nameless = page.js(
        "return [...document.querySelectorAll('button, input, select, [role=button]')].filter((b) =>"
        "!(b.getAttribute('aria-label') || b.textContent.trim() || b.labels?.length)).map((b) => b.outerHTML)"
    )
    assert nameless == []
    assert page.count('[tabindex="0"].box') == 1
    assert page.js("return document.documentElement.lang") == "en"
    assert page.find("#story").get_attribute("aria-live") == "polite"
    page.step(2)
    assert "Forward 2" in page.find("#slider").get_attribute("aria-valuetext")


def test_a_notebook_shows_it_in_a_frame(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "notebook.html"
    text = wg.explain("exp(w*x + b)", w=2, x=3, b=-4)._repr_html_()
    file.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{text}</body>", encoding="utf-8")
    page.open(file, wait=False)
    page.driver.switch_to.frame(page.find("iframe"))
    page.until(lambda: page.count(".box") == 6)
    assert "Done" in page.text("#story")
    page.driver.switch_to.default_content()


def coarse(picture: np.ndarray, across: int = 24, down: int = 32) -> np.ndarray:
    """The ink of a picture in few fields: how far each is from white paper in the mean."""
    h, w = picture.shape[0] // down, picture.shape[1] // across
    ink = 1 - picture[: h * down, : w * across].mean(axis=2)
    return ink.reshape(down, h, across, w).mean(axis=(1, 3))


def cropped(picture: np.ndarray) -> np.ndarray:
    """Without the paper around it."""
    ink = np.abs(picture - picture[2, 2]).max(axis=2) > 0.02
    (top, *_, bottom), (left, *_, right) = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return picture[top : bottom + 1, left : right + 1]


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(coarse(cropped(a)).ravel(), coarse(cropped(b)).ravel())[0, 1])


def test_the_page_the_svg_and_the_png_show_the_same_drawing(page: Page, files: dict[str, Path], tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    e = wg.explain(network(), RNG.standard_normal((20, 8)))
    tall = (1000, 1800)
    page.open(files["network"], tall)
    page.js("document.querySelectorAll('header, footer, #panel, .zoom').forEach((e) => { e.style.display = 'none' })")
    page.js("document.querySelectorAll('body, main').forEach((e) => { e.style.display = 'block' })")
    page.js("document.querySelector('#stage').style.height = '100vh'")
    in_page = page.shot()
    page.open(e.save(tmp_path / "drawing.svg"), tall, wait=False)
    alone = page.shot()[60:]  # without the title
    dots = image.imread(e.save(tmp_path / "drawing.png"))[..., :3]
    other = image.imread(wg.explain("exp(w*x + b)", w=2, x=3, b=-4).save(tmp_path / "other.png"))[..., :3]
    assert colours(alone) > 30
    alike, also, different = likeness(in_page, dots), likeness(alone, dots), likeness(in_page, other)
    assert min(alike, also) > 0.8 > 0.5 > different, (alike, also, different)
