"""Inside a trained network: its first filters, what its layers do, where it puts the digits, and why it answers so.

Attributions say how much each place of a picture speaks for a class: integrated gradients (M. Sundararajan et al. 2017,
arXiv 1703.01365) and occlusion (M. D. Zeiler, R. Fergus 2014, arXiv 1311.2901), both as Captum computes them. The least
change that turns the answer is a counterfactual explanation (S. Wachter et al. 2017, arXiv 1711.00399). The map of the
test digits is t-SNE (L. van der Maaten, G. Hinton 2008, JMLR 9), as scikit-learn computes it.
"""

import importlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn

from tenfold.errors import DataError, StorageError, UsageError, missing_extra, nearest
from tenfold.learn import networks
from tenfold.learn.networks import calibration
from tenfold.learn.networks.inference import grey, infer, normalise
from tenfold.learn.recipes import devices
from tenfold.learn.scoring.evaluation import test_digits
from tenfold.learn.training import runs
from tenfold.learn.training.models import Model
from tenfold.learn.training.runs import Run
from tenfold.mnist.sources import Track, untracked
from tenfold.progress import track

MAPPED = 3_000  # digits in the map, at most
FILTERS = 64  # of the first layer, at most
PATCH = 4  # pixels, the side of what occlusion covers
STEPS = 256  # of integrated gradients, on the way from the blank picture
Grey = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Change:
    """A picture uint8 (28, 28) that is answered otherwise, and how far it is from the one it was made of."""

    image: NDArray[np.uint8]
    answer: str
    probabilities: dict[str, float]  # that of the answer is more than a half
    ink: float  # sum of what was added and taken away; 1 is a pixel from blank to full ink


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a digit is answered as it is.

    The three attributions are float32 (2, 28, 28), of the logits of the answer and of the runner-up: positive where the
    picture, as it is, speaks for the class. Their difference says what speaks for the one rather than the other.
    """

    index: int  # in its data
    image: NDArray[np.uint8]
    label: str
    answer: str
    runner_up: str
    probabilities: dict[str, float]
    logits: dict[str, float]
    blank: dict[str, float]  # the logits of a picture without ink, the baseline of integrated gradients
    gradients: Grey  # integrated, from a blank picture: they add up to the logit less that of a blank picture
    erased: Grey  # what the logit loses, on average, where a patch of 4 x 4 pixels with this pixel is blanked
    inked: Grey  # the same where it is filled with ink, for what is blank speaks too
    activations: dict[str, Grey]  # (maps, H, W) or (units,) for each layer, the logits last
    wanted: str  # what the change is to be answered as
    change: Change | None  # None: none was found
    figures: dict[str, Path] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether the answer is the label."""
        return self.answer == self.label


@dataclass(frozen=True, eq=False)
class Map:
    """Test digits by what the last layer gets of them, in two dimensions: points float32 (N, 2)."""

    points: Grey
    index: NDArray[np.int64]  # in their data
    labels: NDArray[np.int64]  # numbers of classes
    answers: NDArray[np.int64]
    total: int  # digits and mistakes in the whole test set
    mistakes: int


@dataclass(frozen=True, eq=False)
class Inside:
    """What `explain` found."""

    model: str  # the run or file
    classes: tuple[str, ...]
    filters: Grey  # (C, h, w), of the first layer
    map: Map
    digits: list[Explanation]
    figures: dict[str, Path] = field(default_factory=dict)  # filters, map and overview


def explain(
    run: str | Path | Run | None = None,
    *,
    digit: int | Sequence[int] | None = None,
    into: str | None = None,
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    draw: bool = True,
) -> Inside:
    """Look inside a trained network, and draw what is there.

    Args:
        run: A run, its folder or name, or a safetensors file; None is the newest finished run in ./runs.
        digit: The numbers of test digits to explain; None is the most doubtful right one and the surest mistake.
        into: The class that the least change should make of them; None is the runner-up.
        data: Other labelled digits, as for `evaluate`.
        out: The folder for the figures; `inside` in the run's own when it is None.
        device: Where to compute.
        draw: Write the figures; without, only the arrays are returned.

    Raises:
        MissingExtra: Captum or scikit-learn is not installed.
        UsageError: a digit or class that is not there, or one that is answered so already.
        RunError, DataError, DeviceError, StorageError: as their names say.
    """
    _captum()
    _sklearn()
    where = devices.choose(device)
    model, its_run, folder = runs.find_model(run, where)
    digits, _, _, index = test_digits(model, data)
    names = model.task.classes
    if into is not None and into not in names:
        raise UsageError(nearest("class", into, names))
    numbers = [digit] if isinstance(digit, int | np.integer) else digit or []
    chosen = [_place(number, index) for number in dict.fromkeys(numbers)]
    place = Path(out) if out is not None else folder / "inside"
    if draw:
        _ready(place)  # rather now than after the work
    embeddings, logits = embed(model.network, torch.from_numpy(digits.images), track=track)
    probabilities = calibration.probabilities(logits, model.temperature).numpy()
    answers = probabilities.argmax(1)
    chosen = chosen or telling(probabilities, digits.labels)
    for k in chosen:
        if into is not None and names[answers[k]] == into:
            raise UsageError(f"digit {index[k]} is answered {into} already: name another class, or none")
    explained = [
        _explain(model, digits.images[k], names[digits.labels[k]], int(index[k]), into)
        for k in track(chosen, "explaining")
    ]
    some = _some(answers != digits.labels, chosen)
    with Console(stderr=True).status("drawing the map"):  # nothing where that is no terminal
        points = tsne(embeddings[torch.from_numpy(some)].numpy())
    mistakes = int((answers != digits.labels).sum())
    places = Map(points, index[some], digits.labels[some], answers[some], len(digits), mistakes)
    name = str(its_run.path if its_run else run)
    found = Inside(name, names, filters(model.network)[:FILTERS], places, explained)
    if not draw:
        return found
    from tenfold.learn.explain import figures as inside_figures

    return inside_figures.draw(found, place)


def embed(network: nn.Sequential, images: Tensor, *, track: Track = untracked) -> tuple[Tensor, Tensor]:
    """What the last layer is given of images uint8 (N, 28, 28), float32 (N, D), and the logits (N, classes).

    Both are on the CPU. The first is the input of the output layer: what the layers before it make of a picture, or the
    pixels where there is no other layer.
    """
    kept: list[Tensor] = []
    output = network[networks.output_layer(network)]
    hook = output.register_forward_pre_hook(lambda _, given: kept.append(given[0].flatten(1).float().cpu()))
    try:
        logits = infer(network, images, track=track)
    finally:
        hook.remove()
    return torch.cat(kept), logits.cpu()


def filters(network: nn.Sequential) -> Grey:
    """The weights of the first layer as pictures (C, h, w), the strongest first.

    Those of a fully connected layer are as large as the image. A batch normalisation's scale is multiplied in.
    """
    weights = first_weights(network)
    order = weights.flatten(1).norm(dim=1).argsort(descending=True, stable=True)
    found: Grey = weights[order].cpu().numpy()
    return found


def first_weights(network: nn.Sequential) -> Tensor:
    """The weights of the first layer (C, h, w), in their own order."""
    at = next(k for k, layer in enumerate(network) if isinstance(layer, nn.Conv2d | nn.Linear))
    first = network[at]
    assert isinstance(first, nn.Conv2d | nn.Linear)
    weights = first.weight.detach()
    after = network[at + 1] if at + 1 < len(network) else None
    if isinstance(after, nn.BatchNorm1d | nn.BatchNorm2d) and after.running_var is not None:
        scale = after.weight.detach() / (after.running_var + after.eps).sqrt()
        weights = weights * scale.view(-1, *[1] * (weights.dim() - 1))
    if weights.dim() == 4:
        return weights[:, 0].float()
    side = round(weights.shape[1] ** 0.5)
    return weights.view(-1, side, side).float()


@torch.no_grad()
def activations(network: nn.Sequential, image: NDArray[np.uint8]) -> dict[str, Grey]:
    """What each layer makes of an image: maps (C, H, W) or units (D,), after normalisation, ReLU and pooling.

    A layer's name says its number and what it does; the logits come last.
    """
    found: dict[str, Grey] = {}
    values = normalise(_ink(image, network))
    shown, name = values, ""
    with _still(network):
        for layer in network:
            if isinstance(layer, nn.Conv2d | nn.Linear | nn.AvgPool2d):
                if name:
                    found[name] = shown[0].float().cpu().numpy().copy()
                name = f"{len(found) + 1}  {_kind(layer)}"
            values = layer(values)
            if not isinstance(layer, nn.Flatten | nn.Dropout):  # what is before them is the same, and has its shape
                shown = values
    found[f"{len(found) + 1}  answers"] = shown[0].float().cpu().numpy().copy()
    return {name: values.ravel() if values.shape[1:] == (1, 1) else values for name, values in found.items()}


def telling(probabilities: Grey, labels: NDArray[np.int64]) -> list[int]:
    """Which digits tell most: the right answer with the most doubt, and the surest mistake, if there are such."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    found = []
    if right.any():
        found.append(int(np.where(right, confidence, np.inf).argmin()))
    if not right.all():
        found.append(int(np.where(right, -np.inf, confidence).argmax()))
    return found


def attributions(network: nn.Sequential, image: NDArray[np.uint8], target: int) -> tuple[Grey, Grey, Grey]:
    """How much each pixel speaks for the logit of the class `target`, in three ways; each float32 (28, 28), in logits.

    Integrated gradients go from a blank picture in 256 steps. They add up to the logit less that of the blank picture
    ("completeness", M. Sundararajan et al. 2017, proposition 1), but for 0.02 at most in the recipes' networks.

    Occlusion (M. D. Zeiler, R. Fergus 2014) lays a patch of 4 x 4 pixels on every place, once blank and once full of
    ink; a pixel has the mean of what the logit loses under the patches that cover it.

    Raises MissingExtra without Captum.
    """
    captum = _captum()
    ink, answer = _ink(image, network), _answering(network)
    with _still(network):
        gradients = captum.IntegratedGradients(answer).attribute(
            ink, baselines=0.0, target=target, n_steps=STEPS, method="riemann_middle", internal_batch_size=64
        )
        covered = [
            captum.Occlusion(answer).attribute(
                ink, (1, PATCH, PATCH), strides=(1, 1, 1), baselines=cover, target=target, perturbations_per_eval=125
            )
            for cover in (0.0, 1.0)
        ]
    first, second, third = (one.detach()[0, 0].float().cpu().numpy() for one in (gradients, *covered))
    return first, second, third


def counterfactual(
    network: nn.Sequential, image: NDArray[np.uint8], wanted: int, *, temperature: float = 1.0, steps: int = 200
) -> NDArray[np.uint8] | None:
    """The picture uint8 (28, 28) with the least change of ink found that gives a class more than half the probability.

    A counterfactual explanation (S. Wachter et al. 2017): the wanted answer weighed against the size of the change. The
    change is drawn with a soft brush, so that it is smooth; a proximal step after each of gradient descent pays a
    price for every dab, so that there are few; ink stays between none and full. Several prices are tried at once. What
    comes out is scaled down as far as the answer holds, in grey values of 8 bits: no smaller one that was tried on the
    straight way to it is answered so. That nothing smaller lies on another way is not said.

    `temperature` divides the logits, as in calibration. None: no change was found.
    """
    ink, answer = _ink(image, network), _answering(network)
    prices = torch.tensor([0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75], device=ink.device).view(-1, 1, 1, 1)
    dabs = torch.zeros(len(prices), *ink.shape[1:], device=ink.device)
    best = ink.repeat(len(prices), 1, 1, 1)
    least = torch.full((len(prices),), torch.inf, device=ink.device)

    def short(logits: Tensor) -> Tensor:
        """By how much the class falls short of the half, in nats."""
        logits = logits.float() / temperature
        others = torch.cat([logits[:, :wanted], logits[:, wanted + 1 :]], 1)
        return others.logsumexp(1) - logits[:, wanted]

    with _still(network):
        for step in range(steps):
            dabs.requires_grad_()
            changed = (ink + _brush(dabs)).clamp(0, 1)
            lack = short(answer(changed))
            (slope,) = torch.autograd.grad(lack.sum(), dabs)
            with torch.no_grad():
                # What is there and smaller than before is kept.
                size = (changed - ink).abs().sum((1, 2, 3))
                better = (lack < 0) & (size < least)
                best, least = torch.where(better.view(-1, 1, 1, 1), changed, best), torch.where(better, size, least)
                # Downhill until it is there; every dab pays, so that those which help little vanish again.
                rate = 0.2 * (1 - step / steps) + 0.01
                steepest = slope.abs().amax((1, 2, 3), keepdim=True)
                going = (lack >= 0).view(-1, 1, 1, 1) & (steepest > 0)
                dabs = dabs - torch.where(going, rate * slope / steepest.clamp_min(1e-30), 0.0)
                dabs = dabs.sign() * (dabs.abs() - rate * prices).clamp_min(0)
        made = best[least.isfinite()]
        if not len(made):
            return None
        with torch.no_grad():
            return _least(ink, made, lambda tried: short(answer(tried / 255)) < 0)


def _least(ink: Tensor, made: Tensor, holds: Callable[[Tensor], Tensor]) -> NDArray[np.uint8] | None:
    """The smallest change on the straight ways from ink (1, 1, H, W) to the pictures made (K, 1, H, W): uint8 (H, W).

    `holds` says of pictures (N, 1, H, W) in grey values whether they are answered as wanted. Each way is tried at 64
    places, then at 32 before the first of them where it holds. None: the rounding to grey values undid all.
    """
    smallest, found = torch.inf, None
    for one in made:
        low, high = 0.0, 1.0
        for parts in (64, 32):
            scales = torch.linspace(low, high, parts + 1, device=ink.device)[1:]
            tried = (ink + scales.view(-1, 1, 1, 1) * (one - ink)).mul(255).round()
            good = holds(tried)
            if not good.any():
                break
            first = int(good.int().argmax())
            size = (tried[first] - 255 * ink[0]).abs().sum().item()
            if size < smallest:
                smallest, found = size, tried[first, 0]
            low, high = high - (high - low) * (parts - first) / parts, scales[first].item()
    made_so: NDArray[np.uint8] | None = None if found is None else found.to(torch.uint8).cpu().numpy()
    return made_so


def principal(points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The mean (D,) and the axes (D, count) along which points (N, D) vary most, each with its largest part positive.

    Where there are fewer axes than wanted the others are zero.
    """
    mean = points.mean(0)
    _, _, rows = torch.linalg.svd(points - mean, full_matrices=False)
    axes = F.pad(rows[:count], (0, 0, 0, max(0, count - len(rows))))
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return mean, (axes * torch.where(largest < 0, -1.0, 1.0)).T


def tsne(points: Grey, *, perplexity: float = 30.0) -> Grey:
    """Points float32 (N, D) in two dimensions (N, 2), neighbours beside neighbours. The same points give the same map.

    t-SNE (L. van der Maaten, G. Hinton 2008) by the approximation of J. Barnes and P. Hut (L. van der Maaten 2014),
    begun from the first two principal axes (D. Kobak, P. Berens 2019). Distances between far groups mean little.

    Raises MissingExtra without scikit-learn.
    """
    library = _sklearn()
    mean, axes = principal(torch.from_numpy(points), 2)
    flat: Grey = ((torch.from_numpy(points) - mean) @ axes).numpy()
    spread = float(flat[:, 0].std())
    if len(points) < 5 or spread <= 1e-6 * float(np.abs(points).max()):  # what is all in one place has no neighbours
        return flat
    fitted = library.TSNE(
        perplexity=min(perplexity, (len(points) - 1) / 3), init=flat / spread * 1e-4, max_iter=500, random_state=0
    )
    with importlib.import_module("threadpoolctl").threadpool_limits(1):  # several threads add up in any order
        found: Grey = fitted.fit_transform(points)
    return found


def percent(share: float) -> str:
    """A probability in words. It is never nothing, the half or all, whatever it is rounded to."""
    if 0.5 < share < 0.5005:
        return "over 50%"
    return "under 0.1%" if share < 0.001 else "over 99.9%" if share > 0.999 else f"{share:.1%}"


def pixels(ink: float) -> str:
    """An amount of ink in words: a pixel from blank to full is 1."""
    return f"{ink:.1f}" if ink >= 1 else f"{ink:.2g}"


def _explain(model: Model, image: NDArray[np.uint8], label: str, index: int, into: str | None) -> Explanation:
    network, names = model.network, model.task.classes
    probabilities = _probabilities(model, image)
    order = sorted(names, key=lambda name: -probabilities[name])
    given, blank = infer(network, torch.from_numpy(np.stack([image, np.zeros_like(image)]))).tolist()
    found = [attributions(network, image, names.index(name)) for name in order[:2]]
    gradients, erased, inked = (np.stack(pair) for pair in zip(*found, strict=True))
    wanted = into or order[1]
    changed = counterfactual(network, image, names.index(wanted), temperature=model.temperature)
    change = None
    if changed is not None:
        ink = float(np.abs(changed.astype(float) - image).sum() / 255)
        change = Change(changed, wanted, _probabilities(model, changed), ink)
    return Explanation(
        index=index,
        image=image,
        label=label,
        answer=order[0],
        runner_up=order[1],
        probabilities=probabilities,
        logits=dict(zip(names, given, strict=True)),
        blank=dict(zip(names, blank, strict=True)),
        gradients=gradients,
        erased=erased,
        inked=inked,
        activations=activations(network, image),
        wanted=wanted,
        change=change,
    )


def _probabilities(model: Model, image: NDArray[np.uint8]) -> dict[str, float]:
    """The probability of every class for one image."""
    logits = infer(model.network, torch.from_numpy(image[None]))
    row = calibration.probabilities(logits, model.temperature)[0].tolist()
    return dict(zip(model.task.classes, row, strict=True))


def with_figures(found: Inside, own: dict[str, Path], digits: Sequence[dict[str, Path]]) -> Inside:
    """The same with the paths of its figures, and of those of each digit."""
    explained = [replace(one, figures=paths) for one, paths in zip(found.digits, digits, strict=True)]
    return replace(found, digits=explained, figures=own)


def _place(number: int, index: NDArray[np.int64]) -> int:
    """Where the test digit with a number is among those that the task is about."""
    if not len(index):
        raise DataError("there is no test digit to explain")
    at = np.flatnonzero(index == number)
    if not len(at):
        last = int(index[-1])
        if 0 <= number <= last:
            raise UsageError(f"digit {number} belongs to no class of this task: name another")
        raise UsageError(f"there is no digit {number}: give one from {index[0]} to {last}")
    return int(at[0])


def _some(wrong: NDArray[np.bool_], chosen: Sequence[int]) -> NDArray[np.int64]:
    """Which digits the map shows: those chosen, the mistakes, up to a third, and others, drawn always the same."""
    order = np.random.default_rng(0).permutation(len(wrong))
    mistakes = order[wrong[order]][: MAPPED // 3]
    others = order[~wrong[order]]
    picked = np.concatenate([np.asarray(chosen, np.int64), mistakes, others])
    _, first = np.unique(picked, return_index=True)
    return np.sort(picked[np.sort(first)][:MAPPED])


def _kind(layer: nn.Module) -> str:
    """What a layer does, in words."""
    if isinstance(layer, nn.Conv2d):
        return f"convolution {layer.kernel_size[0]} × {layer.kernel_size[1]}"
    return "average" if isinstance(layer, nn.AvgPool2d) else "fully connected"


def _ink(image: NDArray[np.uint8], network: nn.Module) -> Tensor:
    """An image uint8 (28, 28) as ink (1, 1, 28, 28) in [0, 1] where the network is."""
    return grey(torch.from_numpy(np.ascontiguousarray(image))[None]).to(next(network.parameters()).device)


def _answering(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """From ink (N, 1, 28, 28) in [0, 1] to logits, with a gradient."""
    return lambda ink: network(normalise(ink.clone()))


@contextmanager
def _still(network: nn.Module) -> Iterator[None]:
    """A context in which a network is in evaluation mode and its weights want no gradient."""
    training = network.training
    learnt = [weight for weight in network.parameters() if weight.requires_grad]
    network.eval().requires_grad_(False)
    try:
        yield
    finally:
        network.train(training)
        for weight in learnt:
            weight.requires_grad_()


def _brush(dabs: Tensor) -> Tensor:
    """Dabs (N, 1, H, W) as a soft brush of about two pixels draws them."""
    line = torch.tensor([0.05, 0.5, 1.0, 0.5, 0.05], device=dabs.device)
    return F.conv2d(dabs, (line[:, None] * line[None, :]).view(1, 1, 5, 5), padding=2)


def _ready(folder: Path) -> None:
    """See that a folder for figures can be made, or written to if it is there; nothing is left. Raises StorageError."""
    try:
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if not there.is_dir():
            raise StorageError(f"cannot write figures into {folder}: {there} is a file; name a folder with --out")
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        why = error.strerror or error
        raise StorageError(f"cannot write figures into {folder}: {why}; name another folder with --out") from error


def _captum() -> Any:
    return _library("captum.attr", "captum")


def _sklearn() -> Any:
    return _library("sklearn.manifold", "scikit-learn")


def _library(module: str, package: str) -> Any:
    """A module that has no types. Raises MissingExtra when its package is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise missing_extra(package, "explain") from error
