"""Pictures in a body: base64 of every kind, in JSON and without, and what is none."""

import base64
import io
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from starlette.exceptions import HTTPException

from conftest import Client
from tenfold.errors import FormatError, TooLargeError
from tenfold.serve import pictures
from tenfold.serve.pictures import HOW, Sent, is_text, of_text

BYTES = bytes(range(250)) + b"\xfb\xff\xfe?"  # of which base64 has every letter, and ends in ==
PLAIN = base64.b64encode(BYTES).decode()
assert {"+", "/", "="} <= set(PLAIN)

FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "lines": lambda text: f" {text[:76]}\r\n{text[76:]}\n",
    "no padding": lambda text: text.rstrip("="),
    "urlsafe": lambda text: text.replace("+", "-").replace("/", "_"),
    "address": lambda text: f"data:image/png;base64,{text}",
    "address with parameters": lambda text: f"DATA:image/png;name=a;BASE64,{text}",
    "escaped address": lambda text: f"data:;base64,{text.replace('+', '%2B').replace('=', '%3D')}",
}


@pytest.mark.parametrize("form", FORMS)
def test_base64(form: str) -> None:
    given = FORMS[form](PLAIN)
    assert Sent(given).raw() == BYTES
    for body in (given, json.dumps(given), json.dumps({"image": given}), f"\ufeff{json.dumps({'images': given})}"):
        sent = of_text(body.encode(), 1)
        assert isinstance(sent, Sent)
        assert (sent.raw(), sent.path) == (BYTES, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" = ", "empty"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png,%89PNG", "without ;base64"),
        ("data:", "without ;base64"),
        ("https://example.org/7.png", "nothing is fetched"),
        ("blob:http://localhost/7", "nothing is fetched"),
        ("file:///etc/passwd", "nothing is fetched"),
        ("/etc/passwd.png", "'.'"),
        (PLAIN.replace("+", " "), "' '"),
        (PLAIN.replace("+", "-", 1), "'-'"),
        (PLAIN.replace("A", "é", 1), "'é'"),
        ("A=AA", "'='"),
        ("AAAAA", "cut off"),
        ("AAAAA===", "cut off"),
        (PLAIN + "=", "cut off"),
    ],
)
def test_what_is_no_base64(text: str, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        Sent(text).raw()


@pytest.mark.parametrize("sign", ["%", "%41", "%C3%A9A"])
def test_an_address_takes_no_more_memory_than_its_bytes(sign: str) -> None:
    address = "data:;base64," + sign * (1_000_000 // len(sign))
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="not base64"):
            Sent(address).raw()
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("item", ["[]", "{}", '""', "0.5", '"é"', '[[],"AAAA"]'])
@pytest.mark.parametrize("form", ["[*]", '{"image": [*]}', '{"images": [*]}', '{"image": "AAAA", "more": [*]}'])
def test_json_takes_no_more_memory_than_its_bytes(form: str, item: str) -> None:
    body = form.replace("*", ",".join([item] * (1_000_000 // (len(item) + 1)))).encode()
    tracemalloc.start()
    try:
        with pytest.raises((FormatError, TooLargeError)):
            of_text(body, 100)
        assert tracemalloc.get_traced_memory()[1] < 5e6  # a million bytes of {} are 20 million as objects
    finally:
        tracemalloc.stop()


def test_a_list_keeps_its_order() -> None:
    for body in (["AAAA", "BBBB"], {"images": ["AAAA", "BBBB"]}, {"image": ["AAAA", "BBBB"]}):
        sent = of_text(json.dumps(body).encode(), 2)
        assert isinstance(sent, list)
        assert [one.raw() for one in sent] == [bytes(3), base64.b64decode("BBBB")]
        with pytest.raises(TooLargeError, match="limit of 1"):
            of_text(json.dumps(body).encode(), 1)
    assert isinstance(of_text(b'["AAAA"]', 1), list)


@pytest.mark.parametrize(
    "body",
    [
        *('{"image": ', '"AAAA', "[" * 100_000, "{}", "[]", '{"images": []}', '{"image": 7}', '{"image": null}'),
        *('{"image": [["AAAA"]]}', '["AAAA", 7]', '{"image": {}}', '{"image": "AAAA", "images": ["AAAA"]}'),
    ],
)
def test_json_without_a_picture(body: str) -> None:
    with pytest.raises(FormatError):
        of_text(body.encode(), 1)


def test_parameters_are_not_in_json() -> None:
    with pytest.raises(HTTPException, match=r"single.*address"):
        of_text(b'{"image": "AAAA", "single": true}', 1)


def test_pictures_that_are_text_stay_as_they_are() -> None:
    for body in (b"P2 2 2 255 0 1 2 3", b"P1\n2 2\n1 0 0 1\n", b"#define a_width 8\n", b"text", b"[" + bytes([255])):
        assert of_text(body, 1) == Sent(body)
    assert not is_text(b"\x89PNG\r\n")
    assert not is_text(b"BM\0\0")
    assert is_text(b"\xef\xbb\xbf{}")


def test_each_way_gives_the_same_reading(client: Client, digit: bytes) -> None:
    start = client()
    plain = base64.b64encode(digit).decode()
    address = f"data:image/png;base64,{plain}"
    wanted = start.post("/v1/read?details=true", content=digit).json()
    bodies: list[dict[str, Any]] = [
        {"json": {"image": plain}},
        {"json": {"image": address}},
        {"content": address, "headers": {"content-type": "text/plain"}},
        {"content": plain, "headers": {"content-type": "image/png"}},
        {"content": json.dumps({"image": plain})},  # of no kind, as pages send it
    ]
    for body in bodies:
        assert start.post("/v1/read?details=true", **body).json() == wanted
    answer = start.post("/v1/read?annotate=true", headers={"accept": "image/png"}, json={"image": plain})
    assert answer.headers["content-type"] == "image/png"


def test_a_list_answers_as_a_form_does(client: Client, digit: bytes) -> None:
    start = client(max_pictures=2)
    plain = base64.b64encode(digit).decode()
    good, bad = start.post("/v1/read", json={"images": [plain, "AAAA"]}).json()
    assert good == start.post("/v1/read", content=digit).json()
    assert set(bad) == {"path", "error", "text", "lines", "numbers", "digits"}
    assert "images.1" in bad["error"]
    assert start.post("/v1/read", json=[plain] * 3).status_code == 413
    answer = start.post("/v1/read", json=["AAAA", "%"])
    assert answer.status_code == 415


def test_limits_are_those_of_bytes(client: Client, digit: bytes) -> None:
    body = {"image": base64.b64encode(digit).decode()}
    assert client(max_pixels=1000).post("/v1/read", json=body).status_code == 413
    assert client(max_bytes=len(digit)).post("/v1/read", json=body).status_code == 413


@pytest.mark.parametrize("body", ["", "none", '{"image": ', '{"image": "https://a.org/7.png"}', '{"image": "AAAA"}'])
def test_errors_say_how_to_send_a_picture(client: Client, body: str) -> None:
    answer = client().post("/v1/read", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 415
    assert answer.json()["error"].endswith(HOW)
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_what_lost_its_line_ends_is_told_so(client: Client, digit: bytes, kind: str) -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(digit)).convert("L").save(file, kind)
    sent = file.getvalue().translate(None, b"\0\r\n")  # as curl -d does
    answer = client().post("/v1/read", content=sent)
    assert answer.status_code == 415
    assert "curl -d" in answer.json()["error"]


def test_the_document_shows_a_picture_that_is_read(client: Client) -> None:
    content = pictures.BODY["content"]
    start = client()
    assert start.post("/v1/read", json=content["application/json"]["example"]).json()["text"] == "7"
    assert start.post("/v1/read", content=content["text/plain"]["example"]).json()["text"] == "7"
