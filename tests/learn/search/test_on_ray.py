"""Studies and tunings on a Ray cluster of several nodes: the same results, and no work lost where a node dies."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from torch import Tensor

from conftest import Nodes, marked, until
from learn.trainings import same, weights
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search.trials import live

pytestmark = pytest.mark.slow

SMALL = Recipe(name="small", network="mlp", hidden=(64,), epochs=6, batch_size=8, lr=1e-2, dropout=0.2)
SEARCH = ["lr=1e-4..1e-1:log", "hidden=16,32", "dropout=0..0.6"]


def begin(verb: str, *words: object, address: str | None = None, **environment: str) -> "subprocess.Popen[str]":
    ray = [] if address is None else ["--on", "ray", "--address", address]
    command = [sys.executable, "-m", "tenfold", verb, "small.json", *map(str, words), *ray]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )


def end(running: "subprocess.Popen[str]", seconds: float = 300) -> tuple[str, str]:
    out, err = running.communicate(timeout=seconds)
    assert running.returncode == 0, err
    return out, err


def seeds(folder: Path) -> dict[str, Tensor]:
    """All weights of a study, by the seed and their names."""
    every = {place.name: weights(place) for place in folder.glob("seeds/*")}
    return {f"{seed}/{name}": value for seed, found in every.items() for name, value in found.items()}


def trials(folder: Path) -> list[Any]:
    study = optuna.load_study(study_name="tenfold", storage=f"sqlite:///{(folder / 'study.db').absolute()}")
    every = live(study.get_trials())  # a trial whose node died has another number
    study._storage._backend.engine.dispose()  # type: ignore[attr-defined]
    return [(k, t.state.name, t.params, t.value, t.intermediate_values) for k, t in enumerate(every)]


def unnamed(confirmed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was confirmed, without the numbers of trials, of which one more was begun where a node died."""
    return [{**row, "name": "", "fields": {**row["fields"], "name": ""}} for row in confirmed]


def states(folder: Path) -> list[str]:
    try:
        return [trial[1] for trial in trials(folder)]
    except Exception:  # noqa: BLE001 - it is being made
        return []


@pytest.fixture(scope="module")
def local(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What processes of this machine give: a study, and a tuning whose trials came one after the other."""
    folder = tmp_path_factory.mktemp("local")
    SMALL.save(folder / "small.json")
    for words in (
        ["study", "small.json", "--seeds", "6", "--out", "study"],
        ["tune", "small.json", *SEARCH, "--trials", "7", "--seeds", "1", "--jobs", "1", "--out", "tune"],
    ):
        command = [sys.executable, "-m", "tenfold", *words, "--data", str(data)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


def test_a_study_gives_the_same_though_a_node_dies(nodes: Nodes, data: Path, here: Path, local: Path) -> None:
    SMALL.save(here / "small.json")
    _, doomed = nodes.add(), nodes.add()
    running = begin("study", "--seeds", 6, "--data", data, "--out", "study", address=nodes.address)
    # Once two are back, others are under way on both nodes.
    until(lambda: len(list(here.glob("study/seeds/*/result.json"))) >= 2, running)
    nodes.kill(doomed)
    _, err = end(running)
    assert err.count("validation accuracy") == 6  # each is told once
    assert "3 nodes" in err
    assert same(seeds(here / "study"), seeds(local / "study"))
    ours, theirs = (json.loads((place / "study" / "study.json").read_text()) for place in (here, local))
    assert ours["mean"] == theirs["mean"]


def test_a_tuning_gives_the_same_though_a_node_dies(nodes: Nodes, data: Path, here: Path, local: Path) -> None:
    SMALL.save(here / "small.json")
    doomed = nodes.add()
    words = [*SEARCH, "--trials", 7, "--seeds", 1, "--jobs", 1, "--data", data, "--out", "tune"]
    running = begin("tune", *words, address=nodes.address)
    until(lambda: states(here / "tune").count("COMPLETE") >= 2 and "RUNNING" in states(here / "tune"), running)
    nodes.kill(doomed)  # the only one with a core, so that the trial was on it
    nodes.add()
    end(running)
    assert trials(here / "tune") == trials(local / "tune")
    ours, theirs = (json.loads((place / "tune" / "tuning.json").read_text()) for place in (here, local))
    assert unnamed(ours["confirmed"]) == unnamed(theirs["confirmed"])
    assert ours["best"] == theirs["best"]


@pytest.mark.parametrize("verb", ["study", "tune"])
def test_the_same_command_goes_on_when_its_driver_was_killed(
    nodes: Nodes, data: Path, here: Path, local: Path, verb: str
) -> None:
    SMALL.save(here / "small.json")
    nodes.add()
    nodes.add()
    words = {
        "study": ["--seeds", 6, "--data", data, "--out", "study"],
        "tune": [*SEARCH, "--trials", 7, "--seeds", 1, "--jobs", 1, "--data", data, "--out", "tune"],
    }[verb]
    running = begin(verb, *words, address=nodes.address)
    if verb == "study":
        until(lambda: len(list(here.glob("study/seeds/*/result.json"))) >= 2, running)
    else:
        until(lambda: states(here / "tune").count("COMPLETE") >= 2 and "RUNNING" in states(here / "tune"), running)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=120)
    done = {place: place.stat().st_mtime_ns for place in here.glob("study/seeds/*/result.json")}
    end(begin(verb, *words, address=nodes.address))
    assert all(place.stat().st_mtime_ns == then for place, then in done.items())
    if verb == "study":
        assert same(seeds(here / "study"), seeds(local / "study"))
    else:
        assert trials(here / "tune") == trials(local / "tune")


def test_a_ray_of_this_machine_alone_ends_with_the_command(data: Path, here: Path, local: Path) -> None:
    SMALL.save(here / "small.json")
    mark = f"mark{os.getpid()}-{time.time()}"
    command = [sys.executable, "-m", "tenfold", "study", "small.json", "--on", "ray", "--data", str(data)]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    done = subprocess.run(
        [*command, "--seeds", "2", "--out", "s"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert "Ray, 1 node, " in done.stderr
    first_two = {name: value for name, value in seeds(local / "study").items() if name[:3] in ("000", "001")}
    assert same(seeds(here / "s"), first_two)
    # Ctrl-C in the middle leaves nothing either, and the status of an interruption.
    running = begin("study", "--seeds", 40, "--data", data, "--out", "long", "--on", "ray", TENFOLD_MARK=mark)
    until(lambda: list(here.glob("long/seeds/*/result.json")), running)
    assert len(marked(mark)) > 3  # itself, and Ray's own
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "the same command resumes" in err
    until(lambda: not marked(mark))


def test_an_address_without_a_cluster_is_told_at_once(data: Path, here: Path) -> None:
    SMALL.save(here / "small.json")
    for address, told in (("127.0.0.1:1", "there is no Ray at 127.0.0.1:1"), ("nonsense", "HOST:PORT")):
        running = begin("study", "--data", data, address=address)
        _, err = running.communicate(timeout=120)
        assert running.returncode == 1
        assert told in err
        assert err.count("\n") == 1
