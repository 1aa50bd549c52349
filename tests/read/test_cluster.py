import os
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import Nodes, draw_digits
from tenfold.engines.connection import connected
from tenfold.errors import ClusterError, StorageError
from tenfold.read import cluster, parts
from tenfold.read.bulk import Row, Work, expand, read_many
from tenfold.read.classifier import model_bytes
from tenfold.read.decode import Page
from tenfold.read.reader import Digit, Reader, Reading

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*")]


class Slow(Reader):
    """Reads what a file's name says, in some time, and dies of pictures called death."""

    def __init__(self, wait: float = 0.0, begun: Path | None = None) -> None:
        self.wait = wait
        if begun is not None:
            (begun / str(os.getpid())).touch()

    def read(self, picture: object, *, single: bool = False, box: object = None) -> Reading:
        name = Path(str(picture)).stem
        if "death" in name:
            os.abort()
        time.sleep(self.wait)
        digits = [Digit(sign, 0.9, {sign: 0.9, "x": 0.06}, (1, 1, 4, 4), sign != "5") for sign in name]
        return Reading(tuple(digits), str(picture), 0.5, (Page(np.ones((8, 8, 3), np.float32), 8, 8),))


def slow(wait: float = 0.0, begun: Path | None = None) -> Work:
    return Work(partial(Slow, wait, begun), single=False, box=None, crops=False)


@pytest.fixture
def ray(nodes: Nodes) -> Iterator[Any]:
    """Ray, connected to a cluster of two nodes."""
    nodes.add()
    nodes.add()
    with connected(nodes.address, packages=()) as connected_ray:
        yield connected_ray


def test_rows_are_those_of_local_reading(here: Path, ray: Any) -> None:
    for number, image in enumerate(draw_digits(40).images):
        Image.fromarray(255 - image.repeat(3, 0).repeat(3, 1)).save(f"{number}.png")
    (here / "cut.png").write_bytes((here / "1.png").read_bytes()[:60])
    paths = [*expand(["."]), "none.png", f"file://{here}/3.png"]
    make = partial(Reader, model_bytes(), threshold=0.99, threads=1)
    places = {path: here / "boxes" / path for path in paths[:2]}
    rows = list(cluster.read_many(ray, Work(make, True, (0, 0, 80, 84), True), paths, places=places))
    assert rows == list(read_many(make, paths, single=True, box=(0, 0, 80, 84), crops=True, workers=1))
    assert any(row.crops for row in rows)
    assert [row.error is None for row in rows] == [path not in ("cut.png", "none.png") for path in paths]
    assert len(list((here / "boxes").iterdir())) == 2


def test_faults_are_rows_and_a_model_is_loaded_once(tmp_path: Path, ray: Any) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "begun").mkdir()
    paths = [*map(str, range(60)), "death", "61"]
    places = {"62": tmp_path / "file" / "62.png"}
    found = cluster.read_many(ray, slow(0.01, tmp_path / "begun"), [*paths, *["62"] * 9], places=places)
    rows = [next(found) for _ in paths]
    with pytest.raises(StorageError, match="cannot write"):
        list(found)
    assert [row.path for row in rows] == paths
    why = "the process that read it died (status -6): too little memory, or a fault in a decoder"
    assert rows[60] == Row("death", error=f"cannot read death: {why}")
    assert len(list((tmp_path / "begun").iterdir())) == 3


def test_a_node_that_is_killed_costs_no_row(nodes: Nodes, ray: Any) -> None:
    third = nodes.add()
    paths = [str(k) for k in range(400)]
    rows = []
    for row in cluster.read_many(ray, slow(0.02), paths, workers=3):
        rows.append(row)
        if len(rows) == 60:
            nodes.kill(third)
    assert rows == list(read_many(Slow, paths, workers=1))


def test_a_node_that_is_killed_costs_no_part(
    nodes: Nodes, ray: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "LEAST", 20)
    third = nodes.add()
    paths = [str(k) for k in range(390)] + ["death"]
    plan, _ = parts.settle(f"{tmp_path}/out.jsonl/", paths, {})
    counts: Counter[str] = Counter()
    for number, some in enumerate(cluster.read_parts(ray, slow(0.02), plan, plan.left(), workers=3)):
        counts += some
        if number == 2:
            nodes.kill(third)
    rows = [line for part in sorted((tmp_path / "out.jsonl").glob("0*")) for line in part.read_text().splitlines()]
    assert len(rows) == len(set(rows)) == 391
    assert counts.total() == 391
    assert counts["not read"] == 1
    assert plan.left() == []


def test_a_node_without_the_disk_is_told_of(ray: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.socket, "gethostname", lambda: "elsewhere")
    cluster.check_shared(ray, [str(tmp_path)])
    monkeypatch.setattr(cluster.os.path, "exists", lambda path: True)
    with pytest.raises(ClusterError, match="has no /none/here: give URLs"):
        cluster.check_shared(ray, ["/none/here"])
