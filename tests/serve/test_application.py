"""`/v1`: pictures in, the JSON of `tenfold read --json` out, and an error for each kind of bad input."""

import base64
import io
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from conftest import Cli, Client, Service, on_paper, write_number
from read import hostile
from serve.conftest import png
from tenfold.read.reader import Reader
from tenfold.serve.application import create
from tenfold.serve.settings import Settings


def test_a_body_is_a_picture(client: Client, number: bytes) -> None:
    answer = client().post("/v1/read", content=number)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    reading = answer.json()
    assert set(reading) == {"path", "text", "lines", "numbers", "digits", "ignored"}
    assert (reading["path"], reading["text"], reading["lines"]) == (None, "2079", ["2079"])
    assert [d["value"] for d in reading["digits"]] == list("2079")


@pytest.mark.parametrize("kind", ["image/png", "application/x-www-form-urlencoded", "text/plain", "nonsense", None])
def test_whatever_the_body_is_said_to_be(client: Client, digit: bytes, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    assert client().post("/v1/read", content=digit, headers=headers).json()["text"] == "7"


def test_the_answers_are_those_of_the_command_line(
    client: Client, number: bytes, digit: bytes, tenfold_cli: Cli, here: Path
) -> None:
    Path("number.png").write_bytes(number)
    Path("digit.png").write_bytes(digit)
    Path("none.png").write_bytes(b"none")
    files = [("files", (name, Path(name).read_bytes())) for name in ("number.png", "digit.png", "none.png")]
    answer = client().post("/v1/read", files=files)
    printed = [
        json.loads(line) for line in tenfold_cli("read", *(name for _, (name, _) in files), "--json").out.splitlines()
    ]
    served = answer.json()
    assert [row["path"] for row in served] == ["number.png", "digit.png", "none.png"]
    assert served[:2] == printed[:2]
    assert set(served[2]) == set(printed[2])
    assert "error" in served[2]


def test_options(client: Client, number: bytes, digit: bytes) -> None:
    start = client()
    assert len(start.post("/v1/read?single=true", content=number).json()["digits"]) == 1
    assert start.post("/v1/read?threshold=1", content=number).json()["text"] == "????"
    assert start.post("/v1/read?threshold=0", content=number).json()["text"] == "2079"
    turned = png(np.rot90(np.asarray(Image.open(io.BytesIO(number)))))
    assert start.post("/v1/read", content=turned).json()["text"] == "2079"
    assert start.post("/v1/read?upright=true", content=turned).json()["text"] != "2079"


def test_details_are_what_a_page_shows(client: Client, number: bytes) -> None:
    reading = client().post("/v1/read?details=true", content=number).json()
    image = Image.open(io.BytesIO(number))
    assert (reading["width"], reading["height"]) == image.size
    assert 0.5 < reading["threshold"] < 1
    for digit in reading["digits"]:
        assert sum(digit["probabilities"].values()) + digit["none"] == pytest.approx(1, abs=2e-3)
        assert digit["probability"] <= digit["probabilities"][digit["value"]]
        seen = np.frombuffer(base64.b64decode(digit["input"]), np.uint8).reshape(28, 28)
        again = Reader().classify(seen[None])[0]
        assert str(again.argmax()) == digit["value"]
        assert seen.max() > 240
        assert seen[:2].max() == 0


def test_details_say_what_is_no_digit(client: Client) -> None:
    ink = write_number("8", size=80)
    ink = np.pad(ink, ((0, 200), (0, 200)))
    generator = np.random.default_rng(0)
    for _ in range(60):  # in a row of its own: beside the 8 it is a sign that is not read
        y, x = generator.integers(200, 280), generator.integers(220, 350)
        ink[y : y + 3, x : x + 25] = 1
        ink[y : y + 25, x : x + 3] = 1
    reading = client().post("/v1/read?details=true", content=png(on_paper(ink))).json()
    assert reading["ignored"]
    assert any(x + width > 200 for x, _, width, _ in reading["ignored"])


def test_annotated(client: Client, number: bytes) -> None:
    start = client()
    reading = start.post("/v1/read?annotate=true", content=number).json()
    picture = Image.open(io.BytesIO(base64.b64decode(reading["annotated"])))
    assert picture.format == "PNG"
    assert picture.size == Image.open(io.BytesIO(number)).size
    answer = start.post("/v1/read?annotate=true", content=number, headers={"accept": "image/png"})
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == base64.b64decode(reading["annotated"])


def test_the_model_describes_itself(client: Client) -> None:
    model = client(max_bytes=1234, threshold=0.5).get("/v1/model").json()
    assert model["classes"] == list("0123456789")
    assert (model["threshold"], model["max_bytes"], model["corrections"]) == (0.5, 1234, False)
    assert model["recipe"]["name"] == "pictures"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("threshold=2", "threshold"),
        ("threshold=nan", "threshold"),
        ("threshold=-0.1", "threshold"),
        ("threshold=high", "threshold"),
        ("single=perhaps", "single"),
        ("treshold=0.5", "treshold"),
        ("threshold=", "threshold"),
    ],
)
def test_wrong_parameters(client: Client, digit: bytes, query: str, parameter: str) -> None:
    answer = client().post(f"/v1/read?{query}", content=digit)
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert parameter in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("body", [b"", b"x", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4 nothing", b"{}", b"\x00" * 1000])
def test_what_is_no_picture(client: Client, body: bytes) -> None:
    answer = client().post("/v1/read", content=body)
    assert answer.status_code == 415
    assert list(answer.json()) == ["error"]


def test_a_picture_that_is_cut_off(client: Client, number: bytes) -> None:
    answer = client().post("/v1/read", content=number[: len(number) // 2])
    assert answer.status_code == 415
    assert "cut off" in answer.json()["error"]


def test_too_many_pictures_and_pages(client: Client, digit: bytes) -> None:
    start = client(max_pictures=2)
    files = [("files", ("a.png", digit))] * 3
    assert start.post("/v1/read", files=files).status_code == 413
    assert len(start.post("/v1/read", files=files[:2]).json()) == 2
    packed = io.BytesIO()
    page = Image.fromarray(on_paper(write_number("3")))
    page.save(packed, "TIFF", save_all=True, append_images=[page, page])
    answer = start.post("/v1/read", content=packed.getvalue())
    assert answer.status_code == 413
    assert "2 pages" in answer.json()["error"]


def test_forms_that_cannot_be_read(client: Client, digit: bytes) -> None:
    start = client()
    plain = {"content-type": "multipart/form-data"}
    assert start.post("/v1/read", content=b"x", headers=plain).status_code == 422
    bounded = {"content-type": "multipart/form-data; boundary=b"}
    assert start.post("/v1/read", content=b"nothing of the kind", headers=bounded).status_code == 422
    assert start.post("/v1/read", content=b"--b--\r\n", headers=bounded).status_code == 422
    answer = start.post("/v1/read", files={"files": digit}, data={"single": "true"})
    assert answer.status_code == 422
    assert "?single=true" in answer.json()["error"]
    assert "-F files=@" in answer.json()["error"]


def test_a_form_of_what_are_no_pictures(client: Client) -> None:
    answer = client().post("/v1/read", files=[("files", ("a.png", b"a")), ("files", ("b.png", b"b"))])
    assert answer.status_code == 415
    assert "a.png" in answer.json()["error"]


def test_pictures_that_are_too_large(client: Client, number: bytes) -> None:
    answer = client(max_pixels=1000).post("/v1/read", content=number)
    assert answer.status_code == 413
    assert "1,000" in answer.json()["error"]


def test_addresses_and_methods_that_are_not(client: Client) -> None:
    start = client()
    for answer, status in ((start.get("/v1/nothing"), 404), (start.get("/v1/read"), 405), (start.get("/../x"), 404)):
        assert answer.status_code == status
        assert list(answer.json()) == ["error"]
    assert "POST" in start.get("/v1/read").headers["allow"]
    assert "POST is" in start.get("/v1/read").json()["error"]


@pytest.mark.parametrize("path", ["/v1", "/v1/model", "/v2", "/v2/models/digits", "/healthz", "/docs"])
def test_a_slash_at_the_end_makes_no_difference(client: Client, path: str) -> None:
    start = client()
    with_slash, without = start.get(f"{path}/"), start.get(path)
    assert (with_slash.status_code, with_slash.content) == (200, without.content)


def test_a_body_survives_a_slash_at_the_end(client: Client, digit: bytes) -> None:
    start = client(token="secret")
    key = {"authorization": "Bearer secret"}
    answer = start.post("/v1/read/", content=digit, headers=key, follow_redirects=False)
    assert (answer.status_code, answer.json()["text"]) == (200, "7")
    assert start.post("/v1/read/", content=digit).status_code == 401
    assert start.get("/v1/").status_code == 401


def test_what_takes_too_much_is_refused_and_the_service_goes_on(client: Client, digit: bytes) -> None:
    pytest.importorskip("pypdfium2")
    start = client(max_seconds=1.5)
    for raw, status, why in (
        (hostile.many_strokes(), 422, "takes more than 1.5 s: raise that with --max-seconds if it is meant"),
        (hostile.nested_forms(), 422, "the body needs more than 235 MB of memory to be decoded"),
        (hostile.many_pages(), 413, "the body has 2,000 pages, more than the limit of 100"),
    ):
        answer = start.post("/v1/read", content=raw)
        assert answer.status_code == status
        assert why in answer.json()["error"]
        assert start.post("/v1/read", content=digit).json()["text"] == "7"
    assert start.get("/v1/model").json()["max_seconds"] == 1.5


def test_the_pictures_of_a_request_share_its_time(client: Client, digit: bytes) -> None:
    pytest.importorskip("pypdfium2")
    names = ("7.png", "slow.pdf", "again.pdf", "8.png")
    files = [("files", (n, hostile.many_strokes() if n.endswith("pdf") else digit)) for n in names]
    began = time.perf_counter()
    rows = client(max_seconds=1.5).post("/v1/read", files=files).json()
    assert time.perf_counter() - began < 4
    assert rows[0]["text"] == "7"
    assert all("the request takes more than 1.5 s" in row["error"] for row in rows[1:])


def test_another_page_may_not_call(client: Client, digit: bytes) -> None:
    start = client(origins=("https://known.example",))
    for headers, status in (
        ({"origin": "https://evil.example"}, 403),
        ({"host": "evil.example"}, 403),
        ({"origin": "https://known.example"}, 200),
        ({"host": "known.example"}, 200),
        ({}, 200),
    ):
        assert start.post("/v1/read", content=digit, headers=headers).status_code == status
        assert start.get("/v1/model", headers=headers).status_code == status
    assert start.get("/", headers={"host": "evil.example"}).status_code == 403
    assert start.get("/healthz", headers={"host": "evil.example"}).status_code == 200


def test_what_there_is(client: Client) -> None:
    index = client().get("/v1/").json()
    assert {"method": "POST", "path": "/v1/read", "summary": "Read the digits in pictures"} in index["routes"]
    assert not any("corrections" in route["path"] for route in index["routes"])
    assert "corrections" in client(corrections="kept").get("/v1").text


def test_health(client: Client) -> None:
    start = client(token="secret")
    assert start.get("/healthz").json() == {"status": "ok"}
    assert start.head("/healthz").status_code == 200
    assert TestClient(create(Settings(log=False))).get("/healthz").status_code == 503  # not started yet


def test_other_sites_may_call_only_if_they_are_named(client: Client, digit: bytes) -> None:
    origin = {"origin": "https://example.org"}
    assert "access-control-allow-origin" not in client().post("/v1/read", content=digit, headers=origin).headers
    start = client(origins=("https://example.org",), token="secret")
    headers = {**origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    before = start.options("/v1/read", headers=headers)
    assert before.status_code == 200
    assert before.headers["access-control-allow-origin"] == "https://example.org"
    refused = start.post("/v1/read", content=digit, headers=origin)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://example.org"
    other = start.post("/v1/read", content=digit, headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


def test_what_is_unexpected_is_no_traceback(
    client: Client, digit: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(Reader, "read", broken)
    answer = client(raising=False).post("/v1/read", content=digit)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "ZeroDivisionError" in caplog.text


def test_the_documentation_is_whole_and_from_here(client: Client) -> None:
    start = client(corrections="corrections")
    page = start.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "$defs" not in start.get("/openapi.json").text
    for path in ("docs-files/swagger-ui-bundle.js", "docs-files/swagger-ui.css", "openapi.json"):
        assert path in page.text
        assert start.get(f"/{path}").status_code == 200
    described = start.get("/openapi.json").json()
    assert {"/v1/read", "/v1/model", "/v1/corrections", "/metrics", "/v2/models/{model}/infer"} <= set(
        described["paths"]
    )


def test_examples_name_the_address_that_was_asked(client: Client) -> None:
    asked = client(token="secret").get("http://digits.example:81/openapi.json").json()["info"]["description"]
    assert "http://digits.example:81/v1/read" in asked
    assert "127.0.0.1" not in asked
    assert "Bearer TOKEN" in asked
    assert "TOKEN" not in client().get("/openapi.json").text


@pytest.mark.parametrize("program", ["sh", "python", "node"])
def test_examples_work(running: Service, number: bytes, digit: bytes, here: Path, program: str) -> None:
    if shutil.which("curl" if program == "sh" else program) is None:
        pytest.skip(f"there is no {program} on this machine")
    with urllib.request.urlopen(f"{running.address}/openapi.json", timeout=30) as answer:
        about = json.load(answer)["info"]["description"]
    kind = {"node": "js"}.get(program, program)
    (code,) = re.findall(rf"```{kind}\n(.*?)```", about, re.DOTALL)
    Path("photo.jpg").write_bytes(number)
    Path("one.png").write_bytes(number)
    Path("two.png").write_bytes(digit)
    file = Path("example.mjs" if program == "node" else "example")
    file.write_text(code, encoding="utf-8")
    command = [sys.executable if program == "python" else program, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    texts = r'"text": "(\d+)", "lines"' if program == "sh" else r"\d+"
    assert re.findall(texts, done.stdout) == ["2079", "2079", "7", "2079"]
    if program == "sh":
        assert Path("boxes.png").read_bytes().startswith(b"\x89PNG")


def many_pages(page: bytes, count: int) -> bytes:
    """A TIFF of one page as one of many: its directory again and again, each leading to the next."""
    at = int.from_bytes(page[4:8], "little")
    length = 2 + 12 * int.from_bytes(page[at : at + 2], "little")
    directory, packed = page[at : at + length], bytearray(page)
    packed[at + length : at + length + 4] = len(packed).to_bytes(4, "little")
    for k in range(1, count):
        next_at = len(packed) + length + 4 if k < count - 1 else 0
        packed += directory + next_at.to_bytes(4, "little")
    return bytes(packed)


def test_pages_of_a_tiff_are_not_counted_first(client: Client) -> None:
    page = many_pages(png(np.full((8, 8), 255, np.uint8), "TIFF"), 20_000)
    with Image.open(io.BytesIO(page)) as image:
        image.seek(3000)
    began = time.process_time()
    assert client(max_pictures=2).post("/v1/read", content=page).status_code == 413
    assert time.process_time() - began < 1
