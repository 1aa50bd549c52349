"""A network of one's own against a recipe: a small vision transformer and `fast`, over the same seeds.

    python examples/vision_transformer.py [SEEDS] [EPOCHS]

tenfold trains both, each seed with the same split and order of digits, and says how they differ with its interval. What
is ours here is the network alone: it may be any `nn.Module` from images to logits. From the command line it would be
`tenfold study fast --network examples/vision_transformer.py:VisionTransformer --against fast`.

A. Dosovitskiy et al., "An image is worth 16x16 words", 2020, arXiv 2010.11929.
"""

import sys

import torch
from torch import Tensor, nn

import tenfold

PATCH, WIDTH, HEADS, LAYERS = 7, 64, 4, 2  # pixels of a patch; numbers that describe it; attention


class VisionTransformer(nn.Module):
    """From images (N, 1, 28, 28), normalised, to logits (N, classes)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, WIDTH, PATCH, stride=PATCH)  # each patch of 7 x 7 pixels to a vector
        self.places = nn.Parameter(torch.randn((28 // PATCH) ** 2, WIDTH) * 0.02)  # where each patch is
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.answer = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, classes))

    def forward(self, images: Tensor) -> Tensor:
        """The mean of what all patches have become by attention to each other says which digit it is."""
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.places  # (N, 16, WIDTH)
        logits: Tensor = self.answer(self.encoder(tokens).mean(1))
        return logits


if __name__ == "__main__":
    seeds, epochs = int(sys.argv[1]) if sys.argv[1:] else 5, int(sys.argv[2]) if sys.argv[2:] else 5
    recipe = tenfold.RECIPES["fast"].changed(
        name="vit",
        network=VisionTransformer,
        optimizer="adamw",
        lr=3e-3,
        momentum=0.9,
        beta2=0.98,
        weight_decay=0.05,
        epochs=epochs,
        channels_last=False,
    )
    found = tenfold.study(recipe, against="fast", seeds=seeds, out="runs/vit-against-fast")
    difference = found.difference
    assert difference is not None
    for group in (found.group, found.against):
        assert group is not None
        assert group.summary is not None
        print(f"{group.recipe.name}: {group.summary.mean:.2%} of the validation digits, n = {group.summary.n}")
    print(f"difference {difference.mean * 100:+.2f} points")
    if difference.low is not None and difference.high is not None:  # with two seeds or more
        print(f"95 % interval {difference.low * 100:+.2f} to {difference.high * 100:+.2f} points")
