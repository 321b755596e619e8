/** When to stop: where several processes train, all must do so after the very same run. */
import { alone, type ProcessGroup } from "./process-group.js";

export class StopVote {
  #counting: Promise<boolean> = Promise.resolve(false);

  constructor(
    private readonly signal: AbortSignal | undefined,
    private readonly group: ProcessGroup = alone,
  ) {}

  /** The signal where this process decides by itself; what it waits for then need not be waited for. */
  get alone(): AbortSignal | undefined {
    return this.group.count === 1 ? this.signal : undefined;
  }

  /**
   * Whether to stop now. All processes ask at the same places and get the same answer: that to the votes they gave the
   * time before, so that nobody waits for the slowest.
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
