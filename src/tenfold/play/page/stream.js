/**
 * The service behind the page: what it sends while the page is open, and what the page asks of it.
 */

const AGAIN = 800; // milliseconds until a page that was just loaded anew tries again, as the one before is still leaving
let page = null; // the name by which the service knows this page

/** A request that was refused. `message` is one line for the user. */
export class Refused extends Error {}

/**
 * Follow the service. It is told of by `on`: page(about), frame(frame), taken(says), gone().
 * @param {{page: Function, frame: Function, taken: Function, gone: Function}} on
 */
export function follow(on, tries = 3) {
  const source = new EventSource("play/stream");
  let met = false;
  source.addEventListener("page", ({ data }) => {
    met = true;
    const about = JSON.parse(data);
    page = about.page;
    on.page(about);
  });
  source.addEventListener("frame", ({ data }) => on.frame(JSON.parse(data)));
  source.addEventListener("taken", ({ data }) => {
    source.close();
    if (tries > 1) setTimeout(() => follow(on, tries - 1), AGAIN);
    else on.taken(JSON.parse(data).says);
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED && !met) return;
    source.close(); // what it had begun is stopped: the page begins anew
    page = null;
    on.gone();
  });
}

/**
 * Ask something of the service.
 * @param {string} what the last part of the address
 * @param {object} body
 * @returns {Promise<object>}
 */
export async function ask(what, body = {}) {
  let answer;
  try {
    const headers = { "Content-Type": "application/json", "X-Tenfold-Page": page ?? "" };
    const response = await fetch(`play/${what}`, { method: "POST", headers, body: JSON.stringify(body) });
    answer = await response.json();
    if (response.ok) return answer;
  } catch {
    throw new Refused("The service cannot be reached.");
  }
  const why = String(answer.error ?? "The service did not answer as hoped");
  throw new Refused(`${why[0].toUpperCase()}${why.slice(1)}.`);
}

/** The bytes in base64. */
export function bytes(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}
