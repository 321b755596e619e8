/** Progress of opening data that takes long: archives are listed, or files fetched. */

/** How far it has got. The last report of each thing that is done says that it has ended, however it did. */
export interface OpeningProgress {
  /** Such as "listing shards". */
  readonly doing: string;
  /** How much is done, in `unit`. */
  readonly done: number;
  /** How much there is to do, in `unit`. */
  readonly total: number;
  /** What is counted. */
  readonly unit: "MiB" | "shards";
  /** Whether this is the last report of the thing that is done. */
  readonly ended: boolean;
}

/** Called while a dataset is being opened, whenever more of the slow work is done. */
export type OnOpening = (progress: OpeningProgress) => void;

/** Steps of a report at most: a listener may keep them. */
const mostReports = 200;

/** Reports on `work`, which tells how much is done. */
export async function reported<T>(
  onProgress: OnOpening | undefined,
  what: Pick<OpeningProgress, "doing" | "total" | "unit">,
  work: (update: (done: number) => void) => Promise<T>,
): Promise<T> {
  let [done, told] = [0, 0];
  const tell = (ended: boolean) => {
    told = done;
    onProgress?.({ ...what, done, ended });
  };
  tell(false);
  try {
    return await work((now) => {
      done = now;
      if (done - told >= what.total / mostReports) tell(false);
    });
  } finally {
    tell(true);
  }
}
