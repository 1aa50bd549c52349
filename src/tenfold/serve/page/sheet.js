/**
 * The sheet to write on: strokes of mouse, finger, pen or keys, taken back and put again.
 */

import { followKeys, followPointers } from "./pen.js";
import { HEIGHT, WIDTH, extend, history, paint } from "./strokes.js";

const the = (id) => document.getElementById(id);

/**
 * Let the user write.
 * @param {{drawing?: () => void, changed(): void, say(text: string): void, elsewhere(event: KeyboardEvent): boolean}} on
 *     told while a stroke is drawn, and when one is done or taken back; whether a shortcut is for something else
 * @returns {{strokes: object[], writing: boolean, lift(): void, show(): void}} the strokes, with the one being drawn, and
 *     whether there is one; end it; show the sheet anew, as after it was hidden
 */
export function followSheet(on) {
  const canvas = the("sheet");
  const steps = history();
  let live = null; // the stroke that is being drawn
  let ink = "#000";
  let painting = 0;

  const strokes = () => (live ? [...steps.strokes, live] : steps.strokes);
  const repaint = () => {
    painting ||= requestAnimationFrame(() => {
      painting = 0;
      const context = canvas.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      paint(context, strokes(), ink, canvas.width / WIDTH);
    });
  };
  const fit = () => {
    const { width } = canvas.getBoundingClientRect();
    if (!width) return; // it is hidden
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round((canvas.width * HEIGHT) / WIDTH);
    repaint();
  };
  const colour = () => {
    ink = getComputedStyle(canvas).color;
    repaint();
  };
  const drawn = () => {
    const focused = document.activeElement;
    the("undo").disabled = !steps.undoable;
    the("redo").disabled = !steps.redoable;
    the("clear").disabled = !steps.strokes.length;
    if (focused?.disabled) canvas.focus(); // else the keyboard's place on the page would be lost
    the("invitation").hidden = strokes().length > 0;
    repaint();
  };
  const hand = {
    down(x, y) {
      live = { width: Number(the("width").value), points: [x, y] };
      drawn();
      on.drawing?.();
    },
    move(x, y) {
      if (!live || !extend(live, x, y)) return;
      repaint();
      on.drawing?.();
    },
    up() {
      if (!live) return;
      steps.add(live);
      live = null;
      drawn();
      on.changed();
    },
  };
  const change = (how) => {
    hand.up();
    steps[how]();
    drawn();
    on.changed();
    if (!steps.strokes.length) on.say("The sheet is empty.");
  };

  followKeys(canvas, {
    ...hand,
    point(x, y, down) {
      const pen = the("pen");
      pen.style.left = `${(100 * x) / WIDTH}%`;
      pen.style.top = `${(100 * y) / HEIGHT}%`;
      if (pen.dataset.down !== undefined && pen.dataset.down !== String(down)) on.say(down ? "Pen down" : "Pen up");
      pen.dataset.down = String(down);
    },
    undo: () => change("undo"),
    clear: () => change("clear"),
  });
  followPointers(canvas, hand);
  for (const how of ["undo", "redo", "clear"]) the(how).addEventListener("click", () => change(how));
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || on.elsewhere(event)) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    change(key === "y" || event.shiftKey ? "redo" : "undo");
  });
  new ResizeObserver(fit).observe(canvas);
  addEventListener("resize", fit); // zooming changes the pixels, and not the size
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", colour);
  }
  colour();
  drawn();

  return {
    get strokes() {
      return strokes();
    },
    get writing() {
      return live !== null;
    },
    lift: hand.up,
    show() {
      fit();
      drawn();
    },
  };
}
