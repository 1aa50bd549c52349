import numpy as np

from tenfold.learn.digits import styles


def test_styles_are_digits_of_every_class_that_can_be_had_again() -> None:
    some, again = (styles.draw(110, np.random.default_rng(3)) for _ in range(2))
    assert some.images.shape == (110, 28, 28)
    assert (np.bincount(some.labels) == [10, 20, *[10] * 8]).all()
    assert (some.images == again.images).all()
    assert (some.images.max(axis=(1, 2)) == 255).all()
