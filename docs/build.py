"""Build the guide with Zensical, and fail on whatever is not as it should be.

    python docs/build.py                 build/site/index.html
    python docs/build.py --out DIR

The pages link to files of the repository, such as ../benchmarks/pages.py. So the build is done in a copy, where those
files lie beside the pages, and so does main.ipynb, as a page for each of its sections. Zensical fails on broken links
between pages. `faults` then looks at what was built: links, anchors and pictures of every page, pages that are not in
the navigation, public names without documentation, and whatever would be fetched from elsewhere. Nothing is
downloaded, by the build or by the pages.
"""

import argparse
import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parent.parent
PAGES = (".md", ".png", ".gif", ".svg", ".css")
UNLISTED = ("404.html",)  # pages of Zensical's own
_OUTSIDE = re.compile(r"\]\(\.\./([^)#\s]+)")
_LOADING = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("source", "srcset"),
    ("object", "data"),
}
_LOADED = {"stylesheet", "preload", "prefetch", "preconnect", "dns-prefetch", "icon", "manifest", "modulepreload"}


class Page(HTMLParser):
    """What a page links to, what it loads, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)
        self.loads += re.findall(r"url\(\s*['\"]?([^)'\"]+)", " ".join(re.findall(r"<style.*?</style>", text, re.S)))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links and anchors of an element."""
        named = {name: value or "" for name, value in attrs}
        self.anchors |= {named[name] for name in ("id", "name") if named.get(name)}
        self.loads += [named[name] for element, name in _LOADING if element == tag and named.get(name)]
        if tag == "link" and set(named.get("rel", "").split()) & _LOADED:
            self.loads.append(named.get("href", ""))
        elif tag == "a" and "href" in named:
            self.links.append(named["href"])


def faults(site: Path, names: list[str], pages: list[str]) -> Iterator[str]:
    """What is wrong with a site that should document `names` and have `pages`: a sentence each."""
    read = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for name in pages:
        if site / name not in read:
            yield f"{name} was not built"
    index = read.get(site / "index.html")
    listed = {link.removeprefix("./") for link in index.links} if index else set()
    for path, page in read.items():
        here = path.relative_to(site).as_posix()
        if here not in listed and here not in ("index.html", *UNLISTED):
            yield f"{here} is not in the navigation"
        for target in page.loads:
            if urlsplit(target).scheme not in ("", "data") or urlsplit(target).netloc:
                yield f"{here} loads {target} from elsewhere"
        for target in {*page.links, *page.loads}:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or here in UNLISTED:
                continue
            to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            to = to / "index.html" if to.is_dir() else to
            if not to.is_file() or not to.is_relative_to(site.resolve()):
                yield f"{here} links to {target}, which is not there"
            elif parts.fragment and to.suffix == ".html":
                anchors = (read.get(site / to.relative_to(site.resolve())) or page).anchors
                if unquote(parts.fragment) not in anchors and parts.fragment != "__top":
                    yield f"{here} links to {target}: there is no such anchor"
    for path in site.rglob("*.css"):
        for target in re.findall(
            r"(?:@import\s+['\"]|url\(\s*['\"]?)((?:https?:)?//[^)'\"\s]+)", path.read_text("utf-8")
        ):
            yield f"{path.name} loads {target} from elsewhere"
    anchors = set().union(*(page.anchors for page in read.values())) if read else set()
    for name in names:
        if name not in anchors:
            yield f"{name} is not documented"


def copied(folder: Path) -> None:
    """Put into `folder` all that the build reads: pages, the files of the repository that they link to, the sources."""
    shutil.copy(ROOT / "zensical.toml", folder)
    for path in (ROOT / "src").rglob("*.py"):
        place = folder / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    docs = folder / "docs"
    docs.mkdir()
    for path in sorted((ROOT / "docs").iterdir()):
        if path.suffix not in PAGES:
            continue
        if path.suffix != ".md":
            shutil.copy(path, docs)
            continue
        text = path.read_text(encoding="utf-8")
        for name in set(_OUTSIDE.findall(text)):
            if not (ROOT / name).is_file():
                raise SystemExit(f"docs/{path.name} links to ../{name}, which is not there")
            (docs / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, docs / name)
        (docs / path.name).write_text(_OUTSIDE.sub(r"](\1", text), encoding="utf-8")


def lesson(notebook: dict[str, Any], folder: Path) -> list[str]:
    """Write a notebook into `folder` as Markdown, a page for each heading of level 2, and return the pages' names.

    What stands before the first of them is index.md. Pictures are files beside the pages, with their texts.
    """
    folder.mkdir()
    pages: dict[str, list[str]] = {"index.md": []}
    for number, cell in enumerate(notebook["cells"]):
        text = "".join(cell["source"])
        if heading := re.match(r"## (.+)", text):
            pages[_page(heading[1])] = []
        page = [*pages.values()][-1]
        if cell["cell_type"] == "markdown":
            text = re.sub(r"^#(#+) ", r"\1 ", text, flags=re.MULTILINE)  # each page has a heading of level 1
            text = re.sub(r"\]\(#([^)]+)\)", lambda link: f"]({_page(link[1])})", text)
            page.append(text.replace("<details>", '<details markdown="1">'))
            continue
        page.append(f"```python\n{text}\n```")
        page += [_output(output, folder, f"{number}-{k}") for k, output in enumerate(cell["outputs"])]
    pages["index.md"].insert(1, "*To run it and to change it, open `main.ipynb` by `make lesson`.*")
    for name, parts in pages.items():
        (folder / name).write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return [*pages]


def _page(heading: str) -> str:
    """The page of a section, from its heading or its anchor."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") + ".md"


def _output(output: dict[str, Any], folder: Path, name: str) -> str:
    """What a cell has put out, as Markdown; a picture is written into a file."""
    data = output.get("data", {})
    for kind in ("png", "jpeg"):
        if content := data.get(f"image/{kind}"):
            (folder / f"{name}.{kind}").write_bytes(base64.b64decode("".join(content)))
            about = output["metadata"][f"image/{kind}"]
            return f"![{about['alt']}]({name}.{kind}){{ width={about['width']} }}"
    return "```text\n" + "".join(output.get("text") or data.get("text/plain", "")).rstrip() + "\n```"


def navigation(entries: list[object]) -> list[str]:
    """The pages in a navigation, in their order, as HTML."""
    found: list[str] = []
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            found += navigation(value) if isinstance(value, list) else [re.sub(r"\.md$", ".html", str(value))]
    return found


def public() -> list[str]:
    """The public names of tenfold."""
    import tenfold

    return [f"tenfold.{name}" for name in tenfold.__all__]


def build(out: Path) -> list[str]:
    """Build the guide into `out`, which is replaced, and return what is wrong with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copied(folder)
        lesson(json.loads((ROOT / "main.ipynb").read_text(encoding="utf-8")), folder / "docs" / "lesson")
        command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        told = re.sub(r"\x1b\[[0-9;]*m", "", f"{done.stdout}\n{done.stderr}").strip()
        if done.returncode or not (folder / "site").is_dir():
            return [f"zensical build --strict ended with {done.returncode}:\n{told}"]
        wrong = [line for line in told.splitlines() if re.match(r"\W*(warning|error)", line, re.IGNORECASE)]
        nav = navigation(tomllib.loads((folder / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"])
        wrong += faults(folder / "site", public(), nav)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(folder / "site", out)
    return wrong


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site")
    out = parser.parse_args().out
    if wrong := build(out):
        raise SystemExit("\n".join(wrong))
    print(f"the guide is in {out / 'index.html'}")  # noqa: T201


if __name__ == "__main__":
    main()
