"""How far digits may be changed while they are learnt: the amounts of an augmentation, and their text in a recipe."""

from dataclasses import dataclass, fields

from tenfold.errors import UsageError, nearest

_MOST = {"scale": 0.9, "shear": 80.0, "degrade": 1.0}  # of the others, 180


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far each image may be changed; 0 leaves a kind out. Every amount is drawn uniformly, for each image anew."""

    rotate: float = 0.0  # degrees, either way
    shift: float = 0.0  # pixels, each way in x and y
    scale: float = 0.0  # 0.1 is a factor between 0.9 and 1.1
    shear: float = 0.0  # degrees of slant, either way
    elastic: float = 0.0  # pixels of displacement (its standard deviation at the grid's points)
    erase: float = 0.0  # pixels, longest side of the rectangle that is erased in every second image
    degrade: float = 0.0  # share of the images that are degraded: light, noise, blur, strange strokes, blots, outlines

    @classmethod
    def parse(cls, text: str) -> "Augmentation":
        """The augmentation that a text such as "rotate=10,shift=2" describes; "" or "none" is no augmentation.

        Raises UsageError for an unknown kind or an amount out of range.
        """
        known = [kind.name for kind in fields(cls)]
        amounts: dict[str, float] = {}
        for item in text.split(",") if text not in ("", "none") else []:
            name, _, amount = item.strip().partition("=")
            if name not in known:
                raise UsageError(nearest("augmentation", name, known))
            try:
                amounts[name] = float(amount)
            except ValueError:
                example = f"{name}={'0.1' if name in ('scale', 'degrade') else '2'}"
                raise UsageError(f"--augment {name} needs an amount: --augment {example}") from None
            most = _MOST.get(name, 180.0)
            if not 0 <= amounts[name] <= most:
                raise UsageError(f"--augment {name} must be from 0 to {most:g}, not {amount}")
        return cls(**amounts)

    def __bool__(self) -> bool:
        return any(getattr(self, kind.name) for kind in fields(self))
