"""A training as a film: how the digits part in front of the last layer, and the first filters, from look to look.

A look is taken after every epoch, and between them where `step` is called: often at the start, where most happens.
Inside an epoch only the weights are copied; what they make of the digits is worked out when it is done.
"""

import copy
import io
import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import NullLocator, PercentFormatter
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from tenfold import files as atomic
from tenfold.errors import RunError
from tenfold.learn.digits import dataset
from tenfold.learn.explain.explanation import embed, first_weights, principal
from tenfold.learn.explain.figures import colours, montage
from tenfold.learn.figures import BLUE, GREY, plain, save
from tenfold.learn.recipes import tasks
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import runs
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.runs import Run
from tenfold.learn.training.watchers import Watcher
from tenfold.mnist import sources
from tenfold.mnist.digits import Digits
from tenfold.mnist.sources import Source

SHOWN = 500  # validation digits
LOOKS = 48  # planned over a whole training
POWER = 2.5  # look k of n is after (k / n) ** POWER of the training, so that they are closest at its start
FILTERS = 35  # of the first layer, at most
MEMORY = 256_000_000  # bytes that copies of the weights may take before they are worked out
FRAME = 120  # milliseconds
PAUSE = 3000  # on the last frame
FOLDER = "watch"  # in the run folder, while it is learnt


@dataclass(frozen=True, eq=False)
class Film:
    """The looks at a training, L of them, at N digits and C filters."""

    epochs: NDArray[np.float64]  # (L,), how far the training was
    points: NDArray[np.float32]  # (L, N, 2), on two axes that are fitted to the last look: see `_axes`
    labels: NDArray[np.int64]  # (N,)
    answers: NDArray[np.int64]  # (L, N)
    filters: NDArray[np.float32]  # (L, C, h, w)
    classes: NDArray[np.str_]  # names
    share: float  # of the last look's variance that lies in the plane of these axes
    part: str  # of the data that the digits are of: "validation" or "training"

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Of each look (L,)."""
        found: NDArray[np.float64] = (self.answers == self.labels).mean(1)
        return found


class Watch(Watcher):
    """A watcher that leaves training.gif, training.png and training.npz in the run folder.

    What it saw stands in the folder `watch` until the end, so that a run which is resumed goes on with it. It looks at
    validation digits, or at training digits where there are none, and disturbs nothing: no random number is drawn. It
    takes them from `source` where the training has its digits in memory.
    """

    def __init__(self, looks: int = LOOKS, source: Source | None = None) -> None:
        self._looks = looks
        self._source = source
        self._run: Run | None = None
        self._digits: Digits | None = None
        self._classes: tuple[str, ...] = ()
        self._part = ""
        self._plan: frozenset[int] | None = None
        self._pending: list[tuple[float, dict[str, Tensor]]] = []
        self._twin: nn.Sequential | None = None

    def begin(self, run: Run) -> None:
        """The run folder is there, and the next step is to come."""
        self._run = run
        self._digits, self._classes, self._part = _digits(run.recipe, self._source)

    def step(self, state: State, steps: int) -> None:
        """A step is done, or the first is to come. Costs nothing but at the planned ones."""
        assert self._run is not None
        done, total = state.epoch * steps + state.step, self._run.recipe.epochs * steps
        if self._plan is None:
            self._plan = planned(total, self._looks)
        if done in self._plan:
            self._look(done / steps, state.network)

    def epoch(self, state: State) -> None:
        """An epoch is done. The network is left as it is."""
        assert self._run is not None
        every = math.ceil(self._run.recipe.epochs / self._looks)
        if state.epoch % every == 0 or state.epoch == self._run.recipe.epochs:
            self._look(float(state.epoch), state.network)
        self._work_out()

    def end(self, run: Run) -> None:
        """The training has come to its end: the film is made. One that had no looks leaves what is there."""
        self._work_out()
        folder = run.path / FOLDER
        if self._digits is None or not any(folder.glob("*.npz")):
            return
        film = developed(folder, self._digits.labels, self._classes, self._part)
        packed = io.BytesIO()
        np.savez_compressed(packed, **asdict(film))
        atomic.content(run.path / "training.npz", packed.getvalue())
        animate(film, run.path / "training.gif", run.path.name)
        save(sheet(film, f"Training {run.path.name}"), run.path / "training.png")
        shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Nothing more will come, whether it came to its end or not."""
        self._work_out()
        self._twin = None

    def _look(self, at: float, network: nn.Module) -> None:
        """Copy the weights, unless they were copied at this place already."""
        if self._pending and abs(self._pending[-1][0] - at) < 1e-9:
            return
        weights = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        if self._twin is None:
            assert isinstance(network, nn.Sequential)  # as all networks of recipes are
            self._twin = copy.deepcopy(network)
        self._pending.append((at, weights))
        if sum(tensor.nbytes for tensor in weights.values()) * len(self._pending) > MEMORY:
            self._work_out()

    def _work_out(self) -> None:
        """What the copied weights make of the digits, into a file for each."""
        if not self._pending or self._run is None or self._digits is None or self._twin is None:
            return
        images = torch.from_numpy(self._digits.images)
        for at, weights in self._pending:
            self._twin.load_state_dict(weights)
            embeddings, logits = embed(self._twin, images)
            packed = io.BytesIO()
            np.savez(
                packed,
                embeddings=_half(embeddings),
                answers=logits.argmax(1).numpy().astype(np.uint8),
                filters=_half(first_weights(self._twin)[:FILTERS].cpu()),
            )
            atomic.content(self._run.path / FOLDER / f"{at:013.7f}.npz", packed.getvalue())
        self._pending = []


def planned(steps: int, looks: int) -> frozenset[int]:
    """After which of so many steps to look: before the first, after the last, and the closer the earlier between."""
    return frozenset(round(steps * (k / looks) ** POWER) for k in range(looks + 1))


def developed(folder: Path, labels: NDArray[np.int64], classes: tuple[str, ...], part: str) -> Film:
    """The film of the looks in a folder. Raises RunError when one of them is damaged."""
    paths = sorted(folder.glob("*.npz"))
    looks: list[dict[str, NDArray[Any]]] = []
    for path in paths:
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
                looks.append({name: archive[name] for name in ("embeddings", "answers", "filters")})
        except Exception as error:  # numpy raises a dozen kinds here
            raise RunError(f"cannot read {path}, it is damaged: remove it, then resume the run") from error
    clouds = [_scaled(torch.from_numpy(look["embeddings"].astype(np.float32))) for look in looks]
    axes = _axes(clouds[-1], torch.from_numpy(labels))
    plane = torch.linalg.qr(axes)[0]
    share = (clouds[-1] @ plane).square().sum().item() / max(clouds[-1].square().sum().item(), 1e-12)
    points = [cloud @ axes for cloud in clouds]
    return Film(
        epochs=np.array([float(path.stem) for path in paths]),
        points=torch.stack(points).numpy(),
        labels=labels,
        answers=np.stack([look["answers"] for look in looks]).astype(np.int64),
        filters=np.stack([look["filters"] for look in looks]).astype(np.float32),
        classes=np.array(classes),
        share=share,
        part=part,
    )


def _scaled(points: Tensor) -> Tensor:
    """Points (N, D) around zero and as far from it as in every other look, for networks grow while they learn."""
    points = points - points.mean(0)
    return points / points.square().sum(1).mean().sqrt().clamp_min(1e-12)


def _axes(points: Tensor, labels: Tensor) -> Tensor:
    """Two axes (D, 2) for points (N, D): the least linear map that takes the middles of the classes to a ring.

    On the ring the classes follow each other as they do around the first two principal axes. Of three classes or fewer,
    and where the points have too few dimensions for a ring, it is those axes.
    """
    _, axes = principal(points, 2)
    present = np.unique(labels.numpy()).tolist()
    middles = torch.stack([points[labels == k].mean(0) for k in present])
    if len(present) < 4:
        return axes
    flat = (middles - middles.mean(0)) @ axes
    place = torch.atan2(flat[:, 1], flat[:, 0]).argsort().argsort() * (2 * torch.pi / len(present))
    ring = torch.stack([place.cos(), place.sin()], 1)
    found = torch.linalg.pinv(middles, rtol=1e-3) @ ring
    return found if ((middles @ found - ring).abs() < 0.3).all() else axes


def opened(run: str | Path | Run) -> Film:
    """The film of a run that was trained with `--watch`. Raises RunError when there is none or it is damaged."""
    path = runs.Run.open(run).path / "training.npz"
    if not path.is_file():
        raise RunError(f"{path.parent} has no film: train it with --watch")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
        return Film(**{**found, "share": float(found["share"]), "part": str(found["part"])})
    except Exception as error:  # numpy raises a dozen kinds here
        raise RunError(f"cannot read {path}, it is damaged") from error


def animate(film: Film, path: str | Path, name: str = "") -> Path:
    """Write the film as an animated GIF, which browsers, notebooks and slides show. Raises StorageError."""
    figure = Figure(figsize=(9.6, 5.4), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    left = figure.add_axes((0.01, 0.065, 0.54, 0.835))
    right = figure.add_axes((0.60, 0.36, 0.38, 0.50))
    below = figure.add_axes((0.645, 0.12, 0.33, 0.17))
    head = figure.text(0.03, 0.94, "", fontsize=13, fontweight="bold", va="center")
    figure.text(0.98, 0.94, plain(name), fontsize=9, color=GREY, ha="right", va="center")
    figure.text(0.79, 0.885, "filters of the first layer", fontsize=10, ha="center", va="center")
    figure.text(0.01, 0.03, _caption(film), fontsize=9, va="center")
    _limits(left, film)
    dots = left.scatter(film.points[0, :, 0], film.points[0, :, 1], s=20, c=_colors(film), linewidth=0.9, zorder=2)
    names = _names(left, film, 0)
    most = _strongest(film)
    shown = right.imshow(montage(film.filters[0]), cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    _bare(right)
    _curve(below, film)
    (mark,) = below.plot([], [], "o", color=BLUE, markersize=6)
    frames: list[Image.Image] = []
    for k, epoch in enumerate(film.epochs):
        dots.set_offsets(film.points[k])
        wrong = film.answers[k] != film.labels
        dots.set_edgecolor([(0, 0, 0, 1) if one else (0, 0, 0, 0) for one in wrong])
        for text, place in zip(names, _places(film, k), strict=True):
            text.set_position((float(place[0]), float(place[1])))
        shown.set_data(montage(film.filters[k]))
        mark.set_data([epoch], [film.accuracy[k]])
        head.set_text(_head(film, k))
        canvas.draw()  # type: ignore[no-untyped-call]
        frames.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))  # type: ignore[no-untyped-call]
    # One palette for all, so that colours do not flicker: those of weights, white, and those of three frames.
    some = np.concatenate([np.asarray(frames[k]) for k in (0, len(frames) // 2, -1)])
    common = Image.fromarray(some).quantize(160, dither=Image.Dither.NONE).getpalette() or []
    weights = (colormaps["RdBu_r"](np.linspace(0, 1, 96))[:, :3] * 255).astype(np.uint8)
    palette = Image.new("P", (1, 1))
    palette.putpalette(weights.tobytes() + b"\xff\xff\xff" + bytes(common[: 3 * 159]))
    flat = [_indexed(frame, palette, white=len(weights)) for frame in frames]
    packed = io.BytesIO()
    durations = [FRAME] * (len(flat) - 1) + [PAUSE]
    flat[0].save(packed, "GIF", save_all=True, append_images=flat[1:], duration=durations, loop=0)
    atomic.content(path, packed.getvalue())
    return Path(path)


def _indexed(frame: Image.Image, palette: Image.Image, white: int) -> Image.Image:
    """A frame in the colours of a palette, where white is white: Pillow takes what is nearest to a rounded colour."""
    index = np.asarray(frame.quantize(palette=palette, dither=Image.Dither.NONE)).copy()
    index[(np.asarray(frame) == 255).all(2)] = white
    made = Image.fromarray(index)
    made.putpalette(palette.getpalette() or [])
    return made


def sheet(film: Film, title: str = "Training", columns: int = 5) -> Figure:
    """Some moments of the film side by side, for a page that does not move: the digits above, the filters below."""
    across = montage(film.filters[-1]).shape
    below = min(1.0, 1.05 * across[0] / across[1])  # of a filters' sheet as wide as the digits above it
    count = min(columns, len(film.epochs))
    chosen = np.unique(np.linspace(0, len(film.epochs) - 1, count).round().astype(int))
    figure = Figure(
        figsize=(2.7 * len(chosen) + 0.2, 3.3 + 2.6 * below), dpi=120, layout="constrained", facecolor="white"
    )
    axes = figure.subplots(2, len(chosen), squeeze=False, height_ratios=(1, below))
    most = _strongest(film)
    for k, (top, bottom) in zip(chosen, axes.T, strict=True):
        wrong = film.answers[k] != film.labels
        edges = [(0, 0, 0, 1) if one else (0, 0, 0, 0) for one in wrong]
        top.scatter(
            film.points[k, :, 0], film.points[k, :, 1], s=9, c=_colors(film), edgecolor=edges, linewidth=0.6, zorder=2
        )
        _limits(top, film)
        _names(top, film, k)
        top.set_title(_head(film, k), fontsize=11)
        bottom.imshow(montage(film.filters[k]), cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
        _bare(bottom)
    axes[1, 0].set_ylabel("filters", fontsize=11)
    axes[0, 0].set_ylabel("digits", fontsize=11)
    figure.suptitle(plain(f"{title}\n{_caption(film)}"), fontsize=11)
    return figure


def _caption(film: Film) -> str:
    return f"{len(film.labels)} {film.part} digits by what the last layer is given; ringed: answered wrongly"


def _digits(recipe: Recipe, source: Source | None) -> tuple[Digits, tuple[str, ...], str]:
    """The digits to look at, the names of their classes, and the part of the data that they are of.

    They are drawn from the validation digits, or from those of training where there are none.
    """
    source = source or sources.load(recipe.data)
    task = tasks.parse(recipe.task, source.classes)
    training, validation = source.split(recipe.val_size, final=recipe.final)
    found = None if validation is None else task.apply(validation)
    if recipe.mix:  # then those are MNIST's
        found = dataset.held_out(recipe, None)
    part = "training" if found is None else "validation"
    found = task.apply(training) if found is None else found
    return found.take(np.random.default_rng(0).permutation(len(found))[:SHOWN]), task.classes, part


def _half(values: Tensor) -> NDArray[np.float16]:
    """Values as 16-bit floats, which is enough to draw; what these cannot hold is made as large as they can be."""
    found: NDArray[np.float16] = values.nan_to_num().clamp(-60_000, 60_000).numpy().astype(np.float16)
    return found


def _head(film: Film, k: int) -> str:
    epoch = film.epochs[k]
    if epoch == 0:
        when = "before the first step"
    elif epoch < 0.01:
        when = f"epoch {epoch:.4f}"
    else:
        when = f"epoch {epoch:.2f}"
    return f"{when}: {film.accuracy[k]:.0%} right"


def _colors(film: Film) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.array(colours(len(film.classes)))[film.labels]
    return found


def _strongest(film: Film) -> float:
    return float(np.quantile(np.abs(film.filters), 0.998)) or 1.0


def _limits(axis: Axes, film: Film) -> None:
    """Room for nearly all that is ever there; the same for all looks."""
    low, high = np.quantile(film.points, 0.002, axis=(0, 1)), np.quantile(film.points, 0.998, axis=(0, 1))
    room = np.maximum(0.06 * (high - low), 1e-6)
    axis.set(xlim=(low[0] - room[0], high[0] + room[0]), ylim=(low[1] - room[1], high[1] + room[1]))
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_color("#e5e7eb")


def _places(film: Film, k: int) -> list[NDArray[np.float32]]:
    """Where the middle of each class is, of those that are there."""
    present = np.unique(film.labels)
    return [np.median(film.points[k][film.labels == number], 0) for number in present]


def _names(axis: Axes, film: Film, k: int) -> list[Any]:
    outline = [withStroke(linewidth=3, foreground="white")]
    found = []
    for number, (x, y) in zip(np.unique(film.labels), _places(film, k), strict=True):
        name = plain(str(film.classes[number]))
        size = 13 if len(name) < 6 else 9
        text = axis.text(x, y, name, fontsize=size, fontweight="bold", ha="center", va="center", zorder=4)
        text.set(path_effects=outline, clip_on=True)
        found.append(text)
    return found


def _curve(axis: Axes, film: Film) -> None:
    """Accuracy over the epochs, on the scale on which the looks are evenly spaced."""
    axis.plot(film.epochs, film.accuracy, color=BLUE, linewidth=1.4, alpha=0.6)
    last = float(film.epochs[-1])
    axis.set_xscale("function", functions=(_even, _uneven))
    ticks = [tick for tick in (0, 0.01, 0.1, 0.5, 1, 3, 10, 30, 100, 300) if tick <= last]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set(xlim=(0, last * 1.02 or 1.0), ylim=(0, 1.02), yticks=[0, 0.5, 1])
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    axis.set_xlabel("epoch", fontsize=8, labelpad=1)
    axis.set_ylabel("right", fontsize=8, labelpad=1)
    axis.tick_params(labelsize=8, color=GREY)
    axis.spines[["top", "right"]].set_visible(False)


def _even(epoch: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.clip(epoch, 0, None) ** (1 / POWER))


def _uneven(place: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.clip(place, 0, None) ** POWER)


def _bare(axis: Axes) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
