"""A reader of handwritten digits in one QR code: a page to draw on, its code, and a network.

    tenfold train tiny --channels 8,16,18,24 --weight-bits 3 --epochs 64 --final --out runs/poster
    python benchmarks/poster.py runs/poster

The code holds an address that begins with data:text/html, and is the page itself: nothing is fetched. The network has
weights of 3 bits, two to a character, and is computed in whole numbers. poster.html is the page's source. Writes
docs/poster.html, docs/poster.png, and results/poster.json with the network, its accuracy on the test digits and its
bytes.
"""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tenfold
from measuring import ROOT, Row, arguments, save
from tenfold.learn import networks
from tenfold.learn.export import integer
from tenfold.learn.export.integer import IntegerNetwork, Layer
from tenfold.mnist import embedded

MOST = 2953  # bytes that a QR code of version 40 holds, with the least correction
FIRST = 39  # the first of the characters, up to 91: none of them has a meaning in an address or a string
BASE = 53  # of numbers of two characters
WORD = BASE * (BASE // 2) + BASE // 2  # the greatest of these
LEVELS = 7  # of a weight, of which a character holds two
SHIFTS = (1, 28, 29, 30, 57)  # where an image begins in one with 29 pixels around: in its place, and one beside it
UNSURE = 1.5  # between the logits of the answer and the next: below, the answer has a question mark


def word(number: int) -> str:
    """A whole number up to WORD and down to -WORD, as two characters."""
    return "".join(chr(FIRST + code) for code in divmod(number + WORD, BASE))


def pairs(weights: list[int]) -> str:
    """Weights from -3 to 3, two to a character, the first as the lower part."""
    codes = [weight + LEVELS // 2 for weight in weights] + [0] * (len(weights) % 2)
    return "".join(chr(FIRST + low + LEVELS * high) for low, high in zip(codes[::2], codes[1::2], strict=True))


def scores(network: IntegerNetwork, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """What the page answers to images (N, 28, 28): the sums of the scores of five, moved by no and by one pixel."""
    around = np.pad(images.reshape(len(images), -1), ((0, 0), (29, 29)))
    moved = [around[:, first : first + 784].reshape(images.shape) for first in SHIFTS]
    found: NDArray[np.int64] = np.sum([network.scores(each).astype(np.int64) for each in moved], 0)
    return found


def page(network: IntegerNetwork) -> str:
    """The page, its lines as one. Of each layer: outputs, kernel, pool, whether depthwise, both shifts.

    All outputs of a depthwise layer have the same bias, and of an average the same multiplier: these are given once.
    """
    stream = ""
    weights: list[int] = []
    for k, layer in enumerate(network.layers):
        assert not layer.padding
        assert layer.output_side == (layer.side - layer.kernel + 1) // layer.pool
        alone, shift = layer.depthwise + layer.ones, 0 if k == len(network.layers) - 1 else layer.shift
        row = (layer.outputs, layer.kernel, layer.pool, alone, layer.bias_shift, shift)
        stream += "".join(chr(FIRST + number) for number in row)
        assert not alone or len(set(layer.bias.tolist())) == 1
        assert not layer.ones or len(set(layer.multiplier.tolist())) == 1
        for c, (multiplier, bias) in enumerate(zip(layer.multiplier.tolist(), layer.bias.tolist(), strict=True)):
            stream += word(multiplier) if not c or not layer.ones else ""
            stream += word(bias) if not c or not alone else ""
        weights += [] if layer.ones else layer.weights.ravel().tolist()
    text = (Path(__file__).parent / "poster.html").read_text(encoding="utf-8")
    values = {"unsure": f"{UNSURE * len(SHIFTS) * network.scale:.0f}", "layers": len(network.layers), "first": FIRST}
    for name, value in {**values, "numbers": stream, "weights": pairs(weights)}.items():
        text = text.replace(f"@{name}@", str(value))
    return text.replace("\n", "")


def row(layer: Layer) -> Row:
    """A layer with each of its arrays as a shape and a line of numbers."""
    return {
        name: {"shape": value.shape, "numbers": " ".join(map(str, value.ravel()))}
        if isinstance(value, np.ndarray)
        else value
        for name, value in vars(layer).items()
    }


def in_chromium(address: str, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """What the page itself answers."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"]).new_page()
        page.goto(address)
        parts = np.array_split(images.reshape(len(images), -1), 20)
        return np.concatenate([page.evaluate("images => images.map(R)", part.tolist()) for part in parts])


def main() -> None:
    import segno

    parser = arguments(__doc__)
    parser.add_argument("run", help="one with weights of 3 bits, in layers without padding")
    run = tenfold.Run.open(parser.parse_args().run)
    model, digits, test = run.model(), embedded.read("train"), embedded.read("test")
    some = np.random.default_rng(0).permutation(len(digits))[:1000]
    network = integer.of_network(model.network, digits.images[some], model.task.classes, word=WORD)
    address = "data:text/html," + page(network)
    size = len(address.encode("ascii"))
    wanted = scores(network, test.images)
    accuracy = float((wanted.argmax(1) == test.labels).mean())
    print(f"{size:,} of {MOST:,} bytes, {accuracy:.2%} of the test digits")
    if size > MOST:
        raise SystemExit("that is too large for a QR code")
    if not np.array_equal(in_chromium(address, test.images), wanted):
        raise SystemExit("the page computes other numbers than Python")
    (ROOT / "docs" / "poster.html").write_text(address.partition(",")[2] + "\n", encoding="ascii")
    code = segno.make(address, error="l", mode="byte", boost_error=False)
    code.save(str(ROOT / "docs" / "poster.png"), scale=3, border=4)
    about: Row = {"bytes": size, "accuracy": accuracy, "equal": len(wanted), "scale": network.scale}
    about |= {"parameters": networks.parameters(model.network), "fields": run.recipe.as_dict()}
    save("poster", about, [row(layer) for layer in network.layers])


if __name__ == "__main__":
    main()
