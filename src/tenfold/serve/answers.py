"""Answers in JSON: what went wrong in one line, and how the OpenAPI document describes it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from tenfold.serve.schemas import Problem

HEAD, FIELDS = 16_384, 100  # bytes of a request's head, and fields in it
TOO_LARGE = f"the head of the request is too large: it may have {HEAD:,} bytes, and {FIELDS} fields"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_STATUSES = {
    400: "a request that does not follow HTTP, or the protocol",
    401: "the token is missing or wrong",
    403: "a page of another site may not do this, or the service has another name",
    404: "there is no such thing here",
    405: "not with this method",
    408: "the body did not arrive in time",
    413: "more bytes, pixels, pages or pictures than are allowed",
    415: "not a picture, or a kind that cannot be read here",
    422: "wrong parameters, or a picture that takes more time or memory than is allowed",
    431: "the head of the request is too large",
    503: "all places in the queue are taken: Retry-After says when to try again",
    507: "the corrections cannot be kept: the disk or the folder is full",
}


class Json(JSONResponse):
    """JSON in ASCII, so that no text in it can fail to be sent."""

    def render(self, content: Any) -> bytes:
        """The bytes of the body."""
        return json.dumps(content).encode("ascii")


def problem(status: int, why: str, headers: Mapping[str, str] | None = None) -> Json:
    """The answer to what went wrong, a `Problem`."""
    return Json({"error": why}, status, headers)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How the OpenAPI document describes answers with these statuses."""
    return {status: {"model": Problem, "description": _STATUSES[status]} for status in statuses}


def explained(errors: Iterable[Mapping[str, Any]]) -> str:
    """Errors of pydantic in one line; the first three, as there may be as many as the request has parameters."""
    lines = []
    for error in list(errors)[:3]:
        loc = tuple(error["loc"])
        # Where it is, without the kind of parameter before and the branches of a union between.
        path = ".".join(str(part) for part in loc[loc[:1] == ("query",) :] if not str(part).startswith("list["))
        lines.append(f"{path[:100] or 'body'}: {error['msg'].removeprefix('Value error, ')}")
    return "; ".join(dict.fromkeys(lines))


def body(model: type[BaseModel]) -> dict[str, Any]:
    """How the OpenAPI document describes a body that holds a model as JSON, without references."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    while "$ref" in (text := json.dumps(schema)):
        schema = json.loads(text, object_hook=lambda part: parts[part["$ref"][8:]] if "$ref" in part else part)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
