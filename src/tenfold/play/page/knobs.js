/**
 * The knobs: what the next training is asked to be, and what another beside it is.
 */

const LOWEST = -4; // powers of ten of the learning rate
const HIGHEST = 1;

const numbers = (...values) => values.map((value) => [String(value), value.toLocaleString("en")]);

// Each knob: its name in a request, its label, and the control it has.
const KNOBS = [
  { name: "lr", label: "Learning rate", control: "rate" },
  { name: "batch_size", label: "Batch size", choices: numbers(16, 32, 64, 96, 128, 256, 512, 1024) },
  { name: "epochs", label: "Epochs", control: "number", min: 1, max: 100 },
  { name: "hidden", label: "Hidden width", control: "number", min: 1, max: 2000 },
  { name: "dropout", label: "Dropout", choices: [0, 0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 0.9].map((p) => [String(p), `${Math.round(100 * p)}%`]) },
  { name: "augment", label: "Augmentation", choices: [["", "as the recipe"], ["none", "none"], ["little", "a little"], ["much", "much"]] },
  { name: "digits", label: "Training digits", choices: [["", "all"], ...numbers(30_000, 10_000, 3_000, 1_000, 300, 100)] },
  { name: "wrong", label: "Wrong labels", choices: [0, 5, 10, 20, 30, 40, 50].map((p) => [String(p / 100), p ? `${p}%` : "none"]) },
  { name: "seed", label: "Seed", control: "number", min: 0, max: 999_999 },
];

const byName = new Map(KNOBS.map((knob) => [knob.name, knob]));

/**
 * Build the form.
 * @param {HTMLFormElement} form
 * @param {object[]} recipes as the service offers them
 * @param {(track: number, lr: number) => void} rated told of another learning rate
 */
export function makeKnobs(form, recipes, rated) {
  const recipe = select("recipe", recipes.map((one) => [one.name, `${one.name}: ${(100 * one.accuracy).toFixed(1)}% in ${time(one.seconds)}`]));
  const other = select("compare", [["", "no comparison"], ...KNOBS.map(({ name, label }) => [name, label.toLowerCase()])]);
  const place = document.createElement("div");
  place.className = "other";
  let second = null;
  const controls = new Map(KNOBS.map((knob) => [knob.name, control(knob, knob.name, (lr) => rated(0, lr))]));
  form.replaceChildren(
    row("Recipe", recipe, "wide"),
    ...KNOBS.map((knob) => row(knob.label, controls.get(knob.name))),
    row("Compare two networks by", other, "wide"),
    place,
  );
  const current = () => recipes.find((one) => one.name === recipe.value);
  const defaults = () => {
    const now = current();
    const has = { ...now, augment: "", digits: "", wrong: 0, seed: 0 };
    for (const [name, input] of controls) {
      input.set(has[name]);
      input.field.disabled = has[name] === null;
      [...other.options].find((option) => option.value === name).disabled = has[name] === null;
    }
    if (other.selectedOptions[0]?.disabled) other.value = "";
    compare();
  };
  const compare = () => {
    const knob = byName.get(other.value);
    second = knob ? control(knob, `other-${knob.name}`, (lr) => rated(1, lr)) : null;
    place.replaceChildren(...(second ? [row(`${knob.label} of B`, second)] : []));
    if (!second) return;
    second.set(controls.get(knob.name).get());
    second.field.disabled = controls.get(knob.name).field.disabled;
  };
  recipe.addEventListener("change", defaults);
  other.addEventListener("change", compare);
  form.addEventListener("submit", (event) => event.preventDefault());
  defaults();

  const asked = (changed = {}) => {
    const now = current();
    const knobs = { recipe: now.name };
    for (const [name, input] of controls) {
      const value = name in changed ? changed[name] : input.get();
      if (value === "" || value === null || input.field.disabled) continue;
      if (value !== now[name]) knobs[name] = value;
    }
    return knobs;
  };
  return {
    defaults,
    /** What is asked for, as the service takes it: {knobs, other}. */
    asked: () => ({ knobs: asked(), other: second ? asked({ [other.value]: second.get() }) : null }),
    /** The name of the knob in which the two differ, if there are two. */
    get different() {
      return second ? byName.get(other.value).label.toLowerCase() : "";
    },
    /** What that knob of A and of B is at, in words. */
    words() {
      const name = byName.get(other.value)?.label.toLowerCase();
      return second ? [controls.get(other.value), second].map((one) => `${name} ${one.say()}`) : ["", ""];
    },
  };
}

function row(label, thing, kind = "") {
  const made = document.createElement("div");
  made.className = `knob ${kind}`;
  const name = document.createElement("label");
  name.textContent = label;
  const field = thing.field ?? thing;
  field.id = name.htmlFor = `knob-${field.name}`;
  made.append(name, thing.node ?? field);
  return made;
}

function select(name, choices) {
  const made = document.createElement("select");
  made.name = name;
  made.append(...choices.map(([value, text]) => new Option(text, value)));
  return made;
}

function control(knob, name, rated) {
  if (knob.control === "rate") return rate(name, rated);
  if (knob.control === "number") {
    const field = document.createElement("input");
    Object.assign(field, { type: "number", name, min: knob.min, max: knob.max, step: 1, inputMode: "numeric" });
    let before = "";
    const get = () => (field.value === "" ? before : Math.min(knob.max, Math.max(knob.min, Math.round(Number(field.value)))));
    field.addEventListener("change", () => { before = field.value = get(); }); // what is shown is what is asked for
    return {
      field,
      set: (value) => { before = field.value = value ?? ""; },
      get,
      say: () => field.value,
    };
  }
  const field = select(name, knob.choices);
  return {
    field,
    set(value) {
      const text = String(value);
      if (![...field.options].some((option) => option.value === text)) field.append(new Option(text, text));
      field.value = text;
    },
    get: () => (Number.isNaN(Number.parseFloat(field.value)) ? field.value : Number(field.value)),
    say: () => field.selectedOptions[0].text,
  };
}

/** A slider of powers of ten; what it is set to is kept as it is until it is moved. */
function rate(name, rated) {
  const field = document.createElement("input");
  Object.assign(field, { type: "range", name, min: 0, max: 100, step: 1 });
  const shown = document.createElement("output");
  const node = document.createElement("span");
  node.className = "rate";
  node.append(field, shown);
  let value = 1;
  const show = () => {
    shown.textContent = String(value);
    field.setAttribute("aria-valuetext", String(value));
  };
  field.addEventListener("input", () => {
    value = Number((10 ** (LOWEST + (Number(field.value) / 100) * (HIGHEST - LOWEST))).toPrecision(2));
    show();
    rated(value);
  });
  return {
    field,
    node,
    set(wanted) {
      value = wanted;
      field.value = String(Math.round((100 * (Math.log10(wanted) - LOWEST)) / (HIGHEST - LOWEST)));
      show();
    },
    get: () => value,
    say: () => String(value),
  };
}

function time(seconds) {
  return seconds < 90 ? `${Number(seconds.toPrecision(2))} s` : `${Math.round(seconds / 60)} min`;
}
