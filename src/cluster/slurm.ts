/** SLURM: a process's place in a job, from the environment that `srun` gives it, and the script of a job. */
import { UsageError } from "../errors/errors.js";
import { sentence, setting } from "../errors/sentence.js";

export interface SlurmPlace {
  readonly nodes: number;
  readonly nodeRank: number;
  /** Name of the first node, where the coordinator runs. */
  readonly firstHost: string;
  /** A port that other jobs on the same nodes do not use. */
  readonly port: number;
}

/** The place of a task started by `srun`, one on each node; undefined outside SLURM. */
export function slurmPlace(env: NodeJS.ProcessEnv): SlurmPlace | undefined {
  const { SLURM_PROCID, SLURM_NTASKS, SLURM_JOB_ID = "0" } = env;
  const nodeList = env.SLURM_STEP_NODELIST ?? env.SLURM_NODELIST ?? env.SLURM_JOB_NODELIST;
  if (SLURM_PROCID === undefined || SLURM_NTASKS === undefined || !nodeList) return undefined;
  const [nodes, nodeRank] = [Number(SLURM_NTASKS), Number(SLURM_PROCID)];
  const hosts = expandHosts(nodeList);
  if (nodes !== hosts.length) {
    throw new UsageError(
      sentence`SLURM started ${nodes} tasks on ${hosts.length} nodes, but deit launch needs one on each; use --ntasks-per-node=1, and ${setting("processesPerNode")} for several processes.`,
    );
  }
  return { nodes, nodeRank, firstHost: hosts[0], port: 20_000 + (Number.parseInt(SLURM_JOB_ID, 10) % 20_000) };
}

/** Hosts of a list in SLURM's short form, such as `gpu[01-03,07],login`. */
export function expandHosts(list: string): string[] {
  const hosts: string[] = [];
  for (const part of list.split(/,(?![^[]*\])/)) {
    const ranges = [...part.matchAll(/\[([^\]]*)\]/g)];
    let names = [part.slice(0, ranges[0]?.index ?? part.length)];
    ranges.forEach(({ 0: whole, 1: numbers, index }, i) => {
      const after = part.slice(index + whole.length, ranges[i + 1]?.index ?? part.length);
      const filled = numbers.split(",").flatMap(expandRange);
      names = names.flatMap((name) => filled.map((n) => `${name}${n}${after}`));
    });
    hosts.push(...names);
    if (hosts.length > 65_536) break;
  }
  if (hosts.length > 65_536 || hosts.some((h) => !/^[\w.-]+$/.test(h)))
    throw new UsageError(
      sentence`SLURM's list of nodes "${list.slice(0, 200)}" cannot be read; give ${setting("coordinator")} yourself.`,
    );
  return hosts;
}

/** `07` or `01-03`, with the leading zeros of the first. */
function expandRange(text: string): string[] {
  const [from, to = from] = text.split("-");
  const count = Number(to) - Number(from) + 1;
  if (!(count >= 1 && count <= 65_536)) return ["?"];
  return Array.from({ length: count }, (_, i) => String(Number(from) + i).padStart(from.length, "0"));
}

export interface SlurmScriptOptions {
  readonly nodes: number;
  readonly processesPerNode: number;
  readonly gpusPerNode?: number;
  readonly cpusPerTask?: number;
  /** As in sbatch's `--time`, such as 24:00:00. */
  readonly time?: string;
  readonly partition?: string;
  readonly account?: string;
  readonly jobName?: string;
  /** The deit command and its arguments, such as `["train", "imagenet"]`. */
  readonly command: readonly string[];
}

/** A job script for sbatch: one launcher on each node, which starts the node's processes. */
export function slurmScript(options: SlurmScriptOptions): string {
  const { nodes, processesPerNode, gpusPerNode, cpusPerTask, time, partition, account, jobName = "deit" } = options;
  const settings = {
    "job-name": jobName,
    nodes,
    "ntasks-per-node": 1,
    "gpus-per-node": gpusPerNode,
    "cpus-per-task": cpusPerTask,
    time,
    partition,
    account,
    output: `${jobName}-%j.log`,
    // Two minutes before the time limit, so that training can save its state.
    signal: "TERM@120",
  };
  for (const name of ["nodes", "gpusPerNode", "cpusPerTask", "time", "partition", "account", "jobName"] as const) {
    const value = String(options[name] ?? "");
    if (/[\s"'`$\\]/.test(value))
      throw new UsageError(
        sentence`${setting(name)} is "${value}", but a setting of a job has no spaces, quotes or dollar signs.`,
      );
  }
  const lines = Object.entries(settings).flatMap(([name, value]) =>
    value === undefined ? [] : [`#SBATCH --${name}=${value}`],
  );
  const launch = ["deit", "launch", "--processes-per-node", String(processesPerNode), "--", ...options.command];
  return `#!/bin/bash
${lines.join("\n")}
set -euo pipefail

# The secret by which the processes of this job know each other.
DEIT_JOB_TOKEN=$(head -c 24 /dev/urandom | od -An -vtx1 | tr -d ' \\n')
export DEIT_JOB_TOKEN

# exec, so that signals to the job reach it.
exec srun --kill-on-bad-exit=1 ${launch.map(shellQuoted).join(" ")}
`;
}

function shellQuoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
