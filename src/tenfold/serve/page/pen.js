/**
 * The pen: a mouse, a finger, a stylus or the arrow keys, as the same four events on the sheet.
 *
 * `hand` is {down(x, y), move(x, y), up(), point(x, y, down)}: the first three draw, the last shows where the keys'
 * pen is. Places are in units of the sheet.
 */

import { HEIGHT, WIDTH } from "./strokes.js";

const STEP = 10; // units of the sheet that a key moves the pen by
const FAR = 4; // times as many with Shift
const MOVES = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  Home: [-1, -1], // on a number pad these four lie where they lead to
  PageUp: [1, -1],
  End: [-1, 1],
  PageDown: [1, 1],
};

/**
 * Draw with whatever points. One pointer at a time: a second finger or the palm is not a pen.
 * @param {HTMLCanvasElement} sheet
 * @param {object} hand
 */
export function followPointers(sheet, hand) {
  let drawing = null; // the id of the pointer that draws

  const place = (event) => {
    const box = sheet.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * WIDTH, ((event.clientY - box.top) / box.height) * HEIGHT];
  };
  const lift = (event) => {
    if (event.pointerId !== drawing) return;
    drawing = null;
    hand.up();
  };

  sheet.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    drawing = event.pointerId;
    sheet.setPointerCapture(drawing);
    hand.down(...place(event));
  });
  sheet.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const parts = event.getCoalescedEvents?.() ?? [];
    for (const part of parts.length ? parts : [event]) hand.move(...place(part));
  });
  sheet.addEventListener("pointerup", lift);
  sheet.addEventListener("pointercancel", lift);
  sheet.addEventListener("lostpointercapture", lift);
  sheet.addEventListener("contextmenu", (event) => {
    if (drawing !== null) event.preventDefault(); // a long press is a dot, and asks for no menu
  });
}

/**
 * Draw with keys while the sheet has the focus. To be called before followPointers, which takes the pen over.
 * @param {HTMLCanvasElement} sheet
 * @param {object} hand also {undo(), clear()}
 */
export function followKeys(sheet, hand) {
  const held = new Set();
  let [x, y] = [WIDTH / 2, HEIGHT / 4];
  let down = false;

  const put = (wanted) => {
    if (down === wanted) return;
    down = wanted;
    if (down) hand.down(x, y);
    else hand.up();
    hand.point(x, y, down);
  };

  sheet.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in MOVES) {
      held.add(event.key);
      const step = STEP * (event.shiftKey ? FAR : 1);
      const sum = (axis) => Math.sign([...held].reduce((total, key) => total + MOVES[key][axis], 0));
      x = Math.min(WIDTH, Math.max(0, x + step * sum(0)));
      y = Math.min(HEIGHT, Math.max(0, y + step * sum(1)));
      if (down) hand.move(x, y);
      hand.point(x, y, down);
    } else if (event.key === " " || event.key === "Enter") {
      if (!event.repeat) put(!down);
    } else if (event.key === "Escape") {
      put(false);
    } else if (event.key === "Backspace") {
      if (down) put(false);
      hand.undo();
    } else if (event.key === "Delete") {
      if (down) put(false);
      hand.clear();
    } else {
      return;
    }
    event.preventDefault();
  });
  sheet.addEventListener("pointerdown", () => put(false)); // one pen at a time
  sheet.addEventListener("keyup", (event) => held.delete(event.key));
  sheet.addEventListener("focus", () => hand.point(x, y, down));
  sheet.addEventListener("blur", () => {
    held.clear();
    put(false);
  });
}
