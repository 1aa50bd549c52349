/**
 * Asking for readings: at most one under way, the newest picture wins, and what went wrong is tried again.
 */

import { EngineError, read } from "./engine.js";

const GAP = 280; // milliseconds between requests while the pen moves
const FIRST_WAIT = 1; // seconds until a service that is gone is tried again; then twice as long each time
const LAST_WAIT = 16;

/**
 * @param {object} told what is told: {reading(reading, made), trouble(message, again), calm(), busy(busy), locked(error)}.
 *   `made` is what the picture was made of; `again` whether it is tried again without being asked; `locked` returns a
 *   promise of whether there is a new token.
 * @param {() => {single: boolean, upright: boolean, threshold: number | null}} how
 */
export function asker(told, how) {
  let wanted = null; // {make, made}: how to make the picture that is to be read
  let underWay = null; // an AbortController
  let pause = 0; // the timer of the next request
  let waiting = false; // after an error, and so not to be hurried
  let wait = FIRST_WAIT;
  let last = -GAP;

  const later = (milliseconds) => {
    clearTimeout(pause);
    pause = setTimeout(go, milliseconds);
  };

  async function go() {
    clearTimeout(pause);
    pause = 0;
    waiting = false;
    underWay?.abort();
    const mine = (underWay = new AbortController());
    const { make, made } = wanted;
    last = performance.now();
    const slow = setTimeout(() => told.busy(true), 400);
    try {
      const picture = await make();
      if (mine.signal.aborted) return;
      const reading = await read(picture, { ...how(), signal: mine.signal });
      if (mine.signal.aborted) return;
      wait = FIRST_WAIT;
      told.calm();
      told.reading(reading, made);
    } catch (error) {
      if (mine.signal.aborted) return;
      await stumble(error, mine);
    } finally {
      clearTimeout(slow);
      if (underWay === mine) {
        underWay = null;
        told.busy(false);
      }
    }
  }

  async function stumble(error, mine) {
    if (!(error instanceof EngineError)) {
      told.trouble("This browser could not make or read that picture.", false);
      throw error;
    }
    if (error.status === 401) {
      told.trouble(sentence(error.message), true);
      if ((await told.locked(error)) && underWay === mine) later(0);
    } else if (error.status === 503 || error.status === 429) {
      const seconds = Math.ceil(error.retryAfter ?? wait);
      waiting = true;
      told.trouble(`The service is busy. It is asked again in ${seconds}\u00a0s.`, true);
      later(1000 * seconds);
    } else if (error.status === 0) {
      told.trouble(`${sentence(error.message)} It is tried again in ${wait}\u00a0s.`, true);
      later(1000 * wait);
      wait = Math.min(LAST_WAIT, 2 * wait);
    } else {
      told.trouble(sentence(error.message), false);
    }
  }

  return {
    /** Read soon: the pen is moving. Left undone while another reading is under way. */
    soon(make, made) {
      wanted = { make, made };
      if (pause || underWay) return;
      later(Math.max(0, last + GAP - performance.now()));
    },
    /** Read now, and forget what is under way; a service that said how long it is busy is left in peace so long. */
    now(make, made) {
      wanted = { make, made };
      if (!waiting) go();
    },
    /** Read the same again, as with another setting, or because the user does not want to wait. */
    again() {
      if (wanted) go();
    },
    /** There is nothing to be read any more. */
    stop() {
      wanted = null;
      waiting = false;
      clearTimeout(pause);
      pause = 0;
      underWay?.abort();
      underWay = null;
      told.busy(false);
    },
  };
}

/** A message of the service as a sentence of the page. */
export function sentence(message) {
  const text = message.trim();
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
