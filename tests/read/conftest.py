"""A reader that the tests of the reading wing share."""

import pytest

import tenfold


@pytest.fixture(scope="session")
def reader() -> tenfold.Reader:
    """The bundled model's, which answers where it is not sure too."""
    return tenfold.Reader(always_answer=True)
