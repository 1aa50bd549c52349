"""The pictures in a request's body: bytes, files in a form, or base64 as text, as a data: address or in JSON."""

import base64
import re
from typing import Any, NamedTuple

from fastapi import Request
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from tenfold.errors import FormatError, TooLargeError
from tenfold.serve.settings import Settings

FORM = "multipart/form-data"
HOW = 'send the bytes of a picture (curl --data-binary @photo.jpg), a form with files, or {"image": "its base64"}'
_BOM = b"\xef\xbb\xbf"
_ADDRESS = re.compile(r"data:|[\w+.:-]+://", re.IGNORECASE)
_ESCAPED = {
    f"%{ord(sign):02{case}}": sign for sign in "+/=\r\n" for case in "xX"
}  # what addresses may escape of base64
_COMMAS, _BRACKETS = 4, 10  # more are not in JSON for each picture, and in all
_BASE64 = re.compile(r"[\w+/-]{8}[\w+/\s-]*={0,2}", re.ASCII)  # no picture in letters begins with eight at a stretch
_SEVEN = (  # a 7, 40 x 56
    "iVBORw0KGgoAAAANSUhEUgAAACgAAAA4AQAAAACnU4dbAAAAbElEQVR42qXQsQ3CUAxF0fOtSEnJCIzCamyWUcIEpKQAHkUUfmqQLBfnunILlN/2"
    "tQ0Kr4M3ktxSWBTqUGeFgSRjClOv2W5OXd6bnLs8N7l0eSBZk6+sFI1iofbZ6kwx7CIZk2JCck/aHz/5APfCI08+WerHAAAAAElFTkSuQmCC"
)

_FILE: dict[str, Any] = {"type": "string", "format": "binary"}
_TEXT: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "description": "A picture in base64, with or without `data:image/png;base64,` before it.",
}
_TEXTS: dict[str, Any] = {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _TEXT}]}


def _object(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}


_JSON = {"anyOf": [_object("image", _TEXTS), _object("images", _TEXTS), *_TEXTS["anyOf"]]}
_FILES = {"type": "object", "properties": {"files": {"type": "array", "minItems": 1, "items": _FILE}}}
BODY: dict[str, Any] = {  # as the OpenAPI document describes it
    "required": True,
    "content": {
        **{kind: {"schema": _FILE} for kind in ("image/png", "image/jpeg", "application/octet-stream")},
        FORM: {"schema": {**_FILES, "required": ["files"]}},
        "application/json": {"schema": _JSON, "example": {"image": _SEVEN}},
        "text/plain": {"schema": _TEXT, "example": f"data:image/png;base64,{_SEVEN}"},
    },
}


class Sent(NamedTuple):
    """A picture as it was sent."""

    content: bytes | str  # a file's, or that in base64 or a data: address
    name: str = "the body"  # in errors
    path: str | None = None  # the file's name, of those in a form

    def raw(self) -> bytes:
        """The bytes of its file. Raises FormatError for what is no base64."""
        return self.content if isinstance(self.content, bytes) else _decoded(self.content, self.name)

    def spoilt(self) -> bool:
        """Whether it has lost every line end and zero on its way, of which each picture has some."""
        raw = self.content
        return isinstance(raw, bytes) and not raw.isascii() and not any(byte in raw for byte in (b"\0", b"\r", b"\n"))


def is_text(body: bytes) -> bool:
    """Whether a body begins as text."""
    head = body[:1024].removeprefix(_BOM)
    return head.isascii() and b"\0" not in head


def of_text(body: bytes, most: int) -> Sent | list[Sent]:
    """The picture in a body that begins as text, or the list of those in JSON, `most` at most.

    Raises FormatError, TooLargeError, HTTPException for a field that is not known.
    """
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return Sent(body)
    if not text.startswith(("{", "[", '"')):
        return Sent(text if not text or _ADDRESS.match(text) or _BASE64.fullmatch(text) else body)
    # Which is looked at before objects are made of it, as these may take a hundred times the memory.
    if body.count(b",") > _COMMAS * (most + 1):
        raise TooLargeError(f"more than the limit of {most} pictures")
    if body.count(b"[") + body.count(b"{") > _BRACKETS:
        raise FormatError("the JSON must be base64 in quotes, or a list of such")
    try:
        given, name = from_json(text), "the JSON"
    except ValueError as error:
        raise FormatError(f"the body is not valid JSON ({error})") from None
    if isinstance(given, dict):
        if unknown := given.keys() - {"image", "images"}:
            why = f"the JSON has a field {min(unknown)[:50]!r}: pictures are in image or images, and parameters"
            raise HTTPException(422, f"{why} go into the address: ?single=true")
        if len(given) != 1:
            raise FormatError("the JSON must have one of image and images")
        ((name, given),) = given.items()
    texts = given if isinstance(given, list) else [given]
    if not texts:
        raise FormatError(f"{name} is empty")
    if not all(isinstance(one, str) for one in texts):
        raise FormatError(f"{name} must be base64 in quotes, or a list of such")
    if len(texts) > most:
        raise TooLargeError(f"more than the limit of {most} pictures")
    if texts is given:
        return [Sent(one, f"{name}.{k}") for k, one in enumerate(texts)]
    return Sent(given, name)


def _decoded(text: str, name: str) -> bytes:
    """What is in base64, of either alphabet and with or without padding, or in a data: address. Raises FormatError."""
    text = text.strip()
    if address := _ADDRESS.match(text):
        if address[0].lower() != "data:":
            raise FormatError(f"{name} is an address, and nothing is fetched from elsewhere")
        head, _, text = text.partition(",")
        if not head.lower().endswith(";base64"):
            raise FormatError(f"{name} is a data: address without ;base64,")
        for escaped, sign in _ESCAPED.items():
            text = text.replace(escaped, sign)
    for end in "\r\n\t":
        text = text.replace(end, "")
    if "+" not in text and "/" not in text:
        text = text.replace("-", "+").replace("_", "/")
    letters = text.rstrip("=")
    missing = -len(letters) % 4
    if not letters:
        raise FormatError(f"{name} is empty")
    if wrong := re.search(r"[^A-Za-z0-9+/]", letters):
        raise FormatError(f"{name} is not base64: it has {wrong[0]!r} in it")
    if missing == 3 or len(text) - len(letters) not in (0, missing):
        raise FormatError(f"{name} is not base64: it is cut off")
    return base64.b64decode(letters + "=" * missing)


async def of_form(request: Request, settings: Settings) -> list[Sent]:
    """The files of a form. Raises HTTPException."""
    most = settings.max_pictures
    parser = MultiPartParser(request.headers, request.stream(), max_files=most, max_fields=10)
    parser.spool_max_size = settings.max_bytes  # the body is in memory already: no file is made of it
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise HTTPException(413, f"more than the limit of {most} pictures") from None
        raise HTTPException(422, f"the form cannot be read: {error.message}") from None
    except (LookupError, ValueError) as error:
        raise HTTPException(422, f"the form cannot be read: {type(error).__name__}") from None
    try:
        files = []
        for field, part in form.multi_items():
            if isinstance(part, str):
                why = f"the field {field!r} is text, and not a file (curl -F files=@photo.jpg)"
                raise HTTPException(422, f"{why}: parameters go into the address: ?single=true")
            name = part.filename or field
            files.append(Sent(await part.read(), name, name))
        if not files:
            raise HTTPException(422, "the form has no files")
        return files
    finally:
        await form.close()
