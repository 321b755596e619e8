/** A process of a launched job: its group, and its end if the group breaks up. */

import { gaveUp } from "../../cluster/launch-job.js";
import type { ProcessGroup } from "../../cluster/process-group.js";
import { joinFromEnvironment } from "../../cluster/rank-environment.js";
import type { ProcessOptions } from "../../engines/xla/open-client.js";
import { messageOf } from "../../errors/message-of.js";
import { warn } from "../output/output.js";

export interface Joined {
  /** Undefined for a single process. */
  readonly group?: ProcessGroup;
  /** The same for the XLA engine. */
  readonly process?: ProcessOptions;
}

/** Runs `work` as a member of the job that this process was launched for, if any. */
export async function withProcessGroup<T>(work: (joined: Joined) => Promise<T>): Promise<T> {
  const joined = await joinFromEnvironment();
  if (!joined) return work({});
  const { rank, place } = joined;
  // The others are gone, and a device that waits for them cannot be stopped.
  const giveUp = () => {
    warn((rank.over.reason as Error).message);
    process.exit(gaveUp);
  };
  rank.over.addEventListener("abort", giveUp, { once: true });
  try {
    const result = await work({
      group: rank,
      process: {
        ...{ index: rank.index, count: rank.count, store: rank },
        visibleDevices: place.localRanks > 1 ? [place.localRank] : undefined,
      },
    });
    await rank.leave();
    return result;
  } catch (error) {
    rank.fail(messageOf(error));
    throw error;
  } finally {
    rank.over.removeEventListener("abort", giveUp);
  }
}
