"""What a service is started with."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from tenfold.errors import UsageError
from tenfold.serve.settings import Settings


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"threads": 0}, "--threads must be 1 or more, not 0"),
        ({"threads": 257}, "--threads must be 256 or less, not 257"),
        ({"queue": -1}, "--queue must be 0 or more, not -1"),
        ({"max_bytes": 0}, "--max-bytes must be 1 or more, not 0"),
        ({"max_pixels": 0}, "--max-pixels must be 1 or more, not 0"),
        ({"max_seconds": 0}, "--max-seconds must be above 0, not 0"),
        ({"max_pictures": -1}, "--max-pictures must be 1 or more, not -1"),
        ({"threshold": 2.0}, "--threshold must be a probability, from 0 to 1, not 2"),
        ({"threshold": float("nan")}, "--threshold must be a probability"),
        ({"token": ""}, "--token must not be empty"),
        ({"token": "two words"}, "--token must be printable ASCII without spaces"),
        ({"token": "schlüssel"}, "--token must be printable ASCII without spaces"),
        (
            {"origins": ("example.org",)},
            "--allow-origin must be an origin such as https://example.org, not example.org",
        ),
        ({"origins": ("*", "https://example.org/")}, "not https://example.org/"),
        ({"corrections": __file__}, "--corrections must be a folder"),
    ],
)
def test_wrong_settings(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        Settings(**wrong)
    assert says in str(raised.value)


def test_worker_processes_get_the_same(tmp_path: Path) -> None:
    settings = Settings(token="secret", origins=("*", "https://example.org"), corrections=str(tmp_path), queue=3)
    assert pickle.loads(pickle.dumps(settings)) == settings
