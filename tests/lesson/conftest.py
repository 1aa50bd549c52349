"""What a notebook would show."""

import base64
import io
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
import pytest


class Shown(NamedTuple):
    kind: str
    picture: PIL.Image.Image
    alt: str
    width: int

    def share(self, color: str) -> float:
        """The share of pixels that are plainly red or blue."""
        red, _, blue = np.moveaxis(np.asarray(self.picture.convert("RGB"), dtype=int), 2, 0)
        more = red - blue if color == "red" else blue - red
        green = np.asarray(self.picture.convert("RGB"), dtype=int)[..., 1]
        # Orange has far more green than red has, beside its red; grey's blue is a little stronger than its red.
        return float(((more > 60) & (green < (90 if color == "red" else 256))).mean())


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Shown]:
    """All that is shown from now on."""
    found: list[Shown] = []

    def display(data: dict[str, str], metadata: dict[str, Any], raw: bool) -> None:
        assert raw
        ((kind, about),) = metadata.items()
        assert data["text/plain"] == about["alt"]
        picture = PIL.Image.open(io.BytesIO(base64.b64decode(data[kind])))
        found.append(Shown(kind, picture, about["alt"], about["width"]))

    pytest.importorskip("IPython")
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr("IPython.get_ipython", object)
    return found
