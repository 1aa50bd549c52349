"""A trained network as one header of C99, for microcontrollers: whole numbers alone, without a library or a heap."""

import textwrap
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tenfold import files
from tenfold.learn.export import integer
from tenfold.learn.export.integer import IntegerNetwork
from tenfold.learn.training.runs import Target, find_model
from tenfold.mnist import sources

TEMPLATE = Path(__file__).parent / "digit.h"
_MEASURED = 1000  # training digits that show how large the numbers in a network become
_WIDTH = 112  # of lines
_FIELDS = (  # of a layer, in the order in which the header has them
    *("inputs", "outputs", "side", "kernel", "stride", "padding", "pool", "output_side"),
    *("depthwise", "ones", "zero_point", "bias_shift", "shift"),
)


def export(run: Target = None, path: str | Path | None = None) -> tuple[Path, IntegerNetwork]:
    """Write a run as a header of C99, by default digit.h in its folder; the path, and the network that it computes.

    Raises RunError for a model that cannot be used, UsageError where its network cannot be computed in whole numbers,
    DataError when the digits it has learnt from are gone, StorageError when the file cannot be written.
    """
    model, its_run, folder = find_model(run)
    path = Path(path) if path is not None else (its_run.path if its_run else folder) / "digit.h"
    recipe = model.recipe
    digits, _ = sources.load(recipe.data).split(recipe.val_size, final=recipe.final)
    some = np.random.default_rng(0).permutation(len(digits))[:_MEASURED]
    network = integer.of_network(model.network, digits.images[some], model.task.classes)
    files.content(path, header(network, recipe.name, path.name).encode())
    return path, network


def header(network: IntegerNetwork, name: str, file: str) -> str:
    """The text of the header, of a network with a name, as a file that is included by its name."""
    layers = network.layers
    bits = network.bits
    weights = [layer.weights.ravel() for layer in layers if not layer.ones]
    packed = pack(np.concatenate(weights).astype(np.int64), bits)
    handed = [layer.outputs * layer.output_side**2 for layer in layers[:-1]]
    rows = [[int(getattr(layer, name)) for name in _FIELDS] for layer in layers]
    values = {
        "recipe": _plain(name),
        "file": _plain(file),
        "classes": ", ".join(map(_plain, network.classes)),
        "last": len(network.classes) - 1,
        "outputs": len(network.classes),
        "scale": int(network.scale),
        "constants": f"{network.constants:,}",
        "ram": f"{network.ram:,}",
        "multiplications": f"{network.multiplications:,}",
        "version": version("tenfold"),
        "layers": len(layers),
        "table": ",\n".join(f"    {{{', '.join(map(str, row))}}}" for row in rows),
        "multipliers": _lines(number for layer in layers for number in layer.multiplier),
        "biases": _lines(number for layer in layers for number in layer.bias),
        "weights": _lines(packed),
        "bits": bits,
        "mask": 2**bits - 1,
        "middle": 2 ** (bits - 1),
        "even": max(handed[0::2], default=1),
        "odd": max(handed[1::2], default=1),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    return text


def pack(numbers: NDArray[np.int64], bits: int) -> NDArray[np.uint8]:
    """Signed numbers of so many bits, made positive, one after another, the lowest bit first; a byte of 0 is last."""
    positive = numbers + 2 ** (bits - 1)
    each = (positive[:, None] >> np.arange(bits)) & 1
    return np.append(np.packbits(each.astype(np.uint8).ravel(), bitorder="little"), np.uint8(0))


def _lines(numbers: Iterable[int]) -> str:
    return textwrap.indent(textwrap.fill(", ".join(map(str, numbers)), _WIDTH), "    ")


def _plain(text: str) -> str:
    """A name that does no harm in a comment."""
    return "".join(sign if sign.isalnum() or sign in " .-_" else "?" for sign in text)
