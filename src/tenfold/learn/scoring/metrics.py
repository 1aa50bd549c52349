"""Scores, from logits (N, K) and labels (N,) on the CPU. All are fractions unless said otherwise."""

import json
import math
from dataclasses import asdict, dataclass
from statistics import NormalDist

import torch
from torch import Tensor

BINS = 15  # of the calibration error and the reliability diagram


@dataclass(frozen=True)
class ClassScore:
    """How one class fared: precision, recall, F1 and the number of its images (support)."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence is between `low` and `high`: their mean confidence, accuracy and number."""

    low: float
    high: float
    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True)
class Mistake:
    """A wrong answer: the digit's index in its data, its class, the class answered and how sure that was."""

    index: int
    label: str
    answer: str
    confidence: float


@dataclass(frozen=True)
class Corrected:
    """The accuracy on `n` digits, those that are labelled wrongly with the labels that people gave them."""

    n: int
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found. Accuracy, interval, ECE and the classes' scores are fractions, `nll` is in nats."""

    model: str  # the run or file
    recipe: str
    task: str
    data: str
    notes: list[str]  # on how the data was made to fit
    n: int
    accuracy: float
    interval: tuple[float, float]  # of the accuracy, 95 %, Wilson
    nll: float  # this and the next two at the temperature fitted on validation digits
    brier: float
    ece: float
    temperature: float
    uncalibrated: dict[str, float]  # NLL, Brier and ECE without it
    auc: float | None  # area under the ROC curve, for two classes
    classes: list[ClassScore]
    confusion: list[list[int]]  # row: label, column: answer
    mistakes: list[Mistake]  # the surest first
    reliability: list[Bin]
    images_per_second: float
    corrected: Corrected | None = None  # on MNIST's own test set
    report: str | None = None  # where the page is, if one was written

    def as_json(self) -> str:
        """The evaluation as a JSON object."""
        return json.dumps(asdict(self), indent=2, allow_nan=False)


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a proportion: E. B. Wilson, J. Am. Stat. Assoc. 22, 1927; sound near 0 and 1 too."""
    z = NormalDist().inv_cdf(0.975)  # by hand, since importing scipy.stats takes a third of a score of 10,000 digits
    share, spread = right / total, z * z / total
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / total + spread / total / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def nll(logits: Tensor, labels: Tensor) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    return torch.nn.functional.cross_entropy(logits.double(), labels).item()


def brier(probabilities: Tensor, labels: Tensor) -> float:
    """Mean squared distance between the probabilities and the truth, from 0 to 2: G. W. Brier 1950."""
    truth = torch.nn.functional.one_hot(labels, probabilities.shape[1])
    return (probabilities.double() - truth).square().sum(1).mean().item()


def reliability(probabilities: Tensor, labels: Tensor, bins: int = BINS) -> list[Bin]:
    """Accuracy against confidence in bins of equal width; bins without answers are left out."""
    confidence, answer = probabilities.max(1)
    right = answer == labels
    place = (confidence * bins).long().clamp(max=bins - 1)
    filled = []
    for k in range(bins):
        inside = place == k
        if count := int(inside.sum()):
            mean, accuracy = confidence[inside].double().mean().item(), right[inside].double().mean().item()
            filled.append(Bin(k / bins, (k + 1) / bins, mean, accuracy, count))
    return filled


def calibration_error(bins: list[Bin]) -> float:
    """Expected calibration error: C. Guo et al. 2017, arXiv 1706.04599; the mean gap weighted by the bins' sizes."""
    return sum(b.count * abs(b.accuracy - b.confidence) for b in bins) / sum(b.count for b in bins)


def confusion(answers: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Counts int64 (K, K): row is the label, column the answer."""
    return torch.bincount(labels * classes + answers, minlength=classes**2).view(classes, classes)


def class_scores(matrix: Tensor, names: tuple[str, ...]) -> list[ClassScore]:
    """Precision, recall and F1 of each class of a confusion matrix; a quotient with nothing below it is 0."""
    scores = []
    for k, name in enumerate(names):
        right, answered, there = (int(x) for x in (matrix[k, k], matrix[:, k].sum(), matrix[k].sum()))
        precision, recall = right / max(1, answered), right / max(1, there)
        f1 = 2 * right / max(1, answered + there)
        scores.append(ClassScore(name, precision, recall, f1, there))
    return scores


def roc_auc(scores: Tensor, positive: Tensor) -> float:
    """Area under the ROC curve of scores (N,) for the images where `positive` holds; ties count half.

    It is the chance that a positive image scores above a negative one (Mann-Whitney's U over the number of pairs).
    NaN when one kind is missing.
    """
    from scipy.stats import mannwhitneyu

    above, below = scores[positive].double().numpy(), scores[~positive].double().numpy()
    if not len(above) or not len(below):
        return math.nan
    return float(mannwhitneyu(above, below, method="asymptotic").statistic / (len(above) * len(below)))
