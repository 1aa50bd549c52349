"""The page of `tenfold serve` in a real browser, with the real service."""

import base64
import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import Service, on_paper, write_number
from serve.browser import DIGITS, STAR, Watch, absent, draw, sheet_place, write
from serve.conftest import MAX_BYTES, TOKEN, png

PAGE = Path(__file__).parents[2] / "src" / "tenfold" / "serve" / "page"
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 3,
}
WITH_TOKEN = f"if (location.host) sessionStorage.setItem('tenfold-token', '{TOKEN}')"
KEEP_SENT = """
    window.sent = [];
    const real = window.fetch;
    window.fetch = async (address, more) => {
        if (more?.body instanceof Blob) {
            const bytes = new Uint8Array(await more.body.arrayBuffer());
            window.sent.push(btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")));
        }
        return real(address, more);
    };
"""


@pytest.fixture
def service(browser: Any, running: Service) -> str:
    """The address of a service that keeps corrections; without a browser it is not started."""
    return running.address


@pytest.fixture
def page(watch: Watch, service: str) -> Any:
    return watch.open(service, **DESK)


def expect_text(page: Any, text: str) -> None:
    shown = "document.getElementById('text').innerText.trim() === text"
    page.wait_for_function(f"text => {shown} && window.settled()", arg=text)


def expect_summary(page: Any, words: str) -> None:
    page.locator("#summary", has_text=words).wait_for()


def number(text: str, kind: str = "PNG", noise: int = 0) -> bytes:
    """A picture of a number, in MNIST's handwriting; colour noise makes its file large."""
    image = on_paper(write_number(text, seed=3))
    if noise:
        colours = np.repeat(image[..., None], 3, axis=2) + np.random.default_rng(0).integers(
            0, noise, (*image.shape, 3)
        )
        image = colours.clip(0, 255).astype(np.uint8)
    return png(image, kind)


def hand_over(page: Any, kind: str, raw: bytes, name: str = "number.png", media: str = "image/png") -> None:
    """A paste event, or all the events of a drop, with a file."""
    page.evaluate(
        """([kind, file, name, type]) => {
            const bytes = Uint8Array.from(atob(file), (sign) => sign.charCodeAt(0));
            const held = new DataTransfer();
            held.items.add(new File([bytes], name, { type }));
            const events = kind === "paste"
                ? [new ClipboardEvent("paste", { clipboardData: held, bubbles: true, cancelable: true })]
                : ["dragenter", "dragover", "drop"].map(
                    (type) => new DragEvent(type, { dataTransfer: held, bubbles: true, cancelable: true }));
            for (const event of events) document.body.dispatchEvent(event);
        }""",
        [kind, base64.b64encode(raw).decode(), name, media],
    )


# Drawing


def test_a_number_drawn_with_the_mouse(page: Any) -> None:
    expect_summary(page, "Nothing drawn yet")
    write(page, "2471")
    expect_text(page, "2471")
    expect_summary(page, "4 digits, all sure.")
    names = [card.get_attribute("aria-label") for card in page.locator("#cards button").all()]
    assert [name.split(".")[0] for name in names] == [f"Digit {k} of 4: {v}" for k, v in enumerate("2471", 1)]
    assert page.locator("#cards .bar").count() == 4 * 11  # ten digits and none
    boxes = [box.bounding_box() for box in page.locator("#boxes .box").all()]
    place = sheet_place(page)
    for k, box in enumerate(boxes):
        x, y = place(60 + 165 * k + 75, 120 + 112)
        assert box["x"] < x < box["x"] + box["width"]
        assert box["y"] < y < box["y"] + box["height"]
    page.locator("#announcer", has_text="Read: 2 4 7 1. 4 digits, all sure.").wait_for()


def test_what_the_network_sees(page: Any) -> None:
    write(page, "7")
    expect_text(page, "7")
    seen = page.locator("#cards canvas.seen")
    assert (seen.get_attribute("width"), seen.get_attribute("height")) == ("28", "28")
    assert seen.evaluate("canvas => getComputedStyle(canvas).imageRendering") == "pixelated"
    pixels = "canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, k) => k % 4 === 0)"
    ink = np.array(seen.evaluate(pixels)).reshape(28, 28)
    assert ink[:4].max() == 0  # as MNIST's digits, in the middle 20 x 20
    assert ink[5:10, 6:20].max() > 200  # the bar of the 7
    assert ink[18:22, 18:].max() == 0  # and nothing below it on the right


def test_a_reading_while_the_pen_moves(page: Any) -> None:
    place = sheet_place(page)
    points = DIGITS["7"][0]
    page.mouse.move(*place(300 + 1.5 * points[0][0], 100 + 1.5 * points[0][1]))
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(*place(300 + 1.5 * x, 100 + 1.5 * y), steps=4)
    page.mouse.move(*place(300 + 1.5 * x + 2, 100 + 1.5 * y + 2))
    page.wait_for_timeout(400)
    page.mouse.move(*place(300 + 1.5 * x + 4, 100 + 1.5 * y + 4))
    expect_text(page, "7")  # and the pen is still down
    assert page.locator("#undo").is_disabled()
    page.wait_for_timeout(900)
    assert page.locator("#announcer").text_content() == ""  # nothing is said before the pen lifts
    page.mouse.up()
    page.locator("#announcer", has_text="Read: 7.").wait_for()


def test_a_digit_drawn_with_a_finger(watch: Watch, service: str) -> None:
    page = watch.open(service, **PHONE)
    place = sheet_place(page)
    devtools = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    points = [place(250 + 2 * x, 80 + 2 * y) for x, y in DIGITS["2"][0]]
    touch("touchStart", points[0])
    for k, point in enumerate(points[1:]):
        touch("touchMove", point)
        if k == 3:  # the palm comes down beside it and goes away again
            palm = place(660, 440)
            touch("touchStart", point, palm)
            touch("touchMove", point, (palm[0] - 40, palm[1]))
            touch("touchMove", point)
    touch("touchEnd")
    expect_text(page, "2")
    assert page.evaluate("scrollY") == 0
    touched = "id => getComputedStyle(document.querySelector(id)).touchAction"
    assert page.evaluate(touched, "#sheet") == "none"
    assert [page.evaluate(touched, name) for name in ("body", "main", ".reading", "#stage")] == ["auto"] * 4
    x, y = 40, 700  # below the sheet
    touch("touchStart", (x, y))
    for k in range(1, 9):
        touch("touchMove", (x, y - 25 * k))
    touch("touchEnd")
    page.wait_for_function("() => scrollY > 50")


def test_undo_redo_and_clear(page: Any) -> None:
    undo, redo, clear = (page.locator(name) for name in ("#undo", "#redo", "#clear"))
    assert [button.is_enabled() for button in (undo, redo, clear)] == [False] * 3
    write(page, "71")
    expect_text(page, "71")
    undo.click()
    expect_text(page, "7")
    redo.click()
    expect_text(page, "71")
    page.keyboard.press("Control+z")
    expect_text(page, "7")
    page.keyboard.press("Control+Shift+z")
    expect_text(page, "71")
    clear.click()
    expect_text(page, "")
    expect_summary(page, "Nothing drawn yet")
    assert page.locator("#boxes .box").count() == 0
    undo.click()  # clearing can be taken back too
    expect_text(page, "71")


def test_the_same_strokes_make_the_same_picture_everywhere(watch: Watch, service: str) -> None:
    sent = []
    for how in ({"device_scale_factor": 1}, {"device_scale_factor": 3, "color_scheme": "dark"}):
        page = watch.open(service, script=KEEP_SENT, **DESK, **how)
        write(page, "47")
        expect_text(page, "47")
        page.wait_for_load_state("networkidle")
        sent.append(base64.b64decode(page.evaluate("window.sent.at(-1)")))
    one, other = sent
    assert one == other
    image = Image.open(io.BytesIO(one))
    assert image.size == (720, 480)
    greys = np.asarray(image.convert("L"))
    assert (greys[0, 0], greys.min()) == (255, 0)
    assert 0.02 < (greys < 128).mean() < 0.2


def test_a_wider_pen(page: Any) -> None:
    widths = []
    for value in ("6", "36"):
        page.locator("#width").fill(value)
        draw(page, [[(50, 0), (50, 150)]], 200, 100)
        # In one go, for the box is drawn anew with every reading.
        width = (
            "() => { const [box, more] = document.querySelectorAll('#boxes .box'); return !more && box?.clientWidth }"
        )
        widths.append(page.wait_for_function(width).json_value())
        page.locator("#clear").click()
        page.wait_for_function("() => document.querySelectorAll('#boxes .box').length === 0")
    assert widths[1] > widths[0] + 15


def test_the_newest_picture_wins(watch: Watch, service: str) -> None:
    page = watch.open(service, **DESK)
    held: list[Any] = []
    page.route("**/v1/read*", lambda route: held.append(route) if not held else route.continue_())
    draw(page, DIGITS["1"], 60, 120)
    page.wait_for_timeout(200)
    draw(page, DIGITS["7"], 225, 120)
    expect_text(page, "17")
    answer = {"path": None, "text": "9", "lines": ["9"], "width": 720, "height": 480, "threshold": 0.7}
    held[0].fulfill(json={**answer, "digits": [], "ignored": []})
    page.wait_for_timeout(200)
    expect_text(page, "17")


def test_a_mouse_takes_the_pen_from_the_keys(page: Any) -> None:
    page.locator("#sheet").focus()
    page.keyboard.press("Space")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowDown")
    draw(page, DIGITS["7"], 500, 120)
    expect_text(page, "17")
    page.locator("#undo").click()
    expect_text(page, "1")


def test_by_keys_alone(watch: Watch, service: str, corrections: Path) -> None:
    page = watch.open(service, **DESK)

    def go_to(wanted: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
                return
        pytest.fail(f"Tab does not come to {wanted}")

    go_to("#sheet")
    assert page.locator("#keys").evaluate("element => getComputedStyle(element).opacity") == "1"
    assert page.locator("#pen").is_visible()
    before = page.locator("#pen").bounding_box()
    page.keyboard.press("Space")
    page.locator("#announcer", has_text="Pen down").wait_for()
    for _ in range(6):
        page.keyboard.press("Shift+ArrowDown")
    after = page.locator("#pen").bounding_box()
    assert (after["x"], after["y"] > before["y"] + 150) == (before["x"], True)
    page.keyboard.press("Space")
    expect_text(page, "1")
    assert page.evaluate("scrollY") == 0
    page.keyboard.press("ArrowRight")  # the pen is up
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelectorAll('#boxes .box').length > 0")
    page.wait_for_timeout(600)  # so that no earlier reading comes between
    page.keyboard.press("Backspace")
    page.wait_for_timeout(600)
    expect_text(page, "1")
    go_to("#cards button")
    ring = page.locator("#cards button").evaluate("button => getComputedStyle(button).outlineStyle")
    assert ring == "solid"
    assert page.locator("#boxes .box").get_attribute("data-lit") == "true"
    page.keyboard.press("Enter")
    page.locator("#correction").wait_for()
    page.keyboard.press("Escape")
    expect_text(page, "1")
    page.keyboard.press("Enter")
    page.keyboard.press("4")
    expect_text(page, "4")
    page.locator("#outcome", has_text="Saved as 4").wait_for()
    assert len(list((corrections / "4").iterdir())) == 1
    assert page.evaluate("document.activeElement.matches('#cards button')")
    page.locator("#sheet").focus()
    page.keyboard.press("Delete")
    expect_summary(page, "Nothing drawn yet")


# States


def test_not_sure(page: Any) -> None:
    def doubt(route: Any) -> None:
        found = route.fetch().json()
        for digit in found["digits"][:1]:
            digit |= {"probability": 0.6, "sure": False}
        route.fulfill(json=found)

    page.route("**/v1/read*", doubt)
    write(page, "47")
    expect_text(page, "?7")
    expect_summary(page, "2 digits, 1 not sure and shown as ?.")
    first = page.locator("#cards .card").first
    assert "Not sure perhaps 4, 60%" in first.inner_text().replace("\n", " ")
    assert "unknown. Not sure, perhaps 4" in first.locator("button").get_attribute("aria-label")
    assert page.locator("#boxes .box").first.inner_text() == "4?"
    styles = "element => getComputedStyle(element).borderTopStyle"
    assert page.locator("#boxes .box").first.evaluate(styles) == "dashed"
    assert first.locator(".face").evaluate(styles) == "dashed"
    page.locator("#announcer", has_text="Read: unknown 7.").wait_for()


def test_how_sure_it_must_be(page: Any) -> None:
    write(page, "47")
    expect_text(page, "47")
    assert page.locator("#threshold-value").inner_text() == "75%"
    page.locator("#threshold").fill("100")
    expect_text(page, "??")
    assert page.locator("#threshold").get_attribute("aria-valuetext") == "100%"
    page.locator("#own").click()  # back to the model's own threshold
    expect_text(page, "47")
    assert page.locator("#threshold-value").inner_text() == "75%"
    assert page.locator("#own").is_hidden()


def test_ink_that_is_no_digit(page: Any) -> None:
    draw(page, STAR, 220, 100, 2.4)
    expect_summary(page, "No digits found. One piece of ink was taken for no digit.")
    expect_text(page, "")
    assert "No digit here" in page.locator("#cards .card").inner_text()
    assert page.locator("#cards button").count() == 0
    assert page.locator("#boxes .box").inner_text() == "no digit"
    assert page.locator("#boxes .box").evaluate("box => getComputedStyle(box).borderTopStyle") == "dotted"
    page.locator("#announcer", has_text="No digits found").wait_for()


def test_one_digit(page: Any) -> None:
    write(page, "71")
    expect_text(page, "71")
    page.get_by_role("switch", name="One digit").click()
    page.wait_for_function("() => document.querySelectorAll('#boxes .box:not([data-state=none])').length === 1")
    assert page.locator("#boxes .box[data-state=none]").count() == 1  # the other one, which is left out


def test_many_digits(page: Any) -> None:
    chances = {str(k): 0.0 for k in range(10)}
    digit = {"value": "3", "probability": 0.98, "sure": True, "line": 0, "number": 0, "none": 0.0}
    digit |= {"probabilities": {**chances, "3": 0.98}, "input": base64.b64encode(bytes(784)).decode()}
    digits = [{**digit, "box": [10 * k, 10, 8, 20], "line": k // 25} for k in range(70)]
    answer: dict[str, Any] = {"path": None, "text": "", "lines": [], "width": 720, "height": 480, "threshold": 0.7}
    page.route("**/v1/read*", lambda route: route.fulfill(json={**answer, "digits": digits, "ignored": []}))
    write(page, "1")
    expect_summary(page, "70 digits, all sure.")
    expect_text(page, "\n".join(["3" * 25, "3" * 25, "3" * 20]))
    assert page.locator("#cards .card").count() == 24
    page.get_by_role("button", name="Show all 70 digits").click()
    assert page.locator("#cards .card").count() == 70
    assert page.locator("#boxes .tag:visible").count() == 0


# Pictures


def test_a_file(page: Any) -> None:
    page.locator("#file").set_input_files({"name": "n.jpg", "mimeType": "image/jpeg", "buffer": number("4172", "JPEG")})
    expect_text(page, "4172")
    assert page.locator("#name").inner_text() == "n.jpg"
    assert page.locator("#picture").evaluate("image => image.complete && image.naturalWidth > 0")
    picture = page.locator("#picture").bounding_box()
    boxes = [box.bounding_box() for box in page.locator("#boxes .box").all()]
    assert len(boxes) == 4
    lefts = [box["x"] for box in boxes]
    assert lefts == sorted(lefts)
    for box in boxes:  # over the picture, digits of 60 pixels with margins of 48
        assert box["height"] / picture["height"] == pytest.approx(60 / 156, abs=0.12)
        assert box["y"] + box["height"] / 2 == pytest.approx(picture["y"] + picture["height"] / 2, abs=12)


def test_drawing_is_kept_while_a_picture_is_shown(page: Any) -> None:
    write(page, "7")
    expect_text(page, "7")
    page.locator("#file").set_input_files({"name": "n.png", "mimeType": "image/png", "buffer": number("31")})
    expect_text(page, "31")
    assert page.locator("#sheet").is_hidden()
    page.get_by_role("button", name="Back to drawing").click()
    expect_text(page, "7")
    assert page.locator("#sheet").is_visible()
    assert page.locator("#undo").is_enabled()


def test_nothing_is_left_of_what_was_read_before(page: Any) -> None:
    write(page, "47")
    expect_text(page, "47")
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/v1/read*", hold)
    page.get_by_role("button", name="A single 7").click()
    expect_summary(page, "Reading…")
    assert [page.locator(name).count() for name in ("#boxes .box", "#cards .card", "#text .line")] == [0, 0, 0]
    held[0].continue_()
    expect_text(page, "7")


def test_a_picture_handed_over(page: Any) -> None:
    for kind, text in (("drop", "4172"), ("paste", "31")):
        hand_over(page, kind, number(text))
        expect_text(page, text)
        assert page.locator("#dropping").is_hidden()
    hand_over(page, "drop", b"a text", "notes.txt", "text/plain")
    page.locator("#trouble", has_text="That is no picture file").wait_for()


def test_the_gallery(page: Any) -> None:
    for name, text in (
        ("A single 7", "7"),
        ("A number on ruled paper, in a shadow", "2718"),
        ("Digits that touch", "354"),
        ("Three rows of numbers", "1904\n62\n3571"),
        ("Light ink on a dark board", "365"),
        ("Something that is not a digit", ""),
    ):
        button = page.get_by_role("button", name=name)
        button.click()
        expect_text(page, text)
        expect_summary(page, f"{len(text.replace(chr(10), ''))} digit" if text else "No digits found")
        assert button.get_attribute("aria-pressed") == "true"


def test_the_gallery_is_small() -> None:
    assert 0 < sum(file.stat().st_size for file in (PAGE / "gallery").iterdir()) < 150_000


def test_a_picture_larger_than_the_service_takes(watch: Watch, guarded: Service) -> None:
    page = watch.open(guarded.address, script=WITH_TOKEN, **DESK)
    raw = number("4172", noise=40)
    assert len(raw) > MAX_BYTES
    page.locator("#file").set_input_files({"name": "n.png", "mimeType": "image/png", "buffer": raw})
    expect_text(page, "4172")
    assert page.locator("#boxes .box").count() == 4
    strange = {"name": "n.heic", "mimeType": "image/heic", "buffer": bytes(MAX_BYTES + 1)}
    page.locator("#file").set_input_files(strange)
    page.locator("#trouble", has_text="this browser cannot open it to make it smaller").wait_for()


# Corrections


def test_a_correction_is_saved(page: Any, corrections: Path) -> None:
    write(page, "21")
    expect_text(page, "21")
    page.locator("#cards button").nth(1).click()
    page.locator("#asked-about", has_text="Read as 1").wait_for()
    before = len(list(corrections.rglob("*.png")))
    page.locator("#choices").get_by_role("button", name="7").click()
    expect_text(page, "27")
    page.locator("#outcome", has_text=f"Saved as 7; {before + 1} correction").wait_for()
    assert "tenfold train --data DIR --init default" in page.locator("#outcome").inner_text()
    (file,) = (corrections / "7").iterdir()
    with Image.open(file) as image:
        assert image.size == (28, 28)
    assert "Corrected read as 1" in page.locator("#cards .card").nth(1).inner_text().replace("\n", " ")
    page.locator("#announcer", has_text="Saved as 7").wait_for()


def test_where_nothing_is_saved(watch: Watch, guarded: Service) -> None:
    page = watch.open(guarded.address, script=WITH_TOKEN, **DESK)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    write(page, "21")
    expect_text(page, "21")
    page.locator("#cards button").first.click()
    assert "Nothing is saved" in page.locator("#fate").inner_text()
    page.locator("#choices").get_by_role("button", name="3").click()
    expect_text(page, "31")
    page.locator("#outcome", has_text="Nothing was saved").wait_for()
    assert not any("corrections" in url for url in asked)


# What to do with a result


def test_copying(watch: Watch, service: str) -> None:
    page = watch.open(service, permissions=["clipboard-read", "clipboard-write"], **DESK)
    assert page.locator("#copy").is_disabled()
    write(page, "47")
    expect_text(page, "47")
    page.get_by_role("button", name="Copy").click()
    page.locator("#copy", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "47"


def test_copying_without_a_clipboard(watch: Watch, service: str) -> None:
    script = """
        Object.defineProperty(navigator, "clipboard", { value: undefined });
        document.addEventListener("copy", () => { window.copied = document.activeElement.value; });
    """
    page = watch.open(service, script=script, **DESK)
    write(page, "47")
    expect_text(page, "47")
    page.get_by_role("button", name="Copy").click()
    page.locator("#copy", has_text="Copied").wait_for()
    assert page.evaluate("window.copied") == "47"


def test_saving_json(page: Any, tmp_path: Path) -> None:
    write(page, "47")
    expect_text(page, "47")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save JSON").click()
    download.value.save_as(tmp_path / "reading.json")
    found = json.loads((tmp_path / "reading.json").read_text())
    assert found["text"] == "47"
    assert [digit["value"] for digit in found["digits"]] == ["4", "7"]


# What can go wrong


def test_a_service_that_is_gone(watch: Watch, service: str) -> None:
    watch.expected.append("ERR_INTERNET_DISCONNECTED")
    page = watch.open(service, **DESK)
    page.context.set_offline(True)
    write(page, "7")
    page.locator("#trouble", has_text="The service cannot be reached.").wait_for()
    assert page.locator("#undo").is_enabled()  # the drawing is still there
    page.context.set_offline(False)
    expect_text(page, "7")  # tried again without being asked
    assert page.locator("#trouble").is_hidden()


def test_a_service_that_is_busy(watch: Watch, service: str) -> None:
    watch.expected.append("503")
    page = watch.open(service, **DESK)
    asked: list[str] = []
    free: list[bool] = []

    def answer(route: Any) -> None:
        asked.append(route.request.url)
        if free:
            route.continue_()
        else:
            route.fulfill(status=503, headers={"Retry-After": "5"}, json={"error": "all places are taken"})

    page.route("**/v1/read*", answer)
    draw(page, [[(50, 0), (50, 2)]], 300, 200)
    page.locator("#trouble", has_text="The service is busy. It is asked again in 5 s.").wait_for()
    before = len(asked)  # one, or two where the pen was slow
    free.append(True)
    write(page, "7", x=250)
    assert len(asked) == before  # it is left in peace so long
    page.wait_for_function("() => document.getElementById('trouble').hidden")
    assert len(asked) > before


def test_what_is_no_picture(watch: Watch, service: str) -> None:
    watch.expected.append("415")
    page = watch.open(service, **DESK)
    page.locator("#file").set_input_files({"name": "n.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.locator("#trouble:not([hidden])").wait_for()
    assert page.locator("#trouble p").inner_text().endswith(".")
    assert page.locator("#name").inner_text() == "n.png: this browser cannot show it"


def test_a_token(watch: Watch, guarded: Service) -> None:
    watch.expected.append("401")
    page = watch.open(guarded.address, ready=False, **DESK)
    page.get_by_role("heading", name="A token is wanted").wait_for()
    page.get_by_label("Token", exact=True).fill("two words")
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("That is no token").wait_for()
    page.get_by_label("Token", exact=True).fill("a-guess")
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("The service did not accept that token.").wait_for()
    page.get_by_label("Token", exact=True).fill(TOKEN)
    page.keyboard.press("Enter")
    page.locator("#about", has_text="Read by the model").wait_for()
    write(page, "7")
    expect_text(page, "7")
    page.reload()
    page.locator("#about", has_text="Read by the model").wait_for()  # remembered by the tab
    other = watch.open(guarded.address, ready=False, **DESK)
    other.get_by_role("button", name="Not now").click()
    other.locator("#trouble", has_text="token").wait_for()
    other.get_by_role("button", name="Try now").click()
    other.get_by_role("heading", name="A token is wanted").wait_for()


# How it looks


def test_no_scrolling_to_the_side(watch: Watch, service: str) -> None:
    page = watch.open(service, viewport={"width": 1280, "height": 740}, has_touch=True)

    def check() -> None:
        for width in (1280, 768, 360, 320):
            page.set_viewport_size({"width": width, "height": 740})
            assert page.evaluate("document.documentElement.scrollWidth") == width

    check()
    write(page, "47")
    expect_text(page, "47")
    check()
    page.locator("#cards button").first.click()
    page.locator("#correction").wait_for()
    check()
    box = page.locator("#correction").bounding_box()
    assert (box["x"] >= 0, box["x"] + box["width"] <= 320) == (True, True)
    page.locator("#leave").click()
    page.get_by_role("button", name="Three rows of numbers").click()
    expect_text(page, "1904\n62\n3571")
    check()


def test_a_phone_on_its_side(watch: Watch, service: str) -> None:
    page = watch.open(service, viewport={"width": 740, "height": 360}, has_touch=True)
    stage, sheet = (page.locator(name).bounding_box() for name in ("#stage", "#sheet"))
    assert stage["height"] < 330
    assert sheet["width"] / sheet["height"] == pytest.approx(1.5, abs=0.02)


def test_targets_are_large_enough_for_fingers(watch: Watch, service: str) -> None:
    page = watch.open(service, **PHONE)
    write(page, "47")
    expect_text(page, "47")
    page.locator("#threshold").fill("50")
    page.locator("#own").wait_for()
    page.locator("#cards button").first.click()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, a, label:has(input), input[type=range]")]
            .filter((element) => element.checkVisibility())
            .filter((element) => Math.min(...["width", "height"].map((s) => element.getBoundingClientRect()[s])) < 44)
            .map((element) => element.id || element.textContent)"""
    )
    assert small == []


def test_light_and_dark(watch: Watch, service: str) -> None:
    page = watch.open(service, color_scheme="light", **DESK)
    draw(page, [[(50, 0), (50, 150)]], 200, 100)
    place = sheet_place(page)

    def greys() -> list[int]:
        """Of the ink, the paper beside it, and the desk, as they are on the screen."""
        page.wait_for_timeout(100)
        screen = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))
        return [int(screen[int(y), int(x)]) for x, y in (place(275, 200), place(350, 200), (20, 400))]

    ink, *ground = greys()
    assert (ink < 60, min(ground) > 200) == (True, True)
    page.emulate_media(color_scheme="dark")  # while it is open
    ink, *ground = greys()
    assert (ink > 200, max(ground) < 60) == (True, True)


def test_forced_colours_and_less_motion(watch: Watch, service: str) -> None:
    page = watch.open(service, forced_colors="active", reduced_motion="reduce", **DESK)
    write(page, "47")
    expect_text(page, "47")
    assert page.locator("#boxes .box").first.evaluate("box => getComputedStyle(box).borderTopStyle") == "solid"
    fill = page.locator("#cards [data-best=true] .fill").first
    assert fill.evaluate("bar => getComputedStyle(bar).backgroundColor") == page.evaluate(
        "getComputedStyle(document.getElementById('sheet')).color"
    )
    moving = "() => [...document.querySelectorAll('*')].map((element) => getComputedStyle(element).transitionDuration)"
    assert set(page.evaluate(moving)) == {"0s"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(watch: Watch, service: str, scheme: str) -> None:
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        absent("axe-playwright-python is not installed")
    axe = (Path(spec.origin).parent / "axe.min.js").read_text("utf-8")
    watch.expected.append("ERR_INTERNET_DISCONNECTED")
    page = watch.open(service, color_scheme=scheme, bypass_csp=True, **DESK)
    page.evaluate(axe)

    def check(state: str) -> None:
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        told = [f"{v['id']}: {n['html'][:120]} {n['failureSummary']}" for v in found["violations"] for n in v["nodes"]]
        assert told == [], state

    check("empty")
    write(page, "47")
    draw(page, STAR, 480, 120, 1.5)
    expect_text(page, "47?")
    page.locator("#threshold").fill("99")
    check("read")
    page.locator("#cards button").first.click()
    page.locator("#correction").wait_for()
    check("correcting")
    page.keyboard.press("9")
    page.locator("#outcome", has_text="Saved").wait_for()
    check("corrected")
    page.get_by_role("button", name="Light ink on a dark board").click()
    expect_text(page, "365")
    check("a picture")
    page.context.set_offline(True)
    page.get_by_role("button", name="Back to drawing").click()
    page.locator("#trouble", has_text="cannot be reached").wait_for()
    check("an error")


def test_the_parts_of_the_page(page: Any, service: str) -> None:
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title().startswith("tenfold")
    for role in ("banner", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("link", name="Use it from a program").get_attribute("href") == "docs"
    assert "pictures" in page.locator("#about").inner_text()
    assert "not kept" in page.locator("#kept").inner_text()
    assert page.locator("#note").is_hidden()
    icon = page.request.get(f"{service}/{page.locator('link[rel=icon]').get_attribute('href')}")
    assert icon.headers["content-type"].startswith("image/svg")


def test_a_note_marks_the_site_without_a_service(watch: Watch, service: str) -> None:
    page = watch.open(service, ready=False, **DESK)

    def answer(route: Any) -> None:
        route.fulfill(json={**route.fetch().json(), "note": "It finds numbers in a simpler way."})

    page.route("**/v1/model", answer)
    page.reload()
    page.get_by_text("It finds numbers in a simpler way.").wait_for()
    assert page.locator("#docs").is_hidden()


def test_how_soon(page: Any) -> None:
    write(page, "7")
    expect_text(page, "7")
    page.locator("#clear").click()
    write(page, "2471")
    expect_text(page, "2471")
    page.wait_for_function("() => performance.getEntriesByName('pen up to reading').length > 1")
    times = page.evaluate("performance.getEntriesByName('pen up to reading').map((entry) => entry.duration)")
    assert sorted(times)[len(times) // 2] < 1000
