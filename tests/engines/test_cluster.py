"""A Ray cluster whose head dies is told, in place of waiting for Ray, which ends the process without a word."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from tenfold.engines import cluster
from tenfold.errors import ClusterError

pytest.importorskip("ray")


class Gone(Exception):
    pass


def stand_in(address: str) -> Any:
    """As much of the module `ray` as the engine uses, of a cluster with its head at an address and one core."""
    mailbox = SimpleNamespace(take=SimpleNamespace(remote=lambda: "reports"))
    asked: list[Any] = []

    def died(_: object) -> None:
        raise Gone

    return SimpleNamespace(
        asked=asked,
        get_runtime_context=lambda: SimpleNamespace(gcs_address=address, get_node_id=lambda: "0" * 56),
        remote=lambda **_: lambda _: SimpleNamespace(remote=lambda *_: mailbox),
        nodes=lambda: [{"Alive": True, "Resources": {"CPU": 1}}],
        wait=lambda refs, **_: (refs[:1], refs[1:]),
        get=died,
        kill=asked.append,
        exceptions=SimpleNamespace(RayError=Gone),
    )


def test_a_head_that_answers_no_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE", 0.1)
    monkeypatch.setattr(cluster, "_OFTEN", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        ray = stand_in(address)
        where = cluster.Cluster(ray)
        assert where.slots == 1
    with pytest.raises(ClusterError, match=f"nothing answers at {address}"), where:
        where.wait(1)
    with pytest.raises(ClusterError, match="the same command continues"):
        _ = where.slots  # which Ray would be asked for, and would not answer
    assert ray.asked == []  # nor is it asked to tidy up


def test_a_mailbox_that_died_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as head:
        where = cluster.Cluster(stand_in(f"127.0.0.1:{head.getsockname()[1]}"))
        with pytest.raises(ClusterError, match="the head of the Ray cluster is gone"):
            where.wait(1)
