"""`/v1`: pictures in, the JSON of `tenfold read --json` out, and an error for each kind of bad input."""

import base64
import gzip
import io
import json
import logging
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Cli, Client, on_paper, write_number
from tenfold.read.reader import Reader


def png(image: np.ndarray) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(image).save(packed, "PNG")
    return packed.getvalue()


@pytest.fixture(scope="module")
def number() -> bytes:
    return png(on_paper(write_number("2079")))


@pytest.fixture(scope="module")
def digit() -> bytes:
    return png(on_paper(write_number("7")))


def test_a_body_is_a_picture(client: Client, number: bytes) -> None:
    answer = client().post("/v1/read", content=number)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert set(found) == {"path", "text", "lines", "digits"}
    assert (found["path"], found["text"], found["lines"]) == (None, "2079", ["2079"])
    assert [d["value"] for d in found["digits"]] == list("2079")


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
    told = [
        json.loads(line) for line in tenfold_cli("read", *(name for _, (name, _) in files), "--json").out.splitlines()
    ]
    served = answer.json()
    assert [row["path"] for row in served] == ["number.png", "digit.png", "none.png"]
    assert served[:2] == told[:2]
    assert set(served[2]) == set(told[2])
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
    found = client().post("/v1/read?details=true", content=number).json()
    image = Image.open(io.BytesIO(number))
    assert (found["width"], found["height"]) == image.size
    assert 0.5 < found["threshold"] < 1
    for digit in found["digits"]:
        assert sum(digit["probabilities"].values()) + digit["none"] == pytest.approx(1, abs=2e-3)
        assert digit["probabilities"][digit["value"]] == digit["probability"]
        seen = np.frombuffer(base64.b64decode(digit["input"]), np.uint8).reshape(28, 28)
        again = Reader().classify(seen[None])[0]
        assert str(again.argmax()) == digit["value"]
        assert seen.max() > 240
        assert seen[:2].max() == 0


def test_what_is_no_digit_is_told_with_details(client: Client) -> None:
    ink = write_number("8", size=80)
    ink = np.pad(ink, ((0, 0), (0, 200)))
    generator = np.random.default_rng(0)
    for _ in range(60):
        y, x = generator.integers(50, 130), generator.integers(220, 350)
        ink[y : y + 3, x : x + 25] = 1
        ink[y : y + 25, x : x + 3] = 1
    found = client().post("/v1/read?details=true", content=png(on_paper(ink))).json()
    assert found["left_out"]
    x, _, width, _ = found["left_out"][-1]
    assert x + width > 200


def test_annotated(client: Client, number: bytes) -> None:
    start = client()
    found = start.post("/v1/read?annotate=true", content=number).json()
    picture = Image.open(io.BytesIO(base64.b64decode(found["annotated"])))
    assert picture.format == "PNG"
    assert picture.size == Image.open(io.BytesIO(number)).size
    answer = start.post("/v1/read?annotate=true", content=number, headers={"accept": "image/png"})
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == base64.b64decode(found["annotated"])


def test_the_model_describes_itself(client: Client) -> None:
    found = client(max_bytes=1234, threshold=0.5).get("/v1/model").json()
    assert found["classes"] == list("0123456789")
    assert (found["threshold"], found["max_bytes"], found["corrections"]) == (0.5, 1234, False)
    assert found["recipe"]["name"] == "pictures"


@pytest.mark.parametrize(
    ("query", "told"),
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
def test_parameters_that_cannot_be_meant(client: Client, digit: bytes, query: str, told: str) -> None:
    answer = client().post(f"/v1/read?{query}", content=digit)
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert told in answer.json()["error"]
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


def test_too_large(client: Client, number: bytes) -> None:
    assert client(max_bytes=100).post("/v1/read", content=number).status_code == 413
    answer = client(max_pixels=1000).post("/v1/read", content=number)
    assert answer.status_code == 413
    assert "1,000" in answer.json()["error"]
    # No length is told: it is found out while the body arrives.
    answer = client(max_bytes=100).post("/v1/read", content=iter([number[:90], number[90:]]))
    assert answer.status_code == 413
    # Small as sent, large unpacked.
    bomb = gzip.compress(b"\x00" * 5_000_000)
    answer = client(max_bytes=1_000_000).post("/v1/read", content=bomb, headers={"content-encoding": "gzip"})
    assert answer.status_code == 413


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


def test_packed_bodies(client: Client, digit: bytes) -> None:
    start = client()
    for packing, packed in (("gzip", gzip.compress(digit)), ("deflate", zlib.compress(digit)), ("identity", digit)):
        answer = start.post("/v1/read", content=packed, headers={"content-encoding": packing})
        assert answer.json()["text"] == "7", packing
    twice = gzip.compress(digit[:100]) + gzip.compress(digit[100:])
    for packing, packed in (("gzip", digit), ("br", digit), ("gzip", gzip.compress(digit)[:-20]), ("gzip", twice)):
        assert start.post("/v1/read", content=packed, headers={"content-encoding": packing}).status_code == 415


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


def test_a_form_of_what_are_no_pictures(client: Client) -> None:
    answer = client().post("/v1/read", files=[("files", ("a.png", b"a")), ("files", ("b.png", b"b"))])
    assert answer.status_code == 415
    assert "a.png" in answer.json()["error"]


def test_addresses_and_methods_that_are_not(client: Client) -> None:
    start = client()
    for answer, status in ((start.get("/v1/nothing"), 404), (start.get("/v1/read"), 405), (start.get("/../x"), 404)):
        assert answer.status_code == status
        assert list(answer.json()) == ["error"]
    assert "POST" in start.get("/v1/read").headers["allow"]


def test_a_token(client: Client, digit: bytes) -> None:
    start = client(token="secret")
    assert start.get("/").status_code == 200
    assert start.get("/v2/health/ready").status_code == 200
    for path in ("/v1/model", "/v2", "/v2/models/digits", "/metrics"):
        assert start.get(path).status_code == 401, path
        assert start.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert start.get(path, headers={"authorization": "Bearer secret"}).status_code == 200
    for method in ("POST", "PUT", "DELETE"):
        assert start.request(method, "/anything", content=digit).status_code == 401
    assert start.get("/v1/model", headers={"authorization": "bearer secret"}).status_code == 200
    refused = start.post("/v1/read", content=digit)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    allowed = start.post("/v1/read", content=digit, headers={"authorization": "Bearer secret"})
    assert allowed.json()["text"] == "7"
    assert "HTTPBearer" in start.get("/openapi.json").json()["components"]["securitySchemes"]


def test_security_headers_are_on_every_answer(client: Client, digit: bytes) -> None:
    start = client(max_bytes=10_000)
    answers = [start.get("/"), start.get("/docs"), start.get("/none"), start.post("/v1/read", content=digit)]
    answers += [start.post("/v1/read", content=b"x" * 20_000), start.get("/v2/health/live")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe-eval" not in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers
    assert "unsafe-inline" not in start.get("/").headers["content-security-policy"]


def test_other_sites_may_call_only_if_they_are_named(client: Client, digit: bytes) -> None:
    origin = {"origin": "https://example.org"}
    assert "access-control-allow-origin" not in client().post("/v1/read", content=digit, headers=origin).headers
    start = client(origins=("https://example.org",), token="secret")
    asked = {**origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    before = start.options("/v1/read", headers=asked)
    assert before.status_code == 200
    assert before.headers["access-control-allow-origin"] == "https://example.org"
    refused = start.post("/v1/read", content=digit, headers=origin)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://example.org"
    other = start.post("/v1/read", content=digit, headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


def test_counts(client: Client, number: bytes) -> None:
    start = client()
    start.post("/v1/read", content=number)
    start.post("/v1/read", content=b"none")
    text = start.get("/metrics").text
    assert 'tenfold_requests_total{method="POST",path="/v1/read",status="200"} 1.0' in text
    assert 'tenfold_requests_total{method="POST",path="/v1/read",status="415"} 1.0' in text
    assert 'tenfold_digits_total{sure="yes"} 4.0' in text
    assert 'tenfold_pictures_total{read="no"} 1.0' in text
    assert "tenfold_requests_running 0.0" in text
    start.get("/some/path/that/is/made/up")
    assert "made" not in start.get("/metrics").text


def test_the_log_is_a_line_of_json_for_a_request(
    client: Client, digit: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "tenfold.serve"):
        client(log=True).post("/v1/read?single=true", content=digit)
    line = json.loads(caplog.messages[-1])
    assert (line["method"], line["path"], line["status"], line["in"]) == ("POST", "/v1/read", 200, len(digit))
    assert line["ms"] > 0


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


def seen(value: int = 200) -> str:
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 13:16] = value
    return base64.b64encode(image.tobytes()).decode()


def test_corrections_are_kept_as_class_folders(client: Client, tmp_path: Path) -> None:
    start = client(corrections=str(tmp_path / "mine"))
    assert start.get("/v1/model").json()["corrections"] is True
    answer = start.post("/v1/corrections", json={"label": "7", "answer": "1", "input": seen()})
    assert answer.status_code == 201
    found = answer.json()
    assert (found["count"], found["classes"]["7"]) == (1, 1)
    image = np.asarray(Image.open(tmp_path / "mine" / found["saved"]))
    assert found["saved"].startswith("7/")
    assert image.dtype == np.uint8
    assert (image == np.frombuffer(base64.b64decode(seen()), np.uint8).reshape(28, 28)).all()
    # The same digit once more is kept once, under what was said last.
    again = start.post("/v1/corrections", json={"label": "4", "input": seen()}).json()
    assert again["classes"] == {**dict.fromkeys("0123456789", 0), "4": 1}
    assert start.get("/v1/corrections").json()["count"] == 1
    assert 'tenfold_corrections_total{label="4"} 1.0' in start.get("/metrics").text


def test_corrections_that_cannot_be_meant(client: Client, tmp_path: Path) -> None:
    start = client(corrections=str(tmp_path / "mine"), max_corrections=1)
    good = {"label": "7", "input": seen()}
    for changed in (
        {"label": "../../evil"},
        {"label": "10"},
        {"label": 7},
        {"input": "%%%"},
        {"input": base64.b64encode(b"short").decode()},
        {"input": base64.b64encode(bytes(784)).decode()},
        {"input": "A" * 5000},
        {"more": 1},
        {"input": None},
    ):
        answer = start.post("/v1/corrections", json={**good, **changed})
        assert answer.status_code == 422, changed
        assert list(answer.json()) == ["error"]
    for body in (b"", b"[]", b"{", b"[" * 10_000):
        answer = start.post("/v1/corrections", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422, body[:10]
    plain = start.post("/v1/corrections", content=json.dumps(good), headers={"content-type": "text/plain"})
    assert plain.status_code == 415
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert start.post("/v1/corrections", json=good, headers=headers).status_code == 403
    many = "{" + ",".join(f'"k{k}": 1' for k in range(500)) + "}"
    answer = start.post("/v1/corrections", content=many, headers={"content-type": "application/json"})
    assert (answer.status_code, len(answer.content) < 500) == (422, True)
    answer = start.post("/v1/corrections", content=b" " * 20_000, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert not list((tmp_path / "mine").rglob("*.png"))
    own = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    assert start.post("/v1/corrections", json=good, headers=own).status_code == 201
    full = start.post("/v1/corrections", json={**good, "input": seen(100)})
    assert full.status_code == 413
    assert start.post("/v1/corrections", json=good).status_code == 201  # kept already


def test_without_a_folder_there_are_no_corrections(client: Client) -> None:
    assert client().post("/v1/corrections", json={"label": "7", "input": seen()}).status_code in (404, 405)


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


def test_pages_of_a_tiff_are_not_counted_first(client: Client) -> None:
    packed = io.BytesIO()
    page = Image.fromarray(np.full((8, 8), 255, np.uint8))
    page.save(packed, "TIFF", save_all=True, append_images=[page] * 3000)
    began = time.perf_counter()
    assert client(max_pictures=2).post("/v1/read", content=packed.getvalue()).status_code == 413
    assert time.perf_counter() - began < 1
