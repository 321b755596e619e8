/** When to stop: if several processes train, all must stop after the very same run. */
import { alone, type ProcessGroup } from "./process-group.js";

export class StopVote {
  #counting: Promise<boolean> = Promise.resolve(false);

  constructor(
    private readonly signal: AbortSignal | undefined,
    private readonly group: ProcessGroup = alone,
  ) {}

  /** The signal, if this process decides alone; waits can then be aborted by it. */
  get alone(): AbortSignal | undefined {
    return this.group.count === 1 ? this.signal : undefined;
  }

  /**
   * Whether to stop now. All processes ask at the same points and get the same answer: that of their previous votes, so
   * that none waits for the slowest.
   */
  async due(): Promise<boolean> {
    const wish = this.signal?.aborted ?? false;
    if (this.group.count === 1) return wish;
    const answer = await this.#counting;
    this.#counting = this.group.gather("stop", wish).then((votes) => votes.includes(true));
    this.#counting.catch(() => undefined); // reported when its turn comes
    return answer;
  }
}
