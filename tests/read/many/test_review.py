"""The page for review: what is not sure, sorted, marked, escaped and linked."""

import re
from html.parser import HTMLParser
from pathlib import Path

from read.many.fakes import row
from tenfold.read.many.review import review
from tenfold.read.many.rows import Row


class Checker(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attributes]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_for_review(tmp_path: Path) -> None:
    rows = [
        row("s/<b>&.png", "1?2 34", "5", probability=0.61),
        row("s/100% #1.png", "?8", probability=0.4),
        row("s/none.png"),
        Row("s/<bad>.png", error="cannot read s/<bad>.png: it is damaged"),
        row("ü\udcff.png", "?1", probability=0.7),
        row("-", "?1", probability=0.8),
    ]
    page = review(rows, 1200, tmp_path / "reports" / "look.html")
    page.encode()
    found = Checker(page)
    assert found.open == []
    assert "<title>4 digits to review</title>" in page
    assert "4 unsure digits, 1 picture without digits, 1 that could not be read; of 1,200 pictures in all" in page
    assert re.findall(r"<tr><th scope=row>\d</th><td>([\d.]+)%", page) == ["40.0", "61.0", "70.0", "80.0"]
    assert (
        "<tr><th scope=row>&lt;</th><td>30.0%</td></tr><tr><th scope=row>&gt;</th><td>15.0%</td></tr></table>" in page
    )
    assert '<p class="line">1<mark>?</mark> 34</p>' in page
    assert "&lt;b&gt;&amp;.png" in page
    assert "<b>" not in page
    assert "<bad>" not in page
    sources = [value for name, value in found.attributes if name in ("src", "href")]
    assert len([s for s in sources if s.startswith("data:image/png;base64,")]) == 4
    links = [s for s in sources if not s.startswith("data:")]
    assert all(link.startswith("../") for link in links)
    assert links[0].endswith("/s/100%25%20%231.png")
    assert "standard input" in page
    assert "http" not in page


def test_a_page_with_nothing_to_review(tmp_path: Path) -> None:
    page = review([], 1, tmp_path / "look.html")
    assert "<h1>0 digits to review</h1>" in page
    assert "of 1 picture in all" in page
    assert "<h2>" not in page
