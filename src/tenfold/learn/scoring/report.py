"""Self-contained HTML pages: no file beside them is needed, and nothing is fetched. Here, the one on an evaluation."""

import base64
import html as escaping
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from tenfold.learn.networks import parameters
from tenfold.learn.scoring import matrix, thumbnails
from tenfold.learn.scoring.metrics import Corrected, Evaluation
from tenfold.learn.training.models import Model

STYLE = """
:root { color-scheme: light dark; --ink: #1f2937; --paper: #fff; --line: #d1d5db; --quiet: #4b5563; --wrong: #b91c1c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e5e7eb; --paper: #14181f; --line: #374151; --quiet: #b4bcc8; --wrong: #fca5a5; } a { color: #93c5fd; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
.big { font-size: 3rem; font-weight: 650; margin: .6rem 0 0; } .quiet { color: var(--quiet); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem .25rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; }
img { max-width: 100%; height: auto; border-radius: 4px; } code { overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .6rem .8rem; border: 1px solid var(--line); border-radius: 4px; margin: .6rem 0; }
summary { cursor: pointer; } .figure img { min-width: 34rem; }
@media (max-width: 34rem) { th, td { padding-right: .55rem; } .big { font-size: 2.4rem; } }
"""

_CREDIT = "Digit pictures: MNIST, LeCun, Cortes, Burges, CC BY-SA 3.0."

_BARS = "what it is → what was answered, and how sure that was; below each digit a bar for each class, in their order"
_CAPTIONS = {
    "curves": ("Loss and accuracy while it learnt", ""),
    "confusion": (
        "Which classes are taken for which",
        "Rows are labels, columns answers. Choose a number to see its digits; going back closes them.",
    ),
    "mistakes": ("The mistakes it was surest of", f"{_BARS[0].upper()}{_BARS[1:]}."),
    "reliability": ("Is it as right as it is sure?", "Bars on the dashed line would say yes."),
    "samples": ("Digits drawn at random", f"As above: {_BARS}. Mistakes are red."),
}


def _corrected(found: Corrected) -> str:
    low, high = found.interval
    return (
        f"{found.accuracy:.2%} ({low:.2%} to {high:.2%}) of {found.n:,}: 10 of MNIST's test labels are wrong in the "
        "eyes of at least 3 of 5 people, who are divided over the 5 left out (arXiv 2103.14749)"
    )


def html(found: Evaluation, model: Model, shown: Mapping[str, Path | str]) -> str:
    """The page as text. What is shown is HTML, or a picture that is read from its file and put inside."""
    low, high = found.interval
    scores = {
        "Accuracy": f"{found.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%})",
        "Mistakes": f"{len(found.mistakes):,} of {found.n:,}",
        **({} if found.corrected is None else {"Accuracy, labels corrected": _corrected(found.corrected)}),
        "Negative log-likelihood": f"{found.nll:.4f}",
        "Brier score": f"{found.brier:.4f}",
        "Expected calibration error": f"{found.ece:.2%}",
        **_temperature(found, model),
        **({} if found.auc is None else {"Area under the ROC curve": f"{found.auc:.5f}"}),
        "Trainable parameters": f"{parameters(model.network):,}",
        "Images a second": f"{found.images_per_second:,}",
    }
    recipe = model.recipe.differences()
    made_by = f"tenfold {version('tenfold')}, torch {torch.__version__}, Python {platform.python_version()}"
    classes = table(
        ("class", "precision", "recall", "F1", "images"),
        [(c.name, f"{c.precision:.2%}", f"{c.recall:.2%}", f"{c.f1:.2%}", f"{c.support:,}") for c in found.classes],
    )
    return page(
        f"tenfold: {found.recipe} on {found.data}",
        f"""<p class="big">{found.accuracy:.2%}</p>
<p class="quiet">of {found.n:,} digits answered right, task <b>{escaping.escape(found.task)}</b></p>
{"".join(f'<p class="quiet">{escaping.escape(note)}</p>' for note in found.notes)}
{table(("score", ""), list(scores.items()))}
<h2>Each class</h2>{classes}
{"".join(_section(name, drawn) for name, drawn in shown.items())}
<h2>The recipe, where it differs from the defaults</h2>
{table(("field", "value"), [(name, str(value)) for name, value in recipe.items()])}
<p class="quiet">Learnt from {escaping.escape(model.data.get("name", "?"))}, SHA-256
<code>{escaping.escape(model.data.get("sha256", "?"))}</code>.
{_CREDIT if found.data.startswith("MNIST (") else ""} Made by {made_by}.</p>""",
        thumbnails.STYLE + matrix.STYLE,
    )


def _section(name: str, drawn: Path | str) -> str:
    title, caption = _CAPTIONS[name]
    inside = f'<div class="wide figure">{picture(drawn, title)}</div>' if isinstance(drawn, Path) else drawn
    return f"<h2>{title}</h2>" + (f'<p class="quiet">{caption}</p>' if caption else "") + inside


def page(title: str, body: str, style: str = "") -> str:
    """A whole page around its body, which is HTML, with more style; the title is plain text and stands on top."""
    title = escaping.escape(title)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{STYLE}{style}</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def _temperature(found: Evaluation, model: Model) -> dict[str, str]:
    if model.metrics.get("val_loss") is None:
        return {"Temperature": "not fitted: there were no validation digits"}
    plain = found.uncalibrated
    without = f"NLL {plain['nll']:.4f}, Brier {plain['brier']:.4f}, ECE {plain['ece']:.2%}"
    return {"Temperature, fitted on validation digits": f"{found.temperature:.3f} (without it {without})"}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain text that scrolls in its own box where it is too wide; the first column is aligned left."""
    top = "".join(f"<th>{escaping.escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escaping.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def picture(path: Path, caption: str) -> str:
    """A PNG file inside the page. The caption, plain text, is for those who cannot see it."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{escaping.escape(caption)}" src="data:image/png;base64,{data}">'
