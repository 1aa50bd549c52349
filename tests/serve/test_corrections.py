"""Corrections: how they are kept, and who may send them."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import Client
from tenfold.errors import StorageError, TooLargeError, UsageError
from tenfold.serve.corrections import Corrections

ONE = bytes(300) + bytes([200] * 60) + bytes(424)
OTHER = bytes(300) + bytes([100] * 60) + bytes(424)


def test_the_folder(tmp_path: Path) -> None:
    kept = Corrections(tmp_path / "mine", ("0", "1"), 1)
    assert kept.counts() == {"0": 0, "1": 0}
    first = kept.save(ONE, "0")
    assert Image.open(tmp_path / "mine" / first).tobytes() == ONE
    second = kept.save(ONE, "1")  # the same digit: in place of the first, though the folder is full
    assert [path.relative_to(tmp_path / "mine").as_posix() for path in tmp_path.rglob("*.png")] == [second]
    with pytest.raises(TooLargeError, match="1 corrections are kept already"):
        kept.save(OTHER, "0")


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot make the folder"):
        Corrections(tmp_path / "file" / "below", ("0", "1"), 1)
    with pytest.raises(UsageError, match=r"'\.\./up'"):
        Corrections(tmp_path, ("0", "../up"), 1)


def seen(value: int = 200) -> str:
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 13:16] = value
    return base64.b64encode(image.tobytes()).decode()


def test_corrections_are_kept_as_class_folders(client: Client, tmp_path: Path) -> None:
    start = client(corrections=str(tmp_path / "mine"))
    assert start.get("/v1/model").json()["corrections"] is True
    answer = start.post("/v1/corrections", json={"label": "7", "answer": "1", "input": seen()})
    assert answer.status_code == 201
    kept = answer.json()
    assert (kept["count"], kept["classes"]["7"]) == (1, 1)
    image = np.asarray(Image.open(tmp_path / "mine" / kept["saved"]))
    assert kept["saved"].startswith("7/")
    assert image.dtype == np.uint8
    assert (image == np.frombuffer(base64.b64decode(seen()), np.uint8).reshape(28, 28)).all()
    # The same digit once more is kept once, under the last label.
    again = start.post("/v1/corrections", json={"label": "4", "input": seen()}).json()
    assert again["classes"] == {**dict.fromkeys("0123456789", 0), "4": 1}
    assert start.get("/v1/corrections").json()["count"] == 1
    assert 'tenfold_corrections_total{label="4"} 1.0' in start.get("/metrics").text


def test_wrong_corrections(client: Client, tmp_path: Path) -> None:
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


def test_a_name_that_was_made_to_lead_here(client: Client, tmp_path: Path) -> None:
    """DNS rebinding: a page of another site, under a name that now leads to the loopback address."""
    start = client(corrections=str(tmp_path / "mine"), origins=("https://known.example",))
    for host, origin, status in (
        ("evil.example:8000", "http://evil.example:8000", 403),
        ("127.0.0.1:8000", "https://evil.example", 403),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", 201),
        ("digits.example", "https://known.example", 201),
    ):
        sent: dict[str, Any] = {"json": {"label": "7", "input": seen()}, "headers": {"host": host, "origin": origin}}
        assert start.post("http://127.0.0.1:8000/v1/corrections", **sent).status_code == status, host
