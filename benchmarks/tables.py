"""Write the tables of README.md, SECURITY.md and docs/, as the scripts beside this make them of results/*.json.

    python benchmarks/tables.py            write them
    python benchmarks/tables.py --check    fail when they are not what the results say

A table stands between `<!-- table: NAME -->` and `<!-- end -->`. A script with tables has a function `tables` that
returns the Markdown of each by its name, with links as from docs/; so no figure is typed by hand.
"""

import re
import runpy
import sys
from pathlib import Path

from measuring import deviation, load, mean, table

ROOT = Path(__file__).parent.parent
PLACE = re.compile(r"(?<=<!-- table: )(\S+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def results() -> str:
    """The README's table: one figure of each of the scripts that matter most."""
    pictures, speed, reading = (load(name)["summary"] for name in ("pictures", "speed", "reading"))
    accurate, tiny = (load(f"records-{name}")["summary"] for name in ("accurate", "tiny"))
    ten = load("ensembles-accurate")["rows"][-1]
    fast, poster = speed["fast"], load("poster")["summary"]
    chips = [row for row in load("microcontroller")["rows"] if row["recipe"] == "tiny-4bit"]
    ints, chip = [row["accuracy"] for row in chips], max(row["bytes"]["Cortex-M0"] for row in chips)
    rows = [
        f"pictures of one digit, drawn or photographed by others (n = {pictures['all singles']['n']}) | "
        f"{pictures['all singles']['text']:.1%} read right",
        f"pictures of several digits (n = {pictures['all others']['n']}) | "
        f"{pictures['all others']['text']:.1%} read right",
        f"of all of these, read without a `?` | {pictures['answered surely']:.1%}; "
        f"{pictures['of these wrong']:.1%} of those are wrong",
        f"time for one picture, from the shell | {reading['tenfold read one.png']:.2f} s",
        f"MNIST's test set: `fast`, one epoch | {fast['accuracy']:.2%} ± {fast['deviation']:.2%} (n = {fast['n']}) in "
        f"{fast['warm_seconds']:.1f} s, {speed['warm_ratio']:.0%} of the time of train_mnist_fast",
        f"`tiny`, {tiny['parameters']:,} parameters | "
        f"{tiny['accuracy']:.2%} ± {tiny['deviation']:.2%} (n = {tiny['n']})",
        f"`tiny-4bit` in C for a microcontroller, {chip:,} bytes in all | {mean(ints):.2%} ± {deviation(ints):.2%} "
        f"(n = {len(ints)})",
        f"a page that reads digits in one QR code, {poster['bytes']:,} bytes | {poster['accuracy']:.2%} (n = 1)",
        f"`accurate`, one network | {accurate['accuracy']:.2%} ± {accurate['deviation']:.2%} (n = {accurate['n']})",
        f"{ten['members']} such networks averaged | {ten['accuracy']:.2%}",
    ]
    return f"{table('what | measured', rows)}\n\n<sub>2 cores, no GPU</sub>"


def main() -> None:
    made: dict[str, str] = {}
    for script in sorted((ROOT / "benchmarks").glob("*.py")):
        if "\ndef tables() -> dict[str, str]:\n" in script.read_text(encoding="utf-8"):
            made |= runpy.run_path(str(script))["tables"]()
    made["results"] = results()
    filled: set[str] = set()
    for page in (ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))):
        up = "../" if page.parent.name == "docs" else ""

        def fill(place: re.Match[str], page: Path = page, up: str = up) -> str:
            name = place[1]
            if name not in made:
                raise SystemExit(f"{page} has a place for the table {name}, which no script makes")
            filled.add(name)
            return name + place[2] + made[name].replace("](../", f"]({up}") + "\n"

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
