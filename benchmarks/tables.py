"""Write the tables of README.md and docs/, as the scripts beside this make them of results/*.json.

    python benchmarks/tables.py            write them
    python benchmarks/tables.py --check    fail when they are not what the results say

A table stands between `<!-- table: NAME -->` and `<!-- end -->`. A script with tables has a function `tables` that
returns the Markdown of each by its name, with links as from docs/; so no figure is typed by hand.
"""

import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACE = re.compile(r"(?<=<!-- table: )(\S+)( -->\n).*?(?=\n<!-- end -->)", re.DOTALL)


def main() -> None:
    made: dict[str, str] = {}
    for script in sorted((ROOT / "benchmarks").glob("*.py")):
        if "\ndef tables() -> dict[str, str]:\n" in script.read_text(encoding="utf-8"):
            made |= runpy.run_path(str(script))["tables"]()
    filled: set[str] = set()
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        up = "" if page.name == "README.md" else "../"

        def fill(place: re.Match[str], page: Path = page, up: str = up) -> str:
            name = place[1]
            if name not in made:
                raise SystemExit(f"{page} has a place for the table {name}, which no script makes")
            filled.add(name)
            return name + place[2] + made[name].replace("](../", f"]({up}")

        old = page.read_text(encoding="utf-8")
        text = PLACE.sub(fill, old)
        if "--check" in sys.argv and text != old:
            raise SystemExit(f"{page} is not what the results say: run make tables")
        if text != old:
            page.write_text(text, encoding="utf-8")
    if missing := made.keys() - filled:
        raise SystemExit(f"no page has a place for the tables {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
