export interface Kill {
  readonly moment: "step" | "checkpoint" | "rename";
  readonly halfWritten: boolean;
  readonly betweenRenames: boolean;
}

export function killRuns(options: {
  readonly runs: number;
  readonly seed?: number;
  readonly engine?: string;
  readonly epochs?: number;
  readonly mostKills?: number;
  readonly onRun?: (done: number, kills: readonly Kill[]) => void;
}): Promise<readonly (readonly Kill[])[]>;
