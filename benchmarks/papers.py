"""Pictures of numbers, each kind with one difficulty of real paper: signs, rulings, units, marks, light, colour.

    python benchmarks/papers.py FOLDER [--count 24] [--kinds ...]     # a sheet of each kind, to look at

Digits are MNIST's validation digits; signs, letters and papers are drawn here, with strokes of this file's own, so that
a reader meets hands and papers that it never learnt from. peers.py scores readers by them.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from scipy.interpolate import make_interp_spline

from measuring import arguments, validation_digits
from pages import number

Ink = NDArray[np.float32]  # (H, W), 0 to 1
Points = NDArray[np.float64]  # (N, 2), x and y
Colour = NDArray[np.float64]  # (3,), 0 to 1
Picture = NDArray[np.uint8]  # (H, W) or (H, W, 3)
Rng = np.random.Generator

DIGITS, SIGNS = "0123456789", ".,-/:+()%"
LETTERS, OTHERS = "ACEFHKLMNPRTUVWXYacdefhjkmnprtuvwxy", "#&@€£§ΩΣ"  # none that could be a digit
PRINTED = LETTERS + "Bobglshti#&@$ "  # what Pillow's own font has
UNITS = ("{} kg", "{} m", "{} cm", "{} km", "No {}", "{} EUR", "EUR {}", "{} €", "€ {}", "$ {}", "${}", "{}kg", "{} h")
LABELS = ("Milk", "Bread", "Total", "Emma", "Otto", "Maria", "Room", "Weight", "Eggs", "Height", "Year", "Paid")
FIELDS = ("Date", "Time", "No", "Amount")
TITLES, GOODS = ("Delivery note", "Work report", "Order form", "Weigh bill"), ("Boxes", "Pallets", "Returns")
WORDS = ("Total amount", "Meter reading", "Date of birth", "Phone number", "Account", "Postcode", "Members present")
# The shapes of a sign, parted by "|", each of strokes parted by ";": points x,y in hundredths of a digit's height, y
# from its top down. A stroke that begins with "~" is drawn round through its points, others have corners there.
SHAPES = """
.  0,97 | 0,95 3,99 | ~0,95 4,93 5,99 0,99
,  ~8,92 9,104 0,122 | 9,90 0,120 | 8,95;~9,93 10,106 2,120
-  0,55 42,53 | ~0,56 14,53 30,55 46,52 | 0,52 28,54
/  46,-6 0,108 | ~48,-6 28,40 0,108 | 62,2 0,104 | 40,-4 0,104
:  0,42;0,92 | 0,36 2,41;0,86 2,92 | ~2,44 5,42 4,48 1,47;~0,94 3,92 4,98 0,97
+  29,26 28,84;0,56 60,54 | ~30,30 31,60 27,82;~0,60 28,55 54,54 | 22,32 24,78;0,55 46,56
(  ~26,-8 5,26 5,76 26,112 | ~16,-4 2,50 16,106 | ~30,-2 10,14 6,50 10,90 28,108
)  ~0,-8 21,26 21,76 0,112 | ~0,-4 14,50 0,106 | ~0,-2 19,14 23,50 19,90 1,108
%  ~16,0 2,10 4,32 20,36 30,20 18,0;78,-2 10,104;~74,66 58,74 58,98 74,104 86,86 76,66
%  ~26,2 4,6 2,30 20,38 34,20 26,2 44,14 78,0;78,0 16,104;~80,68 62,72 60,98 76,104 90,86 78,68
%  ~12,6 0,18 10,34 24,26 20,8 12,6;56,-4 20,106;~62,70 50,82 58,102 74,96 72,74 62,70
A  0,100 35,0 70,100;14,62 56,62 | ~2,100 22,30 36,0;36,0 62,100;8,66 58,60
C  ~66,18 40,0 8,30 5,70 35,100 68,84
E  60,0 3,0 3,100 62,100;3,48 50,48 | ~54,8 24,0 12,24 34,46;~34,46 6,60 8,92 30,100 60,86
F  60,0 3,0 3,100;3,48 48,48 | 4,2 0,100;0,4 58,-2;2,50 40,46
H  3,0 3,100;62,0 62,100;3,50 62,50
K  3,0 3,100;58,0 3,55;20,42 62,100
L  3,0 3,100 55,100 | ~10,0 4,60 2,96;2,98 56,92
M  0,100 8,0 42,70 76,0 84,100 | 0,100 2,4 38,60 74,0 74,100
N  3,100 3,0 62,100 62,0
P  3,100 3,0;~3,2 50,4 58,28 40,50 3,52
R  3,100 3,0;~3,2 50,4 56,26 40,48 3,50;25,50 60,100
T  0,0 70,0;35,0 35,100 | ~0,6 30,2 68,4;36,4 30,102
U  ~3,0 4,60 14,95 34,100 54,92 62,60 63,0
V  0,0 32,100 64,0
W  0,0 22,100 44,25 66,100 88,0 | ~0,0 6,70 22,100 40,72 44,30;~44,30 50,80 66,100 84,62 88,0
X  0,0 62,100;62,0 0,100 | ~4,4 30,48 58,98;~60,0 32,46 0,102
Y  0,0 32,48;64,0 32,48 32,100 | 0,0 30,50;62,-2 12,104
a  ~52,50 25,42 4,66 14,98 38,92 52,55;~52,48 50,85 62,100
c  ~48,54 26,44 4,70 22,100 50,90
d  ~50,58 24,46 4,72 20,100 44,90 50,62;50,0 50,100 | ~46,60 22,46 2,74 18,100 46,76;~52,-2 48,60 50,92 62,98
e  ~6,72 46,68 40,46 16,50 4,76 22,100 50,90 | ~0,80 38,66 36,46 14,48 6,76 20,100 52,88
f  ~50,6 32,0 22,24 20,100;4,46 44,46 | ~46,4 30,-2 24,30 16,120;2,50 44,44
h  4,0 4,100;~4,64 26,44 46,58 48,100 | ~8,-2 4,50 0,100;~2,76 24,46 42,58 40,88 54,98
j  ~32,46 32,110 20,132 0,122;32,24 33,26 | 36,46 24,134;38,26 40,24
k  4,0 4,100;46,46 4,74;18,66 50,100 | 6,-2 2,100;~46,50 26,66 6,72;~6,72 26,78 50,98
m  4,46 4,100;~4,62 20,44 36,60 36,100;~36,62 54,44 68,60 70,100
n  4,46 4,100;~4,64 26,44 46,60 48,100
p  4,46 4,135;~4,56 30,44 52,66 36,98 4,92
r  4,46 4,100;~4,66 20,46 42,48
t  ~22,12 20,80 30,100 46,94;2,44 42,44 | 24,10 16,98;0,46 42,40
u  ~4,46 6,88 24,100 44,84 48,46;48,46 50,100
v  0,46 22,100 46,46 | ~0,48 14,76 22,100;~22,100 34,66 50,46
w  0,46 16,100 32,56 48,100 64,46 | ~0,48 8,92 22,96 32,60;~32,60 38,94 54,94 62,46
x  0,46 44,100;44,46 0,100 | ~2,50 22,72 44,98;~46,46 24,70 0,102
y  0,46 24,96;50,46 24,98 6,135 | ~0,48 4,78 24,88 44,50;~46,46 42,110 24,136 2,124
g  ~50,54 26,44 4,66 20,92 46,82 50,54;~50,48 50,112 34,134 6,124
o  ~26,44 6,60 8,90 26,100 46,86 44,56 26,44
$  ~60,20 34,8 8,26 30,48 58,66 34,94 4,82;32,-8 32,108
#  24,0 14,100;54,0 44,100;2,34 70,34;0,66 66,66 | 20,0 20,100;52,2 50,98;0,36 72,30;2,70 70,64
&  ~72,100 26,34 36,2 54,20 12,60 8,88 34,100 68,58 | ~62,22 34,4 14,26 44,46;~44,46 6,62 14,98 54,92 66,56
@  ~54,40 36,34 26,54 36,68 52,58 56,36;~56,36 58,62 76,60 80,30 50,0 12,20 2,60 26,96 72,92
€  ~66,14 40,0 14,28 12,70 38,100 68,88;0,40 50,40;0,60 46,60 | ~60,20 36,4 10,50 34,98 62,82;2,44 44,38;0,62 42,56
£  ~58,18 40,0 24,20 24,60 4,98;4,98 62,98;6,52 46,52 | ~56,14 38,2 26,24 28,66 4,96;~4,96 20,88 44,100 62,92;8,54 46,50
§  ~50,12 32,-2 12,12 48,46 46,62 32,70;~36,30 14,42 14,58 50,86 36,108 10,100
Ω  ~0,100 22,98 24,84 4,52 12,16 38,0 64,16 72,52 52,84 54,98 76,100
Σ  66,10 64,0 4,0 40,48 2,100 66,100 70,88 | 62,0 2,4 36,50 0,98 66,98
"""


class Task(NamedTuple):
    """What a reader may know of a picture before, and when its answer is right."""

    layout: str = "row"  # or page, or single
    score: str = "text"  # or digits: they alone count; lines: of numbers; set: numbers in any order; refused: no digit
    allowed: str = DIGITS  # what may stand in it, for readers that can be told so; empty is anything


class Kind(NamedTuple):
    """How a kind is drawn, and what is asked of a reader."""

    draw: Callable[[Rng], tuple[Picture, str]]
    task: Task = Task()


# Writing -------------------------------------------------------------------------------------------------------------


@cache
def validation() -> dict[str, NDArray[np.uint8]]:
    digits = validation_digits()
    return {value: digits.images[digits.labels == int(value)] for value in DIGITS}


@cache
def shapes() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in SHAPES.strip().splitlines():
        found.setdefault(row[0], []).extend(row[1:].split("|"))
    return found


def digit(value: str, size: int, rng: Rng) -> Ink:
    """A digit about `size` pixels high, trimmed, with edges as sharp as a pen's."""
    image = rng.choice(validation()[value])
    parts = np.zeros(image.shape, np.int32)
    ndimage.label(image > 40, np.ones((3, 3)), output=parts)
    masses = np.bincount(parts.ravel(), image.ravel())
    image = image * (masses >= 0.1 * masses[1:].sum())[parts]  # without specks, which would be points and colons
    rows, columns = np.flatnonzero(image.max(1) > 40), np.flatnonzero(image.max(0) > 40)
    image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height = size * rng.uniform(0.88, 1.08) * min(1, 1.1 * image.shape[0] / image.shape[1])  # flat ones are no wider
    shape = max(3, round(image.shape[1] / image.shape[0] * height)), round(height)
    ink = np.asarray(Image.fromarray(image).resize(shape, Image.Resampling.BICUBIC), np.float32) / np.float32(255)
    fine = height / len(image)  # of 28 x 28: strokes are smoothed, so that they do not show its pixels
    soft = np.asarray(ndimage.gaussian_filter(ink, 0.5 * fine), np.float32)
    return ((soft - np.float32(0.42)) * np.float32(max(1.3, 0.7 * fine)) + np.float32(0.5)).clip(0, 1)


def pen_of(ink: Ink) -> float:
    """The width of its strokes: a point in a stroke is on average a quarter of the width from the edge."""
    distances = np.asarray(ndimage.distance_transform_edt(np.pad(ink > 0.5, 1)))
    return float(4 * np.mean(distances[distances > 0]))


def along(corners: Points, *, smooth: bool) -> Points:
    """Points so near to each other that discs on them make a stroke."""
    if len(corners) == 1:
        return corners
    way = np.concatenate([[0], np.hypot(*np.diff(corners, axis=0).T).cumsum()])
    curve = make_interp_spline(way, corners, k=min(3, len(corners) - 1) if smooth else 1)
    return np.asarray(curve(np.linspace(0, way[-1], max(2, int(way[-1])))))


def drawn(strokes: Sequence[Points], pen: float, shape: tuple[int, ...], rng: Rng) -> Ink:
    """Strokes in pixels, drawn with a round pen that presses unevenly, as ink of that height and width."""
    fine = 3
    image = Image.new("L", (shape[1] * fine, shape[0] * fine))
    draw = ImageDraw.Draw(image)
    for points in strokes:
        radii = np.linspace(rng.uniform(0.85, 1.15), rng.uniform(0.85, 1.15), len(points)) * max(1, pen) / 2
        for (x, y), r in zip(points + 0.5, radii, strict=True):
            draw.ellipse([fine * (x - r), fine * (y - r), fine * (x + r), fine * (y + r)], 255)
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BOX), np.float32) / np.float32(255)


def sign(name: str, size: int, pen: float, rng: Rng) -> Ink:
    """A sign or letter on a strip twice as high as digits, whose baseline is two thirds down."""
    stretch = size / 100 * rng.uniform(0.88, 1.15, 2) * (1.15 if name == "%" else 1)  # so that its rings stay open
    slant, strokes = rng.normal(0, 0.1), []
    slant = abs(slant) if name == "/" else slant  # upright it would be a 1
    for text in str(rng.choice(shapes()[name])).strip().split(";"):
        points = np.array([point.split(",") for point in text.strip("~").split()], np.float64)
        points += rng.normal(0, 1.6, points.shape)
        points[:, 0] += slant * (60 - points[:, 1])
        strokes.append(along((points - [0, 100]) * stretch, smooth=text.startswith("~")))
    x = np.concatenate(strokes)[:, 0]
    strokes = [points + np.array([pen / 2 - x.min(), size * 4 / 3]) for points in strokes]
    pen *= 1.25 if name in ".:," else 0.8 if name == "%" else 1
    return drawn(strokes, pen, (2 * size, int(np.ptp(x) + pen) + 2), rng)


def printed(text: str, size: int) -> Ink:
    """Text in the font that Pillow brings, on such a strip."""
    font = ImageFont.load_default(1.4 * size)  # of which capitals are 0.7
    image = Image.new("L", (int(font.getlength(text)) + 2, 2 * size))
    ImageDraw.Draw(image).text((1, size * 4 // 3), text, 255, font, anchor="ls")
    return np.asarray(image, np.float32) / np.float32(255)


def written(text: str, size: int, rng: Rng, *, gap: tuple[float, float] = (0.04, 0.3), typed: bool = False) -> Ink:
    """Digits, signs and letters on one baseline, trimmed; gaps in heights of a digit; letters may be typed."""
    digits = [digit(name, size, rng) if name in DIGITS else None for name in text]
    pens = [pen_of(ink) for ink in digits if ink is not None] or [size * rng.uniform(0.06, 0.14)]
    pen = float(np.mean(pens)) * rng.uniform(0.75, 1.05)
    parts = []
    for name, ink in zip(text, digits, strict=True):
        part = np.zeros((2 * size, int(size * rng.uniform(0.35, 0.7))), np.float32)
        if ink is not None:
            bottom = int(size * (4 / 3 + rng.normal(0, 0.03)))
            part = np.pad(ink, ((bottom - len(ink), 2 * size - bottom), (0, 0)))
        elif name != " ":
            part = printed(name, size) if typed and name in PRINTED else sign(name, size, pen, rng)
        parts.append(np.pad(part, ((0, 0), (0, int(size * rng.uniform(*gap))))))
    return trimmed(np.concatenate(parts, axis=1))


def trimmed(ink: Ink) -> Ink:
    rows, columns = np.flatnonzero(ink.max(1) > 0.3), np.flatnonzero(ink.max(0) > 0.3)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def put(part: Ink, whole: Ink, y: float, x: float) -> None:
    place = whole[int(y) : int(y) + part.shape[0], int(x) : int(x) + part.shape[1]]
    np.maximum(place, part[: place.shape[0], : place.shape[1]], out=place)


# Paper ---------------------------------------------------------------------------------------------------------------


def some_size(rng: Rng) -> int:
    """The height of digits in pixels."""
    return int(rng.integers(30, 100))


def pen_colour(rng: Rng) -> Colour:
    """Black, blue, the grey of a pencil, or red."""
    grey, blue = np.full(3, rng.uniform(0.05, 0.25)), np.array([0.1, 0.15, rng.uniform(0.4, 0.65)])
    colours = grey, grey, blue, np.full(3, rng.uniform(0.3, 0.42)), np.array([rng.uniform(0.6, 0.8), 0.12, 0.12])
    return colours[rng.choice(5, p=(0.3, 0.2, 0.25, 0.17, 0.08))]


def ruling_colour(rng: Rng, pen: Colour) -> Colour:
    """Of printed lines: from pale to as dark as the ink, some of them coloured."""
    colour = rng.uniform(0, 1, 3)
    colour = colour / colour.max() * 0.8 if rng.uniform() < 0.3 else pen
    pale = rng.uniform(0, 0.85)
    return np.asarray(pale * 0.9 + (1 - pale) * colour)


def on_paper(
    rng: Rng, *layers: tuple[Ink, Colour], margin: int = 0, paper: Colour | None = None, tilt: float = 0
) -> Picture:
    """Layers of ink, the first lowest, on paper with up to so many pixels around; a third of the pictures is grey."""
    grey = paper is None and rng.uniform() < 1 / 3
    paper = rng.uniform(0.8, 1) - rng.uniform(0, 0.06, 3) if paper is None else paper
    top, bottom, left, right = rng.integers(margin // 4, margin + 1, 4)
    angle, image = rng.normal(0, tilt), np.zeros((1, 1, 3)) + paper
    for ink, colour in layers:
        sheet = np.pad(ink, ((top, bottom), (left, right)))
        sheet = ndimage.rotate(sheet, angle, reshape=False, order=1) if tilt else sheet
        image = image + sheet.clip(0, 1)[..., None] * rng.uniform(0.88, 1) * (colour - image)
    blur = rng.uniform(0, 0.7)
    image = ndimage.gaussian_filter(image, (blur, blur, 0))
    image = image + rng.normal(0, rng.uniform(0.003, 0.02), (*image.shape[:2], 1))
    picture = Image.fromarray((image.clip(0, 1) * 255).round().astype(np.uint8))
    return np.asarray(picture.convert("L") if grey else picture)


# Kinds: each draws a picture and says what is to be read in it -------------------------------------------------------


def with_sign(name: str, rng: Rng) -> tuple[Picture, str]:
    a, b, c = (int(n) for n in rng.integers(1, 1000, 3))
    day, month, year = f"{1 + a % 28:02}", f"{1 + b % 12:02}", f"{1950 + c % 100}"
    texts = {
        ".": (f"{a % 100}.{b % 100:02}", f"{a}.{b % 10}", f"0.{c:03}", f"{day}.{month}.{year}"),
        ",": (f"{a},{b:03}", f"{a % 100},{b % 100:02}", f"{a % 9 + 1},{b:03},{c:03}", f"0,{c}"),
        "-": (f"-{a}", f"-{a % 9 + 1}", f"{a}-{b + 1000}", f"{year}-{month}-{day}", f"{a % 20}-{b % 20}"),
        "/": (f"{day}/{month}/{year}", f"{a % 9 + 1}/{b % 9 + 2}", f"{a}/{b}", f"{day}/{month}"),
        ":": (f"{a % 24:02}:{b % 60:02}", f"{a % 9}:{b % 9}", f"{a % 24:02}:{b % 60:02}:{c % 60:02}", f"1:{a}"),
        "+": (f"{a % 10}+{b % 10}", f"{a}+{b}", f"+{a}", f"{a % 100}+{b % 100}+{c % 100}"),
        "(": (f"({a})", f"({b % 100})", f"(0{a}){b}{c}", f"{a % 20}({b % 9})"),
        ")": (f"({a})", f"{b % 30 + 1})", f"({c % 10})", f"{a % 20}({b % 9})"),
        "%": (f"{a % 100}%", f"{a % 10}%", f"{a % 100}.{b % 10}%", "100%"),
    }
    text, size = str(rng.choice(texts[name])), some_size(rng)
    return on_paper(rng, (written(text, size, rng), pen_colour(rng)), margin=size, tilt=1), text


def thickness(size: int, rng: Rng) -> int:
    """Of a ruled line in pixels: from a hair to an eighth of a digit's height."""
    return max(1, int(size * 0.13 * rng.uniform() ** 1.5))


def placed(part: Ink, whole: Ink, room: tuple[int, int, int, int], rng: Rng) -> None:
    """Put a part into the room of a cell (top, left, height, width), about its middle."""
    free = np.array([room[2] - part.shape[0], room[3] - part.shape[1]])
    y, x = np.clip(free / 2 + rng.normal(0, 0.15, 2) * free, 0, free)
    put(part, whole, room[0] + y, room[1] + x)


def cells(form: str, rng: Rng) -> tuple[Picture, str]:
    """A row of cells with a digit in each: boxes, which touch or stand apart, or a comb, open above."""
    text, size = number(rng, 2, 8), some_size(rng)
    parts, wide = [digit(value, size, rng) for value in text], thickness(size, rng)
    tall = int(max(len(part) for part in parts) + size * rng.uniform(0.12, 0.7)) + 2 * wide
    across = int(max(part.shape[1] for part in parts) + size * rng.uniform(0.08, 0.6)) + 2 * wide
    apart = int(size * rng.uniform(0.05, 0.5)) + wide if form == "boxes" and rng.uniform() < 0.4 else 0
    step = across - wide + apart
    writing, ruling = np.zeros((2, tall, step * (len(text) - 1) + across), np.float32)
    for k, part in enumerate(parts):
        cell = ruling[:, k * step : k * step + across]
        cell[:wide] = cell[-wide:] = 1
        cell[:, :wide] = cell[:, -wide:] = 1
        placed(part, writing, (wide, k * step + wide, tall - 2 * wide, across - 2 * wide), rng)
    if form == "combs":  # its teeth are low, or walls as high as the digits
        ruling[:wide] = 0
        ruling[: int(tall * rng.choice([0, rng.uniform(0.3, 0.85)], p=(0.3, 0.7)))] = 0
    pen = pen_colour(rng)
    return on_paper(rng, (ruling, ruling_colour(rng, pen)), (writing, pen), margin=size // 2, tilt=0.6), text


def table_of_numbers(rng: Rng) -> tuple[Picture, str]:
    """Three by three ruled cells of different sizes, with a number in each."""
    size, texts = int(rng.integers(28, 60)), [[number(rng, 1, 4) for _ in range(3)] for _ in range(3)]
    parts = [[written(text, size, rng, gap=(0.04, 0.2)) for text in row] for row in texts]
    wide = thickness(size, rng)
    extra = (size * rng.uniform(0.2, 1.2, (2, 3)) + 2 * wide).astype(int)
    ys = np.cumsum([0, *(max(part.shape[0] for part in row) + extra[0, k] for k, row in enumerate(parts))])
    xs = np.cumsum([0, *(max(row[k].shape[1] for row in parts) + extra[1, k] for k in range(3))])
    writing, ruling = np.zeros((2, ys[-1] + wide, xs[-1] + wide), np.float32)
    for y in ys:
        ruling[y : y + wide] = 1
    for x in xs:
        ruling[:, x : x + wide] = 1
    for k, row in enumerate(parts):
        for j, part in enumerate(row):
            height, width = ys[k + 1] - ys[k] - wide, xs[j + 1] - xs[j] - wide
            placed(part, writing, (ys[k] + wide, xs[j] + wide, height, width), rng)
    pen = pen_colour(rng)
    picture = on_paper(rng, (ruling, ruling_colour(rng, pen)), (writing, pen), margin=size, tilt=0.4)
    return picture, "\n".join(" ".join(row) for row in texts)


def units(rng: Rng) -> tuple[Picture, str]:
    size, text = some_size(rng), number(rng, 1, 5)
    ink = written(str(rng.choice(UNITS)).format(text), size, rng, typed=rng.uniform() < 0.3)
    return on_paper(rng, (ink, pen_colour(rng)), margin=size, tilt=1), text


def ring(rng: Rng) -> tuple[Picture, str]:
    """A ring or a frame drawn round a number by hand, in the same colour or in red."""
    size, text = some_size(rng), number(rng, 1, 6)
    ink = written(text, size, rng)
    height, width = ink.shape
    a, b = width * 0.56 + size * rng.uniform(0.3, 0.5), height * rng.uniform(0.8, 1)  # so that it misses the digits
    if rng.uniform() < 0.3:
        a, b = width / 2 + size * rng.uniform(0.2, 0.5), height / 2 + size * rng.uniform(0.2, 0.5)
        mark = np.array([[-a, -b], [a, -b], [a, b], [-a, b], [-a, -b]]) + rng.normal(0, 0.03 * size, (5, 2))
    else:
        angles = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi * rng.uniform(0.97, 1.08), 10)
        mark = np.stack([a * np.cos(angles), b * np.sin(angles)], 1) * rng.normal(1.02, 0.02, (10, 1))
    shape = int(2.3 * b), int(2.3 * a)
    mark = along(mark + np.array([shape[1], shape[0]]) / 2, smooth=len(mark) > 5)
    writing = np.zeros(shape, np.float32)
    placed(ink, writing, (shape[0] // 2 - height // 2, shape[1] // 2 - width // 2, height, width), rng)
    pen, red = pen_colour(rng), np.array([rng.uniform(0.6, 0.85), 0.1, 0.1])
    round_it = drawn([mark], pen_of(ink) * rng.uniform(0.4, 1), shape, rng)
    return on_paper(rng, (round_it, red if rng.uniform() < 0.5 else pen), (writing, pen), margin=size // 3), text


def tight(rng: Rng) -> tuple[Picture, str]:
    """Cut at the ink; no 1 alone, of which nothing but black is left."""
    size, text = some_size(rng), number(rng, 1, 6)
    text = text if text != "1" else "11"
    return on_paper(rng, (written(text, size, rng), pen_colour(rng))), text


def shadow(rng: Rng) -> tuple[Picture, str]:
    """A shadow with a hard edge across a number."""
    size, text = some_size(rng), number(rng, 2, 7)
    picture = on_paper(rng, (written(text, size, rng), pen_colour(rng)), margin=size)
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    angle, middle = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.7, 2)
    dark = np.cos(angle) * (x - middle[0] * width) + np.sin(angle) * (y - middle[1] * height) > 0
    light = ndimage.gaussian_filter(np.where(dark, rng.uniform(0.35, 0.65), 1), rng.uniform(0, 1))
    return (picture * (light if picture.ndim == 2 else light[..., None])).astype(np.uint8), text


def colour_only(rng: Rng) -> tuple[Picture, str]:
    """Ink and paper of nearly one grey value and of two colours."""
    size, text, grey = some_size(rng), number(rng, 2, 7), np.array([0.299, 0.587, 0.114])
    while True:
        paper, pen = rng.uniform(0, 1, (2, 3))
        pen = pen * ((paper @ grey + rng.uniform(-0.06, 0.06)) / (pen @ grey))
        if 0.25 < paper @ grey < 0.7 and pen.max() <= 1 and np.abs(paper - pen).sum() > 0.9:
            break
    return on_paper(rng, (written(text, size, rng), pen), margin=size, paper=paper), text


def below_words(rng: Rng) -> tuple[Picture, str]:
    """A line of digits under a line of typed words."""
    size, text = some_size(rng), number(rng, 3, 8)
    line = written(text, size, rng)
    words = trimmed(printed(str(rng.choice(WORDS)), int(size * rng.uniform(0.4, 0.8))))
    y, x = len(words) + size * rng.uniform(0.3, 1), size * rng.uniform(0, 1)
    writing, print_ = np.zeros((2, int(y) + len(line), int(x) + max(line.shape[1], words.shape[1])), np.float32)
    put(words, print_, 0, 0)
    put(line, writing, y, x)
    return on_paper(rng, (print_, np.full(3, 0.1)), (writing, pen_colour(rng)), margin=size, tilt=0.5), text


def labelled(rng: Rng) -> tuple[Picture, str]:
    """Typed labels with a number or a price far to the right of each: a receipt, a score sheet, a form with lines."""
    size, count, prices = int(rng.integers(30, 60)), int(rng.integers(3, 7)), rng.uniform() < 0.4
    texts = [f"{rng.integers(1, 100)}.{rng.integers(100):02}" if prices else number(rng, 1, 5) for _ in range(count)]
    parts = [written(text, size, rng, gap=(0.04, 0.2)) for text in texts]
    words = [trimmed(printed(str(rng.choice(LABELS)), int(size * rng.uniform(0.4, 0.7)))) for _ in texts]
    left, step = max(word.shape[1] for word in words) + int(size * rng.uniform(3, 5)), int(size * rng.uniform(1.5, 2.2))
    width = left + max(part.shape[1] for part in parts) + size
    writing, print_, ruling = np.zeros((3, step * count + size // 2, width), np.float32)
    lines, aligned = rng.uniform() < 0.5, rng.uniform() < 0.5
    for k, (word, part) in enumerate(zip(words, parts, strict=True)):
        foot = step * (k + 1) - size // 4
        put(word, print_, foot - len(word), 0)
        put(part, writing, max(0, foot - len(part)), width - size - part.shape[1] if aligned else left)
        ruling[foot + 3 : foot + 3 + thickness(size // 3, rng)] = lines
    layers = (ruling, np.full(3, rng.uniform(0.3, 0.75))), (print_, np.full(3, 0.15)), (writing, pen_colour(rng))
    return on_paper(rng, *layers, margin=size, tilt=0.4), "\n".join(texts)


def form(rng: Rng) -> tuple[Picture, str]:
    """Typed labels, each with a date, a time, a number or an amount on a line that what is written may touch."""
    size = int(rng.integers(26, 50))
    texts = [date(rng), f"{rng.integers(24):02}:{rng.integers(60):02}", number(rng, 3, 5)]
    texts.append(f"{rng.integers(1, 900)}.{rng.integers(100):02}")
    parts = [written(text, size, rng, gap=(0.04, 0.2)) for text in texts]
    words = [trimmed(printed(word, int(size * rng.uniform(0.4, 0.7)))) for word in FIELDS]
    left, step = max(word.shape[1] for word in words) + size, int(size * rng.uniform(1.6, 2.4))
    width = left + int(1.2 * max(part.shape[1] for part in parts)) + size // 2
    writing, print_, ruling = np.zeros((3, step * len(texts) + size, width), np.float32)
    for k, (word, part) in enumerate(zip(words, parts, strict=True)):
        foot = step * (k + 1)
        put(word, print_, foot - len(word), 0)
        put(part, writing, foot + size * rng.uniform(-0.1, 0.15) - len(part), left + size // 3)
        ruling[foot : foot + thickness(size // 3, rng), left:] = 1
    layers = (ruling, np.full(3, rng.uniform(0.2, 0.7))), (print_, np.full(3, 0.15)), (writing, pen_colour(rng))
    return on_paper(rng, *layers, margin=size, tilt=0.4), "\n".join(texts)


def note(rng: Rng) -> tuple[Picture, str]:
    """A delivery note: a title, fields with lines to write on, a small ruled table beside them, and a total below."""
    size, rule = int(rng.integers(26, 44)), thickness(20, rng)
    fields = [number(rng, 5, 6), date(rng), f"{rng.integers(24):02}:{rng.integers(60):02}"]
    counts = [number(rng, 1, 3) for _ in GOODS]
    total = f"{rng.integers(1, 10)},{rng.integers(1000):03}.{rng.integers(100):02}"
    writing, print_, ruling = np.zeros((3, 15 * size, 24 * size), np.float32)
    put(trimmed(printed(str(rng.choice(TITLES)), size)), print_, size / 2, size / 2)
    for k, (word, text) in enumerate(zip(("Order", "Date", "Time", "Total"), (*fields, total), strict=True)):
        foot, left = int(size * (4.2 + 2.4 * k)), 4 * size
        label, part = trimmed(printed(word, int(0.6 * size))), written(text, size, rng, gap=(0.04, 0.2))
        put(label, print_, foot - len(label), size / 2)
        put(part, writing, foot - 2 - len(part) + size * rng.uniform(-0.1, 0.1), left + size * 0.3)
        ruling[foot : foot + rule, left : 12 * size] = 1
    left, top, tall, wide = int(size * rng.uniform(14, 15)), int(size * rng.uniform(2, 4)), int(1.8 * size), 4 * size
    for k in range(len(GOODS) + 1):
        ruling[top + tall * k : top + tall * k + rule, left : left + 2 * wide] = 1
    for x in (left, left + wide, left + 2 * wide):
        ruling[top : top + tall * len(GOODS) + rule, x : x + rule] = 1
    for k, (word, text) in enumerate(zip(GOODS, counts, strict=True)):
        label, part = trimmed(printed(word, int(0.55 * size))), written(text, int(0.9 * size), rng, gap=(0.04, 0.2))
        put(label, print_, top + tall * k + (tall - len(label)) / 2, left + size * 0.3)
        put(part, writing, top + tall * k + (tall - len(part)) / 2, left + wide + size * 0.6)
    layers = (ruling, np.full(3, rng.uniform(0.2, 0.7))), (print_, np.full(3, 0.15)), (writing, pen_colour(rng))
    lines = sorted([*fields, total, *counts])
    return on_paper(rng, *layers, margin=size, tilt=0.6), "\n".join(lines)


def date(rng: Rng) -> str:
    """The day, the month and the year, of two or four digits."""
    year = rng.integers(2000, 2030)
    return f"{rng.integers(1, 29):02}/{rng.integers(1, 13):02}/{year if rng.uniform() < 0.7 else f'{year % 100:02}'}"


def printed_date(rng: Rng) -> tuple[Picture, str]:
    """A date in print, in one of the fonts that matplotlib brings."""
    fonts = sorted(f for f in Path(get_data_path()).glob("fonts/ttf/DejaVuS*.ttf") if "Display" not in f.name)
    text, font = date(rng), ImageFont.truetype(fonts[rng.integers(len(fonts))], int(rng.integers(16, 60)))
    image = Image.new("L", (int(font.getlength(text)) + 4, int(1.4 * font.size)))
    ImageDraw.Draw(image).text((2, 0), text, 255, font)
    ink = trimmed(np.asarray(image, np.float32) / np.float32(255))
    return on_paper(rng, (ink, pen_colour(rng)), margin=int(font.size), tilt=0.4), text


def score_sheet(rng: Rng) -> tuple[Picture, str]:
    """A ruled table with typed names above and typed words before its numbers."""
    size, (many, across) = int(rng.integers(26, 50)), rng.integers((3, 2), (7, 5))
    texts = [[number(rng, 1, 3) for _ in range(across)] for _ in range(many)]
    parts = [[written(text, size, rng, gap=(0.04, 0.2)) for text in row] for row in texts]
    typed = [trimmed(printed(str(rng.choice(LABELS)), int(size * 0.5))) for _ in range(many + across)]
    tall, wide = int(size * rng.uniform(1.6, 2.2)), max(part.shape[1] for row in parts for part in row) + size
    left, thick = max(word.shape[1] for word in typed) + size, thickness(size, rng)
    writing, print_, ruling = np.zeros((3, tall * (many + 1) + thick, left + wide * across + thick), np.float32)
    for k in range(many + 2):
        ruling[tall * k : tall * k + thick] = 1
    for x in (0, *range(left, ruling.shape[1], wide)):
        ruling[:, x : x + thick] = 1
    for k, word in enumerate(typed):
        y, x = (tall * (k + 1), 0) if k < many else (0, left + wide * (k - many))
        put(word[:, : wide - 8], print_, y + (tall - len(word)) / 2, x + thick + 4)
    for k, row in enumerate(parts, 1):
        for j, part in enumerate(row):
            placed(part, writing, (tall * k + thick, left + wide * j + thick, tall - thick, wide - thick), rng)
    layers = (ruling, np.full(3, rng.uniform(0.2, 0.7))), (print_, np.full(3, 0.15)), (writing, pen_colour(rng))
    return on_paper(rng, *layers, margin=size, tilt=0.4), "\n".join(" ".join(row) for row in texts)


def meter(rng: Rng) -> tuple[Picture, str]:
    """Boxes that stand apart with a digit in each, light in dark ones or dark in light ones with frames."""
    size, text, dark = int(rng.integers(30, 70)), number(rng, 4, 8), rng.uniform() < 0.5
    high, wide, gap = (
        int(size * rng.uniform(1.4, 1.8)),
        int(size * rng.uniform(1.1, 1.4)),
        int(size * rng.uniform(0.1, 0.4)),
    )
    writing, box, frame = np.zeros((3, high, (wide + gap) * len(text) - gap), np.float32)
    pen = max(1, size // 20)
    for k, value in enumerate(text):
        room = slice(k * (wide + gap), k * (wide + gap) + wide)
        box[:, room] = frame[:, room] = 1
        frame[pen:-pen, room.start + pen : room.stop - pen] = 0
        placed(digit(value, size, rng)[:, : wide - 4], writing, (0, room.start + 2, high, wide - 4), rng)
    layers: tuple[tuple[Ink, Colour], ...] = ((box, np.full(3, 0.08)), (writing, np.full(3, 0.92)))
    if not dark:
        layers = (box, np.full(3, 0.97)), (frame, np.full(3, 0.1)), (writing, np.full(3, 0.1))
    return on_paper(rng, *layers, margin=size, paper=np.full(3, rng.uniform(0.6, 0.85))), text


def lying(rng: Rng) -> tuple[Picture, str]:
    """A photo of a sheet that lies on a dark or a coloured table, turned a little, in light that falls off."""
    size, texts = int(rng.integers(30, 50)), [number(rng, 2, 7) for _ in range(int(rng.integers(1, 4)))]
    parts = [written(text, size, rng) for text in texts]
    sheet = np.zeros((2 * size * len(parts) + 3 * size, max(part.shape[1] for part in parts) + 4 * size), np.float32)
    for k, part in enumerate(parts):
        put(part, sheet, size * (1.5 + 2 * k), size * rng.uniform(1, 2))
    around, angle = int(size * rng.uniform(2, 5)), rng.normal(0, 4)
    ink, there = (np.pad(each, around) for each in (sheet, np.ones_like(sheet)))
    ink, there = (ndimage.rotate(each, angle, reshape=False, order=1).clip(0, 1) for each in (ink, there))
    table = rng.uniform(0.05, 0.4) + rng.uniform(0, 0.12, 3)
    paper = there[..., None] * np.array([0.93, 0.92, 0.9]) + (1 - there[..., None]) * table
    image = paper + ink[..., None] * (pen_colour(rng) - paper)
    y, x = np.mgrid[-1 : 1 : image.shape[0] * 1j, -1 : 1 : image.shape[1] * 1j]
    light = 0.85 + 0.15 * (rng.uniform(-1, 1) * x + rng.uniform(-1, 1) * y)
    image = ndimage.gaussian_filter(image * light[..., None], (0.6, 0.6, 0)) + rng.normal(0, 0.015, image.shape)
    return (image.clip(0, 1) * 255).round().astype(np.uint8), "\n".join(texts)


def plate(rng: Rng) -> tuple[Picture, str]:
    """One or two large digits on a plate of one colour, as at a house, on a wall of another."""
    size, text = int(rng.integers(60, 140)), str(rng.integers(2, 100))
    ink = np.pad(written(text, size, rng), int(size * rng.uniform(0.35, 0.7)))
    while True:
        wall, back = rng.uniform(0.1, 0.9, (2, 3))
        if np.abs(wall - back).max() > 0.4 and np.abs(back.mean() - (back.mean() < 0.5)) > 0.55:
            break
    image = back + ink[..., None] * (0.95 * (back.mean() < 0.5) - back)
    margins = [(int(size * rng.uniform(0.4, 1)),) * 2 for _ in range(2)]
    image = np.stack([np.pad(image[..., k], margins, constant_values=wall[k]) for k in range(3)], 2)
    image = ndimage.gaussian_filter(image, (0.7, 0.7, 0)) + rng.normal(0, 0.02, (*image.shape[:2], 1))
    return (image.clip(0, 1) * 255).round().astype(np.uint8), text


def security(rng: Rng) -> tuple[Picture, str]:
    """Paper with fine lines in one to three directions, waved or straight, as cheques have."""
    size, text = some_size(rng), number(rng, 2, 7)
    margin = int(size * rng.uniform(0.2, 0.6))
    ink = np.pad(written(text, size, rng), margin)
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]]
    layers = []
    for _ in range(int(rng.integers(1, 4))):
        angle, step, wave = rng.uniform(0, np.pi), rng.uniform(4, 11), rng.uniform(8, 40)
        across, down = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        down = down + rng.choice([0, 1]) * rng.uniform(1, 5) * np.sin(2 * np.pi * across / wave)
        lines = np.clip(rng.uniform(0.6, 1.6) - np.abs(down % step - step / 2), 0, 1)
        layers.append(((rng.uniform(0.3, 0.9) * lines).astype(np.float32), rng.uniform(0.45, 0.8, 3)))
    return on_paper(rng, *layers, (ink, pen_colour(rng))), text


def no_digit(names: str, rng: Rng) -> tuple[Picture, str]:
    """One letter or sign, by hand or typed, a little turned."""
    name, size = str(rng.choice(list(names))), some_size(rng)
    ink = np.pad(written(name, size, rng, typed=rng.uniform() < 0.4), size // 5)
    return on_paper(rng, (ink, pen_colour(rng)), margin=size // 2, tilt=5), name


KINDS = {
    **{f"sign {name}": Kind(partial(with_sign, name), Task(allowed=DIGITS + SIGNS)) for name in SIGNS},
    "boxes": Kind(partial(cells, "boxes")),
    "combs": Kind(partial(cells, "combs")),
    "table": Kind(table_of_numbers, Task("page", "lines")),
    "units": Kind(units, Task(score="digits", allowed="")),
    "ring": Kind(ring),
    "tight": Kind(tight),
    "hard shadow": Kind(shadow),
    "colour only": Kind(colour_only),
    "below words": Kind(below_words, Task("page", "digits", "")),
    "security": Kind(security),
    "labelled": Kind(labelled, Task("page", "lines", DIGITS + ".")),
    "form": Kind(form, Task("page", "lines", DIGITS + "/:.")),
    "delivery note": Kind(note, Task("page", "set", DIGITS + "/:.,")),
    "score sheet": Kind(score_sheet, Task("page", "lines")),
    "printed date": Kind(printed_date, Task(allowed=DIGITS + SIGNS)),
    "meter": Kind(meter),
    "on a table": Kind(lying, Task("page", "lines")),
    "plate": Kind(plate),
    "letters": Kind(partial(no_digit, LETTERS), Task("single", "refused", "")),
    "other signs": Kind(partial(no_digit, OTHERS), Task("single", "refused", "")),
}


def pictures(kind: str, count: int, seed: int = 0) -> Iterator[tuple[Picture, str]]:
    """So many pictures of a kind, the same for the same seed, each with what is to be read in it."""
    for k in range(count):
        yield KINDS[kind].draw(np.random.default_rng([zlib.crc32(kind.encode()), seed, k]))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for kind in options.kinds:
        sheet = Image.new("RGB", (1500, 170 * -(-options.count // 6)), (120, 160, 200))
        for k, (picture, text) in enumerate(pictures(kind, options.count)):
            image = Image.fromarray(picture).convert("RGB")
            image.thumbnail((240, 150))
            sheet.paste(image, (k % 6 * 250 + 5, k // 6 * 170 + 2))
            label = text.replace("\n", " | ").encode("ascii", "replace").decode()
            ImageDraw.Draw(sheet).text((k % 6 * 250 + 5, k // 6 * 170 + 154), label, (0, 0, 60))
        sheet.save(options.folder / f"{kind.replace('/', 'slash')}.png")


if __name__ == "__main__":
    main()
