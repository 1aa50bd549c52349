import math

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import draw_digits
from tenfold.errors import UsageError
from tenfold.learn.digits import corruptions
from tenfold.learn.digits.corruptions import CORRUPTIONS, corrupt

RANDOM = set(CORRUPTIONS) - {"scale", "brightness", "stripe", "canny_edges"}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.from_numpy(draw_digits(230).images)


def block(rows: slice, columns: slice, count: int = 1, grey: float = 1.0) -> Tensor:
    """A rectangle of ink, (N, 28, 28)."""
    made = torch.zeros(count, 28, 28)
    made[:, rows, columns] = grey
    return made


def centre(image: Tensor) -> tuple[float, float]:
    """The centre of mass, x and y from the middle of the image."""
    place = torch.arange(28) - 13.5
    return float((image.sum(0) * place).sum() / image.sum()), float((image.sum(1) * place).sum() / image.sum())


def test_the_list_is_the_papers() -> None:
    assert len(CORRUPTIONS) == 15
    assert list(CORRUPTIONS)[:3] == ["shot_noise", "impulse_noise", "glass_blur"]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_bytes_stay_bytes_and_the_seed_decides(name: str, images: Tensor) -> None:
    before = images.clone()
    changed = corrupt(images, name, seed=3)
    assert (changed.dtype, changed.shape, changed.device) == (torch.uint8, images.shape, images.device)
    assert torch.equal(images, before)
    assert not torch.equal(changed, images)
    assert torch.equal(corrupt(images, name, seed=3), changed)
    assert torch.equal(corrupt(images, name, seed=4), changed) == (name not in RANDOM)
    # An image's fate hangs on its place alone: fewer behind it change nothing.
    assert torch.equal(corrupt(images[:130], name, seed=3), changed[:130])
    assert torch.equal(corrupt(images[:1], name, seed=3), changed[:1])
    assert corrupt(images[:0], name).shape == (0, 28, 28)
    assert CORRUPTIONS[name](torch.zeros(0, 28, 28), seeded()).shape == (0, 28, 28)
    # The same image again is corrupted in another way, also in another block.
    again = corrupt(images[:1].expand(150, -1, -1), name)
    assert (len(torch.unique(again[:50], dim=0)) > 1) == (name in RANDOM)
    assert torch.equal(again[:50], again[corruptions.BLOCK :]) == (name not in RANDOM)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_values_stay_in_range(name: str, images: Tensor) -> None:
    ink = images[:12].float() / 255
    whole = CORRUPTIONS[name](ink, seeded())
    assert whole.dtype == torch.float32
    assert 0 <= float(whole.min()) <= float(whole.max()) <= 1


def test_what_is_no_such_image_or_corruption_is_told(images: Tensor) -> None:
    with pytest.raises(UsageError, match="unknown corruption 'fogg': did you mean 'fog'"):
        corrupt(images, "fogg")
    with pytest.raises(UsageError, match=r"wants images uint8 \(N, 28, 28\), not torch.float32"):
        corrupt(images.float(), "fog")
    with pytest.raises(UsageError, match=r"not torch.uint8 \(28, 28\)"):
        corrupt(images[0], "fog")
    with pytest.raises(UsageError, match="a seed is a whole number from 0, not -1"):
        corrupt(images, "fog", seed=-1)


def test_shot_noise_counts_photons() -> None:
    grey = torch.full((50, 28, 28), 0.5)
    found = corruptions.shot_noise(grey, seeded())
    values, counts = torch.unique(found, return_counts=True)
    torch.testing.assert_close(values, torch.tensor([0, 1 / 3, 2 / 3, 1]))
    # Poisson of mean 1.5: 0, 1, 2, and 3 or more.
    chances = [math.exp(-1.5) * 1.5**k / math.factorial(k) for k in range(3)]
    wanted = torch.tensor([*chances, 1 - sum(chances)])
    torch.testing.assert_close(counts / found.numel(), wanted, atol=0.01, rtol=0)
    assert float(found.mean()) == pytest.approx(float((values * wanted).sum()), abs=0.005)
    assert float(corruptions.shot_noise(torch.zeros(2, 28, 28), seeded()).max()) == 0


def test_impulse_noise_hits_17_percent() -> None:
    found = corruptions.impulse_noise(torch.full((50, 28, 28), 0.5), seeded())
    shares = [float((found == value).float().mean()) for value in (0, 0.5, 1)]
    assert shares == pytest.approx([0.085, 0.83, 0.085], abs=0.005)


def test_glass_blur_moves_ink_up_and_left_and_keeps_it() -> None:
    dot = block(slice(13, 16), slice(13, 16), 200)
    found = corruptions.glass_blur(dot, seeded())
    assert found.sum((1, 2)).mean() == pytest.approx(9, abs=0.1)  # what swaps and blur keep; bytes are cut, not rounded
    middles = torch.tensor([centre(image) for image in found])
    assert (middles.mean(0).abs() < 1).all()
    assert (middles.std(0) > 0.2).all()
    # The blur is along the columns alone: no swap, no spread to the sides.
    row = corruptions._gaussian(dot, 0.7, across=False)
    assert torch.equal(row[0].amax(0) > 0, dot[0].amax(0) > 0)
    # The first two rows and columns take part only as the others' places: ink in the corner stays within one pixel.
    corner = corruptions.glass_blur(block(slice(0, 1), slice(0, 1), 50), seeded())
    assert float(corner[:, :, 1:].max()) == 0


def test_glass_blur_is_the_sequence_of_swaps() -> None:
    from scipy.ndimage import gaussian_filter

    image = draw_digits(1).images
    found = corruptions.glass_blur(torch.from_numpy(image).float() / 255, seeded(7))[0]
    chances = (torch.rand(1, 2, 26, 26, generator=seeded(7)) * 8).long()[0]
    pixels = np.floor(gaussian_filter(image[0] / 255, (0.7, 0), mode="nearest") * 255)
    for again in range(2):
        for row in range(27, 1, -1):
            for column in range(27, 1, -1):
                chance = int(chances[again, row - 2, column - 2])
                if chance & 1:
                    there = row - (chance >> 1 & 1), column - (chance >> 2)
                    pixels[row, column], pixels[there] = pixels[there], pixels[row, column]
    wanted = gaussian_filter(pixels / 255, (0.7, 0), mode="nearest")
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)


def test_motion_blur_trails_to_the_left() -> None:
    found = corruptions.motion_blur(block(slice(14, 15), slice(25, 26), 40), seeded())
    weights = np.exp(-(np.arange(21) ** 2) / 18)
    weights /= weights.sum()
    angles = torch.rand(40, 1, generator=seeded())[:, 0] * 90 - 45
    for image, angle in zip(found, torch.deg2rad(angles).tolist(), strict=True):
        assert float(image.sum()) == pytest.approx(1, abs=0.01)
        assert float(image[14, 25]) == pytest.approx(weights[0], abs=1e-4)
        for step in (1, 5, 9):
            row = 14 - math.ceil(step * math.sin(angle) - 0.5)
            column = 25 - math.ceil(step * math.cos(angle) - 0.5)
            assert float(image[row, column]) >= weights[step] - 1e-4
        assert float(image[:, 26:].max()) == 0


def test_shear_slants_and_stretches() -> None:
    bar = block(slice(7, 21), slice(13, 15), 60)
    found = corruptions.shear(bar, seeded())
    kinds = torch.unique(found, dim=0)
    assert len(kinds) == 2
    assert torch.allclose(kinds[0], kinds[1].flip(1), atol=1e-5) or torch.allclose(
        kinds[0], kinds[1].flip(2), atol=1e-5
    )
    heights = (found[0].sum(1) > 0.5).sum()
    assert int(heights) == pytest.approx(14 / math.cos(0.4), abs=1.1)
    columns = (found[0] * torch.arange(28)).sum(1) / found[0].sum(1)
    slope = float(columns[20] - columns[7]) / 13
    assert abs(slope) == pytest.approx(math.tan(0.4) * math.cos(0.4), abs=0.03)


def test_scale_makes_it_70_percent_about_the_middle() -> None:
    found = corruptions.scale(block(slice(4, 24), slice(4, 24)))[0]
    assert centre(found) == pytest.approx((0, 0), abs=1e-4)
    assert float(found.sum()) == pytest.approx(14 * 14, rel=0.03)
    assert float(corruptions.scaled(block(slice(9, 19), slice(9, 19)), 1.3).sum()) == pytest.approx(13 * 13, rel=0.03)


def test_rotate_turns_by_the_stated_angle() -> None:
    right = block(slice(13, 15), slice(21, 23), 40)  # 8 pixels to the right of the middle
    found = corruptions.rotate(right, seeded())
    angles = {round(math.atan2(y, x), 2) for x, y in map(centre, found)}
    assert angles == {-0.4, 0.4}
    x, y = centre(corruptions.rotated(right, math.radians(30))[0])
    assert (x, y) == pytest.approx((8 * math.cos(math.pi / 6), 8 * math.sin(math.pi / 6)), abs=0.05)  # clockwise


def test_brightness_adds_a_half() -> None:
    grey = torch.rand(3, 28, 28, generator=seeded())
    assert torch.equal(corruptions.brightness(grey), (grey + 0.5).clamp(max=1))
    greys = torch.tensor([0, 100, 200], dtype=torch.uint8)[:, None, None].expand(3, 28, 28)
    assert corrupt(greys, "brightness")[:, 9, 9].tolist() == [128, 228, 255]


def test_translate_moves_the_centre_of_mass_by_3_pixels() -> None:
    found = corruptions.translate(block(slice(10, 15), slice(10, 17), 60), seeded())
    places = {(round(x, 3), round(y, 3)) for x, y in map(centre, found)}
    assert places == {(x, y) for x in (-3.5, 2.5) for y in (-4.5, 1.5)}  # from -0.5, -1.5
    bytes_there = torch.from_numpy(draw_digits(5).images)
    moved = corruptions.as_bytes(corruptions.shifted(bytes_there.float() / 255, 2, -1))
    assert torch.equal(moved[:, :27, 2:], bytes_there[:, 1:, :26])
    assert int(moved[:, :, :2].max()) == int(moved[:, 27].max()) == 0


def test_stripe_inverts_both_sides(images: Tensor) -> None:
    found = corrupt(images, "stripe")
    assert torch.equal(found[:, :, 7:21], images[:, :, 7:21])
    assert torch.equal(found[:, :, :7], 255 - images[:, :, :7])
    assert torch.equal(found[:, :, 21:], 255 - images[:, :, 21:])


def test_fog_is_a_plasma_over_the_dimmed_digit() -> None:
    ink = block(slice(10, 18), slice(10, 18), 40, 0.8)
    found = corruptions.fog(ink, seeded())
    plasma = corruptions._plasma(ink, seeded())
    torch.testing.assert_close(found, (ink + 3 * plasma) * 0.8 / 3.8)
    assert float(plasma.min()) >= 0
    assert float(plasma.max()) <= 1
    assert float(corruptions.fog(torch.zeros(1, 28, 28), seeded()).max()) == 0  # a blank image has no light
    # Neighbours are alike, far ones and other images are not.
    near = (plasma[:, 1:] - plasma[:, :-1]).std()
    assert float(near) < 0.1 < float(plasma.std())


def test_spatter_lays_dark_grey_over_some_places() -> None:
    on_blank, on_full = (corruptions.spatter(torch.full((60, 28, 28), grey), seeded()) for grey in (0.0, 1.0))
    drops = on_blank / (63 / 255)
    torch.testing.assert_close(on_full, 1 - drops + on_blank)
    assert float(drops[drops > 0].min()) >= 0.8 - 1e-6
    assert 0.05 < float((drops > 0).float().mean()) < 0.3


def test_dotted_line_crosses_in_dots_of_two_columns() -> None:
    found = corruptions.dotted_line(torch.zeros(60, 28, 28), seeded())
    columns = found.amax(1)  # (N, 28)
    dots = torch.arange(28) // 2 % 2 == 1
    assert float(columns[:, ~dots].max()) == 0
    assert bool((columns[:, 2:27][:, dots[2:27]] > 0.7).all())  # within half a pixel of a row: 1 + log(1 - 0.5 / 2.3)
    flat = corruptions._line(*(torch.tensor([float(value)]) for value in (0, 9, 27, 9)))[0]
    assert torch.allclose(flat[9, :27], torch.ones(27))
    assert float(flat[10, 5]) == pytest.approx(1 + math.log(1 - 1 / 2.3))
    assert float(flat[:, 27].max()) == 0


def test_zigzag_swings_about_its_line() -> None:
    found = corruptions.zigzag(torch.zeros(80, 28, 28), seeded())
    height, rise = torch.rand(80, 2, generator=seeded()).unbind(1)
    height, rise = (27 * height).floor(), (10 * rise).floor() - 5
    flat = [k for k in range(80) if rise[k] == 0 and 4 < height[k] < 23]
    assert flat
    for k in flat:  # corners at columns 4, 8, … 24, two pixels below and above in turn
        row = int(height[k])
        for corner in range(5):
            assert float(found[k, row + 2 * (-1) ** corner, 4 + 4 * corner]) == pytest.approx(1)
        assert float(found[k, : row - 4].sum() + found[k, row + 5 :].sum()) == 0
    assert float(found[:, :, :2].max()) == 0
    slopes = [k for k in range(80) if rise[k] == 4 and 6 < height[k] < 18]
    for k in slopes:
        weight = found[k].sum(0)
        rows = (found[k] * torch.arange(28)[:, None]).sum(0) / weight.clamp(min=1e-6)
        slope, _ = np.polyfit(np.arange(3, 23), rows[3:23].numpy(), 1)
        assert slope == pytest.approx(4 / 23, abs=0.1)


def test_canny_edges_are_thin_lines_around_the_ink() -> None:
    square = torch.maximum(block(slice(8, 20), slice(8, 20), grey=0.5), block(slice(9, 19), slice(9, 19)))
    found = corruptions.canny_edges(square)[0]
    assert set(torch.unique(found).tolist()) == {0.0, 1.0}
    for line in (found[13], found[:, 13]):
        assert line.nonzero()[:, 0].tolist() == [8, 19]
    assert not bool(found[10:18, 10:18].any() or found[:7].any() or found[:, :7].any())
    assert not bool(corruptions.canny_edges(torch.full((1, 28, 28), 0.7)).any())


def test_canny_edges_start_at_the_high_limit_and_go_on_to_the_low_one() -> None:
    # A rise at column 14 has this strength for a height of 1: by the Gaussian's weights in the middle and beside it,
    # and Sobel's sum of four.
    weights = np.exp(-(np.arange(-4, 5) ** 2) / 2)
    strength = 4 * (weights[4] + weights[5]) / weights.sum()

    def found(first: float, last: float) -> list[list[int]]:
        """The edges where a rise at column 14 has the strength `first` in the upper row and `last` in the lowest."""
        height = torch.linspace(first, last, 28)[:, None] / strength
        image = height * torch.tensor([0.0] * 14 + [0.5] + [1.0] * 13)
        return corruptions.canny_edges(image[None])[0].nonzero().tolist()

    assert found(0.19, 0.19) == []
    assert found(0.21, 0.21) == [[row, 14] for row in range(1, 27)]
    assert found(0.19, 0.05) == []
    rows, columns = zip(*found(0.3, 0.05), strict=True)
    assert set(columns) == {14}
    assert rows == tuple(range(1, rows[-1] + 1))
    assert rows[-1] == pytest.approx(27 * (0.3 - 0.1) / (0.3 - 0.05), abs=1)


def test_canny_edges_are_those_of_the_steps_one_by_one() -> None:
    from scipy import ndimage

    for image in draw_digits(4).images / 255:
        inside = ndimage.gaussian_filter(np.ones((28, 28)), 1, mode="constant")
        smooth = ndimage.gaussian_filter(image, 1, mode="constant") / inside
        gradient = [ndimage.sobel(smooth, axis) for axis in (0, 1)]
        strength = np.hypot(*gradient)
        thin = np.zeros((28, 28), bool)
        for y in range(1, 27):
            for x in range(1, 27):
                if strength[y, x] > 0:
                    longest = max(abs(gradient[0][y, x]), abs(gradient[1][y, x]))
                    dy, dx = gradient[0][y, x] / longest, gradient[1][y, x] / longest
                    around = ndimage.map_coordinates(strength, [[y + dy, y - dy], [x + dx, x - dx]], order=1)
                    thin[y, x] = (around <= strength[y, x] + 1e-12).all()
        weak = thin & (strength >= 0.1)
        groups, _ = ndimage.label(weak, np.ones((3, 3)))
        wanted = np.isin(groups, np.unique(groups[thin & (strength >= 0.2)])) & weak
        found = corruptions.canny_edges(torch.from_numpy(image).float()[None])[0].bool().numpy()
        assert wanted.any()
        assert (found != wanted).sum() <= 2  # ties between grey values that are alike
