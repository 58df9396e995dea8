// The time of a turn.

/**
 * When the event came that is being shown, in milliseconds since the turn began.
 *
 * A turn that is shown again has the times that it had.
 */
export class Clock {
  #began = performance.now();
  at = 0;

  /** Go on to the present. */
  advance() {
    this.at = performance.now() - this.#began;
    return this.at;
  }

  set(at) {
    this.#began = performance.now() - at;
    this.at = at;
  }
}
