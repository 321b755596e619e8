/** An engine that several classifiers use: the last of them that is closed releases it. */
import type { Engine } from "../engines/engine.js";

/** An engine and those who hold it. */
export class SharedEngine {
  #holders = 0;

  constructor(
    readonly engine: Engine,
    private readonly release: () => Promise<void>,
  ) {}

  /** Keeps the engine until the function that is returned is called. */
  hold(): () => Promise<void> {
    this.#holders++;
    let held = true;
    return async () => {
      if (!held) return;
      held = false;
      if (--this.#holders === 0) await this.release();
    };
  }
}
