"""Inside a trained network: its first filters, what its layers do, where it puts the digits, and why it answers so.

Attributions say how much each place of a picture speaks for a class: integrated gradients (M. Sundararajan et al. 2017,
arXiv 1703.01365) and occlusion (M. D. Zeiler, R. Fergus 2014, arXiv 1311.2901), both as Captum computes them. The least
change that turns the answer is a counterfactual explanation (S. Wachter et al. 2017, arXiv 1711.00399). The map of the
test digits is t-SNE (L. van der Maaten, G. Hinton 2008, JMLR 9).
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold.errors import DataError, UsageError, missing_extra, nearest
from tenfold.learn import calibration, devices, runs
from tenfold.learn.evaluation import test_digits
from tenfold.learn.inference import grey, infer, normalise
from tenfold.learn.models import Model
from tenfold.learn.progress import track
from tenfold.learn.runs import Run
from tenfold.mnist.sources import Track, untracked

MAPPED = 3_000  # digits in the map, at most
FILTERS = 64  # of the first layer, at most
PATCH = 4  # pixels, the side of what occlusion covers
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

    Raises MissingExtra without Captum, and UsageError, RunError, DataError, DeviceError or StorageError, as their names
    say.
    """
    _captum()
    where = devices.choose(device)
    model, its_run, folder = runs.find_model(run, where)
    digits, _, _, index = test_digits(model, data)
    names = model.task.classes
    if into is not None and into not in names:
        raise UsageError(nearest("class", into, names))
    chosen = [_place(number, index) for number in ([digit] if isinstance(digit, int) else digit or [])]
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
    points = tsne(embeddings[torch.from_numpy(some)]).numpy()
    mistakes = int((answers != digits.labels).sum())
    places = Map(points, index[some], digits.labels[some], answers[some], len(digits), mistakes)
    name = str(its_run.path if its_run else run)
    found = Inside(name, names, filters(model.network)[:FILTERS], places, explained)
    if not draw:
        return found
    from tenfold.learn import inside_figures

    return inside_figures.draw(found, Path(out) if out is not None else folder / "inside")


def embed(network: nn.Sequential, images: Tensor, *, track: Track = untracked) -> tuple[Tensor, Tensor]:
    """What the last layer gets of images uint8 (N, 28, 28), float32 (N, D), and the logits (N, classes); on the CPU."""
    kept: list[Tensor] = []
    hook = network[-1].register_forward_pre_hook(lambda _, given: kept.append(given[0].flatten(1).float().cpu()))
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
    """How much each pixel speaks for the logit of a class, by three ways: see `Explanation`. Each (28, 28).

    Raises MissingExtra without Captum.
    """
    captum = _captum()
    ink, answer = _ink(image, network), _answering(network)
    with _still(network):
        gradients = captum.IntegratedGradients(answer).attribute(
            ink, baselines=0.0, target=target, n_steps=64, internal_batch_size=64
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

    The change is drawn with a soft brush, so that it is smooth; a proximal step after each of gradient descent pays a
    price for every dab, so that there are few; ink stays between none and full. Several prices are tried at once, and
    what comes out is scaled down as far as the answer holds, in grey values of 8 bits. None: no change was found.
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
        with torch.no_grad():
            scales = torch.linspace(0.2, 1.0, 33, device=ink.device).view(-1, 1, 1, 1)
            made = best[least.isfinite()]
            if not len(made):
                return None
            tried = torch.cat([ink + scales * (one - ink) for one in made]).mul(255).round()
            lack = short(answer(tried / 255))
            size = torch.where(lack < 0, (tried - 255 * ink).abs().sum((1, 2, 3)), torch.inf)
            found = int(size.argmin())
            if not size[found].isfinite():  # the rounding to grey values undid them all
                return None
            made_so: NDArray[np.uint8] = tried[found, 0].to(torch.uint8).cpu().numpy()
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


def tsne(points: Tensor, *, perplexity: float = 30.0, steps: int = 400) -> Tensor:
    """Points (N, D) in two dimensions (N, 2), neighbours beside neighbours. The same points give the same map.

    t-SNE (L. van der Maaten, G. Hinton 2008) on the first 50 principal axes, begun from the first two (D. Kobak,
    P. Berens 2019) at the learning rate N / 12 (A. Belkina et al. 2019). Attraction is between 3 x perplexity
    neighbours; each step costs N² operations.
    """
    points = points.float().cpu()
    mean, axes = principal(points, 50)
    points = (points - mean) @ axes
    count = len(points)
    spread = points[:, 0].std() if count > 1 else torch.tensor(0.0)
    if count < 5 or not spread > 0:
        return points[:, :2]
    attraction = _neighbours(points, min(perplexity, (count - 1) / 3))
    places = points[:, :2] / spread * 1e-4
    speed, gains = torch.zeros_like(places), torch.ones_like(places)
    rate, early = max(count / 12, 10.0), steps // 4
    for step in track(range(steps), "drawing the map"):
        exaggeration = 12.0 if step < early else 1.0
        pull, push, total = torch.empty(count, 3), torch.empty(count, 3), 0.0
        squares = places.square().sum(1)
        right = torch.cat(
            [places, torch.ones(count, 1)], 1
        )  # so that one product has the weighted sums and the weights
        for first in range(0, count, 256):  # rows of which so many stay in the cache
            last = min(count, first + 256)
            near = torch.addmm(squares + 1, places[first:last], places.T, alpha=-2).add_(squares[first:last, None])
            near.reciprocal_()  # (rows, N), 1 / (1 + distance²)
            near.diagonal(first).zero_()  # of a point and itself
            total += near.sum().item()
            pull[first:last] = (attraction[first:last] * near) @ right
            push[first:last] = near.square_() @ right
        slope = exaggeration * (pull[:, 2:] * places - pull[:, :2]) - (push[:, 2:] * places - push[:, :2]) / total
        slope *= 4
        gains = torch.where(slope.sign() == speed.sign(), gains * 0.8, gains + 0.2).clamp_(min=0.01)
        speed = (0.5 if step < early else 0.8) * speed - rate * gains * slope
        places = places + speed
        places -= places.mean(0)
    return places


def _neighbours(points: Tensor, perplexity: float) -> Tensor:
    """How much each two of N points attract each other: (N, N), symmetric, adding up to 1."""
    count = len(points)
    distances = torch.cdist(points, points).square_()
    distances.fill_diagonal_(torch.inf)
    near, index = distances.topk(min(count - 1, round(3 * perplexity)), largest=False)
    near = near - near[:, :1]  # which changes nothing in the shares, and keeps them from vanishing
    wanted = float(np.log(min(perplexity, near.shape[1])))
    low, high = torch.zeros(count, 1), torch.full((count, 1), torch.inf)
    sharpness = 1 / near.mean(1, keepdim=True).clamp_min(1e-12)
    for _ in range(50):  # bisection for the sharpness at which each point has so many neighbours
        shares = (-near * sharpness).softmax(1)
        entropy = -(shares * shares.clamp_min(1e-30).log()).sum(1, keepdim=True)
        low, high = torch.where(entropy > wanted, sharpness, low), torch.where(entropy > wanted, high, sharpness)
        sharpness = torch.where(high.isfinite(), (low + high) / 2, sharpness * 2)
    shares = torch.zeros(count, count).scatter_(1, index, (-near * sharpness).softmax(1))
    return (shares + shares.T) / (2 * count)


def _explain(model: Model, image: NDArray[np.uint8], label: str, index: int, into: str | None) -> Explanation:
    network, names = model.network, model.task.classes
    probabilities = _probabilities(model, image)
    order = sorted(names, key=lambda name: -probabilities[name])
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


def _captum() -> Any:
    try:
        return importlib.import_module("captum.attr")  # which has no types
    except ModuleNotFoundError as error:
        raise missing_extra("captum", "explain") from error
