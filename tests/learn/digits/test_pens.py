import numpy as np
import torch

from tenfold.learn.digits import pens


def test_a_skeleton_is_thin_and_keeps_holes_and_pieces() -> None:
    shapes = np.zeros((2, 30, 30), bool)
    shapes[0, 5:25, 5:25] = True
    shapes[0, 10:20, 10:20] = False  # a ring
    shapes[1, 5:10, 3:27] = shapes[1, 20:26, 3:27] = True  # two bars
    ring, bars = pens.thin(shapes)
    assert (ring & ~shapes[0]).sum() == 0
    assert 40 <= ring.sum() <= 64  # one pixel wide all around
    assert not ring[11:19, 11:19].any()
    assert ring[14].sum() == 2
    assert bars[:, 15].sum() == 2


def test_distances_tell_the_width_of_a_stroke() -> None:
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    image[0, 4:24, 12:16] = 255
    away = pens.distances(image)[0].float() / pens.UNIT  # of 56 pixels
    middle = away[28]
    assert middle.min() == 0
    assert abs(int(middle.argmin()) - 27.5) <= 1
    assert torch.allclose(middle[middle.argmin() : middle.argmin() + 10], torch.arange(10.0), atol=0.1)
    assert away[0, 0] == pens.REACH
