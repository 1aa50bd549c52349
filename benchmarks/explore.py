"""Networks and training that were tried on the way to `tiny` and to larger networks like it: one seed each.

    python benchmarks/explore.py '{"net": "lean", "ch": [16, 24, 24, 24, 28], "epochs": 30, "lr": 0.2}'

A loop of its own, so that anything can be tried before tenfold has it. It learns from 50,000 digits and scores the
other 10,000, before and after batch normalisation settles on digits as they are; the test set is not read. Adds a row
to results/explored.json. Those that won are networks and fields of recipes by now, and `variants.py` compares them over
seeds; a difference of 0.03 points between two rows here means nothing.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import tenfold
from measuring import RESULTS
from tenfold.learn.digits.augment import augment
from tenfold.learn.networks import calibration
from tenfold.learn.networks.batchnorm import recalibrate
from tenfold.learn.networks.inference import grey, infer, normalise
from tenfold.learn.recipes.augmentation import Augmentation

DEFAULTS: dict[str, Any] = {
    "net": "lean",
    "ch": [32, 64, 96, 128, 160],
    "epochs": 18,
    "batch": 128,
    "opt": "sgd",
    "lr": 0.1,
    "mom": 0.9,  # Adam's first beta
    "b2": 0.999,
    "wd": 5e-4,  # of weights, not of gains and offsets
    "drop": 0.0,
    "smooth": 0.0,
    "warm": 0.1,
    "aug": "rotate=10,shift=2,scale=0.1,shear=10,elastic=1",
    "final_plain": 0,  # last epochs without augmentation
    "batchshift": 0,  # pixels by which a whole batch is moved
    "amp": True,
    "seed": 0,
}


def layer(inputs: int, width: int, size: int, *, padding: int = 0, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, width, size, stride, padding, bias=False)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]


def separable(inputs: int, width: int, size: int = 3, *, padding: int = 0) -> list[nn.Module]:
    each = nn.Conv2d(inputs, inputs, size, padding=padding, groups=inputs, bias=False)
    return [each, *layer(inputs, width, 1)]


def pooled(layers: list[nn.Module]) -> list[nn.Module]:
    """Maximum before the ReLU, which comes last."""
    return [*layers[:-1], nn.MaxPool2d(2), layers[-1]]


def averaged(layers: list[nn.Module], width: int, drop: float) -> nn.Sequential:
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(drop), nn.Linear(width, 10))


def vgg(ch: Sequence[int], drop: float) -> nn.Sequential:
    """Padded stages of two convolutions, pooled between."""
    layers, inputs = pooled(layer(1, ch[0], 5, padding=2)), ch[0]
    for number, width in enumerate(ch[1:], 1):
        pair = [*layer(inputs, width, 3, padding=1), *layer(width, width, 3, padding=1)]
        layers, inputs = layers + (pooled(pair) if number < len(ch) - 1 else pair), width
    return averaged(layers, inputs, drop)


def unpadded(ch: Sequence[int], drop: float, stem: str = "unpadded", normalised: bool = True) -> nn.Sequential:
    """Full unpadded convolutions after a stem that is padded and pooled, unpadded and pooled, or has a stride."""
    padding, stride = (0 if stem == "unpadded" else 2), (2 if stem == "strided" else 1)
    layers = layer(1, ch[0], 5, padding=padding, stride=stride)
    layers, side = (layers if stride == 2 else pooled(layers)), (12 if stem == "unpadded" else 14)
    for inputs, width in itertools.pairwise(ch):
        layers, side = layers + layer(inputs, width, 3), side - 2
    head = nn.Linear(ch[-1] * side**2, 10, bias=not normalised)
    return nn.Sequential(*layers, nn.Dropout(drop), nn.Flatten(), head, *([nn.BatchNorm1d(10)] if normalised else []))


def lean(ch: Sequence[int], drop: float, pool: int = 1, size: int = 3, padded: bool = False) -> nn.Sequential:
    """Depthwise separable convolutions; pooled after the `pool`-th, and where they are padded after the third too."""
    layers = layer(1, ch[0], 5, padding=2 if padded else 0)
    layers = pooled(layers) if pool == 1 else layers
    for number, (inputs, width) in enumerate(itertools.pairwise(ch), 2):
        more = separable(inputs, width, size, padding=size // 2 if padded else 0)
        layers += pooled(more) if number in (pool, 3 if padded else 0) else more
    return averaged(layers, ch[-1], drop)


NETWORKS: dict[str, Callable[[Sequence[int], float], nn.Sequential]] = {
    "vgg": vgg,
    "unpadded-padded-stem": partial(unpadded, stem="padded"),
    "unpadded-padded-stem-plain-logits": partial(unpadded, stem="padded", normalised=False),
    "unpadded": unpadded,
    "unpadded-plain-logits": partial(unpadded, normalised=False),
    "unpadded-strided-stem": partial(unpadded, stem="strided", normalised=False),
    "lean": lean,
    "lean-pooled-later": partial(lean, pool=2),
    "lean-padded": partial(lean, padded=True),
    "lean-padded-5x5": partial(lean, size=5, padded=True),
}


def learn(config: dict[str, Any]) -> dict[str, Any]:
    c = DEFAULTS | config
    torch.manual_seed(c["seed"])
    digits = tenfold.MNIST(train=True)
    images, labels = digits.data[:50_000], digits.targets[:50_000]
    val_images, val_labels = digits.data[50_000:], digits.targets[50_000:]
    network = NETWORKS[c["net"]](c["ch"], c["drop"]).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    weights = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    groups = [{"params": weights, "weight_decay": c["wd"]}, {"params": others, "weight_decay": 0.0}]
    optimizer: torch.optim.Optimizer = (
        torch.optim.SGD(groups, c["lr"], c["mom"], nesterov=True)
        if c["opt"] == "sgd"
        else torch.optim.AdamW(groups, c["lr"], (c["mom"], c["b2"]), fused=True)
    )
    augmentation = Augmentation.parse(c["aug"])
    generator = torch.Generator().manual_seed(c["seed"] + 1)
    steps = len(images) // c["batch"]
    total, began = steps * c["epochs"], time.perf_counter()
    for step in range(total):
        if step % steps == 0:
            order = torch.randperm(len(images), generator=generator)
            network.train()
        done = step / total
        for group in optimizer.param_groups:
            group["lr"] = c["lr"] * (done / c["warm"] if done < c["warm"] else (1 - done) / (1 - c["warm"]))
        index = order[step % steps * c["batch"] :][: c["batch"]]
        ink = grey(images[index])
        if augmentation and done < 1 - c["final_plain"] / c["epochs"]:
            ink = augment(ink, augmentation, generator)
        if c["batchshift"]:
            by = torch.randint(-c["batchshift"], c["batchshift"] + 1, (2,), generator=generator).tolist()
            ink = torch.roll(ink, by, (2, 3))
        with torch.autocast("cpu", torch.bfloat16, enabled=c["amp"]):
            logits = network(normalise(ink))
        optimizer.zero_grad(set_to_none=True)
        loss: Tensor = F.cross_entropy(logits.float(), labels[index], label_smoothing=c["smooth"])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    seconds = time.perf_counter() - began

    def score() -> tuple[float, float]:
        logits: Tensor = infer(network, val_images)
        temperature = calibration.fit_temperature(logits, val_labels)
        right = (logits.argmax(1) == val_labels).double().mean().item()
        return right, F.cross_entropy(logits / temperature, val_labels).item()

    before = score()
    recalibrate(network, images[:10_000])
    after = score()
    return {
        "config": config,
        "parameters": sum(p.numel() for p in network.parameters()),
        "val_accuracy": before[0],
        "settled_val_accuracy": after[0],
        "settled_val_nll": round(after[1], 5),
        "seconds": round(seconds),
    }


def main() -> None:
    row = learn(json.loads(sys.argv[1]))
    print(json.dumps(row))
    file = RESULTS / "explored.json"
    rows = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    file.write_text("[\n" + ",\n".join(json.dumps(one) for one in [*rows, row]) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
