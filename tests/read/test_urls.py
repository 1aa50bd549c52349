"""Pictures by their URL: what is one, what is refused, and files of this machine by theirs."""

import sys
from pathlib import Path

import pytest

from tenfold.errors import DataError, MissingExtra, StorageError, UsageError
from tenfold.read import urls
from tenfold.read.many.targets import expand

pytest.importorskip("pyarrow")


def test_what_a_url_is() -> None:
    assert all(urls.is_url(f"{scheme}://bucket/7.png") for scheme in ("s3", "gs", "gcs", "abfs", "abfss", "file"))
    assert not any(map(urls.is_url, ("7.png", "s3:/bucket", "http://x/7.png", "s3/bucket", "-", "a/s3://b")))
    assert urls.local("file:///a b/7.png") == Path("/a b/7.png")
    assert urls.local("s3://bucket/7.png") is None


def test_files_by_their_url(tmp_path: Path) -> None:
    url = f"file://{tmp_path}"
    urls.put(f"{url}/a b/7%20.bin", b"seven")
    assert (tmp_path / "a b/7%20.bin").read_bytes() == b"seven"
    assert urls.content(f"{url}/a b/7%20.bin") == b"seven"
    assert urls.inside(url) == [(f"{url}/a b", True)]
    assert urls.inside(f"{url}/a b/") == [(f"{url}/a b/7%20.bin", False)]
    assert [urls.is_folder(f"{url}/{name}") for name in ("", "a b/7%20.bin", "none")] == [True, False, None]
    with pytest.raises(DataError, match="there is no picture file:///none"):
        urls.content("file:///none")
    with pytest.raises(StorageError, match="cannot write"):
        urls.put(f"{url}/a b/7%20.bin/x", b"")


@pytest.mark.parametrize(
    "url",
    [
        "s3://me:secret@bucket/7.png",
        "s3://me:sec/secret@bucket/7.png",
        "abfs://c@account.dfs.core.windows.net/7.png?client_id=a&client_secret=secret",
        "abfs://c@account.dfs.core.windows.net/7.png?sv=1&sig=sec/secret",
        "s3://bucket/7.png?secret_key=secret",
        "https://me:secret@host/7.png",
        "https://host/7.png?X-Amz-Signature=secret",
        "HTTPS://host/secret.png",
        "ftp://host/secret.png",
    ],
)
def test_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        urls.check(url)
    assert "secret" not in str(refused.value).replace("client_secret", "").replace("secret_key", "")


def test_what_is_no_secret_is_let_through() -> None:
    places = ("7.png", "-", "a:b@c.png", "s3://bucket/a:b@c.png", "abfs://c@account:10000/7.png", "file:///a?b=c.png")
    for place in (*places, "s3://bucket/7.png?region=x&endpoint_override=localhost:9000", ""):
        urls.check(place)
    with pytest.raises(UsageError, match="on another machine"):
        urls.check("file://host/7.png")


def test_a_folder_of_this_machine_needs_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.fs", None)
    urls._store.cache_clear()
    names = ["#1?x=2.png", "ü 50%.png"]
    for name in names:
        (tmp_path / name).touch()
    assert expand([f"file://{tmp_path}"]) == [f"file://{tmp_path}/{name}" for name in names]


def test_a_password_and_a_place_without_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leave the password out of s3://…@bucket"):
        urls.content("s3://me:secret@bucket/7.png")
    with pytest.raises(DataError, match="there is nothing at"):
        expand([f"file://{tmp_path}/none"])
    with pytest.raises(DataError, match="there are no pictures in"):
        expand([f"file://{tmp_path}"])
    assert expand([f"file://{tmp_path}/7.png"]) == [f"file://{tmp_path}/7.png"]  # told of when its turn comes


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.fs", None)
    urls._store.cache_clear()
    with pytest.raises(MissingExtra, match=r"tenfold\[cluster\]"):
        expand(["s3://bucket/scans"])
