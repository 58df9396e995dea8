// Text that streams in, shown as Markdown without doing the work again for each token.

import { make, onFrame, sanitize } from "./dom.js";
import { makeNodes, parse } from "./markdown.js";

const SLICE = 16_000; // characters taken up with a frame
const OPEN_LIMIT = 30_000; // of one paragraph, list or block of code, which is drawn again and again
const MARKDOWN_LIMIT = 200_000; // of a text; what follows is shown as it is
const SHOWN_LIMIT = 1_000_000;
const SLOWEST = 150; // milliseconds for drawing what is open
const REST = 8; // a drawing that took a while is followed by so many times that without one

/** Shows a text as it grows: finished blocks stay, only the last is drawn again. */
export class Prose {
  #ends = make("div", { className: "open" });
  #references = {};
  #waiting = "";
  #open = "";
  #drawn = 0;
  #hidden = 0;
  #plain = null;
  #scheduled = false;
  #notBefore = 0;
  #finish = null;

  constructor() {
    this.element = make("div", { className: "prose", dir: "auto" }, this.#ends);
    this.length = 0;
  }

  add(text) {
    const room = Math.max(0, SHOWN_LIMIT - this.length);
    this.#waiting += sanitize(text.slice(0, room).replace(/\r\n?/g, "\n"));
    this.#hidden += Math.max(0, text.length - room);
    this.length += text.length;
    this.#schedule();
  }

  /** Resolve when all of the text is shown. */
  finish() {
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#notBefore = 0;
      this.#schedule();
    });
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    onFrame(() => {
      this.#scheduled = false;
      this.#draw();
    });
  }

  #draw() {
    if (performance.now() >= this.#notBefore) this.#take();
    if (this.#waiting) this.#schedule();
    else if (this.#finish) this.#end();
  }

  #take() {
    const slice = this.#waiting.slice(0, SLICE);
    this.#waiting = this.#waiting.slice(SLICE);
    this.#drawn += slice.length;
    if (this.#plain) {
      this.#addPlain(slice);
      return;
    }
    const started = performance.now();
    this.#open += slice;
    this.#drawMarkdown();
    const took = performance.now() - started;
    this.#notBefore = this.#finish ? 0 : started + REST * took;
    const long = this.#open.length > OPEN_LIMIT || this.#drawn > MARKDOWN_LIMIT;
    if (long || took > SLOWEST) this.#addPlain("");
  }

  /** Draw what is open, and leave alone from now on what later lines cannot change. */
  #drawMarkdown() {
    const tokens = parse(this.#open, this.#references);
    const [count, line] = findFinished(tokens, this.#open);
    this.#ends.before(makeNodes(tokens.slice(0, count)));
    this.#ends.replaceChildren(makeNodes(tokens.slice(count)));
    this.#open = skipLines(this.#open, line);
  }

  /** Add text as it is, in pieces that the browser lays out one by one. */
  #addPlain(text) {
    if (!this.#plain || this.#plain.textContent.length > SLICE) {
      this.#plain = make("div", { className: "plain" });
      this.element.append(this.#plain);
    }
    this.#plain.append(text);
  }

  #end() {
    if (this.#hidden) {
      const note = `The rest, ${this.#hidden.toLocaleString("en")} characters, is not shown.`;
      this.element.append(make("p", { className: "note" }, note));
    }
    this.#hidden = 0;
    this.#finish();
    this.#finish = null;
  }
}

/**
 * Return how many tokens belong to finished blocks, and the line after them.
 *
 * A block is finished when another begins in a complete line: the rest of a line that has not
 * arrived yet may still make it part of the block before.
 */
function findFinished(tokens, text) {
  const complete = text.split("\n").length - 1;
  const isStart = ({ level, nesting, map }) => level === 0 && nesting >= 0 && map?.[0] < complete;
  const last = tokens.findLastIndex(isStart);
  return last > 0 ? [last, tokens[last].map[0]] : [0, 0];
}

function skipLines(text, count) {
  let at = 0;
  for (let line = 0; line < count; line += 1) at = text.indexOf("\n", at) + 1;
  return text.slice(at);
}
