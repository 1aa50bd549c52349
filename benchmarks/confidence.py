"""How often is an answer wrong, when only the surest are given? The risk-coverage curve of the bundled model.

    python benchmarks/confidence.py

On validation digits as pictures show them, with a fifth as many shapes that are no digit, drawn anew; seeds other
than those the threshold was fitted with. Writes docs/confidence.png as well.
"""

from pathlib import Path

import torch
from matplotlib.figure import Figure

from measuring import machine_name, save
from tenfold.learn.export import onnx
from tenfold.learn.networks.calibration import probabilities
from tenfold.learn.training import models
from tenfold.mnist import embedded
from tenfold.mnist.digits import Digits
from tenfold.read.classifier import BUNDLED, Classifier

SEEDS = (11, 12, 13)


def main() -> None:
    model = models.load(BUNDLED.with_suffix(".safetensors"))
    described = Classifier().description
    digits = embedded.read("train")
    digits = Digits(digits.images[50_000:], digits.labels[50_000:])
    found = [onnx.observed(model, digits, seed=seed) for seed in SEEDS]
    curves, rows = [], []
    for logits, labels in found:
        confidence, answers = probabilities(logits, described.temperature).max(1)
        order = confidence.argsort(descending=True)
        order = order[answers[order] < 10]  # what is taken for no digit is not answered
        right = (answers[order] == labels[order]).float().cumsum(0)
        given = torch.arange(1, len(order) + 1)
        coverage = (labels[order] < 10).float().cumsum(0) / (labels < 10).sum()
        curves.append((coverage, 1 - right / given))
        sure = confidence[order] >= described.threshold
        wrong = answers[order][sure] != labels[order][sure]
        strange = labels == 10
        rows.append(
            {
                "coverage": float((labels[order][sure] < 10).sum() / (labels < 10).sum()),
                "error": float(wrong.float().mean()),
                "error, all answered": float(1 - right[-1] / given[-1]),
                "no digit, answered surely": float(
                    ((answers[strange] < 10) & (confidence[strange] >= described.threshold)).float().mean()
                ),
            }
        )
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.add_subplot()
    for coverage, risk in curves:
        axes.plot(100 * coverage[200:], 100 * risk[200:], color="#2060a0", linewidth=1)
    axes.plot(100 * rows[0]["coverage"], 100 * rows[0]["error"], "o", color="#c03020", label="the threshold")
    axes.set(
        xlabel="digits answered, %", ylabel="answers that are wrong, %", title="Risk against coverage, three draws"
    )
    axes.set_xlim(60, 100)
    axes.set_ylim(0, None)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(Path(__file__).parent.parent / "docs" / "confidence.png", dpi=120)
    summary = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
    summary |= {"threshold": described.threshold, "temperature": described.temperature, "n": len(SEEDS)}
    for name, value in summary.items():
        print(f"{name:28} {value:.4f}")
    save("confidence", {"machine": machine_name(), **summary}, rows)


if __name__ == "__main__":
    main()
