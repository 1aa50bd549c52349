"""`tenfold save`."""

from pathlib import Path
from typing import Annotated

import typer

from tenfold.cli import completion
from tenfold.progress import say

EPILOG = """
Examples:
  # weights for load_state_dict: mnist_model_state.pth
  tenfold save runs/half --as state
  # the whole network
  tenfold save runs/half --as full -o mnist.pth
  # for other libraries
  tenfold save runs/half --as safetensors
"""


def save(
    run: Annotated[
        Path,
        typer.Argument(help="A run, or a safetensors file of one.", metavar="RUN", autocompletion=completion.runs),
    ],
    form: Annotated[
        str,
        typer.Option(
            "--as", help="state, full or safetensors.", autocompletion=lambda: ["state", "full", "safetensors"]
        ),
    ] = "state",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file. \\[default: mnist_model_state.pth and so on, here]")
    ] = None,
) -> None:
    """Save a trained network for other programs: weights alone, the whole network, or safetensors."""
    from tenfold.learn.export import weights
    from tenfold.learn.training.runs import find_model

    model, _, _ = find_model(run, lines=True)
    path = weights.export(model, form, output)
    how = {
        "state": f"network.load_state_dict(torch.load('{path}'))",
        "full": f"network = torch.load('{path}', weights_only=False)",
        "safetensors": f"safetensors.torch.load_file('{path}')",
    }[form]
    say(f"saved {path}; load it with {how}")
