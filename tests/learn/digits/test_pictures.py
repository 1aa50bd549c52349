import torch

from conftest import draw_digits
from tenfold.learn.digits import pens, pictures
from tenfold.learn.recipes.augmentation import Augmentation


def test_distortion_is_random_but_can_be_had_again_and_leaves_digits() -> None:
    digits = draw_digits(64)
    images = torch.from_numpy(digits.images)
    ink, away = images.float().div(255).unsqueeze(1), pens.distances(images)
    augmentation = Augmentation(rotate=10)

    def distorted(seed: int) -> torch.Tensor:
        return pictures.distort(ink.clone(), away, augmentation, torch.Generator().manual_seed(seed))

    one, again, other = distorted(0), distorted(0), distorted(1)
    assert one.shape == (64, 1, 28, 28)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.min() >= 0
    assert torch.allclose(one.amax(dim=(1, 2, 3)), torch.ones(64))
    widths = (one > 0.5).sum(dim=(1, 2, 3)).float()
    assert widths.max() > 3 * widths.min()  # from thin to thick
