import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from conftest import Nodes, draw_digits
from read.many.fakes import FakeReader
from tenfold.engines.connection import connected
from tenfold.engines.jobs import Report
from tenfold.errors import ClusterError, StorageError
from tenfold.read.classifier import model_bytes
from tenfold.read.many import cluster, folder
from tenfold.read.many.processes import in_order, open_, read_many
from tenfold.read.many.rows import Row, Work
from tenfold.read.many.targets import expand
from tenfold.read.reader import Reader

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*")]


DIED = "the process that did it died (status 7): a fault in a library"


def slow(wait: float = 0.0, started: Path | None = None) -> Work:
    return Work(partial(FakeReader, wait, started))


@pytest.fixture(scope="module")
def ray(_head: Nodes) -> Iterator[Any]:
    """Ray, connected to a cluster of two nodes; a test may add a third, and kills it."""
    _head.add()
    _head.add()
    with connected(_head.address, packages=()) as connected_ray:
        yield connected_ray
    _head.clear()


@pytest.fixture
def head(_head: Nodes) -> Nodes:
    """The cluster, to add a node to it and kill that."""
    return _head


class Where:
    """The job of telling in which process it is done."""

    def __call__(self, report: Report) -> list[int]:
        return [os.getpid()]


def test_rows_are_those_of_local_reading(here: Path, ray: Any) -> None:
    for number, image in enumerate(draw_digits(40).images):
        Image.fromarray(255 - image.repeat(3, 0).repeat(3, 1)).save(f"{number}.png")
    (here / "cut.png").write_bytes((here / "1.png").read_bytes()[:60])
    paths = [*expand(["."]), "none.png", f"file://{here}/3.png"]
    work = Work(partial(Reader, model_bytes(), threshold=0.99, threads=1), True, (0, 0, 80, 84), True)
    places = {path: here / "boxes" / path for path in paths[:2]}
    mine = logging.StreamHandler()
    logging.getLogger("ray.data").addHandler(mine)
    rows = list(cluster.read_many(ray, work, paths, places=places))
    logging.getLogger("ray.data").removeHandler(mine)
    assert mine.level == logging.NOTSET  # only Ray's own is made silent
    assert rows == list(read_many(work, paths, workers=1))
    assert any(row.crops for row in rows)
    assert [row.error is None for row in rows] == [path not in ("cut.png", "none.png") for path in paths]
    assert len(list((here / "boxes").iterdir())) == 2


def test_faults_are_rows_and_a_model_is_loaded_once(tmp_path: Path, ray: Any) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "started").mkdir()
    paths = [*map(str, range(60)), "death", "61"]
    places = {"62": tmp_path / "file" / "62.png"}
    found = cluster.read_many(ray, slow(0.01, tmp_path / "started"), [*paths, *["62"] * 9], places=places)
    rows = [next(found) for _ in paths]
    with pytest.raises(StorageError, match="cannot write"):
        list(found)
    assert [row.path for row in rows] == paths
    assert rows[60] == Row("death", error=f"cannot read death: {DIED}")
    assert len(list((tmp_path / "started").iterdir())) == 4  # two, and two after death, which was tried by itself too


def test_a_process_that_dies_between_two_pictures_is_the_fault_of_neither() -> None:
    def read(*paths: str) -> list[Row]:
        return list(in_order(engine, slow(), None, [(path, None) for path in paths], 8))

    with open_(slow(), 1) as engine:
        assert read("late")[0].error is None
        time.sleep(0.5)
        assert read("1")[0].error is None
        paths = ["late", "1", "death", "death", "2", "late", "3"]
        rows = read(*paths)
        assert [row.path for row in rows] == paths
        assert [row.path for row in rows if row.error] == ["death", "death"]


def test_a_picture_at_which_rays_worker_is_killed_again_and_again_is_a_row(ray: Any) -> None:
    paths = [*map(str, range(20)), "killer", *map(str, range(20, 30)), "death"]
    rows = list(cluster.read_many(ray, slow(0.01), paths, workers=1))
    assert [row.path for row in rows] == paths
    assert [row.error for row in rows if row.error] == [
        "cannot read killer: Ray's worker was killed at it 3 times: too little memory for it",
        f"cannot read death: {DIED}",
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="SIGIO ends no process elsewhere")
def test_a_fault_without_end_ends_with_the_process_that_began_it() -> None:
    words = (
        "from tenfold.read.many.processes import open_, _Job; from read.many.test_cluster import Where, slow",
        "engine = open_(slow(), 1); engine.start(0, Where()); print(*engine.wait(60)[0].value, flush=True)",
        "engine.start(1, _Job([('stuck', None)])); engine.wait(60)",
    )
    folders = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", "; ".join(words)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": folders},
    ) as process:
        assert process.stdout is not None
        reader = int(process.stdout.readline())
        time.sleep(0.5)  # so that it is at it
        process.kill()
    for _ in range(50):
        try:
            if Path(f"/proc/{reader}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.1)
    os.kill(reader, signal.SIGKILL)
    raise AssertionError("the process that reads is still there")


def test_a_node_that_is_killed_costs_no_row(ray: Any, head: Nodes) -> None:
    third = head.add()
    paths = [str(k) for k in range(300)]
    rows = []
    for row in cluster.read_many(ray, slow(0.02), paths, workers=3):
        rows.append(row)
        if len(rows) == 60:
            head.kill(third)
    assert rows == list(read_many(slow(), paths, workers=1))


def test_a_node_that_is_killed_costs_no_row_of_a_folder(
    ray: Any, head: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow import parquet

    monkeypatch.setattr(cluster, "_FEW", 10)
    third = head.add()
    monkeypatch.chdir(tmp_path)  # and no node was begun there
    paths = [str(k) for k in range(290)] + ["death"]
    assert folder.kept("out/", {}) == set()
    counts: Counter[str] = Counter()
    for number, some in enumerate(cluster.read_folder(ray, slow(0.02), "out/", paths, workers=3)):
        counts += some
        if number == 2:
            head.kill(third)
    rows = parquet.read_table("out").to_pylist()
    assert sorted(row["path"] for row in rows) == sorted(paths)
    assert [row["error"] for row in rows if row["error"]] == [f"cannot read death: {DIED}"]
    assert counts.total() == 291
    assert counts["not read"] == 1
    assert folder.kept("out/", {}) == set(paths)


def test_a_node_without_the_disk_is_an_error(ray: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    cluster.check_shared(ray, [str(tmp_path)])
    monkeypatch.setattr("os.path.exists", lambda path: True)
    with pytest.raises(ClusterError, match="has no /none/here: give URLs"):
        cluster.check_shared(ray, ["/none/here"])
