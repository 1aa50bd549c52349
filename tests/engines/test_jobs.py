"""Both engines can do what an engine is asked for."""

import inspect

import pytest

from tenfold.engines.cluster import Cluster
from tenfold.engines.jobs import Engine
from tenfold.engines.local import Processes


@pytest.mark.parametrize("kind", [Processes, Cluster])
@pytest.mark.parametrize("method", ["start", "wait"])
def test_an_engine_has_the_methods_of_the_protocol(kind: type, method: str) -> None:
    assert inspect.signature(getattr(kind, method)) == inspect.signature(getattr(Engine, method))
