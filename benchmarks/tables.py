"""Write the tables of README.md and docs/ from results/*.json, so that no figure in them is typed by hand.

python benchmarks/tables.py            write them
python benchmarks/tables.py --check    fail when they are not what the results say
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

from measuring import deviation, mean, median
from tenfold.learn import networks
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.recipe import Recipe

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def results(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(found: dict[str, Any], places: int = 2) -> str:
    """The standard deviation of a summary's accuracies or errors, where there are several."""
    return f" ± {found['deviation']:.{places}%}" if found["n"] > 1 else ""


def recipes_table() -> str:
    found = results("recipes")
    rows = []
    for name, recipe in presets.RECIPES.items():
        m = found["summary"][name]
        rows.append(
            [
                f"`{name}`" + (" (default)" if name == presets.DEFAULT else ""),
                f"{networks.parameters(networks.build(recipe)):,}",
                f"{recipe.epochs}",
                f"{m['seconds']:,.{1 if m['seconds'] < 100 else 0}f} s",
                f"**{m['accuracy']:.2%}**{spread(m)}",
                f"{m['n']}",
            ]
        )
    head = ["recipe", "parameters", "epochs", "time", "test accuracy", "seeds"]
    return f"{table(head, rows)}\n\n{note(found, 'recipes')}"


def records_table() -> str:
    found = results("recipes")
    rows = []
    for name in sorted(found["summary"], key=lambda name: -found["summary"][name]["accuracy"]):
        m, seeds = found["summary"][name], [row for row in found["rows"] if row["recipe"] == name]
        rows.append(
            [
                f"`{name}`",
                f"{networks.parameters(networks.build(presets.RECIPES[name])):,}",
                f"{m['accuracy']:.3%}{spread(m, 3)}",
                f"{len(seeds)}",
                f"{mean([row['nll'] for row in seeds]):.4f}",
                f"{mean([row['ece'] for row in seeds]):.2%}",
                f"{m['seconds']:,.{1 if m['seconds'] < 100 else 0}f} s",
            ]
        )
    head = ["recipe", "parameters", "test accuracy", "seeds", "NLL", "ECE", "time"]
    return f"{table(head, rows)}\n\n{note(found, 'recipes', '../')}"


def finals_table() -> str:
    """The networks that learnt from all 60,000 digits, a row for each recipe that records.py has measured so."""
    names = [name for name in presets.RECIPES if (RESULTS / f"records-{name}.json").is_file()]
    rows, machines = [], []
    for name in names:
        found = results(f"records-{name}")
        machines.append(f"{found['machine']['cores']} cores of {found['machine']['processor']}")
        if Recipe().changed(**found["fields"]) != presets.RECIPES[name]:
            raise SystemExit(f"the recipe {name} has changed since its record: run benchmarks/records.py {name}")
        m = found["summary"]
        rows.append(
            [
                f"`{name}`",
                f"{m['parameters']:,}",
                f"**{m['accuracy']:.3%}** ± {m['deviation']:.3%}",
                f"{m['n']}",
                f"{m['least']:.2%} to {m['most']:.2%}",
                f"{m['corrected']:.3%}",
                f"{m['uncalibrated_nll']:.4f}",
                f"{m['seconds']:.0f} s" + (", one thread" if found["rows"][0]["threads"] == 1 else ""),
                f"[rows](../benchmarks/results/records-{name}.json)",
            ]
        )
    head = ["recipe", "parameters", "test accuracy", "seeds", "from, to", "by corrected labels", "NLL", "time", ""]
    return (
        f"{table(head, rows)}\n\n<sub>{', '.join(dict.fromkeys(machines))}; "
        "by [records.py](../benchmarks/records.py)</sub>"
    )


def small_sentence() -> str:
    found = results("small")
    s = found["summary"]
    each = [
        f"{s[f'bytes_{bits}']:,} bytes and answers {s[f'accuracy_{bits}']:.3%} ± {s[f'deviation_{bits}']:.3%}"
        for bits in (32, 8)
    ]
    return (
        f"`tiny`, learnt from 50,000 digits and exported, normalisation of pictures included, has {each[0]} of the "
        f"test digits right; in 8 bits it has {each[1]} (n = {s['n']}).\n\n{note(found, 'small', '../')}"
    )


def robustness_table() -> str:
    found = results("robustness")
    names = list(found["summary"])
    s = found["summary"]
    head = ["error", *(f"`{name}`" for name in names)]
    rows = [["as they are", *(f"{s[name]['clean']:.2%}" for name in names)]]
    rows += [
        [kind.replace("_", " "), *(f"{s[name]['corruption'][kind]:.2%}" for name in names)]
        for kind in s[names[0]]["corruption"]
    ]
    rows.append(["**mean of the 15**", *(f"**{s[name]['mean']:.2%}**{spread(s[name])}" for name in names)])
    rows.append(["ratio to `cnn`", *(f"{s[name]['mean'] / s['cnn']['mean']:.2f}" for name in names)])
    for family, unit in (("shift", " px"), ("rotation", "°"), ("scale", "")):
        for amount in s[names[0]][family]:
            rows.append([f"{family} {amount}{unit}", *(f"{s[name][family][amount]:.2%}" for name in names)])
    rows.append(["networks", *(f"{s[name]['n']}" for name in names)])
    return f"{table(head, rows)}\n\n{note(found, 'robustness', '../')}"


def ensembles_table(recipe: str = "accurate") -> str:
    found = results(f"ensembles-{recipe}")
    rows = [
        [
            f"{row['members']}",
            f"{row['accuracy']:.3%}" + (f" ± {row['deviation']:.3%}" if row["choices"] > 1 else ""),
            f"{row['choices']}",
            f"{row['nll']:.4f}",
        ]
        for row in found["rows"]
    ]
    made = note(found, f"ensembles-{recipe}", "../").replace(f"ensembles-{recipe}.py", "ensembles.py")
    return f"{table(['networks', 'test accuracy', 'choices', 'NLL'], rows)}\n\n{made}"


def taught_sentence(student: str = "mlp") -> str:
    """A network that an ensemble taught beside the same one taught by labels, pair by pair of seeds."""
    taught, labels = results(f"records-{student}-taught"), results(f"records-{student}")
    by_seed = {row["seed"]: row["accuracy"] for row in labels["rows"]}
    pairs = [(row["accuracy"], by_seed[row["seed"]]) for row in taught["rows"] if row["seed"] in by_seed]
    gains = [one - other for one, other in pairs]
    better = sum(gain > 0 for gain in gains)
    theirs, ours = (f"{mean(one):.3%} ± {deviation(one):.3%}" for one in zip(*pairs, strict=True))
    about = taught["machine"]
    return (
        f"`{student}` has {theirs} of the test digits right where the ensemble taught it, and {ours} where the labels "
        f"did: {mean(gains) * 100:+.3f} ± {deviation(gains) * 100:.3f} points by the same seeds, better in {better} of "
        f"{len(pairs)}.\n\n<sub>{about['cores']} cores of {about['processor']}, torch {about['torch']}, "
        f"{taught['date']}; [rows of the one](../benchmarks/results/records-{student}-taught.json) and "
        f"[of the other](../benchmarks/results/records-{student}.json) by [records.py](../benchmarks/records.py)</sub>"
    )


def readers_table() -> str:
    """The bundled model beside others that were made to take its place."""
    found = results("readers")
    names = {"bundled": "bundled: `vgg`", "lean": "`separable`, wide as in `accurate`", "both": "both, averaged"}
    rows = [
        [
            names.get(row["model"], row["model"]),
            f"{row['bytes'] / 1e6:.2f} MB",
            f"{row['error']:.2%} ± {row['error_deviation']:.2%}",
            f"{row['taken_for_digits']:.2%}",
            f"{row['nll']:.4f}",
            f"{row['pages']:.2%}",
            f"{row['pictures']} of {row['of_pictures']}",
        ]
        for row in found["rows"]
    ]
    head = [
        *("model", "file", "error on digits as pictures show them", "shapes taken for digits", "NLL"),
        *(f"{found['summary']['pages']} pages", "pictures"),
    ]
    return f"{table(head, rows)}\n\n{note(found, 'readers', '../')}"


def calibration_table() -> str:
    found = results("calibration")
    rows = [
        [
            f"`{name}`",
            f"{m['n']}",
            f"{m['temperature']:.2f}",
            *(f"{m['before'][k]:.4f} → {m['after'][k]:.4f}" for k in ("nll", "brier")),
            f"{m['before']['ece']:.2%} → {m['after']['ece']:.2%}",
        ]
        for name, m in found["summary"].items()
    ]
    head = ["recipe", "networks", "temperature", "NLL", "Brier score", "ECE"]
    return f"{table(head, rows)}\n\n{note(found, 'calibration', '../')}"


def speed_table(up: str = "", recipe: str = "fast") -> str:
    file = "speed" if recipe == "fast" else f"speed-{recipe}"
    found = results(file)
    s = found["summary"]
    rows = []
    for name, shown in ((recipe, f"`tenfold train {recipe} --final`"), ("train_mnist_fast", "train_mnist_fast")):
        m = s[name]
        seconds = [times(found["rows"], kind, name) for kind in ("warm", "cold")]
        rows.append([shown, f"{m['accuracy']:.3%} ± {m['deviation']:.3%} (n = {m['n']})", *seconds])
    rows.append(["ratio, median of pairs", "", f"**{s['warm_ratio']:.2f}**", f"**{s['cold_ratio']:.2f}**"])
    head = ["", "test accuracy", "warm", "cold: a new process, to the test accuracy"]
    written = note(found, file, up).replace(f"{file}.py", "speed.py")
    if "cnn_epoch" not in s:
        return f"{table(head, rows)}\n\n{written}"
    e = s["cnn_epoch"]
    both = f"An epoch of `cnn` takes {e['seconds']:.1f} s, of the usual example with the same network and batch size "
    both += f"{e['usual_seconds']:.1f} s: ratio **{e['ratio']:.2f}** (median of {e['n']} pairs)."
    return f"{table(head, rows)}\n\n{both}\n\n{written}"


def times(rows: list[dict[str, Any]], what: str, who: str) -> str:
    """Median, range and number of the times in the rows."""
    seconds = [row["seconds"] for row in rows if (row["what"], row["who"]) == (what, who)]
    return f"{median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}, n = {len(seconds)})"


def startup_sentence() -> str:
    found = results("startup")
    s = found["summary"]
    return (
        f"`import tenfold` takes {s['import tenfold'] * 1000:.0f} ms, where `import torch` takes "
        f"{s['import torch']:.1f} s; `tenfold --version` answers after {s['tenfold --version']:.2f} s, Python itself "
        f"after {s['python, doing nothing']:.2f} s (medians of {s['n']}). {note(found, 'startup')}"
    )


def doors_table() -> str:
    found = results("doors")
    s = found["summary"]
    lines = ["| what | time |", "| --- | --- |"]
    lines += [f"| `main.ipynb`, {s['notebook']['cells']} cells of code | {s['notebook']['seconds']:.0f} s |"]
    lines += [f"| `tenfold explain` of a run of `fast` | {s['explain_seconds']:.1f} s |"]
    for name, ratio in s["ratios"].items():
        recipe, way = name.split(", ")
        how = "`--watch`" if way == "watched" else f"`--track {way}`"
        whole, at_work = ratio["whole"], ratio["at_work"]
        lines += [f"| {how}, `{recipe}` | {whole:.2f} of it alone; until the model is there {at_work:.2f} |"]
    return "\n".join([*lines, "", f"Medians of {s['pairs']} pairs. {note(found, 'doors', '../')}"])


def note(found: dict[str, Any], name: str, up: str = "") -> str:
    m = found["machine"]
    return (
        f"<sub>{m['cores']} cores of {m['processor']}, torch {m['torch']}, {found['date']}; "
        f"[every row]({up}benchmarks/results/{name}.json) by [{name}.py]({up}benchmarks/{name}.py)</sub>"
    )


def variants_table(of: str = "variants") -> str:
    found = results(of)
    rows = []
    for name, v in found["summary"].items():
        if isinstance(v, dict) and name != "fields":
            gain = "" if name == "as it stands" else f"{v['gain'] * 100:+.3f} ± {v['gain_deviation'] * 100:.3f}"
            rows.append([name, f"{v['val_accuracy']:.3%} ± {v['deviation']:.3%}", gain, f"{v['time_ratio']:.2f}"])
    head = ["change", f"validation accuracy, n = {found['summary']['n']}", "gain in points", "time"]
    return f"{table(head, rows)}\n\n{note(found, of, '../').replace(f'{of}.py', 'variants.py')}"


def loop_table() -> str:
    found = results("loop")
    rows = [
        [name, f"{seconds:.1f} s" if seconds > 1 else f"{seconds * 1000:.2f} ms", f"{len(found['rows'][name])}"]
        for name, seconds in found["summary"].items()
        if name != "machine"
    ]
    return f"{table(['what', 'median', 'n'], rows)}\n\n{note(found, 'loop', '../')}"


def pictures_table() -> str:
    found = results("pictures")
    kinds = {"single_photo": "one digit, photographed", "single_canvas": "one digit, drawn with mouse or pen"}
    kinds |= {"single_28_drawn": "one digit, 28 x 28 pixels", "all singles": "one digit, all of these"}
    kinds |= {"multi_photo": "several, photographed", "multi_canvas": "several, drawn", "all others": "several, all"}
    rows = []
    for kind, shown in kinds.items():
        row = found["summary"][kind]
        single = "" if row["single"] is None else f"{row['single']:.1%}"
        rows.append([shown, f"{row['n']}", f"{row['text']:.1%}", single])
    s = found["summary"]
    sure = f"With the threshold, {s['answered surely']:.1%} of the pictures are answered without a `?`, "
    sure += f"{s['of these wrong']:.1%} of those wrong."
    head = ["pictures", "n", "the text is right", "with `--single`"]
    return f"{table(head, rows)}\n\n{sure}\n\n{note(found, 'pictures')}"


def reading_table() -> str:
    found = results("reading")
    s = found["summary"]
    cold, torch_ = s["tenfold read one.png"], s["import torch"]
    photo = s["tenfold read photo.jpg (12 million pixels)"]
    rows = [
        ["`tenfold read one.png`, the whole process", f"{cold:.2f} s", f"importing torch alone: {torch_:.2f} s"],
        ["`tenfold read photo.jpg`, 12 million pixels, the whole process", f"{photo:.2f} s", ""],
        ["the same photo in `Reader.read`", f"{s['Reader.read(photo.jpg)']:.2f} s", ""],
        [
            "PNG files of 28 x 28, end to end into a CSV file",
            f"{s['PNG files a second, end to end']:,.0f} a second",
            "",
        ],
        ["arrays of 28 x 28 in `Reader.read`", f"{s['arrays a second, Reader.read']:,.0f} a second", ""],
        ["clean arrays of 28 x 28 in `Reader.classify`", f"{s['arrays a second, Reader.classify']:,.0f} a second", ""],
        ["peak memory, one picture", f"{s['peak memory of tenfold read one.png, MB']:.0f} MB", ""],
        ["peak memory, the photo", f"{s['peak memory of tenfold read photo.jpg, MB']:.0f} MB", ""],
        [
            f"peak memory of a process over {s['pictures']:,} pictures",
            f"{s['peak memory of a process over them, MB']:.0f} MB",
            "",
        ],
    ]
    return f"{table(['what', 'median', 'next to'], rows)}\n\n{note(found, 'reading')}"


def model_sentence() -> str:
    found = results("model")
    s = found["summary"]
    return (
        f"The bundled model has {s['parameters']:,} parameters in {s['bytes'] / 1e6:.2f} MB. It scores "
        f"**{s['test_accuracy_onnx']:.2%}** on MNIST's test set through the model file, "
        f"{s['test_accuracy']:.2%} in PyTorch (one run, one seed); {s['epochs']} epochs took "
        f"{s['seconds'] / 60:.0f} minutes beside other work. {note(found, 'model')}"
    )


def pages_table() -> str:
    found = results("pages")
    rows = [[kind, f"{share:.0%}"] for kind, share in found["summary"]["kinds"].items()]
    head = ["pages", f"right, of {found['summary']['n']} each"]
    rows.append(["**all**", f"**{found['summary']['all']:.1%}**"])
    return f"{table(head, rows)}\n\n{note(found, 'pages', '../')}"


def confidence_sentence() -> str:
    found = results("confidence")
    s = found["summary"]
    return (
        f"At the threshold of {s['threshold']:.3f}, on {s['n']} fresh draws of the same kind, "
        f"{s['coverage']:.1%} of the digits are answered surely; {s['error']:.2%} of the sure answers are wrong, and "
        f"without a threshold {s['error, all answered']:.2%} would be. Of the shapes that are no digit "
        f"{s['no digit, answered surely']:.1%} are answered surely. {note(found, 'confidence', '../')}"
    )


def finder_table() -> str:
    found = results("finder")
    right = found["summary"]["right"]
    rows = [[name, f"{share:.1%}"] for name, share in right.items()]
    head = ["change", f"pages right, of {found['summary']['n']}"]
    return f"{table(head, rows)}\n\n{note(found, 'finder', '../')}"


def serving_table() -> str:
    found = results("serving")
    s = found["summary"]
    shown = {"separable": "separable", "usual": "httpx"}
    rows = [
        [
            row["picture"],
            f"{row['clients']}, {shown[row['client']]}",
            f"{row['a second']:,.0f}",
            f"{row['p50_ms']:,.1f} ms",
            f"{row['p99_ms']:,.0f} ms",
            f"{row['bare, a second']:,.0f}",
            f"{row['ratio']:.2f}",
        ]
        for row in s["load"]
    ]
    head = ["picture", "clients", "a second", "p50", "p99", "bare, a second", "ratio"]
    assert not any(row["failed"] for row in s["load"])
    more = (
        f"Medians of {s['rounds']} rounds, {s['workers']} workers each. It starts in {s['seconds to start']:.2f} s. "
        f"A worker holds {s['memory after 1,000 requests, MB']:.0f} MB after 1,000 requests and "
        f"{s['memory after all requests, MB']:.0f} MB after {s['requests']:,}, {s['memory ratio'] - 1:+.1%}. "
        f"{s['answers as of tenfold read']} of {s['answers compared']} answers were those of `tenfold read --json`."
    )
    return f"{table(head, rows)}\n\n{more}\n\n{note(found, 'serving', '../')}"


def site_table() -> str:
    found = results("site")
    s = found["summary"]
    names = {
        **{name: name for name in ("one digit", "a number", "two rows", "touching")},
        "drawings": "**all drawings**",
        "plain": "a page",
        "shadow": "a page in shadow",
        "light on dark": "a page, light on dark",
    }
    rows = [
        [
            shown,
            f"{s[name]['n']}",
            f"{s[name]['equal']:.1%}",
            f"{s[name]['site_right']:.1%}",
            f"{s[name]['service_right']:.1%}",
            f"{s[name]['seconds'] * 1000:.0f} ms",
        ]
        for name, shown in names.items()
    ]
    head = ["pictures", "n", "the same text", "right, the site", "right, the service", "median time, the site"]
    more = f"From opening the page to the first reading, nothing cached: {s['ready']:.1f} s."
    return f"{table(head, rows)}\n\n{more}\n\n{note(found, 'site', '../')}"


def page_sentence() -> str:
    found = results("page")
    s = found["summary"]
    done, most, inside = (
        s[f"{name} digit"] for name in ("median after a finished", "90 % after a finished", "median inside a")
    )
    about = f"{s['lifts']} lifts, {s['numbers right']} numbers right"
    source = note(found, "screenshots", "../").replace("results/screenshots.json", "results/page.json")
    return (
        f"From the pen's lift to the reading on the page: {done:.0f} ms after a finished digit, within {most:.0f} ms "
        f"in 9 of 10; {inside:.0f} ms inside one (medians, {about}). {source}"
    )


def teaching_table() -> str:
    found = results("teaching")
    shown = {"before": "before", "mixed": "{} corrections", "alone": "{} corrections, without MNIST"}
    columns = {"sevens": "its 7s", "ones": "1s", "MNIST": "MNIST", "styles": "other hands", "no digit": "no digit"}
    rows = []
    for way in found["summary"]["ways"]:
        shares = [f"{way[name]['mean']:.1%} ± {way[name]['deviation']:.1%}" for name in columns]
        seconds = f"{way['seconds']['mean']:.2g} s" if "seconds" in way else ""
        rows.append([shown[way["how"]].format(way["corrections"]), *shares, seconds])
    mixed = [way for way in found["summary"]["ways"] if way["how"] == "mixed"]
    share = mean([way["epochs"]["mean"] for way in mixed])
    more = (
        f"Mean ± standard deviation over {mixed[0]['n']} writers. A lesson takes {share:.2f} times as long as an epoch "
        f"of `pictures`, and the export {mean([way['export seconds']['mean'] for way in mixed]):.0f} s more. Through "
        f"the model file {min(way['read']['mean'] for way in mixed):.1%} or more of the new 7s are read, "
        f"{min(way['read surely']['mean'] for way in mixed):.1%} or more surely."
    )
    return f"{table(['', *columns.values(), 'time'], rows)}\n\n{more}\n\n{note(found, 'teaching', '../')}"


def trainings_table() -> str:
    found = results("scale")
    shown = {"plain, ": "a loop of trainings, without an engine"}
    shown |= {f"{verb}, {on}": f"`tenfold {verb}`, {on}" for verb in ("study", "tune") for on in ("local", "ray")}
    rows = []
    for way, name in shown.items():
        both = [found["summary"]["trainings"][f"{way}, {workers}"] for workers in (1, 2)]
        rows.append([name, *(cell for one in both for cell in (f"{one['per_minute']:.1f}", f"{one['ratio']:.2f}"))])
    head = ["", "1 worker: trainings a minute", "to the loop", "2 workers", "to the loop"]
    return f"{table(head, rows)}\n\n{note(found, 'scale', '../')}"


def many_table() -> str:
    found = results("scale")
    rows = []
    for what in ("28 x 28 PNG", "2-megapixel JPEG"):
        for way in ("local", "ray, a file", "ray, parts"):
            if f"{what}, {way}, 1" not in found["summary"]["pictures"]:
                continue
            both = [found["summary"]["pictures"][f"{what}, {way}, {workers}"] for workers in (1, 2)]
            cells = [f"{one['steady_per_second']:,.{0 if one['steady_per_second'] > 100 else 1}f}" for one in both]
            begin = f"{both[1]['seconds_to_begin']:.1f} s"
            rows.append([what, way, *cells, begin, f"{both[1]['ratio']:.2f}", f"{both[1]['driver_mb']:.0f} MB"])
    head = ["pictures", "way", "a second, 1 worker", "2 workers", "to begin", "whole command to local", "driver"]
    return f"{table(head, rows)}\n\n{note(found, 'scale', '../')}"


def billion_table() -> str:
    """What the measured rates come to for a billion pictures, if nothing else were in the way."""
    found = results("scale")
    s, billion = found["summary"], 1_000_000_000
    rows = []
    for what in ("28 x 28 PNG", "2-megapixel JPEG"):
        one = next(
            s["pictures"][key] for way in ("parts", "a file") if (key := f"{what}, ray, {way}, 2") in s["pictures"]
        )
        core = one["steady_per_second"] / 2
        hours = billion / core / 3600
        machines = math.ceil(hours / 16 / 24)
        memory = f"{s['pictures'][f'{what}, local, 1']['driver_mb']:.0f} MB"
        size = f"{one['bytes_a_row'] * billion / 1e9:,.0f} GB" if "bytes_a_row" in one else "not measured"
        rows.append([what, f"{core:,.{0 if core > 100 else 1}f}", f"{hours:,.0f}", f"{machines:,}", memory, size])
    plan, passed = s["plan"], s["pass"]
    parts = billion / 10_000
    more = (
        f"The driver alone: listing and planning a billion names takes {plan['ms_each'] * billion / 3.6e6:,.0f} hours "
        f"at {1000 / plan['ms_each']:,.0f} a second, and {plan['stored_bytes_each'] * billion / 1e9:,.1f} GB; passing "
        f"{parts:,.0f} parts of 10,000 pictures around takes {passed['ms_each'] * parts / 3.6e6:,.1f} hours at "
        f"{passed['ms_each']:.1f} ms and {passed['memory_bytes_each'] / 1024:,.1f} kB of the driver's memory each, "
        f"{passed['memory_bytes_each'] * parts / 1e9:,.1f} GB in all."
    )
    head = ["a billion of", "a second and core", "core hours", "machines of 16 cores for a day"]
    head += ["memory of a process that reads", "rows in Parquet"]
    return f"{table(head, rows)}\n\n{more}\n\n{note(found, 'scale', '../')}"


def thousand_sentence() -> str:
    found = results("scale")
    s = found["summary"]
    minute = s["trainings"]["tune, ray, 2"]["per_minute"] / 2
    driver, loop = s["driver"], s["trainings"]["plain, , 1"]["per_minute"]
    return (
        f"A thousand trials of `fast` without pruning: {1000 / minute / 60:,.1f} core hours at {minute:.1f} a minute "
        f"and core. The driver takes {driver['ms_a_trial_at_100']:.0f} ms a trial in the first hundred and "
        f"{driver['ms_a_trial']:.0f} ms in the last of a thousand, {driver['database_bytes_a_trial'] / 1000:.1f} kB a "
        f"trial in `study.db`, and {driver['mb']:,} MB of memory in all. So one driver keeps up with "
        f"{60_000 / driver['ms_a_trial'] / loop:,.0f} cores that train `fast`. {note(found, 'scale', '../')}"
    )


def ranks_table() -> str:
    found = results("ranks")
    s = found["summary"]
    rows = [
        [f"{batch}", *(f"{one['seconds'][way]:.1f} s, {one['to one thread'][way]:.2f}" for way in one["seconds"])]
        for batch, one in ((batch, s[f"batch {batch}"]) for batch in (64, 512))
    ]
    apart = []
    for name in dict.fromkeys(key.partition(",")[0] for key in s["apart from one thread"]):
        each = [s["apart from one thread"][f"{name}, {steps} steps"] for steps in (1, 10, 100)]
        apart.append([f"`{name}`", *(f"{one['two ranks']:.0e}, {one['two threads']:.0e}" for one in each)])
    more = table(["largest difference of a weight: two ranks, two threads", "1 step", "10 steps", "100 steps"], apart)
    head = ["batch size", *s["batch 64"]["seconds"]]
    return f"{table(head, rows)}\n\n{more}\n\n{note(found, 'ranks', '../')}"


TABLES = {
    "README.md": {
        "pictures": pictures_table,
        "reading": reading_table,
        "model": model_sentence,
        "recipes": recipes_table,
        "speed": speed_table,
        "startup": startup_sentence,
    },
    "docs/learning.md": {"doors": doors_table},
    "docs/serving.md": {"page": page_sentence, "serving": serving_table, "site": site_table},
    "docs/records.md": {
        "finals": finals_table,
        "small": small_sentence,
        "ensembles": ensembles_table,
        "taught": taught_sentence,
        "readers": readers_table,
        "records": records_table,
        "calibration": calibration_table,
        "robustness": robustness_table,
        "speed": lambda: speed_table("../"),
        "speed-99.5": lambda: speed_table("../", "fast-99.5"),
    },
    "docs/reading.md": {"confidence": confidence_sentence, "pages": pages_table},
    "docs/scale.md": {
        "trainings": trainings_table,
        "many": many_table,
        "billion": billion_table,
        "thousand": thousand_sentence,
        "ranks": ranks_table,
    },
    "docs/teaching.md": {"teaching": teaching_table},
    "docs/tried.md": {"finder": finder_table, "variants": variants_table, "loop": loop_table},
}


def main() -> None:
    if json.loads((Path(presets.__file__).parent / "measured.json").read_text()) != results("recipes")["summary"]:
        raise SystemExit("measured.json is not what results/recipes.json says: run benchmarks/recipes.py")
    for row in results("recipes")["rows"]:
        if Recipe().changed(**row["fields"]) != presets.RECIPES[row["recipe"]]:
            raise SystemExit(f"the recipe {row['recipe']} has changed since it was measured: run benchmarks/recipes.py")
    for file, tables in TABLES.items():
        text = old = (ROOT / file).read_text(encoding="utf-8")
        for name, make in tables.items():
            before, found, after = text.partition(f"<!-- table: {name} -->\n")
            if not found:
                raise SystemExit(f"{file} has no place for the table {name}")
            text = before + found + make() + "\n<!-- end -->" + after.partition("<!-- end -->")[2]
        if "--check" in sys.argv and text != old:
            raise SystemExit(f"{file} is not what the results say: run make tables")
        (ROOT / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
