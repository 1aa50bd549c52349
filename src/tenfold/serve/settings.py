"""What a service is started with."""

from dataclasses import dataclass
from pathlib import Path

from tenfold.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides how a service answers. Raises UsageError for wrong values."""

    model: str | Path | None = None  # a model file; None is the bundled one
    threshold: float | None = None  # the probability from which a digit is sure; None is the model's own
    token: str | None = None  # wanted of every request but those for the page and the health; None wants none
    corrections: str | Path | None = None  # the folder that corrections are saved in; None saves none
    origins: tuple[str, ...] = ()  # other sites whose pages may call, as CORS has it, and further names of this one
    hosts: tuple[str, ...] = ()  # names of this service, beside addresses, localhost, and the machine's own
    threads: int = 1  # pictures read at the same time in each worker
    queue: int = 64  # requests that may wait in each worker beyond those being read
    max_bytes: int = 20_000_000  # of a request's body
    max_pixels: int = 50_000_000  # of a picture
    max_pictures: int = 100  # of a request, and pages of a file
    max_seconds: float = 5.0  # of reading what is in a request
    max_corrections: int = 10_000
    max_batch: int = 4096  # images in a tensor
    patience: float = 30.0  # seconds in which a body must have arrived
    log: bool = True  # a line for every request

    def __post_init__(self) -> None:
        least = {"threads": 1, "queue": 0, "max_bytes": 1, "max_pixels": 1, "max_pictures": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} must be {value} or more, not {getattr(self, name)}")
        if not self.max_seconds > 0:
            raise UsageError(f"--max-seconds must be above 0, not {self.max_seconds:g}")
        if self.threads > 256:
            raise UsageError(f"--threads must be 256 or less, not {self.threads}")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(f"--threshold must be a probability, from 0 to 1, not {self.threshold:g}")
        if self.token is not None and (not self.token.isascii() or not self.token.isprintable() or " " in self.token):
            raise UsageError("--token must be printable ASCII without spaces")
        if self.token == "":
            raise UsageError("--token must not be empty: leave it out to ask for none")
        for origin in self.origins:
            if origin != "*" and (not origin.startswith(("http://", "https://")) or origin.count("/") != 2):
                raise UsageError(f"--allow-origin must be an origin such as https://example.org, not {origin}")
        if self.corrections is not None and Path(self.corrections).is_file():
            raise UsageError(f"--corrections must be a folder, and {self.corrections} is a file")
