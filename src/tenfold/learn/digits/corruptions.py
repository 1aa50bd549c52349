"""The 15 corruptions of MNIST-C, as fast functions of whole batches on any device.

N. Mu, J. Gilmer, "MNIST-C: A robustness benchmark for computer vision", 2019, arXiv 1906.02337. What each one does, its
order of steps and its severity are those of the program that made the authors' data set, so its oddities stay: glass
blur smooths only along the columns, a shear makes the digit a little taller, a stripe is two inverted bands at the
sides. The random numbers are others, from the same distributions: an image here is not the image there, but as likely.
Grey values are float32 where the authors' were float64, which can change the last bit of a byte.

Each function takes float (N, 28, 28) in [0, 1], ink bright, and gives the same; `corrupt` takes and gives bytes. Random
numbers come from a generator on the CPU, so that a seed means the same on every device.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tenfold.errors import UsageError, nearest

SIZE = 28
MIDDLE = (SIZE - 1) / 2
BLOCK = 100  # images that `corrupt` changes at once, so that what it works on stays in a CPU's cache

Corruption = Callable[[Tensor, torch.Generator], Tensor]


def corrupt(images: Tensor, name: str, seed: int = 0) -> Tensor:
    """Images uint8 (N, 28, 28), ink bright, corrupted: the same again, on their device.

    What happens to an image depends on the seed and on its place among the images, not on how many follow it.
    Raises UsageError for a name that is not in CORRUPTIONS, a seed below 0, and anything but such images.
    """
    if name not in CORRUPTIONS:
        raise UsageError(nearest("corruption", name, CORRUPTIONS))
    if images.dtype != torch.uint8 or images.shape[1:] != (SIZE, SIZE):
        raise UsageError(f"corrupt wants images uint8 (N, 28, 28), not {images.dtype} {tuple(images.shape)}")
    if seed < 0:
        raise UsageError(f"a seed is a whole number from 0, not {seed}")
    done = torch.empty_like(images)
    for first in range(0, len(images), BLOCK):
        block = images[first : first + BLOCK].float() / 255
        entropy = [seed, list(CORRUPTIONS).index(name), first]
        state = int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))
        whole = F.pad(block, (0, 0, 0, 0, 0, BLOCK - len(block)))  # a short block draws what a whole one would
        changed = CORRUPTIONS[name](whole, torch.Generator().manual_seed(state))[: len(block)]
        done[first : first + BLOCK] = as_bytes(changed)
    return done


def as_bytes(images: Tensor) -> Tensor:
    """Grey values in [0, 1] as uint8, rounded."""
    return (images * 255).round_().clamp_(0, 255).to(torch.uint8)


def shot_noise(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each pixel counts photons, 3 on average at full ink (Poisson); it is a third for each, and full from 3 on."""
    rate = 3 * images
    uniform = _uniform(images, generator, SIZE, SIZE)
    none = torch.exp(-rate)  # the chance of no photon
    at_most = (none, none * (1 + rate), none * (1 + rate + rate**2 / 2))
    return torch.stack([uniform >= chance for chance in at_most]).sum(0) / 3


def impulse_noise(images: Tensor, generator: torch.Generator) -> Tensor:
    """17 % of the pixels are drawn, of which half become 1 and half 0."""
    uniform = _uniform(images, generator, SIZE, SIZE)
    return torch.where(uniform < 0.17, (uniform < 0.17 / 2).to(images), images)


def glass_blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian blur along the columns (0.7 pixels), pixels that change places with neighbours, and blur again.

    From the last pixel to the third, in rows and in columns, and that twice: in half of the cases the pixel changes
    places with the one that is 0 or 1 above it and 0 or 1 to its left. A pixel can travel far in one go.
    """
    smooth = torch.floor(_gaussian(images, 0.7, across=False) * 255 + 1e-5) / 255  # 1e-5: 254.999999 is 255
    pixels = smooth.flatten(1)  # (N, 784)
    chances = (_uniform(images, generator, 2, SIZE - 2, SIZE - 2) * 8).long()  # 3 bits: whether, up, left
    moves = (chances & 1) * (SIZE * (chances >> 1 & 1) + (chances >> 2))  # places further on in memory
    row = torch.arange(SIZE - 2, device=images.device)
    for move in moves.unbind(1):
        # A pixel must wait for the one right of it and the three below it. Those with one sum do not touch.
        for waiting in range(3 * (SIZE - 3), -1, -1):
            first, last = max(0, math.ceil((waiting - SIZE + 3) / 2)), min(SIZE - 3, waiting // 2)
            rows = row[first : last + 1]
            columns = waiting - 2 * rows
            here = ((rows + 2) * SIZE + columns + 2).expand(len(images), -1)
            there = here - move[:, rows, columns]
            mine, theirs = pixels.gather(1, here), pixels.gather(1, there)
            pixels = pixels.scatter(1, there, mine).scatter_(1, here, theirs)
    return _gaussian(pixels.view_as(images), 0.7, across=False).clamp_(0, 1)


def motion_blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """A trail to the left, by an angle of up to 45 degrees up or down: 21 weights, half a Gaussian of 3 pixels.

    The pixels on the way are the nearest ones to a straight line, as ImageMagick takes them (radius 10, sigma 3).
    """
    steps = torch.arange(21, device=images.device)
    weights = torch.exp(-(steps**2) / 18)
    weights = weights / weights.sum()
    angle = torch.deg2rad(90 * _uniform(images, generator, 1) - 45)
    across = torch.ceil(steps * angle.cos() - 0.5).long()  # (N, 21) pixels, to the right
    down = torch.ceil(steps * angle.sin() - 0.5).long()
    place = torch.arange(SIZE, device=images.device)
    pixels, blurred = images.flatten(1), torch.zeros_like(images.flatten(1))
    for step in range(21):
        rows = (place + down[:, step, None]).clamp_(0, SIZE - 1)  # (N, 28); beyond the edge is as the edge
        columns = (place + across[:, step, None]).clamp_(0, SIZE - 1)
        source = (rows[:, :, None] * SIZE + columns[:, None]).flatten(1)
        blurred.addcmul_(pixels.gather(1, source), weights[step])
    return blurred.view_as(images)


def shear(images: Tensor, generator: torch.Generator) -> Tensor:
    """A slant by 0.4 radians either way about the middle, which makes the digit 1 / cos 0.4 as high."""
    sign = _sign(images, generator, 1)[:, 0]
    ones, sine = torch.ones_like(sign), math.sin(0.4) * sign
    return warp(images, (ones, -sine, 0 * ones), (0 * ones, math.cos(0.4) * ones, 0 * ones))


def scale(images: Tensor, *_: object) -> Tensor:
    """The digit at 70 % of its size about the middle, interpolated without smoothing."""
    return scaled(images, 0.7)


def rotate(images: Tensor, generator: torch.Generator) -> Tensor:
    """A turn by 0.4 radians (23 degrees) either way about the middle."""
    return rotated(images, 0.4 * _sign(images, generator, 1)[:, 0])


def brightness(images: Tensor, *_: object) -> Tensor:
    """Half of full ink more, everywhere."""
    return (images + 0.5).clamp_(max=1)


def translate(images: Tensor, generator: torch.Generator) -> Tensor:
    """3 pixels up or down, and 3 left or right."""
    across, down = _sign(images, generator, 2).unbind(1)
    return shifted(images, 3 * across, 3 * down)


def stripe(images: Tensor, *_: object) -> Tensor:
    """The 7 columns at the left and the 7 at the right inverted."""
    changed = 1 - images
    changed[:, :, 7:21] = images[:, :, 7:21]
    return changed


def fog(images: Tensor, generator: torch.Generator) -> Tensor:
    """3 times a plasma fractal in [0, 1], added; the sum is dimmed to what the image's brightest pixel was."""
    peak = images.amax((1, 2), keepdim=True)
    foggy = images + 3 * _plasma(images, generator)
    return (foggy * peak / (peak + 3)).clamp_(0, 1)


def spatter(images: Tensor, generator: torch.Generator) -> Tensor:
    """Blobs of dark grey (63 of 255): where smoothed noise is above a limit, smoothed themselves, and dense enough."""
    noise = torch.randn(len(images), SIZE, SIZE, generator=generator).to(images)
    liquid = _gaussian(0.65 + 0.3 * noise, 1.0)
    drops = _gaussian((liquid > 0.65).to(images), 1.5)
    drops = torch.where(drops < 0.8, 0.0, drops)
    return (images * (1 - drops) + 63 / 255 * drops).clamp_(0, 1)


def dotted_line(images: Tensor, generator: torch.Generator) -> Tensor:
    """A straight line from the left edge to the right, from any height to any; two columns of it out of four."""
    left, right = torch.floor(27 * _uniform(images, generator, 2)).unbind(1)
    line = _line(0 * left, left, 0 * left + 27, right)
    gaps = torch.arange(SIZE, device=images.device) // 2 % 2 == 0
    return (images + line.masked_fill(gaps, 0)).clamp_(max=1)


def zigzag(images: Tensor, generator: torch.Generator) -> Tensor:
    """A zigzag of 7 strokes, 2 pixels to either side of a line from column 2 to 25 that may rise or fall by 5."""
    height, rise = _uniform(images, generator, 2).unbind(1)
    height, rise = torch.floor(27 * height), torch.floor(10 * rise) - 5
    angle = torch.atan(rise / 23)
    length = 23 / torch.cos(angle)  # between 23 and 23.6, so there are always six corners
    along = [0 * length, *(0 * length + 4 * k + 2 for k in range(6)), length]
    aside = [0 * length, *(0 * length + 2 * (-1) ** k for k in range(6)), -1 / (length - 20)]
    columns = [2 + a * angle.cos() - b * angle.sin() for a, b in zip(along, aside, strict=True)]
    rows = [height + a * angle.sin() + b * angle.cos() for a, b in zip(along, aside, strict=True)]
    drawn = images
    for k in range(7):
        drawn = drawn + _line(columns[k], rows[k], columns[k + 1], rows[k + 1])
    return drawn.clamp(max=1)


def canny_edges(images: Tensor, *_: object) -> Tensor:
    """The edges alone, one pixel thin: 1 on them and 0 elsewhere.

    J. Canny, "A computational approach to edge detection", 1986, as scikit-image has it: Gaussian of 1 pixel, Sobel,
    points that are no less than what lies on both sides of them along the gradient (interpolated), and of those from
    0.1 on the ones that hang together with one from 0.2 on.
    """
    inside = _gaussian(torch.ones_like(images[:1]), 1.0, mode="constant")
    smooth = _padded(_gaussian(images, 1.0, mode="constant") / inside, 1, 1)
    up, middle, down = smooth[:, :-2], smooth[:, 1:-1], smooth[:, 2:]
    rise = up + 2 * middle + down
    across = rise[:, :, 2:] - rise[:, :, :-2]  # (N, 28, 28)
    fall = down - up
    along = fall[:, :, :-2] + 2 * fall[:, :, 1:-1] + fall[:, :, 2:]
    strength = torch.hypot(across, along)

    def neighbour(down: int, right: int) -> Tensor:
        return strength.roll((-down, -right), (1, 2))

    steep = along.abs() >= across.abs()
    share = torch.minimum(along.abs(), across.abs()) / torch.maximum(along.abs(), across.abs()).clamp(min=1e-12)
    falling = along * across >= 0  # the gradient points to the lower right, or to the upper left
    thin = F.pad(strength[:, 1:-1, 1:-1] > 0, (1, 1, 1, 1))  # pixels at the edge are none
    for way in (1, -1):
        straight = torch.where(steep, neighbour(way, 0), neighbour(0, way))
        rising = torch.where(steep, neighbour(way, -way), neighbour(-way, way))
        crooked = torch.where(falling, neighbour(way, way), rising)
        thin &= crooked * share + straight * (1 - share) <= strength
    weak = thin & (strength >= 0.1)
    found = (thin & (strength >= 0.2)).to(images)
    while True:
        grown = F.max_pool2d(found[:, None], 3, 1, 1)[:, 0] * weak
        if torch.equal(grown, found):
            return found
        found = grown


CORRUPTIONS: dict[str, Corruption] = {
    one.__name__: one
    for one in (
        *(shot_noise, impulse_noise, glass_blur, motion_blur, shear, scale, rotate, brightness, translate, stripe),
        *(fog, spatter, dotted_line, zigzag, canny_edges),
    )
}


def shifted(images: Tensor, right: Tensor | float, down: Tensor | float) -> Tensor:
    """Images float (N, 28, 28) moved by so many pixels, one number for all or (N,); what comes in is 0."""
    return warp(images, (1.0, 0.0, -right), (0.0, 1.0, -down))


def rotated(images: Tensor, angle: Tensor | float) -> Tensor:
    """Images float (N, 28, 28) turned clockwise about the middle, by radians."""
    angle = torch.as_tensor(angle, device=images.device)
    return warp(images, (angle.cos(), angle.sin(), 0.0), (-angle.sin(), angle.cos(), 0.0))


def scaled(images: Tensor, factor: float) -> Tensor:
    """Images float (N, 28, 28) made so many times as large about the middle."""
    return warp(images, (1 / factor, 0.0, 0.0), (0.0, 1 / factor, 0.0))


Row = tuple[Tensor | float, Tensor | float, Tensor | float]


def warp(images: Tensor, column: Row, row: Row) -> Tensor:
    """Images float (N, 28, 28) taken from elsewhere, interpolated between four pixels; outside there is 0.

    The pixel at x, y from the middle comes from a x + b y + c, where `column` and `row` are a, b, c for the new x and
    y: in pixels, each a number or (N,).
    """
    if not len(images):
        return images.clone()
    terms = [torch.as_tensor(term, dtype=images.dtype, device=images.device) for term in (*column, *row)]
    matrix = torch.stack([term.expand(len(images)) for term in terms], 1).view(-1, 2, 3)
    # In the grid's units the middle pixel of an edge is 1 from the middle.
    matrix = matrix * torch.tensor([1, 1, 1 / MIDDLE], device=images.device)
    grid = F.affine_grid(matrix, [len(images), 1, SIZE, SIZE], align_corners=True)
    return F.grid_sample(images[:, None], grid, align_corners=True)[:, 0]


def _uniform(images: Tensor, generator: torch.Generator, *shape: int) -> Tensor:
    """Uniform from 0 to 1, (N, *shape), on the images' device."""
    return torch.rand(len(images), *shape, generator=generator).to(images.device)


def _sign(images: Tensor, generator: torch.Generator, *shape: int) -> Tensor:
    """1 or -1, either as likely."""
    return 1 - 2 * (_uniform(images, generator, *shape) < 0.5).to(images)


def _gaussian(images: Tensor, sigma: float, *, across: bool = True, mode: str = "replicate") -> Tensor:
    """Gaussian blur, cut at 4 sigma: along the columns, and along the rows too if `across`."""
    radius = int(4 * sigma + 0.5)
    weights = torch.exp(-((torch.arange(-radius, radius + 1, dtype=torch.float64) / sigma) ** 2) / 2)
    kernel = (weights / weights.sum()).to(images.dtype).to(images.device)
    padded = _padded(images, radius if across else 0, radius, mode)[:, None]
    blurred = F.conv2d(padded, kernel.view(1, 1, -1, 1))
    return (F.conv2d(blurred, kernel.view(1, 1, 1, -1)) if across else blurred)[:, 0]


def _padded(images: Tensor, across: int, down: int, mode: str = "replicate") -> Tensor:
    """So many columns more at each side and so many rows more above and below, as the edge is or 0 ("constant")."""
    return F.pad(images[:, None], (across, across, down, down), mode=mode)[:, 0]


def _plasma(images: Tensor, generator: torch.Generator) -> Tensor:
    """The first corner (N, 28, 28) of a plasma fractal (N, 256, 256) from 0 to 1, whose edges meet: diamond-square.

    Midpoints are means of four neighbours plus noise, which is 1.4² = 1.96 times weaker on each finer grid.
    """
    heights, noise = torch.zeros(len(images), 1, 1, device=images.device), 1.0
    while (size := heights.shape[1]) < 256:
        wobble = (_uniform(images, generator, 3, size, size) - 0.5).mul_(2 * noise)
        across, down = heights + heights.roll(-1, 2), heights + heights.roll(-1, 1)  # sums of two neighbours
        centre = torch.add(wobble[:, 0], across + across.roll(-1, 1), alpha=0.25)
        upper = torch.add(wobble[:, 1], across.add_(centre).add_(centre.roll(1, 1)), alpha=0.25)
        left = torch.add(wobble[:, 2], down.add_(centre).add_(centre.roll(1, 2)), alpha=0.25)
        finer = heights.new_empty(len(images), size, 2, size, 2)
        finer[:, :, 0, :, 0], finer[:, :, 0, :, 1] = heights, upper
        finer[:, :, 1, :, 0], finer[:, :, 1, :, 1] = left, centre
        heights, noise = finer.view(len(images), 2 * size, 2 * size), noise / 1.96
    least, most = heights.amin((1, 2), keepdim=True), heights.amax((1, 2), keepdim=True)
    return (heights[:, :SIZE, :SIZE] - least) / (most - least)


def _line(left: Tensor, top: Tensor, right: Tensor, bottom: Tensor) -> Tensor:
    """Straight strokes from column `left`, row `top` to `right`, `bottom`, each (N,): grey values (N, 28, 28).

    A pixel d rows from the line has 1 + log(1 - d / 2.3), if that is above 0, in the columns between the ends.
    """
    place = torch.arange(SIZE, device=left.device)
    height = ((bottom - top) / (right - left))[:, None] * (place - left[:, None]) + top[:, None]  # (N, 28) by column
    distance = (place[:, None] - height[:, None]).abs_()  # (N, 28, 28)
    grey = (torch.log1p(-distance.clamp_(max=2.2) / 2.3) + 1).clamp_(0, 1)
    between = (place >= left[:, None].floor()) & (place < right[:, None].ceil())
    return grey * between[:, None]
