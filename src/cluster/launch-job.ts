/** Starts this node's processes of a job, and ends them all when one fails. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { EngineError, TrainingError, UsageError } from "../errors/errors.js";
import { sentence, setting } from "../errors/sentence.js";
import { Coordinator } from "./coordinator.js";
import { forwardSignals, launchEnvironment } from "./launcher.js";
import { parseAddress } from "./rank.js";
import { placeToEnvironment } from "./rank-environment.js";

export interface JobOptions {
  readonly nodes: number;
  readonly nodeRank: number;
  readonly processesPerNode: number;
  /** `host:port` of node 0; not needed for a single node. */
  readonly coordinator?: string;
  /** Secret that all nodes of the job share. */
  readonly token: string;
  readonly script: string;
  readonly args: readonly string[];
  /** Time for all processes to join. */
  readonly joinMs?: number;
  /** Time for processes to exit on their own before they are killed (default: ten seconds). */
  readonly graceMs?: number;
  /** Receives messages, and the output of processes other than the first. */
  readonly say: (line: string) => void;
}

/**
 * Exit code of a process that gives up because another one has failed. It is internal to a job: the launcher looks for
 * the code of the process that failed.
 */
export const gaveUp = 76;

/** The exit code of the job: 0, that of the first process of this node that failed, or 7 when that was on another node. */
export async function launchJob(options: JobOptions): Promise<number> {
  const { nodes, nodeRank, processesPerNode, token, joinMs, say } = options;
  const ranks = nodes * processesPerNode;
  if (nodeRank >= nodes)
    throw new UsageError(
      sentence`${setting("nodeRank")} is ${nodeRank}, but ${nodes} nodes are numbered 0 to ${nodes - 1}.`,
    );
  if (nodes > 1 && options.coordinator === undefined)
    throw new UsageError(
      sentence`A job on ${nodes} nodes needs ${setting("coordinator", "host:port")}, where host is node 0.`,
    );
  const address = options.coordinator === undefined ? undefined : parseAddress(options.coordinator);
  const coordinator =
    nodeRank > 0
      ? undefined
      : await Coordinator.listen({
          ranks,
          token,
          joinMs,
          port: address?.port,
          host: nodes === 1 ? "127.0.0.1" : undefined,
        });
  const at = options.coordinator ?? `127.0.0.1:${coordinator!.port}`;
  try {
    const children = Array.from({ length: processesPerNode }, (_, localRank) => {
      const rank = nodeRank * processesPerNode + localRank;
      const place = { rank, ranks, localRank, localRanks: processesPerNode, coordinator: at, token };
      return { rank, child: start(options, rank, placeToEnvironment(place), say) };
    });
    void coordinator?.ended.then((reason) => reason && say(`deit: ${reason}`));
    return await untilEnded(children, options, (sentence) => {
      if (coordinator) coordinator.end(sentence);
      else say(`deit: ${sentence}`);
    });
  } finally {
    await coordinator?.close();
  }
}

function start(
  { script, args }: JobOptions,
  rank: number,
  place: Readonly<Record<string, string>>,
  say: (line: string) => void,
): ChildProcess {
  const first = rank === 0;
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    stdio: first ? ["inherit", "inherit", "inherit", "ipc"] : ["ignore", "pipe", "pipe", "ipc"],
    env: { ...launchEnvironment(), ...place },
  });
  child.channel?.unref();
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) prefixed(stream, rank, say);
  }
  return child;
}

function prefixed(stream: Readable, rank: number, say: (line: string) => void): void {
  createInterface({ input: stream }).on("line", (line) => say(`[rank ${rank}] ${line}`));
}

async function untilEnded(
  children: readonly { readonly rank: number; readonly child: ChildProcess }[],
  { graceMs = 10_000 }: JobOptions,
  onFailure: (sentence: string) => void,
): Promise<number> {
  const running = new Set(children.map(({ child }) => child));
  const stopForwarding = forwardSignals((signal) => {
    for (const child of running) child.kill(signal);
  });
  let failure = 0;
  let killing = false;
  const kill = (signal: NodeJS.Signals) => {
    for (const child of running) child.kill(signal);
  };
  let timer: NodeJS.Timeout | undefined;
  const ended = children.map(
    ({ rank, child }) =>
      new Promise<void>((resolve, reject) => {
        child.once("error", (cause) =>
          reject(new EngineError(`Cannot start rank ${rank}: ${cause.message}.`, { cause })),
        );
        child.once("exit", (code, signal) => {
          running.delete(child);
          const status = code ?? 128 + (signal ? constants.signals[signal] : 0);
          const first = status !== 0 && failure === 0;
          if (first || (status !== 0 && failure === gaveUp && !killing)) failure = status;
          if (first) {
            // Interrupted processes report this themselves and take the time they need to save their work.
            if (status === 130 || status === 75) return resolve();
            if (status !== gaveUp) onFailure(`Rank ${rank} ended with exit code ${status}, so the job ends.`);
            timer = setTimeout(() => {
              killing = true;
              kill("SIGTERM");
              timer = setTimeout(() => kill("SIGKILL"), graceMs);
            }, graceMs / 2);
          }
          resolve();
        });
      }),
  );
  try {
    await Promise.all(ended);
  } catch (error) {
    kill("SIGKILL");
    throw error;
  } finally {
    clearTimeout(timer);
    stopForwarding();
  }
  return failure === gaveUp ? new TrainingError("").exitCode : failure;
}
