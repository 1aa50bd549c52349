"""`tenfold explain`."""

from pathlib import Path

from PIL import Image

from conftest import Cli, on_paper, write_number
from read import hostile


def test_the_figure_is_written_where_it_should_be(here: Path, tenfold_cli: Cli) -> None:
    Image.fromarray(on_paper(write_number("46"))).save("photo.png")
    done = tenfold_cli("explain", "photo.png")
    assert (done.status, done.out) == (0, "the figure is in photo-explained.png\n")
    with Image.open("photo-explained.png") as figure:
        assert min(figure.size) > 300
    assert tenfold_cli("explain", "photo.png", "-o", "why.jpg", "--single").status == 0
    with Image.open("why.jpg") as figure:
        assert figure.format == "JPEG"


def test_what_cannot_be_explained(here: Path, tenfold_cli: Cli) -> None:
    Image.new("L", (50, 50), 255).save("blank.png")
    assert tenfold_cli("explain", "blank.png").status == 0
    Image.fromarray(hostile.dots(14, 26)).save("dots.png")
    for words, status, said in (
        (("blank.png", "-o", "x.foo"), 2, ".png"),
        (("blank.png", "--page", 2), 2, "no page 2"),
        (("blank.png", "-o", "./blank.png"), 2, "written over blank.png"),
        (("none.png",), 1, "no picture none.png"),
        (("blank.png", "--max-seconds", 0), 2, "must be above 0"),
        (("dots.png", "--max-seconds", 0.1), 1, "dots.png takes more than 0.1 s"),
    ):
        done = tenfold_cli("explain", *words)
        assert done.status == status
        assert said in done.err
        assert done.err.count("\n") == 1
