"""How accurate are ensembles of a recipe's networks, by their number? From the logits that records.py keeps.

    python benchmarks/ensembles.py cnn-sgd

Trains nothing. For each number of members it averages the probabilities of up to 200 random choices of that many
different networks, and scores each on the test set; no network is picked by its score. Writes
results/ensembles-RECIPE.json.
"""

import argparse
import itertools
import math
import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tenfold
from measuring import RESULTS, deviation, mean, save

CHOICES = 200


def choices(networks: int, members: int) -> list[tuple[int, ...]]:
    """All ways to choose so many of the networks, or CHOICES of them at random."""
    if math.comb(networks, members) <= CHOICES:
        return list(itertools.combinations(range(networks), members))
    drawn = random.Random(0)
    found: set[tuple[int, ...]] = set()
    while len(found) < CHOICES:
        found.add(tuple(sorted(drawn.sample(range(networks), members))))
    return sorted(found)


def score(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy and negative log-likelihood of probabilities (N, classes)."""
    right = probabilities[np.arange(len(labels)), labels]
    return {
        "accuracy": float((probabilities.argmax(1) == labels).mean()),
        "nll": float(-np.log(np.maximum(right, 1e-12)).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    asked = parser.parse_args()
    with np.load(RESULTS / f"records-{asked.recipe}.npz") as file:
        logits = np.stack([file[seed] for seed in sorted(file, key=int)]).astype(np.float64)
    labels = tenfold.MNIST(train=False).targets.numpy().astype(np.int64)
    each = np.exp(logits - logits.max(2, keepdims=True))
    each /= each.sum(2, keepdims=True)  # (networks, N, classes)
    rows: list[dict[str, Any]] = []
    for members in range(1, len(each) + 1):
        found = [score(each[list(chosen)].mean(0), labels) for chosen in choices(len(each), members)]
        accuracy = [one["accuracy"] for one in found]
        rows.append(
            {
                "members": members,
                "choices": len(found),
                "accuracy": mean(accuracy),
                "deviation": deviation(accuracy),
                "least": min(accuracy),
                "most": max(accuracy),
                "nll": mean([one["nll"] for one in found]),
            }
        )
        print(f"{members:3} members  {rows[-1]['accuracy']:.3%} ± {rows[-1]['deviation']:.3%}  n = {len(found)}")
    save(f"ensembles-{asked.recipe}", {"networks": len(each), "choices": CHOICES}, rows)


if __name__ == "__main__":
    main()
