"""What goes between the two processes."""

import io

import pytest

from tenfold.errors import FormatError
from tenfold.read.decoding import child


def test_what_is_told_arrives() -> None:
    pipe = io.BytesIO()
    child.tell(pipe, {"name": "é"}, b"abc", memoryview(b"de"))
    pipe.seek(0)
    assert child.told(pipe) == {"name": "é"}
    assert child.exactly(pipe, 5) == b"abcde"
    with pytest.raises(EOFError):
        child.told(pipe)


@pytest.mark.parametrize("raw", [b"\0\0\0\2[]", b"\0\0\0\2{x", b"\0\0\0\2\xff\xfe"])
def test_nonsense_is_not_believed(raw: bytes) -> None:
    with pytest.raises(ValueError):
        child.told(io.BytesIO(raw))


def test_files_of_every_kind() -> None:
    with pytest.raises(FormatError, match="a is not a picture"):
        list(child.pages(b"hello", "a", 100, None))
