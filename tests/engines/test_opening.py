"""Engines by their name, and names and addresses that are refused."""

import pytest

from tenfold.engines.local import Processes
from tenfold.engines.opening import engine
from tenfold.errors import UsageError


def test_this_machine_is_the_default_and_starts_nothing_before_it_has_a_job() -> None:
    with engine(jobs=3) as opened:
        assert isinstance(opened, Processes)
        assert (opened.slots, opened.name) == (3, "3 processes of this machine")
        assert opened.wait(0) == []


def test_unknown_engines_and_stray_addresses_are_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'ray'"), engine("rey"):
        pass
    with pytest.raises(UsageError, match="--on ray"), engine(address="auto"):
        pass
