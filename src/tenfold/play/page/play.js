/**
 * The page: digits to write, a training to watch, its moments to go back to, and what comes after it.
 */

import { afterwards, hold } from "./afterwards.js";
import { inDigits, picture } from "./digits.js";
import { lookInside } from "./inside.js";
import { makeKnobs } from "./knobs.js";
import { makeCards, percent, showCards } from "./minds.js";
import { paintCurves, paintFilter } from "./pictures.js";
import { followSheet } from "./sheet.js";
import { Refused, ask, bytes, follow } from "./stream.js";

const NAMES = ["A", "B"];
const PAUSE = 60; // milliseconds between two looks at a digit that is being written
const the = (id) => document.getElementById(id);

let about = null; // what the service said of itself
let knobs = null;
let state = "loading";
let training = 0; // which one the tracks are of
let tracks = []; // of each training side by side, all that was told of it
let drawn = 0; // which digits the cards are of
let looked = null; // the moment that is looked at: {seen, rows}; null is now
let chosen = null; // the digit that was chosen, to be looked at inside
let newest = 0; // the digit that was last written on, which is looked at otherwise
let words = ["", ""]; // at what the knob stood that differs

/* What the service sends */

const on = {
  page(found) {
    about = found;
    the("about").textContent = `Training data: ${about.data === "MNIST" ? "MNIST, 50,000 digits" : about.data}.`;
    knobs ??= makeKnobs(the("knobs"), about.recipes, (track, lr) => later("rate", () => rate(track, lr)));
    trouble("");
    if (paper.strokes.length) sendDigits();
  },
  frame(frame) {
    if (frame.training !== training) begin(frame);
    frame.tracks.forEach(take);
    the("slow").checked = frame.slow;
    if (frame.state !== state) {
      become(frame.state);
      tell();
    } else if (!inside.learnt()) tell();
    show();
  },
  taken(says) {
    become("gone");
    show();
    trouble(`${says[0].toUpperCase()}${says.slice(1)}.`, true);
  },
  gone: () => {
    become("gone");
    show();
    trouble("The connection to the service was lost, and with it what was trained and not kept.", true);
  },
};

function begin(frame) {
  training = frame.training;
  document.body.dataset.training = String(training);
  tracks = frame.tracks.map((_, number) => ({
    number,
    name: frame.tracks.length > 1 ? NAMES[number] : "",
    curve: [],
    minds: [],
    moments: [],
  }));
  looked = null;
  after.clear();
}

function take(told, number) {
  const track = tracks[number];
  const { curve, minds, ...rest } = told;
  track.curve.splice(curve[0], Infinity, ...curve[1]);
  track.minds.splice(minds[0], Infinity, ...minds[1].map(([seen, levels]) => [seen, bytes(levels)]));
  Object.assign(track, rest, { total: told.epochs * told.steps * told.batch });
}

function become(now) {
  const before = state;
  state = now;
  document.body.dataset.state = now;
  const running = now === "training" || now === "paused";
  the("train").disabled = now === "loading" || now === "broken" || now === "gone";
  the("train").textContent = tracks.length ? "Train again" : "Train";
  for (const id of ["pause", "step", "epoch", "stop"]) the(id).disabled = !running;
  the("pause").textContent = now === "paused" ? "Resume" : "Pause";
  if (now === "training" && before !== "paused") say("Training has begun.");
  if (now === "paused" && before === "training") say(`Paused. ${summary()}`);
  if (now === "ended") {
    say(summary());
    after.show(tracks);
  }
  if (document.activeElement?.disabled) the("train").focus();
}

/* What is shown */

let showing = 0;

function show() {
  showing ||= requestAnimationFrame(() => {
    showing = 0;
    the("status").textContent = summary();
    const marked = looked?.seen ?? null;
    paintCurves(the("curves"), tracks.filter((track) => track.steps), marked);
    const shown = tracks.map((track, k) => ({ ...track, ...(looked?.rows[k] ?? {}) })).filter((track) => track.steps);
    if (about && shown.every((track) => track.drawn === drawn)) showCards(the("minds"), shown, { names: about.classes, marked });
    showFilters(shown);
    showMoments();
    const legend = tracks.length > 1 ? NAMES.map((name, k) => `${name}${words[k] && `: ${words[k]}`}`) : [];
    const from = tracks.map((track) => track.begun_from).filter((step) => step != null);
    the("legend").replaceChildren(...legend.map((text, k) => Object.assign(document.createElement("span"), { className: `of${k}`, textContent: text })),
      ...(tracks.length ? ["Lines: training digits. Rings: validation digits, after each epoch."] : []),
      ...(from.length ? [` Began with the weights of step ${from[0].toLocaleString("en")} of the training before.`] : []));
  });
}

function summary() {
  if (state === "loading") return "Loading PyTorch…";
  if (state === "gone") return "";
  if (!tracks.length) return the("minds").children.length ? "Press Train." : "Write a digit, then press Train.";
  return tracks.map((track) => `${track.name ? `${track.name}: ` : ""}${told(track)}`).join(" ");
}

function told(track) {
  if (track.state === "failed") return `${sentence(track.trouble)}`;
  const [, , accuracy] = track.validated?.at(-1) ?? [];
  const right = accuracy == null ? "" : `${percent(accuracy)} of the validation digits are right. `;
  const time = `${track.seconds.toFixed(1)} s`;
  if (track.state === "finished") return `${right}Finished after ${track.step.toLocaleString("en")} steps, ${time}.`;
  if (track.state === "stopped") return `Stopped after ${track.step.toLocaleString("en")} steps.`;
  if (!track.steps) return "Preparing…";
  const last = track.curve.at(-1);
  return `Epoch ${track.epoch} of ${track.epochs}, step ${track.step.toLocaleString("en")} of ${(track.epochs * track.steps).toLocaleString("en")}. `
    + `${last ? `${percent(last[2])} of the latest digits are right. ` : ""}${right}Learning rate ${Number(track.lr.toPrecision(2))}.`;
}

function showFilters(shown) {
  const place = the("filters");
  const all = shown.filter((track) => track.filters);
  while (place.children.length > all.length) place.lastElementChild.remove();
  all.forEach(({ filters, step, name }, k) => {
    const [count, height, width] = filters.size;
    const row = place.children[k] ?? place.appendChild(document.createElement("div"));
    row.className = "filter-row";
    row.setAttribute("role", "img");
    row.setAttribute("aria-label", `${count} filters${name ? ` of ${name}` : ""} after step ${step}`);
    while (row.children.length > count) row.lastElementChild.remove();
    while (row.children.length < count) row.append(document.createElement("canvas"));
    const levels = bytes(filters.levels);
    [...row.children].forEach((canvas, at) =>
      paintFilter(canvas, levels.subarray(at * height * width, (at + 1) * height * width), height, width));
  });
}

/* Moments */

const longest = () => tracks.reduce((most, track) => (track.moments.length > (most?.moments.length ?? 0) ? track : most), null);

function showMoments() {
  const { moments = [] } = longest() ?? {};
  const slider = the("moment");
  slider.disabled = moments.length < 2;
  slider.max = String(Math.max(0, moments.length - 1));
  const at = looked ? nearest(moments, looked.seen) : moments.length - 1;
  if (document.activeElement !== slider || !looked) slider.value = String(Math.max(0, at));
  the("now").disabled = !looked;
  the("onward").disabled = !moments.length || state === "gone";
  const [seen, step] = moments[at] ?? [];
  const text = !moments.length ? "" : looked ? `after step ${step.toLocaleString("en")}, ${seen.toLocaleString("en")} digits seen` : `now; drag to go back to any of ${moments.length} moments`;
  the("moment-value").textContent = text;
  slider.setAttribute("aria-valuetext", text);
}

const nearest = (moments, wanted) =>
  moments.reduce((best, [seen], k) => (Math.abs(seen - wanted) < Math.abs(moments[best][0] - wanted) ? k : best), 0);

let asking = false;

async function lookAt(seen) {
  looked = { seen, rows: looked?.rows ?? [] };
  show();
  if (asking) return; // what is wanted last is asked for when that has come
  asking = true;
  try {
    while (looked && looked.asked !== looked.seen) {
      const { seen: wanted } = looked;
      const { tracks: rows } = await ask("moment", { seen: wanted });
      if (looked?.seen === wanted) looked = { seen: wanted, rows, asked: wanted };
    }
  } catch (error) {
    failed(error);
  } finally {
    asking = false;
  }
  show();
  tell();
}

/** Have that looked at inside which is looked at. */
function tell() {
  const digits = the("minds").children.length;
  const there = about && digits && tracks.some((track) => track.steps);
  const names = tracks.map(({ name }) => name);
  inside.at(there ? { training, tracks: names, drawn, digit: chosen ?? newest, seen: looked?.seen ?? null, names: about.classes } : null);
}

the("moment").addEventListener("input", ({ target }) => {
  const { moments } = longest();
  const at = Number(target.value);
  if (at === moments.length - 1) backToNow();
  else lookAt(moments[at][0]);
});
the("now").addEventListener("click", () => {
  backToNow();
  the("moment").focus();
});

function backToNow() {
  looked = null;
  show();
  tell();
}

/* Digits */

const paper = followSheet({
  drawing: () => tracks.some((track) => track.steps) && sendDigits(), // its layers light up
  changed: () => later("digits", sendDigits),
  say,
  elsewhere: ({ target }) => target.matches?.("input, select") ?? false,
});

let sending = false;
let resend = false;

/** Send what is written, one time after another and the latest last. */
async function sendDigits() {
  if (!about) return; // they are sent once the service is there
  resend = true;
  if (sending) return;
  sending = true;
  try {
    while (resend) {
      resend = false;
      await attempt(sendOnce, paper.writing);
    }
  } finally {
    sending = false;
  }
}

async function sendOnce() {
  const groups = inDigits(paper.strokes);
  newest = Math.max(0, groups.findIndex(({ strokes }) => strokes.includes(paper.strokes.at(-1))));
  const found = await ask("digits", { digits: groups.map(picture) });
  drawn = found.drawn;
  chosen = null;
  makeCards(the("minds"), found.digits, choose);
  the("minds-hint").hidden = !found.digits.length;
  show();
  tell();
  if (looked) lookAt(looked.seen, (looked.asked = null));
  await new Promise((soon) => setTimeout(soon, paper.writing ? PAUSE : 0));
}

function choose(number) {
  chosen = chosen === number ? null : number;
  [...the("minds").children].forEach((card, k) => card.querySelector("button").setAttribute("aria-pressed", String(k === chosen)));
  tell();
}

/* Buttons */

/** Begin a training: with fresh weights, or with those of the moment that is looked at. */
const begins = (button, more) => () => attempt(async () => {
  words = knobs.words();
  inside.at(null); // what is there to look at ends
  const done = hold(button);
  try {
    await ask("train", { ...knobs.asked(), ...more() });
  } catch (error) {
    tell();
    throw error;
  } finally {
    done();
    if (state === "gone") button.disabled = true;
  }
});

the("train").addEventListener("click", begins(the("train"), () => ({})));
the("onward").addEventListener("click", begins(the("onward"), () => ({ onward: true, seen: looked?.seen ?? null })));
the("pause").addEventListener("click", () => go(state === "paused" ? "run" : "wait"));
for (const how of ["step", "epoch", "stop"]) the(how).addEventListener("click", () => go(how));
the("slow").addEventListener("change", ({ target }) => go(target.checked ? "slow" : "usual"));
the("defaults").addEventListener("click", () => knobs.defaults());
the("again").addEventListener("click", () => location.reload());

const go = (how) => attempt(() => ask("go", { how }));

function rate(track, lr) {
  if (state !== "training" && state !== "paused") return; // it is for the next one then
  if (tracks[track]) attempt(() => ask("rate", { track, lr }));
  if (track === 0 && tracks[1] && knobs.different !== "learning rate") attempt(() => ask("rate", { track: 1, lr }));
}

const waiting = new Map();

/** Do something once nothing of its kind has come for a moment. */
function later(kind, what) {
  clearTimeout(waiting.get(kind));
  waiting.set(kind, setTimeout(what, 120));
}

/** Do something, and say what is wrong with it; what nobody asked for is done quietly, and leaves what was said. */
async function attempt(what, quietly = false) {
  if (state === "gone") return;
  try {
    await what();
    if (!quietly) trouble("");
  } catch (error) {
    failed(error);
  }
}

function failed(error) {
  if (!(error instanceof Refused)) throw error;
  trouble(error.message);
}

function trouble(message, again = false) {
  the("trouble").hidden = !message;
  the("trouble").firstElementChild.textContent = message;
  the("again").hidden = !again;
}

function say(text) {
  the("announcer").textContent = text;
  if (state === "ended" || state === "paused") the("curves").setAttribute("aria-label", `Accuracy and loss: ${summary()}`);
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

const after = afterwards({ attempt, say });
const inside = lookInside({ attempt, say });
new ResizeObserver(show).observe(the("curves"));
for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
  matchMedia(query).addEventListener("change", show);
}
follow(on);
