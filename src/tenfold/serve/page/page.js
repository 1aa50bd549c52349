/**
 * The page: a sheet to write on or a picture, read by the engine, shown, and corrected.
 */

import { asker, sentence } from "./asking.js";
import { EngineError, correct, model } from "./engine.js";
import { PictureError, followPictures, smallEnough } from "./pictures.js";
import { inWords, judged, seen, showBoxes, showCards, showText, spoken, summary } from "./results.js";
import { followSheet } from "./sheet.js";
import { HEIGHT, WIDTH, picture as pictureOf } from "./strokes.js";

const QUIET = 700; // milliseconds without a change, after which a reading is said aloud
const TOKEN = "tenfold-token"; // where engine.js looks for a token

const the = (id) => document.getElementById(id);
const sheet = the("sheet");
const image = the("picture");

let about = null; // what model() answered
let reading = null; // the last one, as the engine gave it
let found = null; // the same as judged
let shown = null; // what is on the stage if it is no drawing: {blob, name, address}
let threshold = null; // the user's; null is the model's own
let all = false; // whether every card is shown
let asked = null; // the digit that the correction dialog is about
const corrections = new Map();

/* Reading */

const asking = asker(
  {
    reading(answer, made) {
      reading = answer;
      show();
      if (made.final && !shown) performance.measure("pen up to reading", "pen up");
      if (made.final) announceLater();
    },
    trouble,
    calm: () => trouble("", false),
    busy(busy) {
      the("reading").ariaBusy = String(busy);
      if (busy) the("summary").textContent = "Reading…";
      else tell();
    },
    locked: admitted,
  },
  () => ({ single: the("single").checked, upright: the("stage").dataset.mode === "drawing", threshold }),
);

function readDrawing(final) {
  const { strokes } = paper;
  if (!strokes.length) {
    asking.stop();
    trouble("", false);
    reading = null;
    show();
    return;
  }
  const make = () => pictureOf(strokes);
  if (final) asking.now(make, { final });
  else asking.soon(make, { final });
}

function readPicture() {
  const { blob } = shown;
  const smaller = smallEnough(blob, about?.max_bytes ?? Infinity);
  smaller.catch(() => {}); // shown below, when it is waited for
  asking.now(
    () =>
      smaller.catch((error) => {
        throw error instanceof PictureError ? new EngineError(error.message, 413) : error;
      }),
    { final: true },
  );
}

function show() {
  found = reading && judged(reading, threshold, corrections);
  showText(the("text"), found);
  showBoxes(the("boxes"), found);
  const names = about?.classes ?? Object.keys(found?.digits[0]?.probabilities ?? {});
  const focused = the("cards").contains(document.activeElement) && document.activeElement.parentElement.dataset.key;
  const total = showCards(the("cards"), found, {
    names: about?.rejects === false ? names : [...names, null],
    all,
    picture: shown ? image : sheet,
    chosen: askFor,
    lit: light,
  });
  if (focused) the("cards").querySelector(`[data-key=${focused}] > button`)?.focus({ preventScroll: true });
  the("all").hidden = all || total === the("cards").querySelectorAll("[data-key^=digit]").length;
  the("all").textContent = `Show all ${total} digits`;
  the("hint").hidden = !total;
  the("copy").disabled = !found?.text;
  the("json").disabled = !found;
  tell();
}

function tell() {
  const blank = !shown && !paper.strokes.length;
  the("summary").textContent = found ? summary(found) : blank ? "Nothing drawn yet." : "Not read yet.";
}

function light(key) {
  for (const box of the("boxes").children) box.dataset.lit = String(box.dataset.key === key);
  the("boxes").dataset.lit = String(key !== null);
}

let announcing = 0;

function announceLater() {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    if (paper.writing || !found) return;
    announce(found.digits.length ? `Read: ${spoken(found)}. ${summary(found)}` : summary(found));
  }, QUIET);
}

function announce(text) {
  clearTimeout(announcing); // what was read before says nothing new
  the("announcer").textContent = text;
}

function trouble(message, again) {
  the("trouble").hidden = !message;
  the("trouble").firstElementChild.textContent = message;
  the("again").hidden = !again;
}

/* The sheet */

const paper = followSheet({
  drawing: () => readDrawing(false),
  changed() {
    performance.clearMarks("pen up");
    performance.mark("pen up");
    readDrawing(true);
  },
  say: announce,
  elsewhere: () => shown !== null || document.querySelector("dialog[open]") !== null,
});

/* Pictures */

function choose(blob, name) {
  paper.lift();
  the("correction").close();
  if (shown) URL.revokeObjectURL(shown.address);
  shown = { blob, name, address: URL.createObjectURL(blob) };
  image.src = shown.address;
  stage("picture");
  the("name").textContent = name;
  the("stage").scrollIntoView({ block: "nearest" });
  begin();
  announce(`Reading ${name}`);
  readPicture();
}

function backToDrawing() {
  URL.revokeObjectURL(shown.address);
  shown = null;
  image.removeAttribute("src");
  stage("drawing");
  begin();
  sheet.focus();
  readDrawing(true);
}

/** Forget what was read of something else. */
function begin() {
  reading = null;
  all = false;
  asking.stop();
  trouble("", false);
  outcome();
  show();
}

function stage(mode) {
  const drawing = mode === "drawing";
  the("stage").dataset.mode = mode;
  for (const id of ["sheet", "pen", "keys", "drawing-tools"]) the(id).hidden = !drawing;
  for (const id of ["picture", "picture-tools"]) the(id).hidden = drawing;
  the("invitation").hidden = !drawing || paper.strokes.length > 0;
  ratio(drawing ? WIDTH / HEIGHT : null);
  for (const button of the("gallery").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(!drawing && button.dataset.src === shown.blob.source));
  }
  if (drawing) paper.show();
}

function ratio(width) {
  if (width) the("stage").style.setProperty("--ratio", width);
}

image.addEventListener("load", () => {
  ratio(image.naturalWidth / image.naturalHeight);
  if (found) show();
});
image.addEventListener("error", () => {
  if (shown) the("name").textContent = `${shown.name}: this browser cannot show it`;
});

followPictures({
  picture: (file) => choose(file, file.name || "the picture"),
  nothing: (message) => trouble(message, false),
  hovering: (held) => {
    the("dropping").hidden = !held;
  },
});
for (const id of ["file", "camera"]) {
  the(id).addEventListener("change", ({ target }) => {
    const [file] = target.files;
    target.value = ""; // so that the same file can be chosen again
    if (file) choose(file, file.name);
  });
}
for (const button of the("gallery").querySelectorAll("button")) {
  button.addEventListener("click", async () => {
    const { src } = button.dataset;
    try {
      const response = await fetch(src);
      if (!response.ok) throw new TypeError(response.statusText);
      choose(Object.assign(await response.blob(), { source: src }), button.firstElementChild.alt);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      trouble("The example picture cannot be fetched.", false);
    }
  });
}
the("back").addEventListener("click", backToDrawing);

/* How it is read */

the("single").addEventListener("change", () => asking.again());
the("again").addEventListener("click", () => {
  if (about === null) meet();
  asking.again();
});
the("all").addEventListener("click", () => {
  all = true;
  show();
  the("cards").querySelector("button")?.focus();
});
the("threshold").addEventListener("input", ({ target }) => {
  threshold = Number(target.value) / 100;
  sureness();
});
the("own").addEventListener("click", () => {
  threshold = null;
  the("threshold").focus();
  sureness();
  asking.again(); // what is sure at the model's own is told by the engine alone
});

function sureness() {
  const least = threshold ?? about?.threshold ?? 0.75;
  const text = `${Math.round(100 * least)}%`;
  the("threshold").value = String(Math.round(100 * least));
  the("threshold").setAttribute("aria-valuetext", text);
  the("threshold-value").textContent = text;
  the("own").hidden = threshold === null;
  show();
}

/* What to do with a result */

the("copy").addEventListener("click", async () => {
  const copied = await copy(found.text);
  const button = the("copy");
  button.textContent = copied ? "Copied" : "Not copied";
  announce(copied ? "Copied" : "The text could not be copied.");
  setTimeout(() => {
    button.textContent = "Copy";
  }, 1600);
});

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages that came over plain http from another machine have no clipboard, but for this old way.
    const area = document.createElement("textarea");
    area.value = text;
    area.readOnly = true;
    area.className = "unseen";
    document.body.append(area);
    const focused = document.activeElement;
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return copied;
  }
}

the("json").addEventListener("click", () => {
  const digits = found.digits.map(({ state, shown: as, corrected, ...digit }) =>
    corrected === null ? digit : { ...digit, corrected },
  );
  const text = JSON.stringify({ ...found, digits }, null, 2);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "reading.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
});

/* Corrections */

function askFor(k) {
  asked = found.digits[k];
  seen(asked.input, the("asked"));
  the("asked-about").textContent = `Read as ${asked.value}, ${inWords(asked.probability)} sure.`;
  the("fate").textContent = about?.corrections
    ? "Your answer is saved in the corrections folder, with the 28 × 28 pixels that the network sees."
    : "Nothing is saved: only the text on this page changes.";
  const names = about?.classes ?? Object.keys(asked.probabilities);
  the("choices").dataset.long = String(names.some((name) => [...name].length > 3));
  the("choices").replaceChildren(
    ...names.map((name) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button";
      button.textContent = name;
      button.setAttribute("aria-pressed", String(name === (asked.corrected ?? asked.value)));
      button.addEventListener("click", () => answer(name));
      return button;
    }),
  );
  the("correction").showModal();
  the("choices").querySelector("[aria-pressed=true]")?.focus();
}

the("correction").addEventListener("keydown", ({ key, ctrlKey, metaKey, altKey }) => {
  if (!ctrlKey && !metaKey && !altKey && about?.classes.includes(key)) answer(key);
});
the("leave").addEventListener("click", () => the("correction").close());

async function answer(label) {
  const digit = asked;
  corrections.set(digit.input, label);
  the("correction").close();
  show();
  if (!about?.corrections) {
    outcome(`Changed to ${label} in the text. Nothing was saved.`);
    return;
  }
  outcome("Saving…");
  try {
    const { count } = await correct({ label, answer: digit.value, input: digit.input });
    const many = count === 1 ? "1 correction" : `${count} corrections`;
    outcome(
      `Saved as ${label}; ${many} so far. Teach them with `,
      "tenfold train --data DIR --init default",
      ", where DIR is the corrections folder.",
    );
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    outcome(`Not saved: ${sentence(error.message)} The text on this page is changed all the same.`);
    if (error.status === 401) admitted(error);
  }
}

function outcome(before = "", command = "", after = "") {
  const place = the("outcome");
  place.hidden = !before;
  const code = document.createElement("code");
  code.textContent = command;
  place.replaceChildren(before, ...(command ? [code] : []), after);
  if (before && before !== "Saving…") announce(place.textContent);
}

/* The token that some services want */

let admission = null; // the promise of the dialog that is open

/** Ask for a token. Returns whether there is a new one. */
function admitted() {
  admission ??= new Promise((resolve) => {
    const dialog = the("admission");
    the("refused").textContent = kept()
      ? "The service did not accept that token."
      : "This service reads for those who have its token. Ask whoever started it.";
    the("token").value = "";
    dialog.showModal();
    const end = (given) => {
      stop.abort();
      admission = null;
      dialog.close();
      resolve(given);
      if (given && about === null) meet();
    };
    const stop = new AbortController();
    const { signal } = stop;
    dialog.addEventListener("close", () => end(false), { signal });
    the("without").addEventListener("click", () => end(false), { signal });
    dialog.firstElementChild.addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        const token = the("token").value.trim();
        if (!/^[!-~]+$/.test(token)) {
          the("refused").textContent = "That is no token: it has spaces or strange signs in it.";
          return;
        }
        try {
          sessionStorage.setItem(TOKEN, token);
          end(true);
        } catch {
          the("refused").textContent = "This browser lets the page keep nothing, and so not the token.";
        }
      },
      { signal },
    );
  });
  return admission;
}

function kept() {
  try {
    return sessionStorage.getItem(TOKEN) !== null;
  } catch {
    return false;
  }
}

/* What reads */

let meeting = 0;
let patience = 1; // seconds until the service is asked again what it is

async function meet() {
  clearTimeout(meeting);
  try {
    about = await model();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    the("about").textContent = sentence(error.message);
    if (error.status === 401) {
      trouble(sentence(error.message), true);
      admitted();
    } else {
      trouble(sentence(error.message), true);
      meeting = setTimeout(meet, 1000 * patience);
      patience = Math.min(16, 2 * patience);
    }
    return;
  }
  trouble("", false);
  introduce(about);
  sureness();
  if (shown && !reading) readPicture();
  else if (paper.strokes.length && !reading) readDrawing(true);
}

function introduce({ version, recipe, metrics, corrections: saves, note }) {
  const score =
    metrics?.test_accuracy !== undefined
      ? `, ${(100 * metrics.test_accuracy).toFixed(2)}% right on MNIST’s test digits`
      : metrics?.val_accuracy !== undefined
        ? `, ${(100 * metrics.val_accuracy).toFixed(2)}% right on MNIST’s validation digits`
        : "";
  the("about").textContent = `tenfold ${version}. Read by the model “${recipe?.name ?? "unnamed"}”${score}.`;
  the("note").textContent = note ?? "";
  the("note").hidden = !note;
  the("docs").hidden = Boolean(note);
  the("kept").textContent = saves
    ? "Pictures are read and not kept; digits that you correct are."
    : "Pictures are read and not kept.";
}

sureness();
meet();
