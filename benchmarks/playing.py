"""What does it cost a training to be watched by the page of `tenfold play`, and how soon is the page there?

    python benchmarks/playing.py [--pairs 7] [--starts 5]

Unwatched and watched trainings of `fast` take turns in one process. Watched is with three drawn digits and a client in
a process of its own, that reads the stream over HTTP as a browser does and takes each event apart. How soon the page is
there is from the command, a process of its own each time, to the answer to the first request.
"""

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measuring import Row, arguments, machine_name, measured, median, save

# A client that plays: it draws three digits, trains as often as it is told to, and prints what it saw of each.
CLIENT = """
import base64, http.client, json, sys, time
address = sys.argv[1]
stream = http.client.HTTPConnection(address)
stream.request("GET", "/play/stream")
answer = stream.getresponse()

def events():
    name = None
    while True:
        line = answer.readline().decode().rstrip("\\n")
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:]), len(line)

def ask(what, body):
    caller = http.client.HTTPConnection(address)
    headers = {"Content-Type": "application/json", "X-Tenfold-Page": page}
    caller.request("POST", f"/play/{what}", json.dumps(body), headers)
    answer = caller.getresponse()
    assert answer.status == 200, answer.read()

page = json.loads(answer.readline() and answer.readline().decode()[6:])["page"]
told = events()
while next(told)[1]["state"] == "loading":
    pass
ink = base64.b64encode((bytes(25) + bytes([255]) * 10 + bytes(25)) * 80).decode()
ask("digits", {"digits": [{"width": 60, "height": 80, "ink": ink}] * 3})
print("ready", flush=True)
for _ in sys.stdin:
    ask("train", {"knobs": {"recipe": "fast"}})
    frames = size = 0
    for name, frame, length in told:
        frames, size = frames + 1, size + length
        if frame["state"] == "ended" and frames > 1:
            break
    print(json.dumps({"frames": frames, "bytes": size, "state": frame["tracks"][0]["state"]}), flush=True)
"""


class Player:
    """The service in a thread of this process, and a client of it in another process."""

    def __init__(self) -> None:
        import uvicorn

        from tenfold.play.application import create
        from tenfold.play.session import Session
        from tenfold.serve.server import PLAIN, listen

        self.session = Session()
        self._listening = listen("127.0.0.1", 0)
        self._server = uvicorn.Server(uvicorn.Config(create(self.session), **PLAIN))
        self._thread = threading.Thread(target=self._server.run, args=([self._listening],), daemon=True)
        self._thread.start()
        address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        command = [sys.executable, "-c", CLIENT, address]
        self._client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def train(self) -> Row:
        """One watched training, from its thread's beginning to its end."""
        assert self._client.stdin is not None
        began = time.perf_counter()
        self._client.stdin.write("train\n")
        self._client.stdin.flush()
        seen = json.loads(self._answer())
        assert seen["state"] == "finished", seen
        return {"seconds": time.perf_counter() - began, **seen}

    def close(self) -> None:
        """End both."""
        self._client.kill()
        self._client.communicate()
        self.session.close()
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()

    def _answer(self) -> str:
        assert self._client.stdout is not None
        line = self._client.stdout.readline()
        assert line, "the client ended"
        return line


def unwatched(threads: int) -> float:
    """Seconds of a training that nobody watches, in a thread of its own, whose OpenMP threads end with it."""
    import torch

    from tenfold.learn.train import train

    def learn() -> float:
        torch.set_num_threads(threads)
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            train("fast", out=Path(folder) / "run", quiet=True)
            return time.perf_counter() - began

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(learn).result()


def start() -> float:
    """Seconds from the command to the first answer of the page."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "tenfold", "play", "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = re.search(r"http://\S+", process.stdout.readline())
    assert address is not None
    with urllib.request.urlopen(address[0]) as answer:
        assert b"<title>" in answer.read()
    took = time.perf_counter() - began
    process.terminate()
    process.communicate()
    return took


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--starts", type=int, default=5)
    options = parser.parse_args()
    rows: list[Row] = [{"start": start()} for _ in range(options.starts)]
    import torch

    threads = torch.get_num_threads()
    player = Player()
    try:
        for pair in range(options.pairs + 1):
            row: Row = {"pair": pair, "alone": unwatched(threads), "watched": player.train()}
            print(f"alone {row['alone']:.2f} s, watched {row['watched']['seconds']:.2f} s", flush=True)
            rows += [row] if pair else []  # the first warms up
    finally:
        player.close()
    pairs = [row for row in rows if "pair" in row]
    summary = {
        "machine": machine_name(),
        "pairs": len(pairs),
        "alone": median([row["alone"] for row in pairs]),
        "watched": median([row["watched"]["seconds"] for row in pairs]),
        "ratio": median([row["watched"]["seconds"] / row["alone"] for row in pairs]),
        "frames": median([row["watched"]["frames"] for row in pairs]),
        "bytes of a frame": median([row["watched"]["bytes"] / row["watched"]["frames"] for row in pairs]),
        "start": median([row["start"] for row in rows if "start" in row]),
    }
    save("play", summary, rows)
    for what, value in summary.items():
        print(f"{what}: {value}")


def tables() -> dict[str, str]:
    s, _, by = measured("play", "playing")
    text = (
        f"`tenfold play` answers {s['start']:.1f} s after the command. Watched, with three drawn digits, `fast` takes "
        f"{s['ratio']:.2f} of its time unwatched ({s['watched']:.2f} s and {s['alone']:.2f} s, medians of {s['pairs']} "
        f"pairs; {s['frames']:.0f} frames of {s['bytes of a frame'] / 1000:.1f} kB). {by}"
    )
    return {"play": text}


if __name__ == "__main__":
    main()
