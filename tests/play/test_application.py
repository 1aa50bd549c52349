"""The routes below /play, who may ask them, and the page's files."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from conftest import until
from play.conftest import BAR, SMALL
from serve.conftest import run
from tenfold.play.application import TOKEN, create
from tenfold.play.knobs import Knobs
from tenfold.play.session import Session

LOCAL = "http://127.0.0.1:8001"


class Page:
    """The page, as a client that has its name."""

    def __init__(self, client: TestClient, session: Session) -> None:
        self.client, self.session = client, session
        session.page = "the-page"
        client.headers[TOKEN] = session.page

    def ask(self, what: str, **body: Any) -> Any:
        answer = self.client.post(f"/play/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, what: str, body: Any, **more: Any) -> tuple[int, str]:
        answer = self.client.post(f"/play/{what}", json=body, **more)
        assert list(answer.json()) == ["error"]
        return answer.status_code, answer.json()["error"]


@pytest.fixture
def page(session: Session) -> Iterator[Page]:
    with TestClient(create(session), base_url=LOCAL, client=("127.0.0.1", 5000)) as client:
        yield Page(client, session)


@pytest.fixture
def ended(page: Page) -> Page:
    """The page after a training."""
    page.ask("train", knobs=SMALL)
    until(lambda: page.session.state == "ended")
    return page


def test_a_training_over_http(page: Page) -> None:
    width, height, ink = BAR
    drawn = page.ask("digits", digits=[{"width": width, "height": height, "ink": base64.b64encode(ink).decode()}])
    assert drawn["drawn"] == 1
    assert page.ask("train", knobs=SMALL, other={**SMALL, "lr": 0.5}) == {"training": 1}
    for how in ("wait", "slow", "usual", "step", "epoch", "run"):
        assert page.ask("go", how=how) == {}
    assert page.ask("rate", track=1, lr=0.1) == {}
    until(lambda: page.session.state == "ended")
    assert len(page.ask("moment", seen=100)["tracks"]) == 2
    assert len(page.ask("moment")["tracks"][0]["now"][0]) == 10


def test_a_look_at_a_training_that_is_no_more_has_no_answer(ended: Page) -> None:
    there, missing = ended.session.training, {"layer": "0", "unit": 0}
    for what, body in (("inside/maps", {}), ("inside/unit", missing)):
        assert ended.ask(what, training=there - 1, digit=5, **body) is None
        assert ended.refused(what, {"training": there, "digit": 5, **body}) == (
            422,
            "there is no such digit: write one",
        )


def test_what_comes_after_it(ended: Page, here: Path) -> None:
    found = ended.ask("evaluate")
    assert (found["n"], 0 <= found["accuracy"] <= 1) == (200, True)
    assert '<table class="matrix' in found["matrix"]
    assert ended.ask("evaluate", track=0) == found
    kept = ended.ask("keep")
    assert Path(kept["kept"], "model.safetensors").is_file()


@pytest.mark.slow
def test_the_page_that_reads_with_what_was_trained(ended: Page) -> None:
    missing = ended.client.get("/read/")
    assert (missing.status_code, "train a network first" in missing.json()["error"]) == (404, True)
    for _ in range(2):  # a second model takes the first one's place
        assert ended.ask("read", track=0) == {"address": "read/"}
    assert "read as you write" in ended.client.get("/read/").text
    assert ended.client.get("/read/v1/model").json()["recipe"]["name"] == "mlp"
    assert ended.client.post("/read/v1/read", content=b"nothing").status_code == 415


def test_what_is_wrong_with_a_request_is_said_in_a_line(page: Page) -> None:
    for what, body, says in (
        ("train", {"knobs": {"recipe": "none"}}, "knobs.recipe"),
        ("train", {"knobs": {"recipe": "tiny", "hidden": 5}}, "no hidden layer"),
        ("train", {}, "knobs"),
        ("go", {"how": "away"}, "how"),
        ("rate", {"track": 0, "lr": 0.1}, "no training yet"),
        ("rate", {"track": 0, "lr": -1}, "lr"),
        ("moment", {"seen": "x"}, "seen"),
        ("digits", {"digits": [{"width": 1, "height": 1, "ink": "?"}]}, "base64"),
        ("digits", {"digits": [{"width": 1, "height": 1, "ink": "é"}]}, "base64"),
        ("digits", {"digits": [{"width": 9, "height": 9, "ink": ""}]}, "a byte for each"),
        ("digits", {"digits": [{"width": 1, "height": 1, "ink": "AA=="}] * 9}, "digits"),
        ("evaluate", {"track": 0}, "no training yet"),
    ):
        status, error = page.refused(what, body)
        assert (status, says in error, "\n" in error) == (422, True, False), error
    assert page.refused("none", {})[0] == 404
    assert page.client.get("/play/go").json() == {"error": "GET is not possible here"}
    assert page.client.get("/none").json() == {"error": "there is no /none"}


def test_other_pages_may_not(page: Page) -> None:
    for headers, wanted in (
        ({"origin": "https://example.org"}, 403),
        ({"host": "example.org"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({TOKEN: "a-guess"}, 409),
        ({TOKEN: ""}, 409),
    ):
        status, _ = page.refused("go", {"how": "run"}, headers=headers)
        assert status == wanted, headers
    assert page.client.get("/play/stream", headers={"host": "example.org:8001"}).status_code == 403
    page.session.page = None
    assert page.refused("go", {"how": "run"})[0] == 409


def test_the_files_of_the_page(page: Page) -> None:
    text = page.client.get("/").text
    assert "Watch a network learn" in text
    for name, kind in (
        ("play.js", "text/javascript"),
        ("pen.js", "text/javascript"),  # of the page that reads
        ("page.css", "text/css"),
        ("play/matrix.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ):
        answer = page.client.get(f"/{name}")
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, kind)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert page.client.get("/page.js").status_code == 404


def test_what_is_under_way_ends_with_the_application(session: Session) -> None:
    async def whole() -> None:
        app = create(session)
        async with app.router.lifespan_context(app):
            await asyncio.to_thread(session.train, Knobs(**{**SMALL, "epochs": 100}))

    run(whole())
    assert session.tracks == []
