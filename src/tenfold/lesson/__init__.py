"""What main.ipynb draws and lets one draw, so that its cells are about learning.

Every figure is shown sharp, and with a text for those who cannot see it. Red is positive: what speaks for an answer, or
was added. Blue is negative. Nothing else is red or blue. Images are arrays or tensors of ink, above 0, on paper, 0.

showing    figures in a notebook           inside   a network's units, a convolution, pooling
digits     digits as pictures and numbers  drawing  a digit of one's own, drawn and answered
charts     losses, accuracies, walks       page     a photo of a page, and what was read in it
comparing  trainings over several seeds, and a place for them
"""

from tenfold.lesson.charts import confusion, curves, descents, dots, frequencies, lines
from tenfold.lesson.comparing import begin, compare
from tenfold.lesson.digits import mistakes, numbers, pictures, question
from tenfold.lesson.drawing import canvas
from tenfold.lesson.inside import convolution, network, pooling
from tenfold.lesson.page import boxes, photo
from tenfold.lesson.showing import picture, show

__all__ = [
    "begin",
    "boxes",
    "canvas",
    "compare",
    "confusion",
    "convolution",
    "curves",
    "descents",
    "dots",
    "frequencies",
    "lines",
    "mistakes",
    "network",
    "numbers",
    "photo",
    "picture",
    "pictures",
    "pooling",
    "question",
    "show",
]
