import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Cli, Nodes, marked, on_paper, until, write_number

pytest.importorskip("ray")
parquet = pytest.importorskip("pyarrow.parquet")
PICTURES = 120


@pytest.fixture
def scans(here: Path) -> Path:
    """Copies of a few numbers, a blank picture and one that is cut off."""
    (here / "scans").mkdir()
    for k, number in enumerate(("3827", "140", "62")):
        Image.fromarray(on_paper(write_number(number, size=40))).save(here / f"scans/{k}.png")
    for k in range(3, PICTURES - 2):
        shutil.copy(here / f"scans/{k % 3}.png", here / f"scans/{k}.png")
    Image.fromarray(np.full((50, 50), 240, np.uint8)).save(here / "scans/blank.png")
    (here / "scans/cut.png").write_bytes((here / "scans/0.png").read_bytes()[:200])
    return here


def begin(*words: object, **environment: str) -> subprocess.Popen[str]:
    """`tenfold read scans …` as a process, in a session of its own as in a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "tenfold", "read", "scans", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | environment,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def wait_for(part: Path, lines: int, running: "subprocess.Popen[str]") -> None:
    until(lambda: part.exists() and part.read_bytes().count(b"\n") >= lines, running)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("scans --on dask", "unknown --on 'dask'"),
        ("scans --address auto", "it needs --on ray"),
        ("- --on ray", "standard input is read here"),
        ("scans --on ray --device cuda", "on Ray it is done on CPUs"),
        ("scans --on ray -o out/ --json", "leave out --json, --review, --annotate"),
        ("scans --on ray -o s3://bucket/out --review r.html", "leave out --json, --review, --annotate"),
        ("scans -o out/", "--on ray writes files into one"),
        ("scans -o s3://bucket/out.csv", "is not on this machine's disk"),
        ("scans -o s3://me:secret@bucket/out.csv", "leave the password out of s3://…@bucket"),
        ("scans --on ray --json -o s3://me:secret@bucket/out", "leave the password out of s3://…@bucket"),
        ("https://me:secret@host/7.png", "leave the password out of https://…@host"),
        ("scans --on ray --threshold 2", "must be a probability"),
        ("scans --on ray --workers 0", "--workers must be 1 or more"),
    ],
)
def test_what_cannot_be_meant(tenfold_cli: Cli, here: Path, words: str, says: str) -> None:
    Path("scans").mkdir()
    Image.new("L", (28, 28)).save("scans/1.png")
    done = tenfold_cli("read", *words.split())
    assert (done.status, done.out) == (2, "")
    assert says in done.err
    assert "secret" not in done.err
    assert done.err.count("\n") == 1
    assert [place.name for place in here.iterdir()] == ["scans"]


def test_no_cluster_is_one_line(tenfold_cli: Cli, here: Path) -> None:
    Image.new("L", (28, 28)).save("1.png")
    done = tenfold_cli("read", "1.png", "--on", "ray", "--address", "127.0.0.1:1", "-o", "out.csv")
    assert (done.status, done.out) == (1, "")
    assert "there is no Ray at 127.0.0.1:1" in done.err
    assert done.err.count("\n") == 1
    assert sorted(place.name for place in here.iterdir()) == ["1.png"]


@pytest.mark.slow
def test_on_a_ray_of_its_own_all_is_as_here(tenfold_cli: Cli, scans: Path) -> None:
    for path in list((scans / "scans").glob("??*.png")):
        if path.stem.isdigit():
            path.unlink()
    local = tenfold_cli("read", "scans", "--json", "-o", "here.csv", "--review", "here.html", "--threshold", 0.9)
    # What another reading left is not taken for this one's.
    Path("ray.csv").write_text("path,text,sure,digits,lowest_probability,error\nscans/0.png,9,true,1,0.9999,\n")
    words = ("--json", "-o", "ray.csv", "--review", "ray.html", "--threshold", 0.9, "--on", "ray", "--workers", 1)
    status, out, err = ended(begin(*words))
    assert (status, out) == (local.status, local.out)
    assert status == 3
    assert all("error" in json.loads(line) or json.loads(line)["digits"] is not None for line in out.splitlines())
    assert err == local.err.replace("here.", "ray.")  # nothing of Ray's
    assert Path("ray.csv").read_bytes() == Path("here.csv").read_bytes()
    assert Path("ray.html").read_bytes() == Path("here.html").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("output", ["out.csv", "out/"])
def test_the_same_command_goes_on_after_kill_9(
    tenfold_cli: Cli, scans: Path, nodes: Nodes, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tenfold_cli("read", "scans", "-o", "here.csv", "-q").status == 3
    nodes.add()
    nodes.add()
    words = ("-o", output, "--on", "ray", "--address", nodes.address)
    # Files of a few pictures each, by a sitecustomize: a module that Python imports before any other.
    Path("site").mkdir()
    Path("site/sitecustomize.py").write_text("import tenfold.read.many.cluster as c; c._FEW = 10")
    environment = {"PYTHONPATH": str(scans / "site")}
    first = begin(*words, **environment)
    if output.endswith("/"):
        until(lambda: len(list(Path("out").glob("*.parquet"))) >= 2, first)
    else:
        wait_for(Path("out.csv.part"), 30, first)
    first.kill()
    ended(first)
    status, _, err = ended(begin(*words, **environment))
    assert status == 3
    kept = re.search(r"120 pictures: ([0-9]+) kept, ", err)
    assert kept is not None
    assert 0 < int(kept[1]) < PICTURES
    if output.endswith("/"):
        rows = {row["path"]: row for row in parquet.read_table("out").to_pylist()}
        assert len(rows) == PICTURES
        assert tenfold_cli("read", "scans", "-o", "here.parquet", "-q").status == 3
        assert list(rows.values()) == parquet.read_table("out").to_pylist()  # none is there twice
        assert rows == {row["path"]: row for row in parquet.read_table("here.parquet").to_pylist()}
        status, _, err = ended(begin(*words, **environment))
        assert (status, err) == (0, "120 pictures: 120 kept, none to read; see out/\n")
    else:
        assert Path("out.csv").read_bytes() == Path("here.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked for in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_no_process(scans: Path, how: signal.Signals) -> None:
    mark = f"mark{os.getpid()}-{time.time()}"
    process = begin("-o", "out.csv", "--on", "ray", "--workers", "1", TENFOLD_MARK=mark)
    wait_for(Path("out.csv.part"), 20, process)
    assert len(marked(mark)) > 4  # itself, Ray's own, one that reads
    # As a terminal's Ctrl-C and as `kill`: where Ray's own processes get a SIGTERM too, its core ends ours with them.
    (os.killpg if how == signal.SIGINT else os.kill)(process.pid, how)
    status, out, err = ended(process)
    assert (status, out) == (130, ""), err
    last = err.splitlines()[-1]
    assert re.fullmatch(r"tenfold: stopped after [0-9]+ of 120 pictures; the same command continues", last)
    until(lambda: not marked(mark))


@pytest.mark.filterwarnings("ignore")  # of Ray Data itself
def test_whatever_ray_reports_after_a_signal_is_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    from tenfold.engines import connection
    from tenfold.read.many import cluster

    asked: list[int] = []
    monkeypatch.setattr(connection, "_ASKED", asked)
    for error in (OSError, KeyboardInterrupt):
        with pytest.raises(error), cluster._errors(ray):
            raise OSError("the other process is gone")
        asked.append(signal.SIGTERM)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an object store like S3, to which the environment points."""
    if importlib.util.find_spec("moto") is None:
        pytest.skip("moto is not installed")
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        address = next(found[0] for line in lines if (found := re.search(r"http://127.0.0.1:[0-9]+", line)))
        for name, value in (("ENDPOINT_URL", address), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield address
        process.kill()


@pytest.mark.slow
def test_from_and_to_an_object_store(tenfold_cli: Cli, scans: Path, store: str) -> None:
    from pyarrow import csv, fs

    bucket = fs.S3FileSystem(allow_bucket_creation=True, endpoint_override=store, scheme="http")
    bucket.create_dir("bucket/in/a b")
    names = ["0.png", "1.png", "cut.png"]
    for name in names:
        with bucket.open_output_stream(f"bucket/in/a b/{name}") as opened:
            opened.write((scans / "scans" / name).read_bytes())
    status = tenfold_cli("read", "s3://bucket/in", "-o", "here.csv").status
    assert status == 3
    process = subprocess.run(
        [sys.executable, "-m", "tenfold", "read", "s3://bucket/in", "-o", "s3://bucket/out", "--on", "ray"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 3
    assert process.stderr == "3 pictures: 2 sure, 1 not read; see s3://bucket/out\n"
    rows = parquet.read_table("bucket/out", filesystem=bucket)
    assert rows["text"].to_pylist() == ["3827", "140", ""]
    assert csv.read_csv("here.csv")["path"].to_pylist() == [f"s3://bucket/in/a b/{name}" for name in names]
    for target in ("s3://none/in", "s3://bucket/nothing"):
        done = tenfold_cli("read", target, "--on", "ray", "-o", "out.csv")
        assert (done.status, done.err.count("\n")) == (1, 1)
        assert f"there is nothing at {target}" in done.err
