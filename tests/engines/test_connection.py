"""Finding Ray: addresses, nodes with other versions, and signals meanwhile. The clusters here are stand-ins."""

import io
import signal
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from tenfold.engines import connection
from tenfold.errors import ClusterError


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("somewhere", "must be HOST:PORT, ray://HOST:PORT or auto, not somewhere"),
        ("127.0.0.1:1", "there is no Ray at 127.0.0.1:1"),
        ("ray://127.0.0.1:99999", "the port of ray://127.0.0.1:99999 must be from 1 to 65535"),
        ("127.0.0.1:0", "must be from 1 to 65535"),
    ],
)
def test_addresses_at_which_there_is_no_cluster(address: str, says: str) -> None:
    with pytest.raises(ClusterError, match=says):
        connection._check_reachable(address)


class Died(Exception):
    """What Ray raises where a node is gone."""


def stand_in(answers: dict[str, Any]) -> Any:
    """As much of the module `ray` as is needed to ask nodes, by their host names; one of them is dead already."""
    nodes = [{"Alive": True, "NodeManagerHostname": name, "NodeID": f"{k:056}"} for k, name in enumerate(answers)]

    def get(name: str, timeout: float) -> Any:
        if isinstance(answers[name], Exception):
            raise answers[name]
        return answers[name]

    def options(scheduling_strategy: Any) -> Any:
        name = list(answers)[int(scheduling_strategy.node_id)]
        return SimpleNamespace(remote=lambda _: name)

    return SimpleNamespace(
        nodes=lambda: [*nodes, {"Alive": False, "NodeManagerHostname": "dead", "NodeID": "f" * 56}],
        remote=lambda **_: lambda _: SimpleNamespace(options=options),
        get=get,
        exceptions=SimpleNamespace(TaskUnschedulableError=Died, NodeDiedError=Died, WorkerCrashedError=Died),
    )


def test_nodes_answer_for_themselves_and_those_that_died_meanwhile_are_left_out() -> None:
    pytest.importorskip("ray")
    error = RuntimeError("no such module")
    ray = stand_in({"here": 1, "one": 2, "gone": Died(), "broken": error})
    assert list(connection.ask_nodes(ray, len, "", but="here")) == [("one", 2), ("broken", error)]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (RuntimeError("no module tenfold"), r"cannot run tenfold: .* \(no module tenfold\)"),
        ("Python 3.1, tenfold 0.0", "has Python 3.1, tenfold 0.0, here is Python .*: results would differ"),
    ],
)
def test_nodes_with_other_versions_are_refused(answer: Any, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    same = connection._versions(["numpy", "no-such-package"])
    assert "numpy" in same
    assert "no-such-package" not in same
    monkeypatch.setattr(connection, "ask_nodes", lambda *_: iter([("one", connection._versions(["numpy"]))]))
    connection._check_versions(None, "auto", ["numpy"])
    monkeypatch.setattr(connection, "ask_nodes", lambda *_: iter([("other", answer)]))
    with pytest.raises(ClusterError, match=f"the node other of auto {says}"):
        connection._check_versions(None, "auto", ["numpy"])


def test_signals_are_held_and_their_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with connection._signals(hold=True) as held:
        signal.raise_signal(signal.SIGINT)
        assert held == [signal.SIGINT]
    with connection._signals() as held:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert held == []
    assert signal.getsignal(signal.SIGINT) is before


def test_what_rays_own_threads_print_is_left_out() -> None:
    written = io.StringIO()
    stream = connection._WithoutRay(written)
    threads = [
        threading.Thread(target=print, args=(name,), kwargs={"file": stream}, name=name) for name in ("ray_x", "x")
    ]
    for thread in threads:
        thread.start()
        thread.join()
    print("main", file=stream)
    assert written.getvalue() == "x\nmain\n"
    assert not stream.isatty()
