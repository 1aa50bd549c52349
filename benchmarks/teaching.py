"""How well is a handwriting learnt from a few corrections, and what is forgotten? A writer whose 7 looks like a 1.

    python benchmarks/teaching.py [--seeds 3] [--sizes 5 10 20 50]

The writer is drawn here: a 7 is a nearly upright stroke with a short flag, a 1 the stroke alone. Slant, flag and pen
differ from seed to seed, and a little from digit to digit. Each digit is written on paper and read by `tenfold.Reader`;
what the network saw of the 7s that were misread is saved, as `tenfold serve --corrections` does. The bundled model
then learns from them by `tenfold train --data DIR --init default`, and for comparison from them alone: 30 steps of all
of them, at the same rates, without MNIST. Both are scored on new digits of the same writer, on the 10,000 validation
digits, and on styles and shapes drawn with other seeds. The test set is not read.

Beside other work, OMP_WAIT_POLICY=PASSIVE in the environment keeps waiting threads from taking the others' time.
"""

import math
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import nn

import tenfold
from measuring import Row, arguments, deviation, machine_name, mean, measured, save, table, validation_digits
from tenfold.learn.digits import outliers, pens, pictures, styles
from tenfold.learn.export import onnx
from tenfold.learn.networks.inference import grey, infer, normalise
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.augmentation import Augmentation
from tenfold.learn.training import models, optimizers, runs
from tenfold.learn.training.runs import Run
from tenfold.mnist import embedded

Images = NDArray[np.uint8]  # (N, 28, 28), what the network sees
Sets = dict[str, tuple[Images, NDArray[np.int64]]]  # by name, with labels
SIDE = 140  # pixels of the paper that a digit is written on
FRESH = 300  # digits of each kind that are scored
STEPS = 30  # of learning from the corrections alone


@dataclass(frozen=True)
class Hand:
    """The habits of a writer."""

    lean: float  # of the stroke: how far its foot is to the left, in heights
    reach: float  # length of the flag, in heights
    angle: float  # of the flag, in degrees below the horizontal
    pen: float  # pixels


def hand(seed: int) -> Hand:
    """A writer whose 7s the bundled model mostly takes for 1s."""
    generator = np.random.default_rng([seed, 7])
    low, high = (-0.02, 0.20, 14, 6), (0.15, 0.25, 22, 9)
    return Hand(*(float(value) for value in generator.uniform(low, high)))


def written(digit: int, hand: Hand, generator: np.random.Generator) -> Images:
    """A 1 or a 7 in pen on grey paper: (H, W)."""
    y = np.linspace(0, 1, 9)
    bow, lean = generator.normal(0, 0.03), hand.lean + generator.normal(0, 0.05)
    points = np.stack([bow * np.sin(np.pi * y) - lean * y, y], axis=1)
    if digit == 7:
        reach = hand.reach * generator.uniform(0.75, 1.25)
        angle = math.radians(hand.angle + generator.normal(0, 5))
        points = np.concatenate([[[-reach * math.cos(angle), reach * math.sin(angle)]], points])
    points = points + generator.normal(0, 0.008, points.shape)
    for _ in range(2):
        points = styles.rounded(points)
    points = points * generator.uniform(75, 95)
    points += SIDE / 2 - (points.max(0) + points.min(0)) / 2
    width = max(3, round(hand.pen + generator.normal(0, 1)))
    ink = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(ink)
    line = [(float(x), float(y)) for x, y in points]
    pen.line(line, 255, width, joint="curve")
    for across, down in (line[0], line[-1]):
        pen.ellipse([across - width / 2, down - width / 2, across + width / 2, down + width / 2], 255)
    paper = generator.uniform(190, 240) * (1 - 0.75 * np.asarray(ink, np.float64) / 255)
    return np.clip(paper + generator.normal(0, 3, paper.shape), 0, 255).round().astype(np.uint8)


def seen(digit: int, hand: Hand, generator: np.random.Generator, reader: tenfold.Reader) -> tuple[Images, bool]:
    """What the network sees of a newly written digit, (28, 28), and whether it is read right."""
    while True:
        digits = reader.read(written(digit, hand, generator), single=True, details=True).digits
        if digits and digits[0].seen is not None:
            return digits[0].seen, digits[0].value == str(digit)


def many(digit: int, count: int, hand: Hand, generator: np.random.Generator, reader: tenfold.Reader) -> Images:
    """What the network sees of so many newly written digits."""
    return np.stack([seen(digit, hand, generator, reader)[0] for _ in range(count)])


def corrections(count: int, hand: Hand, generator: np.random.Generator, reader: tenfold.Reader) -> Images:
    """What the network saw of the first 7s that were misread."""
    kept: list[Images] = []
    for _ in range(100 * count):
        image, right = seen(7, hand, generator, reader)
        kept += [] if right else [image]
        if len(kept) == count:
            return np.stack(kept)
    raise SystemExit("the writer's 7s are read right: there is nothing to correct")


def alone(images: Images, run: Run) -> tuple[nn.Sequential, float]:
    """The bundled model taught 7s and nothing else, all of them in each step, at the rates of a run; and seconds."""
    recipe = run.recipe
    network = models.load(runs.BUNDLED).network.train()
    optimizer = optimizers.build(recipe, network, torch.device("cpu"))
    augmentation, generator = Augmentation.parse(recipe.augment), torch.Generator().manual_seed(recipe.seed)
    began = time.perf_counter()
    tensors = torch.from_numpy(images)
    distances = pens.distances(tensors)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = optimizers.learning_rate(recipe.changed(epochs=1), step, STEPS)
        ink = pictures.distort(grey(tensors), distances, augmentation, generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.amp):
            logits = network(normalise(ink))
        loss = F.cross_entropy(F.pad(logits.float(), (0, 1)), torch.full((len(images),), 7))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval(), time.perf_counter() - began


def scores(network: nn.Sequential, sets: Sets) -> dict[str, float]:
    """The share of each set that is answered right, where 10 stands for "no digit"."""

    def score(images: Images, labels: NDArray[np.int64]) -> float:
        answers = F.pad(infer(network, torch.from_numpy(images)), (0, 1)).argmax(1).numpy()
        return float((answers == labels).mean())

    return {name: score(*digits) for name, digits in sets.items()}


def test_sets(writer: Hand, generator: np.random.Generator, reader: tenfold.Reader) -> Sets:
    """New digits of the writer, validation digits, other hands, and shapes that are no digit."""
    held = validation_digits()
    others = styles.draw(2_200, np.random.default_rng(101))
    shapes = outliers.draw(2_000, held, np.random.default_rng(102))
    sevens, ones = (many(digit, FRESH, writer, generator, reader) for digit in (7, 1))
    true_ones = held.images[held.labels == 1]
    return {
        "sevens": (sevens, np.full(len(sevens), 7)),
        "ones": (np.concatenate([ones, true_ones]), np.full(len(ones) + len(true_ones), 1)),
        "MNIST": (held.images, held.labels),
        "styles": (others.images, others.labels),
        "no digit": (shapes, np.full(len(shapes), 10)),
    }


def lessons(misread: Images, seed: int, sets: Sets, epoch: float) -> Iterator[Row]:
    """The rows of a network taught these digits, mixed with MNIST and alone; `epoch` is in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "corrections" / "7"
        place.mkdir(parents=True)
        for number, image in enumerate(misread):
            Image.fromarray(image).save(place / f"{number}.png")
        began = time.perf_counter()
        run = tenfold.train(
            init="default", data=place.parent, seed=seed, out=Path(folder) / "run", quiet=True, device="cpu"
        )
        seconds = time.perf_counter() - began
        about = {"corrections": len(misread), "seed": seed, "seconds": seconds, "epochs": seconds / epoch}
        yield {"how": "mixed", **about, **scores(run.model().network, sets), **exported(run, sets)}
        network, seconds = alone(misread, run)
        yield {"how": "alone", **about, "seconds": seconds, "epochs": seconds / epoch, **scores(network, sets)}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=[5, 10, 20, 50], help="how many corrections")
    options = parser.parse_args()
    reader = tenfold.Reader(always_answer=True)
    rows: list[Row] = []
    for seed in range(options.seeds):
        writer, generator = hand(seed), np.random.default_rng([seed, 8])
        # Corrections that few are taught are among those that more are.
        misread = corrections(max(options.sizes), writer, generator, reader)
        sets = test_sets(writer, generator, reader)
        epoch = epoch_seconds()
        before = scores(models.load(runs.BUNDLED).network, sets)
        report(rows, {"how": "before", "corrections": 0, "seed": seed, "epoch seconds": epoch, **before})
        for size in options.sizes:
            for row in lessons(misread[:size], seed, sets, epoch):
                report(rows, row)
    save("teaching", summary(rows), rows)


def epoch_seconds() -> float:
    """Seconds of an epoch of the recipe `pictures`, to compare with: ten times those with a tenth of everything."""
    digits, recipe = embedded.read("train"), presets.RECIPES["pictures"]
    with tempfile.TemporaryDirectory() as folder:
        some = Path(folder) / "some.npz"
        np.savez(some, images=digits.images[:6_000], labels=digits.labels[:6_000])
        tenth = recipe.changed(data=some, epochs=1, styles=recipe.styles // 10, outliers=recipe.outliers // 10)
        run = tenfold.train(tenth, out=Path(folder) / "run", quiet=True, device="cpu")
        return 10 * float(run.metrics[-1]["seconds"] or 0)


def exported(run: Run, sets: Sets) -> dict[str, float]:
    """What the model file of a run says of itself, how long it took, and how many 7s are read by it, and surely."""
    began = time.perf_counter()
    reader = tenfold.Reader(onnx.export(run))
    seconds = time.perf_counter() - began
    probabilities = reader.classify(sets["sevens"][0])
    right = probabilities.argmax(1) == 7
    described = reader.classifier.description
    return {
        "export seconds": seconds,
        "read": float(right.mean()),
        "read surely": float((right & (probabilities.max(1) >= described.threshold)).mean()),
        "threshold": described.threshold,
        "threshold error": described.metadata["threshold_error"],
        "threshold coverage": described.metadata["threshold_coverage"],
    }


def report(rows: list[Row], row: Row) -> None:
    rows.append({name: round(value, 5) if isinstance(value, float) else value for name, value in row.items()})
    shown = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if isinstance(value, float))
    print(f"seed {row['seed']}  {row['how']} {row['corrections']}  {shown}", flush=True)


def summary(rows: list[Row]) -> Row:
    """Mean and standard deviation over the seeds, for each way and number of corrections."""
    ways: list[Row] = []
    for how, size in dict.fromkeys((row["how"], row["corrections"]) for row in rows):
        some = [row for row in rows if (row["how"], row["corrections"]) == (how, size)]
        ways.append({"how": how, "corrections": size, "n": len(some)})
        for name in [name for name, value in some[0].items() if isinstance(value, float)]:
            values = [row[name] for row in some]
            ways[-1][name] = {"mean": mean(values), "deviation": deviation(values)}
    return {"machine": machine_name(), "wait": os.environ.get("OMP_WAIT_POLICY", ""), "ways": ways}


def tables() -> dict[str, str]:
    s, _, by = measured("teaching")
    shown = {"before": "before", "mixed": "{} corrections", "alone": "{} corrections, without MNIST"}
    columns = {"sevens": "its 7s", "ones": "1s", "MNIST": "MNIST", "styles": "other hands", "no digit": "no digit"}
    rows = []
    for way in s["ways"]:
        shares = [f"{way[name]['mean']:.1%} ± {way[name]['deviation']:.1%}" for name in columns]
        seconds = f"{way['seconds']['mean']:.2g} s" if "seconds" in way else ""
        rows.append(" | ".join((shown[way["how"]].format(way["corrections"]), *shares, seconds)))
    mixed = [way for way in s["ways"] if way["how"] == "mixed"]
    means = {name: [way[name]["mean"] for way in mixed] for name in ("epochs", "export seconds", "read", "read surely")}
    more = (
        f"Mean ± standard deviation over {mixed[0]['n']} writers. Fine-tuning takes {mean(means['epochs']):.2f} times "
        f"as long as an epoch of `pictures`, and the export {mean(means['export seconds']):.0f} s more. Through the "
        f"model file at least {min(means['read']):.1%} of the new 7s are read, "
        f"{min(means['read surely']):.1%} above its threshold.\n\n{by}"
    )
    head = " | ".join(("", *columns.values(), "time"))
    return {"teaching": f"{table(head, rows)}\n\n{more}"}


if __name__ == "__main__":
    main()
