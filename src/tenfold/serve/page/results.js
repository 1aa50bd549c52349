/**
 * What was read, judged and shown: the text, a box on the picture and a card for every digit.
 *
 * A state is shown three times, by a word, by the shape of a line (whole, dashed, dotted) and by colour.
 */

export const UNSURE = "?";
const CARDS = 24; // shown at once; a page of numbers has more
const LEFT_OUT = 4; // cards for ink that is no digit
const TAGS = 60; // boxes, beyond which their values stand on top of each other

/**
 * A reading with the page's threshold and the user's corrections.
 * @param {object} reading as the engine gave it
 * @param {number | null} threshold null is the one that it was read with
 * @param {Map<string, string>} corrections the right class for an input
 */
export function judged(reading, threshold, corrections) {
  const least = threshold ?? reading.threshold;
  const digits = reading.digits.map((digit) => {
    const corrected = corrections.get(digit.input) ?? null;
    const sure = threshold === null ? digit.sure : digit.probability >= least;
    const state = corrected !== null ? "corrected" : sure ? "sure" : "unsure";
    return { ...digit, sure, corrected, state, shown: corrected ?? (sure ? digit.value : UNSURE) };
  });
  const lines = inLines(digits);
  return { ...reading, threshold: least, digits, lines, text: lines.join("\n") };
}

/** The rows as text, numbers parted by a space, and each class too where one has a longer name than a digit's. */
function inLines(digits) {
  const short = digits.every((digit) => Object.keys(digit.probabilities ?? {}).every((name) => [...name].length === 1));
  const lines = new Map();
  for (const digit of digits) {
    const numbers = lines.get(digit.line) ?? new Map();
    lines.set(digit.line, numbers.set(digit.number, [...(numbers.get(digit.number) ?? []), digit.shown]));
  }
  const inOrder = (map) => [...map].sort(([a], [b]) => a - b).map(([, value]) => value);
  return inOrder(lines).map((numbers) => inOrder(numbers).map((number) => number.join(short ? "" : " ")).join(" "));
}

/** A probability as people write it, never 100% or 0%, which nobody can be sure of. */
export function percent(probability) {
  if (probability > 0.999) return ">99.9%";
  if (probability < 0.001) return "<0.1%";
  return `${(100 * probability).toFixed(probability > 0.99 || probability < 0.01 ? 1 : 0)}%`;
}

/** The same in words, for a sentence or to be said aloud. */
export function inWords(probability) {
  return percent(probability).replace(">", "more than ").replace("<", "less than ");
}

/** One or two sentences about a judged reading. */
export function summary({ digits, ignored }) {
  const out =
    ignored.length === 0
      ? ""
      : ignored.length === 1
        ? " One piece of ink was taken for no digit."
        : ` ${ignored.length} pieces of ink were taken for no digit.`;
  if (!digits.length) return `No digits found.${out || " There is no ink that stands out from the paper."}`;
  const doubtful = digits.filter((digit) => digit.state === "unsure").length;
  const sure =
    doubtful === 0
      ? digits.length === 1 ? ", sure" : ", all sure"
      : digits.length === 1 ? `, not sure and shown as ${UNSURE}` : `, ${doubtful} not sure and shown as ${UNSURE}`;
  const count = digits.length === 1 ? "1 digit" : `${digits.length} digits`;
  return `${count}${digits.some((digit) => digit.corrected !== null) && !doubtful ? "" : sure}.${out}`;
}

/** The text as it is said aloud: signs apart from each other, a doubt in words. */
export function spoken({ digits }) {
  return digits.map(aloud).join(" ");
}

function aloud(digit) {
  return digit.shown === UNSURE ? "unknown" : digit.shown;
}

/**
 * Show the text.
 * @param {HTMLElement} place
 * @param {object | null} found a judged reading
 */
export function showText(place, found) {
  const lines = found?.lines ?? [];
  const longest = Math.max(0, ...lines.map((line) => [...line].length));
  place.dataset.size = longest > 16 || lines.length > 3 ? "small" : longest > 7 || lines.length > 1 ? "middle" : "large";
  place.replaceChildren(
    ...lines.map((line) => {
      const row = element("span", "line");
      for (const part of line.split(/(\?)/)) {
        if (part) row.append(part === UNSURE ? element("span", "doubt", part) : part);
      }
      return row;
    }),
  );
}

/**
 * Show a box for every digit, and for ink that was left out.
 * @param {HTMLElement} place that lies over the picture
 * @param {object | null} found a judged reading
 */
export function showBoxes(place, found) {
  if (found === null) return place.replaceChildren();
  const tagged = found.digits.length + found.ignored.length <= TAGS;
  const box = (key, state, [x, y, width, height], tag) => {
    const made = element("div", "box");
    made.dataset.state = state;
    made.dataset.key = key;
    made.style.left = `${(100 * x) / found.width}%`;
    made.style.top = `${(100 * y) / found.height}%`;
    made.style.width = `${(100 * width) / found.width}%`;
    made.style.height = `${(100 * height) / found.height}%`;
    if (y < 0.08 * found.height) made.dataset.tag = "below";
    const label = element("span", "tag", tag);
    label.hidden = !tagged;
    made.append(label);
    return made;
  };
  return place.replaceChildren(
    ...found.digits.map((digit, k) =>
      box(`digit-${k}`, digit.state, digit.box, digit.state === "unsure" ? `${digit.value}?` : digit.shown),
    ),
    ...found.ignored.map((part, k) => box(`none-${k}`, "none", part, "no digit")),
  );
}

/**
 * Show a card for every digit.
 * @param {HTMLElement} place a list
 * @param {object | null} found a judged reading
 * @param {object} more {names: of the bars, all: whether to show every card, picture: what the boxes are of,
 *   chosen(k), lit(key | null)}
 * @returns {number} how many cards there would be
 */
export function showCards(place, found, { names, all, picture, chosen, lit }) {
  if (found === null) {
    place.replaceChildren();
    return 0;
  }
  const digits = all ? found.digits : found.digits.slice(0, CARDS);
  const cards = digits.map((digit, k) => digitCard(digit, k, found.digits.length, names, chosen));
  if (all || found.digits.length <= CARDS) {
    cards.push(...found.ignored.slice(0, LEFT_OUT).map((box, k) => leftOutCard(box, k, found, picture)));
  }
  for (const card of cards) {
    const { key } = card.dataset;
    card.addEventListener("pointerenter", () => lit(key));
    card.addEventListener("pointerleave", () => lit(null));
    card.addEventListener("focusin", () => lit(key));
    card.addEventListener("focusout", () => lit(null));
  }
  place.replaceChildren(...cards);
  return found.digits.length;
}

function digitCard(digit, k, total, classes, chosen) {
  const names = classes.includes(digit.value) ? classes : [...classes, digit.value]; // a sign is of no class of digits
  const card = element("li", "card");
  card.dataset.state = digit.state;
  card.dataset.key = `digit-${k}`;
  const [state, words] = {
    sure: ["Sure", percent(digit.probability)],
    unsure: ["Not sure", `perhaps ${digit.value}, ${percent(digit.probability)}`],
    corrected: [digit.corrected === digit.value ? "Confirmed" : "Corrected", `read as ${digit.value}`],
  }[digit.state];
  const face = element("button", "face");
  face.type = "button";
  face.setAttribute("aria-label", `Digit ${k + 1} of ${total}: ${aloud(digit)}. ${state}, ${words.replace(">", "more than ")}. Correct it`);
  face.setAttribute("aria-describedby", `chances-${k}`);
  face.addEventListener("click", () => chosen(k));
  const value = element("span", "value", digit.shown);
  value.dataset.long = String([...digit.shown].length > 2);
  const label = element("span", "state");
  label.append(element("strong", "", state), ` ${words}`);
  face.append(value, seen(digit.input), label, bars(digit, names));
  const chances = names
    .map((name) => [name === null ? "no digit" : name, chance(digit, name)])
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([name, probability]) => `${name} ${inWords(probability)}`);
  const likely = element("span", "unseen", `Likeliest: ${chances.join(", ")}`);
  likely.id = `chances-${k}`;
  card.append(face, likely);
  return card;
}

function leftOutCard(box, k, found, picture) {
  const card = element("li", "card");
  card.dataset.state = "none";
  card.dataset.key = `none-${k}`;
  const face = element("div", "face");
  const value = element("span", "value", "∅");
  value.setAttribute("aria-hidden", "true");
  const label = element("span", "state");
  label.append(element("strong", "", "No digit here"), " this ink was left out");
  face.append(value, cutOut(picture, box, found), label);
  card.append(face);
  return card;
}

function chance(digit, name) {
  return name === null ? (digit.none ?? 0) : (digit.probabilities?.[name] ?? 0);
}

function bars(digit, names) {
  const place = element("span", "bars");
  place.setAttribute("aria-hidden", "true");
  for (const name of names) {
    const bar = element("span", "bar");
    bar.dataset.best = String(name === digit.value);
    const fill = element("span", "fill");
    fill.style.height = `${(100 * chance(digit, name)).toFixed(1)}%`;
    const column = element("span", "column");
    column.append(fill);
    bar.append(column, element("span", "label", name ?? "∅"));
    bar.title = `${name ?? "no digit"}: ${percent(chance(digit, name))}`;
    place.append(bar);
  }
  return place;
}

/**
 * What the network sees, bright ink on black, drawn in the colours of the page's style.
 * @param {string | undefined} input 784 bytes in base64
 * @param {HTMLCanvasElement} canvas 28 x 28
 */
export function seen(input, canvas = document.createElement("canvas")) {
  canvas.width = canvas.height = 28;
  canvas.classList.add("seen");
  if (!input) return canvas;
  const bytes = atob(input);
  const image = new ImageData(28, 28);
  for (let k = 0; k < 784; k += 1) {
    const grey = bytes.charCodeAt(k);
    image.data.set([grey, grey, grey, 255], 4 * k);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** A piece of the picture, for ink that the network's input is not known of. */
function cutOut(picture, [x, y, width, height], found) {
  const canvas = element("canvas", "piece");
  canvas.width = canvas.height = 96;
  const across = (picture?.naturalWidth || picture?.width || 0) / found.width;
  if (across > 0) {
    const fit = Math.min(88 / width, 88 / height);
    const [wide, high] = [width * fit, height * fit];
    const from = [x, y, width, height].map((side) => side * across);
    canvas.getContext("2d").drawImage(picture, ...from, (96 - wide) / 2, (96 - high) / 2, wide, high);
  }
  return canvas;
}

function element(name, classes = "", text = "") {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text) made.textContent = text;
  return made;
}
