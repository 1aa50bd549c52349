"""The page in a real browser, with the real service, and all of MNIST."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from conftest import Service
from serve.browser import DIGITS, Watch, absent, draw, sheet_place

pytestmark = pytest.mark.slow

DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
LONG = 240_000  # milliseconds that a training may take on a busy machine


@pytest.fixture(scope="module")
def playing(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service, in a folder of its own."""
    pytest.importorskip("torch")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("playing"))
        started = Service("--no-browser", verb="play")
        yield started
        status, log = started.stop()
    assert (status, log) == (0, "")


@pytest.fixture
def page(watch: Watch, playing: Service) -> Any:
    return opened(watch, playing)


def opened(watch: Watch, playing: Service, **context: Any) -> Any:
    """The page, once a training can begin."""
    made = watch.open(playing.address, ready=False, **{**DESK, **context})
    made.wait_for_function("() => !document.getElementById('train').disabled", timeout=LONG)
    return made


def write(page: Any, text: str) -> None:
    """Write digits side by side, and wait until each has its card."""
    for k, sign in enumerate(text):
        draw(page, DIGITS[sign], 60 + 210 * k, 120)
    page.wait_for_function("count => document.querySelectorAll('.mind').length === count", arg=len(text))


def train(page: Any) -> None:
    """Begin a training, and wait until the page follows it; it may show an earlier one until then."""
    before = page.locator("body").get_attribute("data-training")
    page.locator("#train").press("Enter")
    page.wait_for_function("before => document.body.dataset.training !== before", arg=before, timeout=LONG)


def ended(page: Any) -> str:
    """What the page says once a training has ended."""
    page.wait_for_function("() => document.body.dataset.state === 'ended'", timeout=LONG)
    page.wait_for_function("() => /Finished|Stopped/.test(document.getElementById('status').textContent)")
    return str(page.locator("#status").inner_text())


def answers(page: Any) -> list[str]:
    return [strong.inner_text() for strong in page.locator(".mind .answers strong").all()]


def violations(page: Any) -> list[str]:
    """What axe finds wrong with the page."""
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        absent("axe-playwright-python is not installed")
    page.evaluate((Path(spec.origin).parent / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [f"{v['id']}: {n['html'][:120]} {n['failureSummary']}" for v in found["violations"] for n in v["nodes"]]


def test_a_digit_a_training_a_moment_and_the_test_set(page: Any) -> None:
    write(page, "27")
    page.locator("#knob-epochs").fill("3")
    train(page)
    said = ended(page)
    right = re.match(r"([\d.]+)% of the validation digits are right", said)
    assert right is not None, said
    assert float(right[1]) >= 99
    assert answers(page) == ["2", "7"]
    page.locator("#announcer", has_text="Finished after 585 steps").wait_for()
    # The first moment, when it knew nothing, and back.
    sure = page.locator(".mind .answers").first.inner_text()
    page.locator("#moment").press("Home")
    page.locator("#moment-value", has_text="after step 0, 0 digits seen").wait_for()
    page.wait_for_function("sure => document.querySelector('.mind .answers').innerText !== sure", arg=sure)
    page.locator("#now").click()
    page.wait_for_function("sure => document.querySelector('.mind .answers').innerText === sure", arg=sure)
    # The test set, and the digits behind a number of its mistakes.
    page.get_by_role("button", name="Evaluate on the test set").click()
    page.locator("#outcome", has_text="of 10,000 test digits are right").wait_for(timeout=LONG)
    number = page.locator("#matrix table a").first
    number.click()
    assert page.locator("#matrix .cell:visible img").count() > 0
    page.get_by_role("button", name="Keep this run").click()
    page.locator("#outcome", has_text="Kept as a run like any other").wait_for()
    kept = page.locator("#outcome code").first.inner_text()
    assert kept.startswith("runs/")


def test_training_on_from_a_moment_with_other_settings(watch: Watch, page: Any) -> None:
    watch.expected.append("422")
    write(page, "7")
    train(page)
    ended(page)
    for _ in range(3):
        page.locator("#moment").press("ArrowLeft")
    step = re.match(r"after step ([\d,]*\d)", page.locator("#moment-value").inner_text())
    assert step is not None
    page.locator("#knob-digits").select_option("1000")
    page.locator("#knob-epochs").fill("1")
    before = page.locator("body").get_attribute("data-training")
    page.locator("#onward").press("Enter")
    page.wait_for_function("before => document.body.dataset.training !== before", arg=before, timeout=LONG)
    right = re.match(r"([\d.]+)% of the validation digits", ended(page))
    assert right is not None
    assert float(right[1]) > 90  # after one epoch of 1,000 digits, from the weights that there were
    page.locator("#legend", has_text=f"Began with the weights of step {step[1]} of the training before").wait_for()
    page.get_by_role("button", name="Keep this run").click()
    page.locator("#outcome", has_text="The weights it began with are beside it, in initial.safetensors").wait_for()
    page.locator("#knob-recipe").select_option("tiny")
    page.locator("#onward").click()
    page.locator("#trouble", has_text="these weights are of another network").wait_for()


def test_a_look_inside(watch: Watch, page: Any) -> None:
    watch.expected.append("422")  # a look at an earlier training may be under way when the next begins
    write(page, "7")
    page.locator("#train").click()
    ended(page)
    said = page.locator("#inside-answer")
    page.locator("#inside-answer", has_text=re.compile("^It says 7, ")).wait_for()
    assert page.locator("#joins path").count() > 5
    layers = page.locator(".layer .units")
    assert [layers.nth(k).locator(".unit").count() for k in range(layers.count())] == [16, 32, 64, 10]
    # One unit by the keyboard, its sum, and the answer and the accuracy without it.
    layers.first.focus()
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.locator("#unit-title", has_text="Unit 2").wait_for()
    assert re.search(r"Sum [+−][0-9.]+", page.locator("#unit-sum").inner_text())
    page.locator("#switch").click()
    page.locator("#inside-answer", has_text="Now it says").wait_for()
    assert page.locator(".unit.off").count() == 1
    page.locator("#count").click()
    page.locator("#counted", has_text="Of 2,000 validation digits").wait_for()
    page.locator("#all-on").click()
    page.locator("#inside-answer", has_text=re.compile("^It says 7, ")).wait_for()
    # Ink covered, row by row, until nothing is left of it; and uncovered.
    page.locator("#seen").focus()
    for _ in range(49):
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
    page.locator("#inside-answer", has_text="Now it says").wait_for()
    page.locator("#uncover").click()
    page.locator("#inside-answer", has_text=re.compile("^It says 7, ")).wait_for()
    page.locator("#wanted").select_option("1")
    page.locator("#changed", has_text=re.compile("ink|No change")).wait_for()
    # At the first moment, when it knew nothing, it looked otherwise.
    before = said.inner_text()
    page.locator("#moment").press("Home")
    page.wait_for_function("before => document.getElementById('inside-answer').innerText !== before", arg=before)
    # A digit that is being written is looked at while the pen is still down.
    page.locator("#now").click()
    page.locator("#inside-answer", has_text=re.compile("^It says 7, ")).wait_for()
    place = sheet_place(page)
    first, *others = [place(300 + 1.5 * x, 120 + 1.5 * y) for x, y in DIGITS["1"][0]]
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point, steps=3)
    page.wait_for_function("() => document.querySelectorAll('.mind').length === 2")
    page.locator("#inside-answer", has_text=re.compile("^It says 1, ")).wait_for()
    page.mouse.up()


def test_one_page_at_a_time(watch: Watch, playing: Service, page: Any) -> None:
    second = watch.open(playing.address, ready=False, **DESK)
    second.locator("#trouble", has_text="Another page of tenfold play is open").wait_for()
    page.context.close()
    second.get_by_role("button", name="Try again").click()
    second.wait_for_function("() => !document.getElementById('train').disabled")


def test_by_the_keyboard_in_steps_and_with_another_beside(page: Any) -> None:
    sheet = page.locator("#sheet")
    sheet.focus()
    for key in ("Space", *["Shift+ArrowDown"] * 5, "Space"):  # a one
        page.keyboard.press(key)
    page.wait_for_function("() => document.querySelectorAll('.mind').length === 1")
    page.get_by_label("Compare two networks by").select_option("wrong labels")
    page.get_by_label("Wrong labels of B").select_option("50%")
    page.locator("#slow").press("Space")
    train(page)
    page.locator("#pause:not([disabled])").wait_for()
    page.locator("#pause").press("Enter")
    page.locator("#pause", has_text="Resume").wait_for(timeout=LONG)
    page.locator("#announcer", has_text="Paused.").wait_for()
    steps = "() => [...document.getElementById('status').textContent.matchAll(/step ([0-9]+) of/g)].map((m) => +m[1])"
    before = page.evaluate(steps)
    page.locator("#step").press("Enter")
    page.wait_for_function(f"before => String(({steps})()) !== String(before)", arg=before)
    page.locator("input[name=lr]").press("ArrowRight")  # takes effect at once
    assert page.locator("#legend").inner_text().startswith("A: wrong labels none")
    page.locator("#stop").press("Enter")
    ended(page)
    page.locator("#slow").press("Space")


def test_what_cannot_be_trained_is_said(watch: Watch, page: Any) -> None:
    watch.expected.append("422")
    page.get_by_label("Training digits", exact=True).select_option("100")
    page.locator("#train").click()
    page.locator("#trouble", has_text="A batch of 256 is more than the 100 training digits").wait_for()
    page.get_by_label("Batch size", exact=True).select_option("16")
    train(page)
    assert "validation digits are right" in ended(page)
    assert page.locator("#trouble").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility_and_narrow_windows(watch: Watch, playing: Service, scheme: str) -> None:
    page = opened(watch, playing, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    write(page, "24")
    assert violations(page) == []
    page.get_by_label("Training digits", exact=True).select_option("1000")
    page.get_by_label("Compare two networks by").select_option("augmentation")
    train(page)
    ended(page)
    page.locator("#moment").press("Home")
    page.locator("#moment-value", has_text="after step 0").wait_for()
    page.get_by_role("button", name="Evaluate on the test set").first.click()
    page.locator("#matrix table").wait_for(timeout=LONG)
    page.locator("#matrix table a").first.click()
    assert violations(page) == []
    for width in (1280, 768, 390, 320):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") == width
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input")]
            .filter((element) => element.checkVisibility() && !element.closest(".switch, .choice"))
            .filter((element) => Math.min(...["width", "height"].map((s) => element.getBoundingClientRect()[s])) < 44)
            .map((element) => element.id || element.outerHTML)"""
    )
    assert small == []


def test_the_look_inside_follows_what_was_wanted_last(watch: Watch, page: Any) -> None:
    watch.expected.append("422")  # a look may ask of a digit that was just cleared
    page.get_by_label("Training digits", exact=True).select_option("10000")
    write(page, "27")
    train(page)
    assert page.evaluate("document.activeElement.id") == "train"  # where the keyboard was
    ended(page)
    page.locator("#inside-answer", has_text="It says 7").wait_for()  # the last that was written
    page.route("**/inside/maps", lambda route: (page.wait_for_timeout(300), route.continue_()))
    cards = page.locator(".seen-by")
    cards.nth(1).click()
    cards.nth(0).click()
    page.locator("#inside-answer", has_text="It says 2").wait_for()
    # Cleared while it is asked for, and written again.
    cards.nth(1).click()
    page.locator("#clear").click()
    page.locator("#inside").wait_for(state="hidden")
    page.locator("#undo").click()
    page.locator("#inside-answer", has_text="It says 7").wait_for()


def test_what_is_wrong_stays_said_while_it_learns_on(watch: Watch, page: Any) -> None:
    watch.expected.append("422")
    write(page, "7")
    page.locator("#slow").check()
    train(page)
    page.locator("#joins path").first.wait_for(state="attached")
    page.get_by_label("Training digits", exact=True).select_option("100")
    page.locator("#train").click()
    page.locator("#trouble", has_text="A batch of 256 is more than the 100 training digits").wait_for()
    page.locator("#inside").scroll_into_view_if_needed()
    with page.expect_response("**/inside/maps"):  # a look that nobody asked for
        pass
    assert page.locator("#trouble").is_visible()
    page.locator("#stop").click()
    page.locator("#slow").uncheck()
    assert ended(page).startswith("Stopped after")


def test_settings_show_what_is_asked_for(page: Any) -> None:
    epochs = page.get_by_label("Epochs", exact=True)
    for given, shown in (("5000", "100"), ("-3", "1"), ("2.6", "3"), ("", "3")):
        epochs.fill(given)
        epochs.blur()
        assert epochs.input_value() == shown
    page.get_by_label("Compare two networks by").select_option("hidden width")
    page.get_by_label("Recipe").select_option("tiny")  # which has no hidden layer
    assert page.get_by_label("Compare two networks by").input_value() == ""


def test_a_second_page_says_why_it_does_nothing(watch: Watch, playing: Service, page: Any) -> None:
    second = watch.open(playing.address, ready=False, **DESK)
    second.locator("#trouble", has_text="Another page of tenfold play is open").wait_for()
    draw(second, DIGITS["7"], 60, 120)
    second.locator("#slow").check()
    second.wait_for_function("() => window.settled()")
    assert second.get_by_role("button", name="Try again").is_visible()
    assert second.locator("#train").is_disabled()
    assert second.locator("#status").inner_text() == ""
