"""Pictures of what was read: boxes on the page, and every stage on the way there."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tenfold.read.classifier import Classifier
from tenfold.read.decode import Page
from tenfold.read.finding.alignment import OTHER
from tenfold.read.finding.signs import Sign, cut_out
from tenfold.read.finding.view import View

SURE, UNSURE, NONE, PAPER, TEXT = (0, 130, 60), (205, 30, 30), (120, 120, 120), (250, 250, 247), (30, 30, 30)
Colour = tuple[int, int, int]
_STAGE = 520  # pixels: the longer side of a stage
_LIKELY = 8  # of the classes are shown
_CELL, _ACROSS = 92, 12  # pixels of a digit's cell, and cells side by side


def annotated(page: Page, labels: Iterable[tuple[tuple[int, int, int, int], str, bool]]) -> Image.Image:
    """The page with boxes, each with words beside it: green if sure, red if not.

    `labels` are the box, x, y, width and height in pixels of the full picture, the words, and whether they are sure.
    """
    picture = page.image
    factor = max(1, min(8, 300 // max(picture.size)))  # a thumbnail has no room for a box and a number
    picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(picture)
    line = max(1, round(max(picture.size) / 500))
    for box, words, sure in labels:
        x, y, width, height = (side / page.scale for side in box)
        left, top, right, bottom = (side * factor for side in (x, y, x + width, y + height))
        colour = SURE if sure else UNSURE
        pen.rectangle([left - line, top - line, right + line, bottom + line], outline=colour, width=line)
        size = float(min(max(11.0, 0.28 * (bottom - top)), 40.0))
        above = top - size - 2 * line
        place, edge = (left, above if above > 0 else bottom + line), max(1, round(size / 12))
        pen.text(place, words, colour, _font(size), stroke_width=edge, stroke_fill=(255, 255, 255))
    return picture


def explained(page: Page, view: View, classifier: Classifier, sure: Sequence[bool]) -> Image.Image:
    """Every stage of reading a page in one figure: the picture, light removed, ink, boxes, each digit's input.

    Below each digit's 28 x 28 input stand the probabilities of all classes and, where the model knows it, of none.
    `view` is what `classifier` made of the page, `sure` says of each of its signs whether it is.
    """
    stages = [("the picture", np.asarray(page.image))]
    cells: list[Image.Image] = []
    if view.sheet is None:
        note = "there is no ink in it: nothing differs enough from its surroundings"
    else:
        flat, ink = view.sheet.flat, view.sheet.ink
        kind = "dark" if view.sheet.dark else "light"
        stages.append((f"the light removed, {kind} ink", _grey(flat / max(float(flat.max()), 1e-6))))
        stages.append((f"ink, from {view.sheet.low:.2f} on if joined to {view.sheet.high:.2f}", _grey(ink)))
        stages.append(("boxes: green sure, red not, grey no digit", _boxes(view, ink, sure)))
        turned = f", turned by {90 * view.turns} degrees to the left" if view.turns else ""
        digits, rows = view.count, len(view.rows)
        note = f"{digits} digit{'s' * (digits != 1)} in {rows} row{'s' * (rows != 1)}{turned}; "
        note += f"{view.quality:.0%} of the ink read"
        shown = view.signs[: 6 * _ACROSS]
        inputs = classifier.normalised(classifier.crops([cut_out(sign.piece, ink) for sign in shown]))
        cells = [_cell(s, image, certain) for s, image, certain in zip(shown, inputs, sure, strict=False)]
    return _laid_out(stages, note, cells)


def _grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Ink as dark on white, (H, W, 3)."""
    return np.repeat(((1 - values.clip(0, 1)) * 255).astype(np.uint8)[..., None], 3, axis=2)


def _boxes(view: View, ink: NDArray[np.float32], sure: Sequence[bool]) -> NDArray[np.uint8]:
    """The ink with a box around each piece, every piece of ink that was read in black and the rest pale."""
    image = np.full((*ink.shape, 3), 255, np.uint8)
    image[ink > 0.2] = (225, 222, 214)
    boxes = [(sign.piece, _colour(sign, certain)) for sign, certain in zip(view.signs, sure, strict=True)]
    boxes += [(piece, NONE) for piece in view.ignored]
    for p, colour in boxes:
        part = image[p.top : p.bottom, p.left : p.right]
        part[p.mask[: part.shape[0], : part.shape[1]]] = (170, 170, 170) if colour == NONE else TEXT
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    line = max(1, round(max(ink.shape) / 250))
    for p, colour in boxes:
        pen.rectangle([p.left - line, p.top - line, p.right + line, p.bottom + line], outline=colour, width=line)
    return np.asarray(picture)


def _colour(sign: Sign, certain: bool) -> Colour:
    return NONE if not sign.read else SURE if certain else UNSURE


def _cell(sign: Sign, image: NDArray[np.float32], certain: bool) -> Image.Image:
    """A sign's 28 x 28 input, as the network for digits sees it, with the answer above and the probabilities below."""
    names = sorted(sign.probabilities, key=lambda name: -sign.probabilities[name])[:_LIKELY]
    bars = len(names) * 9
    cell = Image.new("RGB", (_CELL, 84 + bars + 18), PAPER)
    pen = ImageDraw.Draw(cell)
    colour = _colour(sign, certain)
    pen.text((4, 1), f"{sign.value}  {sign.probability:.0%}" if sign.read else "none", colour, _font(12))
    small = Image.fromarray((image[0] * 255).astype(np.uint8)).resize((56, 56), Image.Resampling.NEAREST)
    cell.paste(small, (18, 20))
    pen.rectangle([17, 19, 74, 76], outline=colour)
    for k, name in enumerate(names):
        y, probability = 82 + 9 * k, sign.probabilities[name]
        pen.text((4, y - 2), name if name != OTHER else "none", TEXT, _font(9))
        bar = [28, y + 1, 28 + int(58 * float(probability)), y + 6]
        pen.rectangle(bar, colour if probability > 0.01 else (200, 200, 200))
    return cell


def _laid_out(stages: list[tuple[str, NDArray[np.uint8]]], note: str, cells: list[Image.Image]) -> Image.Image:
    height, width = stages[0][1].shape[:2]
    shrink = _STAGE / max(height, width)
    side = max(1, round(width * shrink)), max(1, round(height * shrink))
    wide = side[0] < 0.8 * side[1]  # tall pictures stand four in a row, others two
    across = min(len(stages), 4 if wide else 2)
    down = -(-len(stages) // across)
    rows = -(-len(cells) // _ACROSS)
    cell_height = cells[0].height if cells else 0
    total = max(across * (side[0] + 16) + 16, min(len(cells), _ACROSS) * _CELL + 32, 560)
    figure = Image.new("RGB", (total, down * (side[1] + 34) + 40 + rows * cell_height), PAPER)
    pen = ImageDraw.Draw(figure)
    methods = Image.Resampling
    resampling = methods.NEAREST if shrink > 3 else methods.BOX if shrink < 1 else methods.BICUBIC
    for k, (title, image) in enumerate(stages):
        x, y = 16 + k % across * (side[0] + 16), 8 + k // across * (side[1] + 34)
        pen.text((x, y), f"{k + 1}  {title}", TEXT, _font(14))
        factor = min(side[0] / image.shape[1], side[1] / image.shape[0])  # it may have been turned
        size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
        figure.paste(Image.fromarray(image).resize(size, resampling), (x, y + 22))
    y = 8 + down * (side[1] + 34)
    pen.text((16, y), note, TEXT, _font(14))
    for k, cell in enumerate(cells):
        figure.paste(cell, (16 + k % _ACROSS * _CELL, y + 28 + k // _ACROSS * cell_height))
    return figure


def _font(size: float) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
