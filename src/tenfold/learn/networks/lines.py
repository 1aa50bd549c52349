"""A network for lines of writing: fully convolutional, so that a line may be as long as it likes."""

from torch import Tensor, nn

from tenfold.errors import UsageError
from tenfold.learn.recipes.recipe import Recipe

HEIGHT = 40  # pixels


class Residual(nn.Module):
    """Two convolutions, each with batch normalisation, whose result is added to what they are given (K. He 2015)."""

    def __init__(self, width: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.body: nn.Sequential = nn.Sequential(*_convolution(width, width, size)[:-1], nn.ReLU(inplace=True))
        self.body.extend(_convolution(width, width, size)[:-1])

    def forward(self, input: Tensor) -> Tensor:
        """What it is given, changed a little."""
        return nn.functional.relu(input + self.body(input))


class Steps(nn.Module):
    """From (N, 2 * classes, 1, T) to (N, 2 * T, classes): two steps of the sequence from each column."""

    def forward(self, input: Tensor) -> Tensor:
        """The same numbers in the order of the line."""
        count, both, _, columns = input.shape
        return input.reshape(count, 2, both // 2, columns).permute(0, 3, 1, 2).reshape(count, 2 * columns, both // 2)


def line(recipe: Recipe, classes: int) -> nn.Sequential:
    """From lines (N, 1, 40, W), normalised, to logits (N, W / 2, classes + 1), the first of which is CTC's blank.

    Convolutions with strides make of 40 rows 20, 10 and 5, and then one; the columns become a quarter, two steps of the
    sequence each. Without recurrence it carries over better to hands it has not seen.
    """
    if len(recipe.channels) != 4:
        raise UsageError(f"--channels of the network line must be four widths, not {len(recipe.channels)}")
    a, b, c, d = recipe.channels
    return nn.Sequential(
        *_convolution(1, a, (5, 5), (2, 2)),  # 20 x W / 2
        *_convolution(a, a, (3, 3)),
        *_convolution(a, b, (3, 3), (2, 2)),  # 10 x W / 4
        Residual(b, (3, 3)),
        Residual(b, (3, 3)),
        *_convolution(b, c, (3, 3), (2, 1)),  # 5 x W / 4
        Residual(c, (3, 3)),
        Residual(c, (3, 3)),
        *_convolution(c, d, (5, 1), padding=(0, 0)),  # 1 x W / 4
        nn.Dropout(recipe.dropout_conv),
        Residual(d, (1, 5)),
        Residual(d, (1, 5)),
        nn.Conv2d(d, 2 * (classes + 1), (1, 3), padding=(0, 1)),
        Steps(),
    )


def _convolution(
    inputs: int,
    outputs: int,
    size: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] | None = None,
) -> tuple[nn.Module, ...]:
    if padding is None:
        padding = size[0] // 2, size[1] // 2
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
