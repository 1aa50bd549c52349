"""Requests made at random: from the service's own OpenAPI document, and from nothing at all. None may give a 500."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tenfold.serve.application import create
from tenfold.serve.settings import Settings

APPLICATION = create(Settings(log=False, max_bytes=200_000, max_pixels=500_000, max_pictures=4))
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", APPLICATION)
QUIET: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],
}


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(max_examples=25, **QUIET)
def test_the_service_does_what_its_document_says(case: schemathesis.Case[Any]) -> None:
    # A document cannot say which bytes are a picture, or that a shape must fit its data.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


@pytest.fixture(scope="module")
def caller() -> Iterator[TestClient]:
    with TestClient(APPLICATION, raise_server_exceptions=False) as made:
        yield made


def _png() -> bytes:
    image = np.zeros((28, 28), np.uint8)
    image[5:23, 13:16] = 255
    packed = io.BytesIO()
    Image.fromarray(image).save(packed, "PNG")
    return packed.getvalue()


PNG = _png()
PATHS = st.sampled_from(
    [
        "/v1/read",
        "/v1/read?single=1",
        "/v1/read/",
        "/v1/read?details=1&annotate=1",
        "/v2/models/digits/infer",
        "/v1/corrections",
        "/v2",
    ]
)
# Broken pictures: bytes of a good one changed, left out or put in.
SPOILT = st.builds(
    lambda at, new, gone: PNG[: at % len(PNG)] + new + PNG[at % len(PNG) + gone :],
    st.integers(0, 10_000),
    st.binary(max_size=20),
    st.integers(0, 30),
)
INFER = json.dumps({"inputs": [{"name": "image", "shape": [1, 1, 2, 2], "datatype": "FP32", "data": [0, 1, 0, 1]}]})
TEXT = st.builds(
    lambda at, new, gone: (INFER[: at % len(INFER)] + new + INFER[at % len(INFER) + gone :]).encode("utf-8", "replace"),
    st.integers(0, 10_000),
    st.text(max_size=8),
    st.integers(0, 8),
)
CODED = st.builds(
    lambda raw, before, at, new: (f'{before}"{base64.b64encode(raw).decode()}"')[:-at].encode() + new,
    st.one_of(st.just(PNG), SPOILT, st.binary(max_size=30)),
    st.sampled_from(["", "[", '{"image": ', '{"images": [', "data:image/png;base64,"]),
    st.integers(1, 9),
    st.sampled_from([b"", b'"', b'"}', b'"]', b'"]}', b"=", b"\xff"]),
)
VALUES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    st.sampled_from(
        [
            "multipart/form-data",
            "multipart/form-data; boundary=b",
            "application/json",
            "gzip",
            "deflate",
            "-1",
            "1e9",
            "10",
        ]
    ),
)
NAMES = st.sampled_from(
    [
        "content-type",
        "content-encoding",
        "inference-header-content-length",
        "accept",
        "authorization",
        "origin",
        "range",
    ]
)


@pytest.mark.slow
@settings(max_examples=400, **QUIET)
@given(PATHS, st.one_of(st.binary(max_size=300), SPOILT, CODED, TEXT), st.dictionaries(NAMES, VALUES, max_size=3))
def test_no_body_or_header_gives_a_500(caller: TestClient, path: str, body: bytes, headers: dict[str, str]) -> None:
    answer = caller.post(path, content=body, headers=headers)
    assert answer.status_code < 500, answer.text
    assert "Traceback" not in answer.text
    if answer.status_code >= 400:
        assert list(answer.json()) == ["error"]
        assert answer.json()["error"]
        assert "\n" not in answer.json()["error"]


PARTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"--b\r\n",
                b"--b--",
                b"\r\n",
                b'Content-Disposition: form-data; name="files"; filename="a.png"\r\n',
                b"Content-Disposition: form-data; name*=utf-8''%ff; filename*=utf-8''%ff\r\n",
                b"Content-Type: text/plain; charset=none\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
            ]
        ),
        st.just(PNG),
        st.binary(max_size=20),
    ),
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=200, **QUIET)
@given(PARTS, st.sampled_from(["b", "b; charset=none", '"b"', "b; charset=utf-16"]))
def test_no_form_gives_a_500(caller: TestClient, parts: list[bytes], boundary: str) -> None:
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    answer = caller.post("/v1/read", content=b"".join(parts), headers=headers)
    assert answer.status_code < 500, answer.text
