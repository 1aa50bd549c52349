/**
 * A look inside: what each layer makes of a digit, the sum of one unit, some units switched off, some ink covered, and
 * the least change that makes it another digit.
 */

import { percent } from "./minds.js";
import { paintDigit, paintFilter } from "./pictures.js";
import { ask, bytes } from "./stream.js";

const SIDE = 28;
const PATCH = 4; // pixels of a digit that the pen covers
const BEAT = 500; // milliseconds between two looks while it learns

const the = (id) => document.getElementById(id);
const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });

/**
 * The part of the page that looks inside.
 * @param {{attempt(what: () => Promise<void>): Promise<void>, say(text: string): void}} page
 */
export function lookInside({ attempt, say }) {
  let look = null; // what is looked at: {training, tracks, digits, digit, seen, names}
  let track = 0;
  let found = null; // what came of it
  let plain = null; // the answers without anything covered or switched off
  let stale = true; // they are of another look
  let chosen = null; // a unit: {layer, unit}
  let covered = new Set(); // patches of the digit, by their row and column
  let off = new Map(); // layer to the units that are switched off
  let at = 0; // the patch at which the keyboard's pen is
  let busy = false;
  let again = false;
  let last = 0;

  const asked = () => ({
    training: look.training,
    track,
    digit: look.digit,
    seen: look.seen,
    off: Object.fromEntries([...off].map(([name, units]) => [name, [...units]])),
    ...(covered.size ? { covered: btoa(String.fromCharCode(...left(bytes(plain.ink)))) } : {}),
  });
  const left = (ink) => ink.map((level, k) => (covered.has(patchOf(Math.floor(k / SIDE), k % SIDE)) ? 0 : level));

  /* Asking, one at a time and the latest last */

  async function refresh() {
    again = true;
    if (busy) return;
    busy = true;
    try {
      while (again && look) {
        again = false;
        await attempt(() => lookOnce().catch((error) => {
          if (!again && look) throw error; // else it is of what is there no more
        }), true);
      }
    } finally {
      busy = false;
    }
  }

  /** Answers to what is no longer wanted are dropped. */
  async function lookOnce() {
    const fresh = stale ? await ask("inside/maps", { training: look.training, track, digit: look.digit, seen: look.seen }) : plain;
    if (again || !look || !fresh) return; // null is of a training that is no more
    [plain, stale] = [fresh, false];
    const other = covered.size || off.size ? await ask("inside/maps", asked()) : plain;
    if (again || !look || !other) return;
    found = other;
    show();
    if (chosen) await showUnit();
  }

  function show() {
    the("inside").hidden = false;
    const flow = the("flow");
    flow.querySelectorAll(".layer").forEach((row, k) => k >= found.layers.length && row.remove());
    found.layers.forEach((layer, k) => showLayer(layer, flow.querySelectorAll(".layer")[k] ?? flow.appendChild(newLayer())));
    paintPicture();
    join();
    const best = (now) => now.indexOf(Math.max(...now));
    const answer = (now) => `${look.names[best(now)]}, ${percent(Math.max(...now))}`;
    const same = found === plain;
    the("inside-answer").textContent = same
      ? `It says ${answer(found.now)}.`
      : `Now it says ${answer(found.now)}. Before it said ${answer(plain.now)}; that answer now has ${percent(found.now[best(plain.now)])}.`;
    the("uncover").disabled = !covered.size;
    the("all-on").disabled = !off.size;
    the("count").disabled = !off.size;
  }

  function newLayer() {
    const row = make("div", "layer");
    const list = make("div", "units");
    list.setAttribute("role", "listbox");
    list.tabIndex = 0;
    list.addEventListener("keydown", (event) => step(event, list));
    list.addEventListener("click", ({ target }) => target.role === "option" && choose(row.dataset.name, target));
    row.append(make("p", "of-layer"), list);
    return row;
  }

  function showLayer({ name, kind, size, levels }, row) {
    const [count, height, width] = size;
    const last = found.layers.at(-1).name === name;
    const list = row.lastElementChild;
    row.dataset.name = name;
    row.firstElementChild.textContent = last ? "the answers" : kind === "convolution"
      ? `convolution: ${count} maps of ${height} × ${width}` : `fully connected: ${count} units`;
    list.setAttribute("aria-label", row.firstElementChild.textContent);
    list.classList.toggle("cells", kind !== "convolution" && !last);
    list.classList.toggle("answers", last);
    while (list.children.length > count) list.lastElementChild.remove();
    while (list.children.length < count) {
      const unit = make("div", "unit");
      unit.id = `unit-${name}-${list.children.length}`;
      unit.role = "option";
      unit.append(document.createElement("canvas"));
      list.append(unit);
    }
    const all = bytes(levels);
    [...list.children].forEach((unit, k) => {
      const isChosen = chosen?.layer === name && chosen.unit === k;
      const silent = off.get(name)?.has(k) ?? false;
      unit.setAttribute("aria-selected", String(isChosen));
      unit.setAttribute("aria-label", last ? look.names[k] : `unit ${k}${silent ? ", switched off" : ""}`);
      unit.classList.toggle("off", silent);
      if (last) {
        unit.dataset.name = look.names[k];
        unit.style.setProperty("--share", found.now[k]);
      }
      paintFilter(unit.firstElementChild, all.subarray(k * height * width, (k + 1) * height * width), height, width);
    });
  }

  /** Lines from what matters most to what it matters for. */
  function join() {
    const flow = the("flow");
    const lines = the("joins");
    const ground = flow.getBoundingClientRect();
    const rows = [...flow.querySelectorAll(".layer")].map((row) => [...row.lastElementChild.children]);
    lines.setAttribute("viewBox", `0 0 ${ground.width} ${ground.height}`);
    lines.replaceChildren();
    const ends = new Set();
    found.layers.forEach(({ joins }, k) =>
      joins.forEach(([from, to, share]) => {
        const [above, below] = [rows[k - 1][from], rows[k][to]].map((unit) => unit.getBoundingClientRect());
        const [x1, y1] = [above.left + above.width / 2 - ground.left, above.bottom - ground.top];
        const [x2, y2] = [below.left + below.width / 2 - ground.left, below.top - ground.top];
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("d", `M${x1} ${y1}C${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2} ${x2} ${y2}`);
        path.setAttribute("class", share > 0 ? "want" : "shun");
        path.setAttribute("stroke-width", String(1 + 2 * Math.abs(share)));
        lines.append(path);
        ends.add(rows[k - 1][from]).add(rows[k][to]);
      }));
    for (const unit of rows.flat()) unit.classList.toggle("joined", ends.has(unit));
  }

  /* A unit */

  function step(event, list) {
    const units = [...list.children];
    const before = Math.max(0, units.findIndex((unit) => unit.id === list.getAttribute("aria-activedescendant")));
    const columns = units.filter((unit) => unit.offsetTop === units[0].offsetTop).length;
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -before, End: units.length - 1 - before };
    if (event.key === "Enter" || event.key === " ") choose(list.parentElement.dataset.name, units[before]);
    else if (!(event.key in moves)) return;
    event.preventDefault();
    const next = Math.min(units.length - 1, Math.max(0, before + (moves[event.key] ?? 0)));
    units[before].classList.remove("active");
    units[next].classList.add("active");
    list.setAttribute("aria-activedescendant", units[next].id);
  }

  function choose(layer, unit) {
    const number = [...unit.parentElement.children].indexOf(unit);
    chosen = chosen?.layer === layer && chosen.unit === number ? null : { layer, unit: number };
    the("unit").hidden = !chosen;
    refresh();
  }

  async function showUnit() {
    const told = await ask("inside/unit", { ...asked(), ...chosen });
    if (!chosen || again || !look || !told) return;
    const last = found.layers.at(-1).name === chosen.layer;
    const isOff = off.get(chosen.layer)?.has(chosen.unit) ?? false;
    the("unit").hidden = false;
    the("unit-title").textContent = last ? `The answer ${look.names[chosen.unit]}` : `Unit ${chosen.unit}`;
    const [, height, width] = told.size;
    const first = chosen.layer === found.layers[0].name;
    the("parts").replaceChildren(...told.parts.filter(({ part }) => part || told.parts.length === 1).map((one) => {
      const row = make("li", "part");
      for (const [sign, levels, name] of [["", one.weights, "weights"], ["×", one.given, "what it is given"], ["=", one.products, "products"]]) {
        const canvas = document.createElement("canvas");
        canvas.role = "img";
        canvas.ariaLabel = name;
        paintFilter(canvas, bytes(levels), height, width);
        row.append(sign, canvas);
      }
      row.append(`${first ? "" : `from ${one.of}: `}${number(one.part)}`);
      return row;
    }));
    const others = Math.abs(told.others) > 5e-4 ? `, of which the other inputs ${number(told.others)}` : "";
    the("unit-sum").textContent = `Sum ${number(told.sum)}${told.bias ? `, with a bias of ${number(told.bias)}` : ""}${others}`
      + `${last ? "." : `; its highest output is ${number(told.hands_on)}.`}`;
    the("switch").hidden = last;
    the("switch").setAttribute("aria-pressed", String(isOff));
    the("switch").textContent = isOff ? "Switch on" : "Switch off";
  }

  the("switch").addEventListener("click", () => {
    const units = off.get(chosen.layer) ?? new Set();
    if (!units.delete(chosen.unit)) units.add(chosen.unit);
    if (units.size) off.set(chosen.layer, units);
    else off.delete(chosen.layer);
    the("counted").textContent = "";
    refresh().then(() => say(the("inside-answer").textContent));
  });
  the("all-on").addEventListener("click", () => {
    off = new Map();
    the("counted").textContent = "";
    refresh();
    the("flow").querySelector(".units").focus({ preventScroll: true }); // as this button is disabled by it
  });
  the("count").addEventListener("click", () => attempt(async () => {
    const { before, after, n } = await ask("inside/accuracy", asked());
    if (!off.size) return;
    const share = (value) => `${(100 * value).toFixed(1)}%`;
    the("counted").textContent = `Of ${n.toLocaleString("en")} validation digits ${share(after)} are right without them, ${share(before)} with.`;
    say(the("counted").textContent);
  }));

  /* Covering */

  const patchOf = (row, column) => Math.floor(row / PATCH) * (SIDE / PATCH) + Math.floor(column / PATCH);
  const picture = the("seen");

  function paintPicture() {
    paintDigit(picture, left(bytes(plain.ink)));
    const context = picture.getContext("2d");
    context.fillStyle = "rgb(128 128 128 / 45%)";
    for (const patch of covered) {
      context.fillRect((patch % (SIDE / PATCH)) * PATCH, Math.floor(patch / (SIDE / PATCH)) * PATCH, PATCH, PATCH);
    }
    if (document.activeElement === picture) {
      context.strokeStyle = "rgb(128 128 128)";
      context.strokeRect((at % (SIDE / PATCH)) * PATCH + 0.5, Math.floor(at / (SIDE / PATCH)) * PATCH + 0.5, PATCH - 1, PATCH - 1);
    }
  }

  function cover(patch, on = true) {
    if (covered.has(patch) === on) return;
    if (on) covered.add(patch);
    else covered.delete(patch);
    paintPicture();
    refresh();
  }

  const under = ({ clientX, clientY }) => {
    const { left: x, top: y, width, height } = picture.getBoundingClientRect();
    const [row, column] = [Math.floor(((clientY - y) / height) * SIDE), Math.floor(((clientX - x) / width) * SIDE)];
    if (row >= 0 && row < SIDE && column >= 0 && column < SIDE) cover(patchOf(row, column));
  };
  picture.addEventListener("pointerdown", (event) => {
    if (!plain) return;
    picture.setPointerCapture(event.pointerId);
    under(event);
  });
  picture.addEventListener("pointermove", (event) => plain && picture.hasPointerCapture(event.pointerId) && under(event));
  picture.addEventListener("keydown", (event) => {
    const columns = SIDE / PATCH;
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (!plain || !(event.key in moves || event.key === " ")) return;
    event.preventDefault();
    if (event.key === " ") cover(at, !covered.has(at));
    at = (at + (moves[event.key] ?? 0) + columns * columns) % (columns * columns);
    paintPicture();
  });
  for (const kind of ["focus", "blur"]) picture.addEventListener(kind, () => plain && paintPicture());
  the("uncover").addEventListener("click", () => {
    covered = new Set();
    refresh();
    picture.focus();
  });

  /* The least change */

  the("wanted").addEventListener("change", ({ target }) => attempt(async () => {
    if (target.value === "") return;
    const wanted = Number(target.value);
    the("changed").textContent = "Looking for it…";
    const before = look;
    const { ink, difference, changed, now } = await ask("inside/change", { ...asked(), wanted });
    if (before.digit !== look?.digit || before.drawn !== look.drawn || the("wanted").value !== target.value) return;
    if (ink === null) the("changed").textContent = `No change was found that makes it ${look.names[wanted]}.`;
    else {
      the("changed").textContent = `It takes ${Math.round(100 * changed)}% of its ink, added (red) or removed (blue): then the `
        + `network says ${look.names[wanted]}, ${percent(now[wanted])}.`;
      paintDigit(the("other-digit"), bytes(ink));
      paintFilter(the("difference"), bytes(difference), SIDE, SIDE);
    }
    the("change-pictures").hidden = ink === null;
    say(the("changed").textContent);
  }));

  /* What the page tells */

  function begin(next) {
    [found, plain, chosen] = [null, null, null];
    [covered, off] = [new Set(), new Map()];
    track = 0;
    the("unit").hidden = true;
    the("counted").textContent = "";
    forgetChange();
    the("which").replaceChildren(...(next.tracks.length > 1 ? next.tracks : []).map((name, k) => {
      const label = make("label", "choice");
      const radio = Object.assign(document.createElement("input"), { type: "radio", name: "which", checked: k === 0 });
      radio.addEventListener("change", () => {
        [track, stale, chosen, off] = [k, true, null, new Map()];
        the("unit").hidden = true;
        forgetChange();
        refresh();
      });
      label.append(radio, name);
      return label;
    }));
    the("wanted").replaceChildren(new Option("choose…", ""), ...next.names.map((name, k) => new Option(name, k)));
  }

  function forgetChange() {
    the("wanted").value = "";
    the("changed").textContent = "";
    the("change-pictures").hidden = true;
  }

  new ResizeObserver(() => found && join()).observe(the("flow"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);

  return {
    /** Look at this from now on; null where there is nothing to look at. */
    at(next) {
      if (!next) {
        look = null;
        the("inside").hidden = true;
        return;
      }
      if (look?.training !== next.training || !found) begin(next);
      else if (look.drawn !== next.drawn || look.digit !== next.digit) {
        covered = new Set();
        forgetChange();
      }
      look = next;
      stale = true;
      refresh();
    },
    /** It has learnt on: look again, if anybody can see it. Returns whether there is something to look at. */
    learnt() {
      if (!look || look.seen !== null || busy || performance.now() - last < BEAT) return look !== null;
      const { top, bottom } = the("inside").getBoundingClientRect();
      if (bottom < 0 || top > innerHeight) return true;
      last = performance.now();
      stale = true;
      refresh();
      return true;
    },
  };
}

function number(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}
