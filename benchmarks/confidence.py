"""How often is an answer wrong, when only the surest are given? The risk-coverage curve of the bundled model.

    python benchmarks/confidence.py

On validation digits as pictures show them, with a fifth as many shapes that are no digit, drawn anew; seeds other
than those the threshold was fitted with. Writes docs/confidence.png as well.
"""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from measuring import ROOT, Row, arguments, machine_name, mean, measured, save, validation_digits
from tenfold.learn.export import onnx
from tenfold.learn.networks.calibration import probabilities
from tenfold.learn.training import models, runs
from tenfold.read.classifier import Classifier, Description

SEEDS = (11, 12, 13)


def risk(logits: Tensor, labels: Tensor, model: Description) -> tuple[tuple[Tensor, Tensor], Row]:
    """Coverage and risk from the surest answer to the least sure, and what they are at the model's threshold."""
    confidence, answers = probabilities(logits, model.temperature).max(1)
    order = confidence.argsort(descending=True)
    order = order[answers[order] < 10]  # what is taken for no digit is not answered
    wrong = answers[order] != labels[order]
    risks = wrong.float().cumsum(0) / torch.arange(1, len(order) + 1)
    coverage = (labels[order] < 10).float().cumsum(0) / (labels < 10).sum()
    sure = confidence[order] >= model.threshold
    strange = labels == 10
    row = {
        "coverage": float((labels[order][sure] < 10).sum() / (labels < 10).sum()),
        "error": float(wrong[sure].float().mean()),
        "error, all answered": float(risks[-1]),
        "no digit, answered surely": float(
            ((answers[strange] < 10) & (confidence[strange] >= model.threshold)).float().mean()
        ),
    }
    return (coverage, risks), row


def draw(curves: list[tuple[Tensor, Tensor]], row: Row) -> None:
    """docs/confidence.png: the curves, and the point of the threshold on the first."""
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.add_subplot()
    for coverage, risks in curves:
        axes.plot(100 * coverage[200:], 100 * risks[200:], color="#2060a0", linewidth=1)
    axes.plot(100 * row["coverage"], 100 * row["error"], "o", color="#c03020", label="the threshold")
    axes.set(
        xlabel="digits answered, %", ylabel="answers that are wrong, %", title="Risk against coverage, three draws"
    )
    axes.set_xlim(60, 100)
    axes.set_ylim(0, None)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(ROOT / "docs" / "confidence.png", dpi=120)


def main() -> None:
    arguments(__doc__).parse_args()
    model, described, digits = models.load(runs.BUNDLED), Classifier().description, validation_digits()
    draws = [risk(*onnx.observed(model, digits, seed=seed), described) for seed in SEEDS]
    rows = [row for _, row in draws]
    draw([curve for curve, _ in draws], rows[0])
    summary = {name: mean([row[name] for row in rows]) for name in rows[0]}
    summary |= {"threshold": described.threshold, "temperature": described.temperature, "n": len(SEEDS)}
    for name, value in summary.items():
        print(f"{name:28} {value:.4f}")
    save("confidence", {"machine": machine_name(), **summary}, rows)


def tables() -> dict[str, str]:
    s, _, by = measured("confidence")
    text = (
        f"At the threshold of {s['threshold']:.3f}, on {s['n']} fresh draws of the same kind, "
        f"{s['coverage']:.1%} of the digits are answered; {s['error']:.2%} of the answers are wrong, without a "
        f"threshold {s['error, all answered']:.2%}. Of the shapes that are no digit "
        f"{s['no digit, answered surely']:.1%} are answered. {by}"
    )
    return {"confidence": text}


if __name__ == "__main__":
    main()
