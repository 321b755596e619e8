/** How a launcher passes the processes that it starts their place in the job. */
import { EngineError } from "../errors/errors.js";
import { Rank } from "./rank.js";

export interface Place {
  readonly rank: number;
  readonly ranks: number;
  /** Rank among the processes of the same node. */
  readonly localRank: number;
  readonly localRanks: number;
  readonly coordinator: string;
  readonly token: string;
}

export function placeToEnvironment(place: Place): Record<string, string> {
  return {
    DEIT_RANK: String(place.rank),
    DEIT_RANKS: String(place.ranks),
    DEIT_LOCAL_RANK: String(place.localRank),
    DEIT_LOCAL_RANKS: String(place.localRanks),
    DEIT_COORDINATOR: place.coordinator,
    DEIT_JOB_TOKEN: place.token,
  };
}

/** The place that a launcher assigned to this process; undefined if there was no launcher. */
export function placeFromEnvironment(env: NodeJS.ProcessEnv = process.env): Place | undefined {
  if (env.DEIT_RANK === undefined) return undefined;
  const number = (name: string) => {
    const value = Number(env[name]);
    if (!Number.isInteger(value) || value < 0 || !env[name])
      throw new EngineError(
        `${name} is "${env[name] ?? ""}" in the environment, but a launched process needs a number there.`,
      );
    return value;
  };
  const { DEIT_COORDINATOR: coordinator = "", DEIT_JOB_TOKEN: token = "" } = env;
  return {
    rank: number("DEIT_RANK"),
    ranks: number("DEIT_RANKS"),
    localRank: number("DEIT_LOCAL_RANK"),
    localRanks: number("DEIT_LOCAL_RANKS"),
    coordinator,
    token,
  };
}

/** Joins the job that this process was launched for; undefined if it runs on its own. */
export async function joinFromEnvironment(
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ rank: Rank; place: Place } | undefined> {
  const place = placeFromEnvironment(env);
  if (!place || place.ranks === 1) return undefined;
  return { rank: await Rank.join(place), place };
}
