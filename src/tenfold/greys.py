"""What grey values mean, told by the largest of them."""


def white(largest: float) -> float:
    """The value that is white: 1, 255, or the largest itself where that is from 2 to 63, as in scikit-learn's digits.

    Floats that were resampled may be a little above 1.
    """
    if largest <= 1.5:
        return 1.0
    return largest if largest < 64 else 255.0


def stretched(largest: float) -> tuple[str, ...]:
    """What is to be said where values are stretched: a sentence, or none."""
    return () if white(largest) in (1.0, 255.0) else (f"grey values up to {largest:g} were stretched to 255",)
