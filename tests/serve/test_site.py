"""The site without a service: what is written, where its runtime comes from, and what it reads in a real browser."""

import base64
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

import tenfold
from conftest import on_paper, write_number
from serve.browser import Watch, draw
from serve.conftest import FileServer, png
from tenfold.errors import DataError, FormatError, MissingExtra, RunError, StorageError
from tenfold.read.classifier import BUNDLED
from tenfold.read.lines import BUNDLED as BUNDLED_LINES
from tenfold.read.lines import LineModel
from tenfold.serve import site

# Digits as strokes x, y, x, y … in a box 100 high.
STROKES = {
    "0": [[38, 2, 14, 12, 3, 45, 8, 82, 30, 98, 52, 90, 62, 55, 56, 18, 40, 2]],
    "1": [[10, 20, 28, 2, 28, 98]],
    "2": [[4, 22, 16, 5, 38, 2, 54, 14, 52, 36, 32, 62, 4, 96, 60, 96]],
    "3": [[6, 10, 28, 2, 50, 12, 48, 34, 24, 46, 50, 56, 56, 78, 34, 97, 4, 88]],
    "4": [[36, 3, 4, 60, 62, 60], [46, 30, 44, 98]],
    "5": [[12, 4, 8, 44, 32, 38, 54, 54, 50, 84, 26, 97, 3, 88], [12, 4, 54, 3]],
    "6": [[46, 2, 18, 26, 4, 64, 14, 94, 40, 96, 54, 74, 40, 54, 16, 60, 5, 76]],
    "7": [[3, 5, 58, 4, 34, 50, 22, 98], [14, 50, 50, 48]],
    "8": [[48, 12, 28, 2, 10, 16, 20, 40, 46, 60, 50, 84, 28, 97, 8, 84, 14, 60, 42, 38, 50, 16]],
    "9": [[50, 14, 30, 3, 8, 16, 8, 40, 28, 48, 48, 34, 50, 12, 48, 60, 36, 98]],
    ".": [[30, 96, 32, 97]],
    ",": [[34, 90, 24, 112]],
    "/": [[4, 106, 50, -4]],
    "-": [[8, 54, 48, 52]],
}


def unpacked(folder: Path, **about: str) -> Path:
    """A package of onnxruntime-web, unpacked, with nothing in its files."""
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": site.NAME, "version": site.VERSION, **about}))
    for name in site.WANTED:
        (folder / "dist" / name).write_text(f"// {name}")
    return folder


def packed(path: Path, *members: tuple[str, bytes], link: str | None = None) -> Path:
    """An archive; the member `link` is a symbolic link out of it."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        if link is not None:
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(member)
    return path


def wanted() -> list[tuple[str, bytes]]:
    return [(f"package/dist/{name}", name.encode()) for name in site.WANTED]


@pytest.fixture
def no_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no program at all on the path; gives a folder that is, for programs to put there."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "bin"


def npm(folder: Path, does: str) -> None:
    """An npm that does only this."""
    (folder / "npm").write_text(f"#!/bin/sh\n{does}\n")
    (folder / "npm").chmod(0o755)


def test_what_is_written(tmp_path: Path) -> None:
    folder = site.write(tmp_path / "out", runtime=unpacked(tmp_path / "r"))
    here = Path(site.__file__).parent
    index = (folder / "index.html").read_text(encoding="utf-8")
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', index)
    assert index.index(policy) < index.index("<script") < index.index("</head>")
    assert policy.startswith("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';")
    assert "unsafe-inline" not in policy
    assert "http" not in policy
    assert (folder / "engine.js").read_bytes() == (here / "site" / "engine.js").read_bytes()
    for path in (here / "page").rglob("*"):
        if path.is_file() and path.name not in ("engine.js", "index.html"):
            assert (folder / path.relative_to(here / "page")).read_bytes() == path.read_bytes()
    assert (folder / "digits.onnx").read_bytes() == BUNDLED.read_bytes()
    assert (folder / "lines.onnx").read_bytes() == BUNDLED_LINES.read_bytes()
    assert {path.name for path in (folder / site.RUNTIME).iterdir()} == {*site.WANTED, "LICENSE", site.NOTICES}
    model = json.loads((folder / "model.json").read_text())
    described = tenfold.Reader().classifier.description
    assert model["classes"] == list("0123456789")
    assert (model["threshold"], model["temperature"]) == (described.threshold, described.temperature)
    assert (model["rejects"], model["corrections"], model["runtime"]) == (True, False, site.RUNTIME)
    lines = LineModel()
    assert (tuple(model["lines"]["classes"]), model["lines"]["threshold"]) == (lines.classes, lines.threshold)
    assert set(model["lines"]) == {"classes", "threshold", "blank", "height", "step"}
    assert model["note"].count(".") == 1
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files - set(json.loads((folder / "files.json").read_text())) == {"files.json"}
    readme = (folder / "README.txt").read_text()
    assert "python -m http.server -b 127.0.0.1 -d out" in readme
    assert "pip install tenfold" in readme
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_other_models(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(BUNDLED_LINES.read_bytes())
    runtime = unpacked(tmp_path / "r")
    folder = site.write(tmp_path / "out", BUNDLED, lines=tmp_path / "mine.onnx", runtime=runtime)
    assert (folder / "lines.onnx").read_bytes() == BUNDLED_LINES.read_bytes()
    with pytest.raises(RunError, match="does not read lines"):
        site.write(tmp_path / "none", lines=BUNDLED, runtime=runtime)
    with pytest.raises(RunError, match="there is no model file"):
        site.write(tmp_path / "none", lines=tmp_path / "none.onnx", runtime=runtime)
    assert not (tmp_path / "none").exists()


def test_only_the_engine_is_replaced() -> None:
    here = Path(site.__file__).parent
    names = [{path.name for path in (here / part).iterdir()} for part in ("page", "site")]
    assert names[0] & names[1] == {"engine.js"}


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, no_npm: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(StorageError, match="not empty"):  # before anything is fetched: there is no npm here
        site.write(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_nothing_is_written_when_something_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(RunError):
        site.write(tmp_path / "out", tmp_path / "none.onnx", runtime=unpacked(tmp_path / "r"))
    with pytest.raises(FormatError, match=r"is onnxruntime-web-1\.2\.3: give"):
        site.write(tmp_path / "out", runtime=unpacked(tmp_path / "s", version="1.2.3"))
    with pytest.raises(FormatError, match="is no package of npm"):
        site.write(tmp_path / "out", runtime=tmp_path)
    with pytest.raises(DataError, match="there is no runtime"):
        site.write(tmp_path / "out", runtime=tmp_path / "none.tgz")
    (tmp_path / "r" / "dist" / site.WANTED[1]).unlink()
    with pytest.raises(DataError, match=rf"has no dist/{site.WANTED[1]}"):
        site.write(tmp_path / "out", runtime=tmp_path / "r")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r", "s"]


def test_an_archive_with_another_checksum(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.tgz", *wanted())
    with pytest.raises(FormatError, match="checksum"):
        site.write(tmp_path / "out", runtime=archive)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tgz"]


def test_only_what_is_wanted_is_unpacked(tmp_path: Path) -> None:
    bad = [("../../evil", b"1"), ("/tmp/evil", b"2"), ("package/dist/../evil", b"3"), ("package/evil.mjs", b"4")]
    (tmp_path / "in" / "deep").mkdir(parents=True)
    site.unpack(packed(tmp_path / "a.tgz", *bad, *wanted()), tmp_path / "in" / "deep")
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert there == {"a.tgz", *(f"in/deep/{name}" for name in site.WANTED)}
    assert (tmp_path / "in" / "deep" / site.WANTED[0]).read_bytes() == site.WANTED[0].encode()


def test_archives_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    linked = packed(tmp_path / "a.tgz", *wanted()[1:], link=f"package/dist/{site.WANTED[0]}")
    with pytest.raises(FormatError, match=f"it has no {site.WANTED[0]}"):
        site.unpack(linked, tmp_path / "in")
    assert not (tmp_path / "in" / site.WANTED[0]).exists()
    large = [("package/dist/" + site.WANTED[0], np.random.default_rng(0).bytes(100_000))]
    whole = packed(tmp_path / "b.tgz", *large).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"no archive", b""):
        (tmp_path / "c.tgz").write_bytes(damaged)
        with pytest.raises(FormatError, match="is damaged"):
            site.unpack(tmp_path / "c.tgz", tmp_path / "in")


def test_without_npm(no_npm: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingExtra, match=r"install Node\.js, or give onnxruntime-web-.*\.tgz with --runtime"):
        site.write(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name == "nt", reason="the npm that stands in is a shell script")
def test_fetching(no_npm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[str] = []
    npm(no_npm, "echo 'npm error code ENOTFOUND\nnpm error network request failed' >&2; exit 1")
    with pytest.raises(DataError, match=r"\(network request failed\): is there a network\?"):
        site.fetched(reported.append)
    assert len(reported) == 1
    assert "33 MB" in reported[0]

    archive = packed(tmp_path / "a.tgz", *wanted())
    npm(no_npm, f'echo "$@" > {tmp_path}/asked; /bin/cp {archive} onnxruntime-web-{site.VERSION}.tgz')
    with pytest.raises(FormatError, match="its checksum is wrong"):
        site.fetched()
    assert not site.cache().exists()

    right = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    monkeypatch.setattr(site, "INTEGRITY", right)
    kept = site.fetched()
    assert kept == tmp_path / "cache" / "tenfold" / f"onnxruntime-web-{site.VERSION}.tgz"
    assert kept.read_bytes() == archive.read_bytes()
    assert f"pack onnxruntime-web@{site.VERSION} " in (tmp_path / "asked").read_text()

    (no_npm / "npm").unlink()
    assert site.fetched(reported.append) == kept  # from the cache, and without a word
    assert len(reported) == 1
    kept.write_bytes(b"damaged")
    with pytest.raises(MissingExtra):
        site.fetched()


@pytest.fixture
def page(site_server: FileServer, browser: Any) -> Iterator[Any]:
    """The site in a fresh browser; nothing may go wrong on it, or be asked of anybody else."""
    watch = Watch(browser)
    yield watch.open(site_server.address)
    watch.close()


@pytest.fixture(scope="module")
def reader() -> tenfold.Reader:
    return tenfold.Reader(upright=True)


READ = """async ({ file, options }) => {
    const engine = await import(new URL("engine.js", document.baseURI).href);
    const picture = new Blob([Uint8Array.from(atob(file), (sign) => sign.charCodeAt(0))]);
    try {
        return await engine.read(picture, options);
    } catch (error) {
        return { name: error.name, message: error.message, status: error.status };
    }
}"""
KEPT = """() => new Promise(async (resolve) => {
    const { active } = await navigator.serviceWorker.ready; // what it keeps is there before it is active
    if (active.state === "activated") resolve();
    active.addEventListener("statechange", () => resolve());
})"""
DRAWN = """async (strokes) => {
    const { picture } = await import(new URL("strokes.js", document.baseURI).href);
    const bytes = new Uint8Array(await (await picture(strokes)).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


def read(page: Any, raw: bytes, **options: Any) -> dict[str, Any]:
    return page.evaluate(READ, {"file": base64.b64encode(raw).decode(), "options": options})  # type: ignore[no-any-return]


def same(here: dict[str, Any], there: dict[str, Any]) -> None:
    """Two readings of one picture, the site's and the service's."""
    assert set(here) == set(there)
    for name in ("path", "text", "lines", "numbers", "width", "height", "threshold", "ignored"):
        assert here[name] == there[name], name
    for one, other in zip(here["digits"], there["digits"], strict=True):
        assert set(one) == set(other)
        for name in ("value", "sure", "line", "number", "box"):
            assert one[name] == other[name], name
        assert one["probability"] == pytest.approx(other["probability"], abs=0.005)
        assert one["none"] == pytest.approx(other["none"], abs=0.005)
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=0.005)
        inputs = [np.frombuffer(base64.b64decode(d["input"]), np.uint8).astype(int) for d in (one, other)]
        assert abs(inputs[0] - inputs[1]).max() <= 3


def strokes(text: str, seed: int, *, apart: float = 0.95) -> list[dict[str, Any]]:
    """A number of one or several rows as the page keeps what is drawn, on a sheet of 720 x 480.

    `apart` is from one digit to the next, in digit heights: at 0.55 they touch.
    """
    generator = np.random.default_rng(seed)
    rows = text.split("\n")
    longest = max(map(len, rows))
    height = generator.uniform(60, min(330, 640 / longest, 300 / len(rows)))
    pen = float(generator.choice([8, 12, 16, 24]) * (1 if height > 100 else 0.5))
    drawn = []
    for k, row in enumerate(rows):
        x = generator.uniform(20, 700 - len(row) * height)
        y = 25 + k * 1.35 * height + generator.uniform(0, 0.1) * height
        for sign in row:
            lean, narrow = generator.uniform(-0.15, 0.15), generator.uniform(0.85, 1.1)
            for line in STROKES[sign]:
                places = np.array(line, float).reshape(-1, 2)
                places += generator.normal(0, 1, places.shape)
                steps = np.linspace(0, len(places) - 1, 12 * len(places))  # points between, as a hand draws them
                places = np.stack([np.interp(steps, np.arange(len(places)), side) for side in places.T], axis=1)
                places[:, 0] = narrow * places[:, 0] - lean * (places[:, 1] - 50)
                points = (places * height / 100 + (x, y)).ravel()
                drawn.append({"width": pen, "points": [round(float(side), 2) for side in points]})
            x += height * generator.uniform(apart - 0.05, apart + 0.05)
    return drawn


@pytest.mark.slow
@pytest.mark.parametrize("apart", [0.95, 0.55])
def test_drawings_are_read_as_the_service_reads_them(page: Any, reader: tenfold.Reader, apart: float) -> None:
    texts = [*"0123456789", "42", "1906", "573", "88", "60417", "12\n34", "705\n81\n9", "3.75", "12/05", "-48", "1,200"]
    right = 0
    for seed, text in enumerate(texts):
        raw = base64.b64decode(page.evaluate(DRAWN, strokes(text, seed, apart=apart)))
        with Image.open(io.BytesIO(raw)) as picture:
            assert picture.size == (720, 480)
        there = reader.read(raw, details=True)
        same(read(page, raw), there.as_dict(details=True))
        right += there.text == text
    assert right >= 0.9 * len(texts)  # so that these are drawings of numbers


@pytest.mark.slow
def test_clean_pictures_are_read_as_the_service_reads_them(page: Any, reader: tenfold.Reader) -> None:
    ink = write_number("8205", 90, seed=3)
    rows = np.vstack([write_number(text, 50)[:, :150] for text in ("31", "64")])
    numbers = [write_number(text, 60, seed=k) for k, text in enumerate(("12", "3", "405", "61", "78", "2 7"))]
    table = np.vstack([np.pad(row, ((0, 0), (0, 400)))[:, :350] for row in numbers])
    slashes = [Image.fromarray((255 * table).astype(np.uint8)) for _ in range(2)]
    for picture, beyond in zip(slashes, (6, 22), strict=True):  # the shorter one is a 1 among numbers of digits alone
        ends = 202, picture.height - 108 - beyond, 172, picture.height - 49 + beyond
        ImageDraw.Draw(picture).line(ends, fill=255, width=5)
    parts = [write_number(part, 60, seed=4, margin=0.25) for part in ("25", "06", "2024")]
    date = Image.fromarray((255 * np.pad(np.hstack(parts), 40)).astype(np.uint8))
    for x in (217, 391):  # slashes as upright and as high as ones
        ImageDraw.Draw(date).line((x + 4, 50, x - 4, date.height - 50), fill=255, width=6)
    colours = np.array([250, 240, 200]) + ink[..., None] * (np.array([20, 40, 160]) - np.array([250, 240, 200]))
    climbing = np.zeros((300, 700))
    for k, sign in enumerate("3748"):
        one = write_number(sign, 70, margin=0)
        climbing[200 - 25 * k :, 60 + 150 * k :][: one.shape[0], : one.shape[1]] = one
    specks = ink.copy()
    specks[4:6, 10:12] = specks[30:31, 100:103] = specks[-9:-6, 200:210] = 1
    ringed = np.pad(ink, 60)
    y, x = np.mgrid[: ringed.shape[0], : ringed.shape[1]] / np.array(ringed.shape)[:, None, None] - 0.5
    ringed[abs(np.hypot(x, y) - 0.48) < 0.008] = 1
    pictures = {
        "dark on light": 255 - 255 * ink,
        "light on dark": 255 * ink,
        "coloured": colours,
        "faint": 255 - 60 * ink,
        "several rows": 255 * rows,
        "a short slash": np.asarray(slashes[0]),
        "a long slash": np.asarray(slashes[1]),
        "a date": np.asarray(date),
        "climbing": 255 * climbing,
        "specks": 255 * specks,
        "in a ring": 255 * ringed,
        "tiny": 255 * write_number("7", 20, seed=5, margin=0.2),
        "tiny digits": 255 * write_number("46", 20, margin=0.5),
        "transparent": np.dstack([np.zeros((*ink.shape, 3)), 255 * ink]),
        "touching": 255 * write_number("52", 100, seed=0, gap=-0.1),
        "over the edge": 255 * ink[:, :-90],
        "a staircase": 255 * np.pad(np.kron(np.eye(4), np.ones((9, 9))), 40),
        "blank": np.full((100, 100), 255),
    }
    for name, values in pictures.items():
        raw = png(values.clip(0, 255).astype(np.uint8))
        there = reader.read(raw, details=True).as_dict(details=True)
        same(read(page, raw), there)
        assert name != "blank" or not there["text"]
        same(read(page, raw, single=True), reader.read(raw, details=True, single=True).as_dict(details=True))
    raw = png((255 * ink).astype(np.uint8))
    doubted = read(page, raw, threshold=1)
    assert (set(doubted["text"]), doubted["threshold"]) == ({"?"}, 1)
    large = png(np.asarray(Image.fromarray((255 * ink).astype(np.uint8)).resize((2600, 1300))))
    here, there = read(page, large), reader.read(large).as_dict(details=True)
    assert (here["width"], here["height"]) == (2600, 1300)
    assert [digit["value"] for digit in here["digits"]] == [digit["value"] for digit in there["digits"]]
    for one, other in zip(here["digits"], there["digits"], strict=True):
        assert np.abs(np.array(one["box"]) - other["box"]).max() <= 12


@pytest.mark.slow
def test_what_is_not_clean_is_refused(page: Any) -> None:
    ink = write_number("8205", 90, seed=3)
    paper = on_paper(ink)
    both = (127 + 120 * np.hstack([ink, -ink])).astype(np.uint8)
    shade = np.linspace(0, 60, ink.shape[1])
    pictures = {
        "noisy paper": png(paper),
        "photo": png(np.asarray(Image.fromarray(paper).resize((2600, 1300))), "JPEG", quality=90),
        "shadow": png((255 - shade - 150 * ink).astype(np.uint8)),
        "ink of both kinds": png(both),
        "too faint": png((255 - 40 * ink).astype(np.uint8)),
        "too much ink": png(np.pad(np.zeros((100, 100), np.uint8), 10, constant_values=255)),
        "edges of two colours": png(np.repeat(np.arange(0, 256, 64, dtype=np.uint8), 40)[None].repeat(90, axis=0)),
    }
    for name, raw in pictures.items():
        answer = read(page, raw)
        assert (answer["name"], answer["status"]) == ("EngineError", 422), name
        assert "drawings and clean pictures" in answer["message"]
        assert "pip install tenfold" in answer["message"]
    page.locator("[data-src='gallery/ruled.png']").click()
    page.locator("#trouble", has_text="tenfold itself reads photos").wait_for()
    page.locator("[data-src='gallery/rows.png']").click()
    page.locator("#trouble").wait_for(state="hidden")


@pytest.mark.slow
def test_drawing_on_the_page(page: Any) -> None:
    page.locator("#note", has_text=site.NOTE).wait_for()
    draw(page, [_pairs(stroke) for stroke in STROKES["4"]], 250, 80, 3)
    page.locator("#text", has_text=re.compile("^\\s*4\\s*$")).wait_for()


def _pairs(stroke: list[int]) -> list[tuple[int, int]]:
    return list(zip(stroke[::2], stroke[1::2], strict=True))


@pytest.mark.slow
def test_what_the_engine_reports(page: Any, exported: Path) -> None:
    model = page.evaluate("import('./engine.js').then((engine) => engine.model())")
    assert model == json.loads((exported / "model.json").read_text())
    for name in ("classes", "threshold", "rejects", "version", "recipe", "metrics", "max_bytes", "corrections", "note"):
        assert name in model
    assert read(page, b"no picture") == {
        "name": "EngineError",
        "message": "this is no picture, or of a kind that this browser does not know",
        "status": 415,
    }
    failed = "import('./engine.js').then((engine) => engine.correct({})).catch((error) => error.status)"
    assert page.evaluate(failed) == 404
    stopped = """async (strokes) => {
        const [engine, drawing] = await Promise.all([import("./engine.js"), import("./strokes.js")]);
        const picture = await drawing.picture(strokes);
        const one = engine.read(picture, { signal: AbortSignal.abort() }).catch((error) => error.name);
        const other = engine.read(picture);
        return [await one, (await other).text];
    }"""
    assert page.evaluate(stopped, strokes("3", 1)) == ["AbortError", "3"]


@pytest.mark.slow
def test_the_policy_holds(exported: Path, site_server: FileServer, browser: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site_server.address}/")
    refused = """() => new Promise((resolve) => {
        document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
        fetch("http://127.0.0.1:9/").catch(() => {});
        setTimeout(() => resolve(null), 5000);
    })"""
    assert page.evaluate(refused) == "connect-src"
    context.close()


@pytest.mark.slow
def test_it_opens_again_without_a_network(exported: Path, browser: Any, reader: tenfold.Reader) -> None:
    server = FileServer(exported.parent)
    try:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{server.address}/where/")
        page.evaluate(KEPT)
        raw = base64.b64decode(page.evaluate(DRAWN, strokes("58", 1)))
    finally:
        server.stop()
    page.reload()
    assert read(page, raw)["text"] == reader.read(raw).text != ""
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits.onnx", "lines.onnx"])
def test_a_model_that_is_not_there(exported: Path, site_server: FileServer, browser: Any, name: str) -> None:
    context = browser.new_context()
    context.route(f"**/{name}", lambda route: route.fulfill(status=404))
    page = context.new_page()
    page.goto(f"{site_server.address}/")
    error = read(page, base64.b64decode(page.evaluate(DRAWN, strokes("1", 1))))
    assert (error["name"], error["status"]) == ("EngineError", 0)
    assert error["message"].endswith("load the page again")
    context.close()
