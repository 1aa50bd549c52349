"""How many of a folder of labelled pictures are read right?

    python benchmarks/pictures.py --data pictures/ [--model FILE] [--show FOLDER] [--digits]

The folder has a labels.csv with the columns file, text and kind; a kind that begins with "single" is a picture of one
digit. Singles are read with `single=True` and, like all others, without. Two published readers join in when they are
installed: digit-recognizer-py and ccexam, which read one digit a picture. With `--digits`, also every digit
of MNIST's test set, and of scikit-learn's 8 x 8 pixels, each as a picture.
"""

import csv
import importlib
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import tenfold
from measuring import Row, arguments, machine_name, measured, save, table
from tenfold.mnist import embedded


def published() -> dict[str, Callable[[Path], str]]:
    """The other readers that are installed here, as functions from a picture to a digit."""
    readers: dict[str, Callable[[Path], str]] = {}
    if importlib.util.find_spec("digit_recognizer"):
        recognizer = importlib.import_module("digit_recognizer").DigitRecognizer(device="cpu")
        readers["digit-recognizer-py"] = lambda path: str(recognizer.predict(path))
    if importlib.util.find_spec("ccexam"):
        run = importlib.import_module("ccexam").run_inference
        readers["ccexam"] = lambda path: str(run("mnist", path)[path])
    return readers


def labels(folder: Path) -> list[dict[str, str]]:
    """The rows of a folder's labels.csv."""
    with open(folder / "labels.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(folder: Path, model: str | None, others: dict[str, Callable[[Path], str]], show: Path | None) -> list[Row]:
    """A row for each picture; explanations of those that are read wrong are written to the folder `show`."""
    sure_reader, reader = tenfold.Reader(model), tenfold.Reader(model, always_answer=True)
    rows: list[Row] = []
    for label in labels(folder):
        path = folder / label["file"]
        began = time.perf_counter()
        text = reader.read(path).text
        row: Row = {"file": label["file"], "kind": label["kind"], "wanted": label["text"], "text": text}
        row |= {"seconds": round(time.perf_counter() - began, 4), "sure": sure_reader.read(path).text}
        if label["kind"].startswith("single"):
            row["single"] = reader.read(path, single=True).text
            row |= {name: answer(path) for name, answer in others.items()}
        rows.append(row)
        if {row["text"], row.get("single", row["text"])} != {row["wanted"]}:
            print(f"{row['file']}: {row['wanted']} read as {row['text']!r}, single {row.get('single')!r}")
            if show:
                from tenfold.read import decode

                show.mkdir(parents=True, exist_ok=True)
                reader.explained(next(iter(decode.pages(path)))).save(show / f"{path.stem}.png")
    return rows


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with labels.csv")
    parser.add_argument("--model")
    parser.add_argument("--show", type=Path, help="write an explanation of every picture that was read wrong here")
    parser.add_argument("--digits", action="store_true", help="read MNIST's test digits and scikit-learn's, too")
    options = parser.parse_args()
    others = published()
    rows = read(options.data, options.model, others, options.show)
    summary: Row = {"machine": machine_name(), "n": len(rows)}
    print(f"\n{'kind':18} {'n':>4} {'text':>8} {'single':>8}")
    for kind in [*sorted({row["kind"] for row in rows}), "all singles", "all others", "all"]:
        some = [row for row in rows if kind in ("all", row["kind"], "all singles" if "single" in row else "all others")]
        if some:
            shares = {name: share(some, name) for name in ("text", "single", *others)}
            summary[kind] = {"n": len(some), **shares}
            print(f"{kind:18} {len(some):4} " + " ".join(f"{percent(value):>8}" for value in shares.values()))
    sure = [row for row in rows if row["sure"] and "?" not in row["sure"]]
    summary["answered surely"] = len(sure) / len(rows)
    summary["of these wrong"] = float(np.mean([row["sure"] != row["wanted"] for row in sure]))
    print(f"\nsure of all digits in {summary['answered surely']:.1%}, of these wrong {summary['of these wrong']:.1%}")
    if options.digits:
        summary["digits"] = small()
        print(summary["digits"])
    save("pictures", summary, rows)


def small() -> Row:
    """The shares of digits of datasets that are read right: as pictures, and by the network without a finder."""
    from sklearn.datasets import load_digits

    eight, labels = load_digits(return_X_y=True)
    test = embedded.read("test")
    sets = {"MNIST's test digits": (test.images, test.labels)}
    sets["digits of 8 x 8 pixels"] = ((eight.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8), labels)
    reader, found = tenfold.Reader(always_answer=True), {}
    for name, (images, wanted) in sets.items():
        share_read: Row = {}
        for way in ("text", "single"):
            texts = [reader.read(image, single=way == "single").text for image in images]
            share_read[way] = float(np.mean([text == str(label) for text, label in zip(texts, wanted, strict=True)]))
        network = reader.classify(images)[:, :-1].argmax(axis=1)
        found[name] = {"n": len(images), **share_read, "network": float(np.mean(network == wanted))}
    return found


def share(rows: list[Row], name: str) -> float | None:
    """The share of rows in which that answer is what was wanted; None where there is none."""
    right = [row[name] == row["wanted"] for row in rows if name in row]
    return float(np.mean(right)) if right else None


def percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def tables() -> dict[str, str]:
    s, _, by = measured("pictures")
    kinds = {"single_photo": "one digit, photographed", "single_canvas": "one digit, drawn with mouse or pen"}
    kinds |= {"single_28_drawn": "one digit, 28 x 28 pixels", "all singles": "one digit, all of these"}
    kinds |= {"multi_photo": "several, photographed", "multi_canvas": "several, drawn", "all others": "several, all"}
    rows = [
        f"{shown} | {s[kind]['n']} | {percent(s[kind]['text'])} | {percent(s[kind]['single'])}"
        for kind, shown in kinds.items()
    ]
    sure = f"With the threshold, {s['answered surely']:.1%} of the pictures are answered without a `?`, "
    sure += f"{s['of these wrong']:.1%} of those wrong."
    head = "pictures | n | the text is right | with `--single`"
    digits = [
        f"{name} | {d['n']:,} | {d['text']:.2%} | {d['single']:.2%} | {d['network']:.2%}"
        for name, d in s.get("digits", {}).items()
    ]
    plain = table("pictures | n | the text is right | with `--single` | the network for digits alone", digits)
    return {"pictures": f"{table(head, rows)}\n\n{sure}\n\n{by}", "digits": f"{plain}\n\n{by}"}


if __name__ == "__main__":
    main()
