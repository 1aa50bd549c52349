/**
 * After a training: the test set once, keeping the run, and the page that reads with the network.
 */

import { ask } from "./stream.js";

const the = (id) => document.getElementById(id);

/**
 * The part of the page for what comes after.
 * @param {{attempt(what: () => Promise<void>): Promise<void>, say(text: string): void}} page
 */
export function afterwards({ attempt, say }) {
  let shown = 0; // how often there was something else to show: what was asked for before comes too late
  const clear = () => {
    shown++;
    the("afterwards").hidden = true;
    the("ends").replaceChildren();
    the("matrix").replaceChildren();
    outcome();
  };
  const outcome = (...parts) => {
    the("outcome").hidden = !parts.length;
    the("outcome").replaceChildren(...parts);
    if (parts.length) say(the("outcome").textContent);
  };
  const busy = (button, text) => {
    const [before, done] = [button.textContent, hold(button)];
    button.textContent = text;
    return () => {
      button.textContent = before;
      done();
    };
  };

  const evaluate = (track, button) => async () => {
    const [asked, done] = [shown, busy(button, "Testing…")];
    try {
      track.found ??= await ask("evaluate", { track: track.number });
    } catch (error) {
      done();
      throw error;
    }
    done();
    if (asked !== shown) return;
    button.textContent = `Show its ${track.found.mistakes.toLocaleString("en")} mistakes`;
    const { accuracy, interval, n, mistakes, matrix } = track.found;
    const [low, high] = interval.map(exact);
    outcome(`${exact(accuracy)} of ${n.toLocaleString("en")} test digits are right (95% interval ${low} to ${high}), `
      + `${mistakes.toLocaleString("en")} are not.`);
    the("matrix").innerHTML = `<h3>${track.name ? `${track.name}: which` : "Which"} digits are taken for which</h3>
      <p class="hint">Rows are what they are, columns what was answered. Choose a number to see its digits.</p>${matrix}`;
    for (const wide of the("matrix").querySelectorAll(".wide")) wide.tabIndex = 0;
  };
  const keep = (track, button) => async () => {
    const [asked, done] = [shown, busy(button, "Keeping…")];
    try {
      const { kept, changed_rate: changed, initial } = await ask("keep", { track: track.number });
      if (asked !== shown) return;
      outcome("Kept as a run like any other: ", code(kept), ". Look at it with ", code(`tenfold evaluate ${kept}`), ", ",
        code(`tenfold explain ${kept}`), `.${changed ? " Its recipe does not record that the learning rate was changed on the way." : ""}`,
        ...(initial ? [" The weights it began with are beside it, in ", code(initial), "."] : []));
    } finally {
      done();
    }
  };
  const read = (track, button) => async () => {
    const [asked, done] = [shown, busy(button, "Preparing it for pictures…")];
    try {
      const { address } = await ask("read", { track: track.number });
      if (asked !== shown) return;
      const link = Object.assign(document.createElement("a"), { href: address, target: "_blank", textContent: "Open the page that reads" });
      outcome("This network reads pictures now. ", link);
      link.focus();
    } finally {
      done();
    }
  };

  return {
    clear,
    show(tracks) {
      const finished = tracks.filter((track) => track.state === "finished");
      the("afterwards").hidden = !finished.length;
      the("ends").replaceChildren(...finished.map((track) => {
        const group = document.createElement("div");
        group.className = "group";
        group.setAttribute("role", "group");
        group.setAttribute("aria-label", track.name ? `After the training of ${track.name}` : "After the training");
        if (track.name) group.append(Object.assign(document.createElement("b"), { className: `of${track.number}`, textContent: track.name }));
        for (const [text, what] of [["Evaluate on the test set", evaluate], ["Keep this run", keep], ["Read with this network", read]]) {
          const button = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: text });
          button.addEventListener("click", () => attempt(what(track, button)));
          group.append(button);
        }
        return group;
      }));
    },
  };
}

/** Disable a button until what is returned is called; the keyboard's place on the page is not lost by it. */
export function hold(button) {
  const focused = document.activeElement === button;
  button.disabled = true;
  return () => {
    button.disabled = false;
    if (focused && [document.body, null].includes(document.activeElement)) button.focus();
  };
}

function exact(share) {
  return `${(100 * share).toFixed(2)}%`;
}

function code(text) {
  return Object.assign(document.createElement("code"), { textContent: text });
}
