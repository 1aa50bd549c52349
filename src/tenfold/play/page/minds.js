/**
 * What the networks make of each drawn digit: a card for each, with its past and its present.
 */

import { paintDigit, paintMind } from "./pictures.js";
import { bytes } from "./stream.js";

/** A probability as people write it, never 100% or 0%, which nobody can be sure of. */
export function percent(probability) {
  if (probability > 0.999) return ">99.9%";
  if (probability < 0.001) return "<0.1%";
  return `${(100 * probability).toFixed(probability > 0.99 || probability < 0.01 ? 1 : 0)}%`;
}

/**
 * Make a card for each digit, in place of those before.
 * @param {HTMLOListElement} list
 * @param {string[]} digits 28 x 28 bytes in base64
 * @param {(number: number) => void} chosen told which digit was chosen
 */
export function makeCards(list, digits, chosen) {
  list.replaceChildren(
    ...digits.map((digit, k) => {
      const card = document.createElement("li");
      card.className = "mind";
      card.innerHTML = `
        <button type="button" class="seen-by" aria-pressed="false"><canvas></canvas></button>
        <p class="answers"></p>
        <div class="pasts"></div>
        <p class="changes"></p>`;
      paintDigit(card.querySelector("canvas"), bytes(digit));
      const button = card.querySelector("button");
      button.setAttribute("aria-label", `Digit ${k + 1}, as the network sees it`);
      button.addEventListener("click", () => chosen(k));
      return card;
    }),
  );
}

/**
 * Show on each card what the networks think.
 * @param {HTMLOListElement} list
 * @param {object[]} tracks see play.js
 * @param {{names: string[], marked: number | null}} how
 */
export function showCards(list, tracks, { names, marked }) {
  [...list.children].forEach((card, k) => {
    const there = tracks.filter((track) => track.now[k]);
    fill(card.querySelector(".answers"), there, (track) => {
      const best = track.now[k].indexOf(Math.max(...track.now[k]));
      return `<strong>${escape(names[best])}</strong> ${percent(track.now[k][best])}`;
    });
    fill(card.querySelector(".changes"), there, (track) => changes(track.changes[k] ?? [], names));
    const pasts = card.querySelector(".pasts");
    while (pasts.children.length > there.length) pasts.lastElementChild.remove();
    while (pasts.children.length < there.length) {
      const canvas = document.createElement("canvas");
      canvas.className = "past";
      canvas.setAttribute("aria-hidden", "true"); // the words beside it say the same
      pasts.append(canvas);
    }
    there.forEach((track, at) => {
      const size = names.length;
      const past = track.minds.map(([seen, levels]) => ({ seen, levels: levels.subarray(k * size, (k + 1) * size) }));
      paintMind(pasts.children[at], past, track.now[k], { total: track.total, names, second: track.number === 1, marked });
    });
  });
}

/** A line for each track, only touched where it says something else than before. */
function fill(place, tracks, say) {
  const html = tracks
    .map((track) => `<span class="of${track.number}">${track.name ? `<b>${track.name}</b> ` : ""}${say(track)}</span>`)
    .join("");
  if (place.dataset.html === html) return;
  place.dataset.html = html;
  place.innerHTML = html;
}

function changes(list, names) {
  if (list.length < 2 && !list[0]?.[0]) return list.length ? "the same answer since the start" : "";
  const told = list.slice(-4).map(([step, , answer]) => `${step ? `step ${step.toLocaleString("en")}` : "at first"}: ${escape(names[answer])}`);
  return `${list.length > 4 ? "… " : ""}${told.join(", ")}`;
}

function escape(text) {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
