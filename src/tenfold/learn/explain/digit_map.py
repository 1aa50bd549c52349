"""Digits by what a network's last layer is given of them, in two dimensions by t-SNE, as scikit-learn computes it."""

import importlib

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold.learn import networks
from tenfold.learn.explain.attributions import library
from tenfold.learn.networks.inference import infer
from tenfold.mnist.digits import Track, untracked


def embed(network: nn.Sequential, images: Tensor, *, track: Track = untracked) -> tuple[Tensor, Tensor]:
    """What the last layer is given of images uint8 (N, 28, 28), float32 (N, D), and the logits (N, classes).

    Both are on the CPU. The first is the input of the output layer: what the layers before it make of a picture, or the
    pixels where there is no other layer.
    """
    kept: list[Tensor] = []
    output = network.get_submodule(networks.output_layer(network))
    hook = output.register_forward_pre_hook(lambda _, given: kept.append(given[0].flatten(1).float().cpu()))
    try:
        logits = infer(network, images, track=track)
    finally:
        hook.remove()
    return torch.cat(kept), logits.cpu()


def principal(points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The mean (D,) and the axes (D, count) along which points (N, D) vary most, each with its largest part positive.

    Where there are fewer axes than wanted the others are zero.
    """
    mean = points.mean(0)
    _, _, rows = torch.linalg.svd(points - mean, full_matrices=False)
    axes = F.pad(rows[:count], (0, 0, 0, max(0, count - len(rows))))
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return mean, (axes * torch.where(largest < 0, -1.0, 1.0)).T


def tsne(points: NDArray[np.float32], *, perplexity: float = 30.0) -> NDArray[np.float32]:
    """Points float32 (N, D) in two dimensions (N, 2), neighbours beside neighbours. The same points give the same map.

    t-SNE (L. van der Maaten, G. Hinton 2008, JMLR 9) by the approximation of J. Barnes and P. Hut (L. van der Maaten
    2014), begun from the first two principal axes (D. Kobak, P. Berens 2019). Distances between far groups mean little.

    Raises MissingExtra without scikit-learn.
    """
    sklearn = library("sklearn.manifold", "scikit-learn")
    mean, axes = principal(torch.from_numpy(points), 2)
    flat: NDArray[np.float32] = ((torch.from_numpy(points) - mean) @ axes).numpy()
    spread = float(flat[:, 0].std())
    if len(points) < 5 or spread <= 1e-6 * float(np.abs(points).max()):  # what is all in one place has no neighbours
        return flat
    method = sklearn.TSNE(
        perplexity=min(perplexity, (len(points) - 1) / 3), init=flat / spread * 1e-4, max_iter=500, random_state=0
    )
    with importlib.import_module("threadpoolctl").threadpool_limits(1):  # several threads add up in any order
        places: NDArray[np.float32] = method.fit_transform(points)
    return places


def shown(wrong: NDArray[np.bool_], chosen: list[int], most: int) -> NDArray[np.int64]:
    """Which digits a map of so many shows: those chosen, mistakes, up to a third, and others, drawn always the same."""
    order = np.random.default_rng(0).permutation(len(wrong))
    mistakes = order[wrong[order]][: most // 3]
    picked = np.concatenate([np.asarray(chosen, np.int64), mistakes, order[~wrong[order]]])
    return np.sort(np.array(list(dict.fromkeys(picked.tolist()))[:most], np.int64))
