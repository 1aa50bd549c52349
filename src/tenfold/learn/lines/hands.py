"""Digits and signs in the hands of many schools, as strokes: what MNIST, written by Americans of 1990, has few of.

A shape is a text of strokes. Each begins with `s`, a smooth curve through its points, or `c`, straight lines with
corners; `?.4` after it draws it in four of ten cases. A point is `x,y` in a box that is 1 high, y down; `.3~.1` is
anything from .2 to .4. So a shape is as many digits as anybody may write.
"""

import functools

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tenfold.mnist import SIDE

DIGITS: dict[str, tuple[str, ...]] = {
    "0": (
        "s .45~.1,0 .1~.06,.2 .0,.55~.1 .22,.94 .45,1 .68~.06,.7 .7,.35 .58,.08 .38~.16,.0~.08",
        "s .3~.1,.03 .02,.3 .04,.75 .3,1 .6,.85 .7,.45 .55,.1 .3,.0~.05 .12~.1,.14~.1",
        "s .3,.05~.05 .02,.4 .1,.85 .35,1 .62,.8 .64,.35 .45,.02 .25~.1,.1 .5~.1,.2~.08 .9~.2,.1~.14",
        "s .55,.06 .2,.02 .0,.45 .15,.95 .5,.97 .7,.5 .55,.1 .4,.02 .75~.15,-.06~.08",
        "s .1,.1 .5,0 .7,.4 .6,.9 .25,1 .0,.6 .08,.2 .3~.15,.04~.06 | c?.3 .75~.1,.05~.1 -.05~.1,.95~.1",
    ),
    "1": (
        "c .0~.15,.4~.2 .42~.06,.02 .38~.1,1",
        "c -.15~.2,.65~.25 .42~.05,0 .36~.12,1",
        "c -.25~.15,.95~.1 .38~.06,0 .42~.12,1",
        "s -.15~.2,.6~.2 .2,.35 .42,.0 | c .42,.0 .38~.12,1",
        "c .4~.1,0 .4~.1,1",
        "c .05~.15,.35~.15 .42~.05,.02 .4~.05,1 | c .1~.1,1 .75~.12,1~.03",
        "s .0,.35~.15 .3,.2 .42,0 .4,.5 .38,.95 .55~.1,.97~.05",
        "c -.1~.2,.5~.3 .45,.0 .4~.1,.9 .4~.1,1 | s?.3 .2,1 .45,.98 .7,1",
    ),
    "2": (
        "s .0~.05,.25~.1 .3,0 .62~.06,.2 .45,.6 .05,.97 | c .05,.97 .75~.15,1~.05",
        "s .05,.2~.1 .35,.0 .65,.22 .4,.65 .08,.93 .02~.06,.98 .0~.06,.84 .2,.82 .45,.95 .85~.15,.92~.1",
        "c .0~.06,.08~.08 .65~.08,.0~.06 .02~.05,1 .75~.12,.98~.05",
        "s .3~.12,.38~.08 .08,.34 .08,.12 .4,.0 .68,.2 .45,.62 .1,.95 .02,.98 .4,.95 .85~.15,.93~.1",
        "s .02,.15~.1 .4,.02 .6,.25 .35,.7 .0,1 .3,.88~.06 .55,.98 .85~.1,.88~.08",
        "s .0,.3 .05,.08 .45,.0 .6,.25 .3,.75 .02,1 | s .02,1 .3,.9~.08 .75~.15,1~.06",
    ),
    "3": (
        "s .0~.06,.14~.08 .35,.0 .62,.2 .3~.1,.46 .68,.68 .4,1 -.02~.08,.86~.08",
        "c .02~.06,.04~.05 .65~.1,.0~.05 .28~.08,.4~.05 | s .28,.4 .62,.5 .68,.8 .35,1 -.02~.08,.88~.08",
        "s .05,.1 .4,.0 .55,.22 .22,.45 .12~.05,.4 .3,.4 .66,.6 .5,.95 .1,1 -.05~.08,.85~.1",
        "s .02,.05~.06 .5,-.02 .6,.2 .2,.48 .6,.6 .62,.9 .2,1.03 -.1~.1,.95~.06",
        "c .0,.04~.05 .6~.08,.0~.05 .2~.08,.5~.06 .62~.06,.58~.06 | s .62,.58 .7,.8 .4,1 .0~.08,.93~.06",
    ),
    "4": (
        "c .12~.1,.05~.08 .0~.05,.58~.08 .75~.12,.55~.08 | c .5~.1,.25~.15 .45~.1,1",
        "c .75~.1,.58~.06 .0,.6~.06 .5~.08,.0 .45~.08,1",
        "c .15~.1,.0 .02~.05,.55~.06 .65~.1,.5~.08 .55~.12,1",
        "s .2~.1,.0 .05,.3 .0,.58 .3,.6 .7~.1,.5~.06 | c .62~.06,.3~.15 .5~.1,1",
        "s .05~.06,.05~.05 .02,.4 .2,.55 .5,.5 .62~.05,.3 | c .64~.06,.02~.12 .5~.08,1",
        "c .3~.1,.0 .02~.04,.66~.05 .8~.1,.66~.05 | c .45~.06,.38~.12 .42~.06,1",
        "c .18,.0 .12~.05,.55~.06 .6~.08,.52~.06 | c .58~.04,.32~.1 .55~.06,1~.05",
        "c .55~.06,.0 -.02~.05,.68~.06 .72~.1,.64~.06 | c .55~.05,.0 .5~.06,1",
        "s .1~.06,.0 .0,.45 .12,.6 .7~.1,.52~.08 | s .55~.05,.25~.1 .52,.6 .4~.06,1",
    ),
    "5": (
        "c .15~.06,.04~.05 .06~.06,.45 | s .06,.45 .4,.38 .66,.68 .4,1 -.04~.08,.88~.06 | c .15~.08,.02 .8~.15,.0~.08",
        "s .7~.12,.0~.06 .2,.03 .12,.4 .45,.42 .66,.7 .35,1 -.04~.08,.87~.06",
        "c .3~.08,.05~.04 .22~.06,.5 | s .22,.5 .3,.75 .2,.98 -.06~.1,.9~.06 | c .28~.1,.04~.06 .95~.2,-.03~.08",
        "c .75~.12,.0~.06 .15~.05,.03 .08~.05,.42~.06 | s .08,.42 .5,.4 .62,.75 .3,1 .0~.08,.92~.05",
        "s .2~.05,.12 .1,.42 .4,.4 .6,.65 .4,.97 .0~.06,.95~.05 | c .3~.1,.02~.06 .8~.15,.0~.06",
        "s .1,.1 .12,.35 .5,.5 .5,.85 .2,1 -.1~.08,.85 | s .1~.1,.08~.06 .5,.04~.05 .9~.15,.0~.1",
        "s -.1~.1,.6~.15 .05,.85 .18~.05,.98 .3,.5 .4~.05,.04 | c .4,.04 1.0~.2,.0~.06",
    ),
    "6": (
        "s .6~.15,.0~.06 .2,.3 .02,.7 .3,1 .6,.8 .4,.54~.06 .08~.06,.75~.06",
        "c .3~.12,.0 .03~.04,.7 | s .03,.7 .2,1 .55,.85 .45,.55 .05,.72~.06",
        "s .35~.1,.0 .08,.35 .0,.75 .25,1 .52,.82 .4,.6 .15,.64 .02~.05,.8",
        "s .5,.02~.06 .15,.15 .0,.6 .2,.98 .55,.9 .6,.65 .35,.52 .05,.62~.06",
        "s .3~.1,.0 .05,.5 .15,.98 .5,.92 .5,.62 .25,.58 .15~.08,.72",
    ),
    "7": (
        "c .0,.05~.06 .68~.1,.0~.06 .3~.12,1 | c .1~.1,.52~.07 .65~.1,.46~.08",
        "c .0~.05,.2~.1 .0,.02~.04 .68~.08,.04~.05 .25~.12,1 | c?.7 .12~.08,.5~.06 .62~.1,.48~.06",
        "s .0,.1~.06 .25,.0~.04 .45,.1~.05 .7~.06,.0 | s .7,.0 .45,.45 .3~.1,1 | c?.6 .15~.1,.5~.07 .7~.1,.46~.07",
        "c .0,.04~.05 .9~.12,.0~.06 | c .58~.1,.02 .38~.1,1 | c?.6 .2~.1,.5~.06 .75~.1,.47~.06",
        "c .18~.1,.1~.06 .5~.06,.0 .4~.08,1 | c -.02~.1,.45~.08 .85~.12,.4~.08",
        "s .0,.08~.06 .4,.03 .68,.05 .5,.35 .35,.7 .32~.08,1 | c?.5 .15~.1,.52~.06 .6~.1,.5~.06",
        "s -.05~.05,.15~.08 .15,.0 .35,.08 .62,.02 .42,.5 .35~.08,1 | s?.7 .05,.55~.05 .3,.46~.05 .7,.5~.06",
    ),
    "8": (
        "s .58~.06,.14~.06 .3,.0 .06,.2 .3,.46 .62,.74 .3,1 .02,.78 .3,.48 .56,.22 .5~.08,.05~.06",
        "c .03~.05,.02 .0~.05,1 | s .0,.05 .5,.02 .5,.35 .05~.05,.46 | s .05,.46 .6,.5 .62,.92 .2,1 -.05~.06,.98",
        "s .3,.0 .06,.2 .3,.44 .54,.22 .3~.05,.0 | s .3,.46 .0,.72 .3,1 .6,.75 .3~.05,.46",
        "s .65~.08,.08~.08 .35,.0 .1,.18 .25,.4 .55,.6 .5,.95 .15,.98 .05,.75 .3,.5 .6~.08,.2~.06",
        "s .1~.06,.05~.05 .4,.2 .55,.75 .3,1 .05,.8 .2,.5 .55,.2 .45,.02 .12~.05,.05~.05",
        "s .5,.02 .12,.06 .15,.35 .5,.5 .64,.8 .3,1.02 .0,.82 .2,.52 .6~.06,.4~.06 .6~.06,.05~.05",
    ),
    "9": (
        "s .6~.06,.12~.06 .3,.0 .04,.25 .25,.48 .55,.3 .62,.08 | c .62~.03,.08~.04 .55~.12,1",
        "s .58,.1 .28,.0 .03,.25 .25,.5 .58,.3 .62,.05 .6,.6 .35,.98 .0~.08,.88~.08",
        "s .3~.1,.1 .65,.0 .8,.22 .55,.47 .2~.1,.48~.06 | s .35~.06,.02 .28,.5 .12~.08,1",
        "s .2~.06,.5~.04 .12,.2 .45,.0 .72,.15 .62,.42 .3~.05,.5 .2~.06,.75 .15~.08,1",
        "s .1~.1,.6~.06 .5,.45 .72,.2 .5,.0 .2,.18 .12~.08,.48 .45,.66~.06 .62,.9 .35,1.02 .0~.1,.92~.06",
        "s .65,.1 .35,.0 .05,.22 .2,.46 .5,.36 .65,.06 .55,.6 .3,1.02 .02,.95 .15,.72~.06 .7~.12,.6~.08",
        "s .62,.1 .35,.0 .05,.2 .15,.42 .45,.38 .62,.1 | s .62,.06 .6,.45 .55~.06,.85 .7~.1,1~.05",
        "s .55~.08,.4~.05 .2,.48 .02,.25 .25,.0 .58,.12 .55,.5 .45~.1,1",
        "s .1~.08,.3~.06 .35,.0 .7,.12 .6,.42 .25,.52~.05 .05~.05,.42 .2,.55 .5,.7 .4,.98 .0~.08,.95",
    ),
}

# Signs as wide as a digit is high at most. They stand where they are written beside a digit from 0 to 1.
SIGNS: dict[str, tuple[str, ...]] = {
    ".": ("c .0,.97~.06 .03~.03,.99~.06", "c .0,.93~.1 .0~.04,1.0~.06", "c .0,.8~.12 .04~.03,.82~.12"),
    ",": (
        "s .04,.95~.05 .05,1.05 -.06~.07,1.18~.06",
        "c .03~.03,.9~.05 -.08~.06,1.15~.1",
        "s .0,.93 .06,.95 .06,1.02 -.08~.06,1.2~.06",
    ),
    "'": ("c .03~.03,.0~.06 -.04~.05,.22~.08", "s .05,-.02~.06 .06,.08 -.04~.04,.2~.08"),  # a tick, for a comma
    "-": ("c -.25~.15,.55~.15 .25~.15,.55~.15", "s -.25~.1,.58~.12 .0,.55~.1 .25~.1,.55~.15"),
    "/": ("c .3~.15,-.02~.1 -.3~.15,1.03~.1", "s .28~.1,-.05~.1 .05~.05,.5 -.3~.12,1.05~.1"),
    ":": ("c .0,.35~.08 .03,.36~.08 | c .0~.04,.9~.07 .03,.92~.06",),
    "+": ("c -.3~.1,.55~.08 .3~.1,.53~.08 | c .0~.05,.25~.1 .0~.06,.86~.1",),
    "(": ("s .2~.08,-.08~.06 -.05,.2 -.1,.5 -.05,.8 .2~.08,1.1~.06", "s .1~.05,-.05~.06 -.08,.5 .1~.05,1.08~.06"),
    ")": ("s -.2~.08,-.08~.06 .05,.2 .1,.5 .05,.8 -.2~.08,1.1~.06", "s -.1~.05,-.05~.06 .08,.5 -.1~.05,1.08~.06"),
    "%": (
        "c .38~.1,0~.06 -.32~.1,1~.06 | s -.3,0 -.48,.14 -.34,.3 -.16,.16 -.28,0 | s .3,.7 .12,.85 .28,1 .46,.85 .3,.7",
        "c .35~.1,.0 -.35~.1,1 | c -.32~.05,.16~.05 -.28,.2~.05 | c .3,.8~.06 .34~.05,.84~.05",
        "s .4,0 0,.1 -.3,.02 -.45,.16 -.3,.3 -.15,.15 -.28,0 | c .4,0 -.35~.1,1 | s .28,.7 .14,.85 .28,1 .44,.85 .3,.7",
    ),
    # What closes an amount, so that nothing can be added: a longer, a double or a waving dash. It is read as one dash.
    "=": (
        "c -.35~.15,.42~.08 .35~.15,.4~.08 | c -.33~.15,.66~.08 .35~.18,.64~.08",
        "c -.3~.1,.4 .35~.1,.38~.05 -.3~.1,.66~.05 .4~.15,.62~.06",
    ),
    "~": (
        "s -.5,.6~.1 -.3,.42~.08 -.1,.62~.08 .1,.45~.08 .3,.6~.08 .52,.45~.12",
        "s -.45,.5~.1 -.15,.4~.1 .15,.65~.1 .5,.5~.15",
    ),
}

# Other signs and letters that are easily mistaken: what is written beside numbers and is none of the classes.
OTHERS: tuple[str, ...] = (
    "c -.12,.05 -.22~.05,.95 | c .18,.05 .08~.05,.95 | c -.4,.32~.04 .4,.3~.04 | c -.42,.68~.04 .38,.66~.04",  # #
    "s .35,.15 .0,.02 -.3,.22 .0,.5 .32,.72 .0,1 -.35,.85 | c .02,-.12 .0,1.12",  # $
    "s .4~.05,.1 .1,.0 -.2,.3 -.2,.7 .1,1 .4~.05,.9 | c -.42,.4 .15,.4 | c -.42,.6 .12,.6",  # €
    "s -.2,.0 -.2,.5 -.22,1 | s .2,.5 -.15,.7 .3,1",  # k
    "s .25,.45 -.2,.4 -.2,.8 .2,.75 .25,.45 .25,1.1 .0,1.3 -.3,1.15",  # g
    "s -.4,.5 -.35,1 | s -.38,.7 -.1,.45 -.02,1 | s -.02,.7 .25,.45 .35,1",  # m
    "s -.25,.75 .15,.6 .1,.42 -.2,.5 -.2,.85 .0,1 .3,.85",  # e
    "c -.25,1 -.28,.0 .25,1 .25,.0",  # N
    "s -.3,.45 -.2,1 .0,.6 .2,1 .32,.42",  # w
    "s -.28,.5 -.2,.95 .15,.9 .2,.5 | c .2,.5 .26,1",  # u
    "c -.25,.0 -.25,1 | c -.25,.0 .3,.0 | c -.25,.48 .2,.48",  # F
    "c -.25,.0 -.22,1 | s -.25,.05 .25,.1 .2,.45 -.2,.5 | c -.05,.5 .3,1",  # R
    "c -.35,1 .0,.0 .3,1 | c -.2,.65 .2,.65",  # A
    "c -.3,.4 .3,1 | c .3,.4 -.3,1",  # x
    "s -.1,.0 -.15,.5 -.05,.95 .15,.95 | c -.35,.35 .2,.33",  # t
    "s -.25,.0 -.25,1 | s -.25,.65 .0,.45 .22,.6 .2,1",  # h
    "c -.3,.0 .0,.5 .3,.0 | c .0,.5 .0,1 | c -.3,.6 .3,.6",  # ¥
    "s -.5,.7 -.42,.45 -.3,.75 -.2,.45 -.08,.75 .02,.45 .15,.75 .25,.45 .5,.7",  # a word at a run
    "s -.4,.9 -.3,.2 -.2,.05 -.25,.5 -.1,.9 .0,.5 .12,.9 .2,.5 .3,.85 .5,.7",  # another
)

Stroke = NDArray[np.float64]  # (points, 2)
_SCALE = 6  # pixels of the drawing to one of the image
_HEIGHT = 20.0  # pixels of the image to 1, as MNIST's digits have it


def digit(sign: str, generator: np.random.Generator) -> NDArray[np.uint8]:
    """A digit in one of its shapes, slanted and bent: uint8 (28, 28), in the middle, 20 pixels high or wide."""
    strokes = _vary(_strokes(str(generator.choice(DIGITS[sign])), generator), generator)
    every = np.concatenate(strokes)
    low, high = every.min(0), every.max(0)
    scale = 18 / max(high - low)
    return _drawn([(stroke - (low + high) / 2) * scale + SIDE / 2 for stroke in strokes], generator)


def sign(name: str, generator: np.random.Generator) -> NDArray[np.uint8]:
    """A sign, uint8 (28, 28), where it stands beside a digit: one that is 20 pixels high, in the middle."""
    shapes = OTHERS if name == "?" else SIGNS[name]
    strokes = _strokes(str(generator.choice(shapes)), generator)
    if name == "?":
        strokes = _vary(strokes, generator)
    return _drawn([(stroke - (0, 0.5)) * _HEIGHT + SIDE / 2 for stroke in strokes], generator)


def _vary(strokes: list[Stroke], generator: np.random.Generator) -> list[Stroke]:
    """Wider or slimmer, slanted, with a larger upper or lower half, and each point a little off its place."""
    wide, slant, power = generator.uniform(0.65, 1.3), generator.normal(0, 0.1), np.exp(generator.normal(0, 0.12))
    out = []
    for stroke in strokes:
        x, y = stroke.T
        bent = np.sign(y) * np.abs(y) ** power
        out.append(np.stack([x * wide - slant * bent, bent], 1) + generator.normal(0, 0.006, stroke.shape))
    return out


def _strokes(shape: str, generator: np.random.Generator) -> list[Stroke]:
    """The strokes of a shape, with what is left open in it decided, as many points close together."""
    strokes = []
    for smooth, share, middle, spread in _parsed(shape):
        if share == 1 or generator.random() < share:
            points = middle + spread * generator.uniform(-1, 1, spread.shape) + generator.normal(0, 0.015, spread.shape)
            strokes.append(spline(points) if smooth and len(points) > 2 else points)
    return strokes


@functools.cache
def _parsed(shape: str) -> list[tuple[bool, float, Stroke, Stroke]]:
    """Of each stroke: whether it is smooth, how often it is drawn, its points' middles and spreads."""
    parts = []
    for text in shape.split("|"):
        kind, *points = text.split()
        values = [[number.partition("~") for number in point.split(",")] for point in points]
        middle = np.array([[float(number) for number, _, _ in point] for point in values])
        spread = np.array([[float(number or 0) for _, _, number in point] for point in values])
        parts.append((kind[0] == "s", float(kind[2:] or 1), middle, spread))
    return parts


def spline(points: Stroke) -> Stroke:
    """A smooth curve through points: E. Catmull and R. Rom 1974, eight points for each piece."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    a, b, c, d = (padded[k : len(padded) - 3 + k, None] for k in range(4))
    t = np.linspace(0, 1, 8, endpoint=False)[:, None]
    curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    return np.concatenate([curve.reshape(-1, 2) / 2, points[-1:]])


def _drawn(strokes: list[Stroke], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Strokes in pixels as an image, uint8 (28, 28)."""
    canvas = Image.new("L", (SIDE * _SCALE, SIDE * _SCALE))
    pen, width = ImageDraw.Draw(canvas), generator.uniform(1.6, 2.6) * _SCALE
    for stroke in strokes:
        places = [(float(x), float(y)) for x, y in stroke * _SCALE]
        pen.line(places, 255, round(width), joint="curve")
        for x, y in (places[0], places[-1]):
            pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], 255)
    return np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX))
