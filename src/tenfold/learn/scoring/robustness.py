"""How well a network answers what it did not learn: corrupted, shifted, turned and resized test digits."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold import files
from tenfold.learn import figures
from tenfold.learn.digits import corruptions
from tenfold.learn.networks.inference import infer
from tenfold.learn.recipes import devices
from tenfold.learn.scoring.evaluation import test_digits
from tenfold.learn.training import runs
from tenfold.learn.training.runs import Run
from tenfold.progress import track

MEASURED = Path(__file__).parent / "robustness.json"  # benchmarks/robustness.py writes it
REFERENCE = "cnn"  # the recipe whose errors are the measure
MNIST_TEST = ("MNIST (test)", "digits", 10_000)  # the data, task and number of digits of those errors
SHIFTS, ANGLES, FACTORS = (1, 2, 3, 4), (10, 20, 30, 45), (0.7, 0.85, 1.15, 1.3)
SHOWN = 10  # digits in a row of the contact sheet

Errors = dict[str, dict[str, float]]  # by family: "corruption" by name, "shift", "rotation" and "scale" by amount


@dataclass(frozen=True)
class Robustness:
    """What `corrupted` found. Errors are fractions of the digits; ratios are to those of the recipe `reference`."""

    model: str  # the run or file
    recipe: str
    task: str
    data: str
    n: int
    seed: int  # of the corruptions
    clean: float  # the error on the digits as they are
    mean: float  # the mean of the 15 corruptions' errors
    errors: Errors  # shifts: mean of 4 directions; rotations: mean of both ways
    reference: str | None = None  # None where it is not measured, or was on other digits
    ratio: float | None = None  # of the means
    ratios: Errors | None = None
    figures: dict[str, str] | None = None  # where they are, if they were drawn

    def as_json(self) -> str:
        """All of it as a JSON object."""
        return json.dumps(asdict(self), indent=2, allow_nan=False)


def corrupted(
    run: str | Path | Run | None = None,
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    draw: bool = True,
    seed: int = 0,
) -> Robustness:
    """Score a model on the test set under each corruption of MNIST-C (arXiv 1906.02337), shift, rotation and scale.

    With `draw`, writes corruptions.json, corruptions.png (a chart) and corrupted.png (what the digits look like).
    The arguments and errors are those of `evaluate`; the seed is the corruptions'.
    """
    where = devices.choose(device)
    model, its_run, folder = runs.find_model(run, where)
    digits, _, name, _ = test_digits(model, data)
    folder = Path(out) if out is not None else folder if data is None else folder / f"on-{Path(data).stem}"
    images, labels = torch.from_numpy(digits.images).to(where), torch.from_numpy(digits.labels)
    some = torch.from_numpy(examples(digits.labels, len(model.task.classes)))
    found: dict[str, dict[str, list[float]]] = {}
    samples: dict[str, NDArray[np.uint8]] = {}
    for family, amount, change in track([("clean", "", torch.clone), *_changes(seed)], "corrupting the digits"):
        changed = change(images)
        found.setdefault(family, {}).setdefault(amount, []).append(error(model.network, changed, labels))
        if family in ("clean", "corruption"):
            samples[amount] = changed[some.to(where)].cpu().numpy()
    errors = {family: {amount: sum(e) / len(e) for amount, e in rows.items()} for family, rows in found.items()}
    clean = errors.pop("clean")[""]
    mean = sum(errors["corruption"].values()) / len(errors["corruption"])
    known = reference() if (name, model.task.name, len(labels)) == MNIST_TEST else None
    whose = runs.title(run, its_run)
    names = {kind: str(folder / f"{kind}.png") for kind in ("corruptions", "corrupted")} if draw else None
    result = Robustness(
        *(whose, model.recipe.name, model.task.name, name, len(labels), seed, clean, mean, errors),
        reference=REFERENCE if known else None,
        ratio=mean / known["mean"] if known and known["mean"] else None,
        ratios=_ratios(errors, known) if known else None,
        figures=names,
    )
    if names is not None:
        figures.save(chart(result, known), names["corruptions"])
        figures.save(sheet(samples, result), names["corrupted"])
        files.text(folder / "corruptions.json", result.as_json() + "\n")
    return result


def reference(path: Path = MEASURED) -> dict[str, Any] | None:
    """The measured errors of the recipe REFERENCE: "clean", "mean" and those of each family; None if there are none."""
    if not path.is_file():
        return None
    found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")).get(REFERENCE)
    return found


def error(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of images uint8 (N, 28, 28) that are answered wrongly."""
    return float((infer(network, images).argmax(1).cpu() != labels).double().mean())


def examples(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Places of up to ten digits to look at: the first of each class, then the second, and so on, class by class."""
    members = [np.flatnonzero(labels == k) for k in range(classes)]
    each = math.ceil(SHOWN / classes)
    ranked = sorted((rank, k, int(place)) for k, m in enumerate(members) for rank, place in enumerate(m[:each]))
    return np.array([place for _, _, place in sorted(ranked[:SHOWN], key=lambda r: (r[1], r[0]))], np.int64)


def _changes(seed: int) -> list[tuple[str, str, Callable[[Tensor], Tensor]]]:
    """Every change of images uint8 (N, 28, 28) that is scored: its family, its name or amount there, and itself."""

    def on_bytes(change: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        return corruptions.as_bytes(change(images.float() / 255))

    ways = ((1, 0), (-1, 0), (0, 1), (0, -1))
    moves = [("shift", n, partial(corruptions.shifted, right=x * n, down=y * n)) for n in SHIFTS for x, y in ways]
    angles = [(degrees, math.radians(way * degrees)) for degrees in ANGLES for way in (1, -1)]
    turns = [("rotation", degrees, partial(corruptions.rotated, angle=angle)) for degrees, angle in angles]
    sizes = [("scale", factor, partial(corruptions.scaled, factor=factor)) for factor in FACTORS]
    return [
        *(("corruption", name, partial(corruptions.corrupt, name=name, seed=seed)) for name in corruptions.CORRUPTIONS),
        *((family, f"{amount}", partial(on_bytes, change)) for family, amount, change in (*moves, *turns, *sizes)),
    ]


def _ratios(errors: Errors, known: Mapping[str, Any]) -> Errors:
    """Each error by that of the reference, where there is one and it is not 0."""
    return {
        family: {name: e / known[family][name] for name, e in rows.items() if known.get(family, {}).get(name)}
        for family, rows in errors.items()
    }


def chart(found: Robustness, known: Mapping[str, Any] | None = None) -> Figure:
    """The error under each corruption as a bar, the worst on top, and by shift, rotation and scale as curves.

    `known` are the errors of the reference, which are drawn beside them.
    """
    name = Path(found.model).name
    name += "" if name == found.recipe else f" ({found.recipe})"
    figure = figures.empty(10.5, 7.2 if known else 5.9)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.75, 1))[0]
    _bars(left.subplots(), found, known)
    curves = (
        ("shift", "shift, pixels (mean of 4 directions)", 0.0),
        ("rotation", "rotation, degrees (mean of both ways)", 0.0),
        ("scale", "size, times", 1.0),
    )
    for axis, (family, words, nothing) in zip(right.subplots(3, 1), curves, strict=True):
        _curve(axis, {nothing: found.clean, **_points(found.errors[family])}, figures.BLUE)
        if known and family in known:
            _curve(axis, {nothing: known["clean"], **_points(known[family])}, figures.ORANGE)
        axis.set_xlabel(words, fontsize=10)
        axis.set_xticks(sorted({nothing, *_points(found.errors[family])}))
        axis.set_ylim(0, None)
        _plainly(axis)
        axis.yaxis.set_major_formatter(_percent(axis.get_ylim()[1]))
    figure.suptitle(figures.escape(f"Errors of {name} on {found.n:,} test digits that were changed"), fontsize=13)
    return figure


def sheet(samples: Mapping[str, NDArray[np.uint8]], found: Robustness) -> Figure:
    """What the digits look like: a row for each corruption, with its error, under one for the digits as they are.

    `samples` are images (up to 10, 28, 28) by the corruption's name, "" being the digits as they are.
    """
    cell = corruptions.SIZE + 2
    across = max(map(len, samples.values()))
    page = np.full((cell * len(samples) - 2, cell * across - 2), 150, np.uint8)
    for row, images in enumerate(samples.values()):
        for column, image in enumerate(images):
            page[cell * row : cell * row + cell - 2, cell * column : cell * column + cell - 2] = image
    figure = figures.empty(0.56 * across + 2.9, 0.56 * len(samples) + 0.8)
    axis = figure.subplots()
    axis.imshow(page, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.spines[:].set_visible(False)
    middles = [cell * row + corruptions.MIDDLE for row in range(len(samples))]
    errors = {"": found.clean, **found.errors["corruption"]}
    axis.set_yticks(middles, [words(name) if name else "as they are" for name in samples], fontsize=11)
    axis.set_xticks([])
    ends = axis.secondary_yaxis("right")
    ends.set_yticks(middles, [f"{errors[name]:.1%}" for name in samples], fontsize=11)
    for side in (axis, ends):
        side.tick_params(length=0)
    ends.spines[:].set_visible(False)
    axis.set_title("The corruptions of MNIST-C, and the error under each", fontsize=13, pad=10)
    return figure


def words(name: str) -> str:
    """A corruption's name as people write it."""
    return name.replace("_", " ")


def _bars(axis: Axes, found: Robustness, known: Mapping[str, Any] | None) -> None:
    names = [name for name, _ in sorted(found.errors["corruption"].items(), key=lambda item: item[1])]
    series = [(found.errors["corruption"], found.mean, found.clean, "this network", figures.BLUE)]
    if known:
        theirs = (known["corruption"], known["mean"], known["clean"], f"the recipe {REFERENCE}", figures.ORANGE)
        series.append(theirs)
    high = 0.76 / len(series)
    longest = max([0.01, *(errors.get(name, 0.0) for errors, *_ in series for name in names)])
    for number, (errors, mean, clean, whose, color) in enumerate(series):
        shift = high * ((len(series) - 1) / 2 - number)
        label = f"{whose}: mean {mean:.1%} (dashed), {clean:.2%} with nothing changed"
        places = [place + shift for place in range(len(names))]
        axis.barh(places, [errors.get(name, 0.0) for name in names], high, color=color, label=label)
        axis.axvline(mean, color=color, linewidth=1.2, linestyle="--", zorder=0)
        for place, name in zip(places, names, strict=True):
            if name in errors:
                axis.text(
                    *(errors[name] + 0.012 * longest, place, f"{errors[name]:.1%}"),
                    va="center_baseline",
                    fontsize=10 if len(series) == 1 else 9,
                    zorder=0.5,  # its ground hides the dashed lines, not the bars
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
                )
    axis.set_yticks(range(len(names)), [words(name) for name in names])
    axis.set(xlim=(0, 1.1 * longest), ylim=(-0.6, len(names) - 0.4))
    axis.set_xlabel("error on the test set", fontsize=10)
    _plainly(axis)
    axis.xaxis.set_major_formatter(_percent(longest))
    axis.tick_params(axis="y", length=0, labelsize=11, labelcolor="black")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=10, borderaxespad=0.2)


def _points(rows: Mapping[str, float]) -> dict[float, float]:
    return {float(amount): value for amount, value in rows.items()}


def _curve(axis: Axes, points: Mapping[float, float], color: str) -> None:
    axis.plot(*zip(*sorted(points.items()), strict=True), "o-", color=color, markersize=4, linewidth=1.8)


def _percent(most: float) -> PercentFormatter:
    return PercentFormatter(1.0, decimals=0 if most > 0.05 else 1)


def _plainly(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=9, color=figures.GREY)
