"""A look inside the networks: what each layer makes of a drawn digit, one unit's sum, and the answer without some."""

import base64
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tenfold.errors import UsageError
from tenfold.learn.explain.counterfactual import counterfactual
from tenfold.learn.explain.layers import Layer, layers, without
from tenfold.learn.networks.inference import infer
from tenfold.mnist import SIDE, sources
from tenfold.play.session import Session

WIDTHS = (3, 2, 2, 1, 1, 1)  # units that are followed back from the answer, of each that was: those that give most
SHOWN = 4  # units before, whose part of a sum is shown
COUNTED = 2_000  # validation digits
STEPS = 120  # of the search for the least change


class Look(Protocol):
    """What is looked at: a network at a moment, a drawn digit or what is left of it, and units that are off."""

    track: int
    digit: int
    seen: int | None
    covered: str | None
    off: dict[str, list[int]]


def maps(session: Session, look: Look) -> dict[str, Any]:
    """What each layer hands on, and how sure the answers are; with what matters most, followed back from the answer.

    Maps are told in 8 bits, 128 is 0, the largest of a layer 255 or 1. Raises UsageError.
    """
    network, image = _asked(session, look)
    found = layers(network, image, look.off)
    rows = [
        {
            "name": layer.name,
            "kind": layer.kind,
            "size": list(layer.maps.shape),
            "levels": levels(layer.maps),
            "joins": joins,
        }
        for layer, joins in zip(found, followed(found), strict=True)
    ]
    ink = base64.b64encode(image.tobytes()).decode("ascii")
    return {"ink": ink, "layers": rows, "now": _softmax(found[-1].maps)}


def followed(found: list[Layer]) -> list[list[tuple[int, int, float]]]:
    """Of each layer, which units before matter most for those that matter, from the answer back.

    A row is the unit before, the unit, and the part of the sum as a share of the unit's largest part. The first layer
    has none: the picture is before it.
    """
    rows: list[list[tuple[int, int, float]]] = []
    units = [int(found[-1].maps.argmax())]
    for depth, layer in enumerate(reversed(found[1:])):
        parts = layer.parts
        width = WIDTHS[min(depth, len(WIDTHS) - 1)]
        some = []
        for unit in units:
            best = np.argsort(-np.abs(parts[unit]))[:width]
            largest = max(float(np.abs(parts[unit]).max()), 1e-12)
            some += [(int(k), unit, float(parts[unit, k]) / largest) for k in best if parts[unit, k]]
        rows.append(some)
        units = sorted({before for before, _, _ in some})
    return [[], *reversed(rows)]


def unit(session: Session, look: Look, layer: str, number: int) -> dict[str, Any]:
    """The sum of a unit where it is largest: the weights, what they are multiplied by, and what comes of it.

    Raises UsageError for a unit that there is not.
    """
    network, image = _asked(session, look)
    found = next((one for one in layers(network, image, look.off) if one.name == layer), None)
    if found is None or not 0 <= number < len(found.maps):
        raise UsageError(f"the network has no unit {number} in a layer {layer}")
    weights, given = found.weights[number], found.given[number]
    parts = found.parts[number]
    order = np.argsort(-np.abs(parts))[:SHOWN]
    scales = [float(np.abs(each).max()) for each in (weights, given, weights * given)]
    return {
        "size": list(weights.shape),
        "place": found.places[number].tolist(),
        "bias": float(found.bias[number]),
        "sum": float(parts.sum() + found.bias[number]),
        "hands_on": float(found.maps[number].max()),
        "parts": [
            {
                "of": int(k),
                "part": float(parts[k]),
                "weights": levels(weights[k], scales[0]),
                "given": levels(given[k], scales[1]),
                "products": levels(weights[k] * given[k], scales[2]),
            }
            for k in order
        ],
        "others": float(parts.sum() - parts[order].sum()),
    }


def accuracy(session: Session, look: Look) -> dict[str, Any]:
    """The share of 2,000 validation digits that are answered right, with all units and without some."""
    network, _ = session.track(look.track).watch.at(look.seen)
    _, validation = sources.load(session.data).split()
    if validation is None:
        raise UsageError("there are no validation digits to count")
    some = validation.take(np.arange(min(COUNTED, len(validation))))
    images, labels = torch.from_numpy(some.images), torch.from_numpy(some.labels)

    def right() -> float:
        return float((infer(network, images).argmax(1) == labels).float().mean())

    before = right()
    with without(network, look.off):
        return {"before": before, "after": right(), "n": len(labels)}


def change(session: Session, look: Look, wanted: int) -> dict[str, Any]:
    """The least change found that makes a digit another: the picture, or none, and how sure the network is of it."""
    network, image = _asked(session, look)
    if not 0 <= wanted < len(session.classes):
        raise UsageError(f"there is no class {wanted}")
    found = counterfactual(network, image, wanted, steps=STEPS)
    if found is None:
        return {"ink": None}
    difference = found.astype(np.float32) - image
    return {
        "ink": base64.b64encode(found.tobytes()).decode("ascii"),
        "difference": levels(difference, 255.0),
        "changed": float(np.abs(difference).sum() / max(1.0, float(image.sum()))),
        "now": infer(network, torch.from_numpy(found)[None]).softmax(1)[0].tolist(),
    }


def levels(values: NDArray[np.float32], scale: float | None = None) -> str:
    """Numbers in 8 bits, 128 is 0, in base64."""
    scale = (float(np.abs(values).max()) if scale is None else scale) or 1.0
    found = np.round(np.nan_to_num(values) / scale * 127 + 128).clip(1, 255).astype(np.uint8)
    return base64.b64encode(found.tobytes()).decode("ascii")


def _asked(session: Session, look: Look) -> tuple[nn.Sequential, NDArray[np.uint8]]:
    """The network as it was at a moment, and a drawn digit or what was left of it when some was covered."""
    network, _ = session.track(look.track).watch.at(look.seen)
    digits = session.digits
    if digits is None or look.digit >= len(digits):
        raise UsageError("there is no such digit: write one")
    if look.covered is None:
        image: NDArray[np.uint8] = digits[look.digit].numpy()
        return network, image
    try:
        ink = base64.b64decode(look.covered, validate=True)
    except ValueError:
        ink = b""
    if len(ink) != SIDE * SIDE:
        raise UsageError(f"what is left of a digit must be {SIDE * SIDE} bytes in base64")
    return network, np.frombuffer(bytearray(ink), np.uint8).reshape(SIDE, SIDE)


def _softmax(logits: NDArray[np.float32]) -> list[float]:
    found: list[float] = torch.from_numpy(logits.ravel()).softmax(0).nan_to_num().tolist()
    return found
