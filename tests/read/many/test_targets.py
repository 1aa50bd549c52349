"""Which pictures are meant by files, folders, globs and URLs, and in which order."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tenfold.errors import DataError
from tenfold.read.many.targets import expand, stream


def touch(folder: Path, *names: str) -> None:
    for name in names:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"")


def test_folders_are_expanded_in_natural_order(here: Path) -> None:
    touch(here, "s/10.png", "s/2.PNG", "s/note.txt", "s/.hidden.png", "s/.git/1.png", "s/b/1.jpeg", "s/a 2/1.pdf")
    touch(here, "s/a 10/1.tif")
    assert [p.replace(os.sep, "/") for p in expand(["s"])] == [
        *("s/2.PNG", "s/10.png", "s/a 2/1.pdf", "s/a 10/1.tif", "s/b/1.jpeg")
    ]
    assert expand(["s/"]) == expand(["s"])


def test_globs(here: Path) -> None:
    touch(here, "s/10.png", "s/9.png", "s/deep/er/1.png", "s/deep/x.dat", "s/[1].png")
    assert expand(["s/*.png"]) == ["s/9.png", "s/10.png", "s/[1].png"]
    assert expand(["s/**"]) == ["s/9.png", "s/10.png", "s/[1].png", "s/deep/er/1.png"]
    assert expand(["s/**/*.dat"]) == ["s/deep/x.dat"]
    assert expand(["s/[1].png"]) == ["s/[1].png"]


def test_each_picture_once_and_missing_ones_stay(here: Path) -> None:
    touch(here, "s/1.png", "s/2.png")
    assert expand(["s/2.png", "s", "./s/1.png", "none.png", "-", "-"]) == ["s/2.png", "s/1.png", "none.png", "-"]


def test_nothing_to_read_is_an_error(here: Path) -> None:
    (here / "empty").mkdir()
    with pytest.raises(DataError, match="there are no pictures in empty"):
        expand(["empty"])
    with pytest.raises(DataError, match=r"no picture matches \*\.png"):
        expand(["*.png"])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_cannot_be_read(here: Path) -> None:
    touch(here, "s/1.png", "s/shut/2.png")
    (here / "s/shut").chmod(0)
    with pytest.raises(DataError, match="cannot read the folder"):
        expand(["s"])
    (here / "s/shut").chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_pipes_and_devices_in_a_folder_are_no_pictures(here: Path) -> None:
    touch(here, "d/1.png")
    os.mkfifo(here / "d/2.png")
    (here / "d/3.png").symlink_to("/dev/zero")
    (here / "d/4.png").symlink_to("gone")  # told of when its turn comes
    assert [Path(place).name for place in expand(["d"])] == ["1.png", "4.png"]


def test_names_in_a_folder_cannot_end_the_reading(here: Path) -> None:
    touch(here, "~nobody.png", "~$1.png", "~root/1.png", "b.png")
    (here / "loop.png").symlink_to("loop.png")
    for found in (expand(["."]), list(stream(["."]))):
        assert found == ["b.png", "loop.png", "./~$1.png", "./~nobody.png", "./~root/1.png"]
    assert expand(["~nobody.png"]) == ["~nobody.png"]


def test_folders_may_be_deep(here: Path) -> None:
    place = os.getcwd()
    for _ in range(1500):  # more than there may be calls in calls, in no more than the system allows of a path
        os.mkdir("d")
        os.chdir("d")
    Path("1.png").touch()
    os.chdir(place)
    try:
        assert expand(["d"]) == [f"{'d/' * 1500}1.png"]
    finally:
        subprocess.run(["rm", "-r", "d"], check=True)  # shutil's own calls are too deep


def test_pictures_as_they_are_found_are_those_of_expand(here: Path) -> None:
    for name in ("10.png", "2.png", "a/3.png", "a/b/1.jpg", ".x/1.png", "n.txt", "c 1/1.png"):
        (here / "s" / name).parent.mkdir(parents=True, exist_ok=True)
        (here / "s" / name).touch()
    (here / "s/loop").symlink_to(here / "s")
    url = f"file://{here}/s"
    for targets in (["s"], ["s", "s/2.png", "none.png"], ["s/**/*.png"], [url], [f"{url}/2.png"]):
        assert list(stream(targets)) == expand(targets)
    assert [path.removeprefix("file://") for path in expand([url])] == [str(here / path) for path in expand(["s"])]
    assert json.dumps(expand(["s"])) == '["s/2.png", "s/10.png", "s/a/3.png", "s/a/b/1.jpg", "s/c 1/1.png"]'
