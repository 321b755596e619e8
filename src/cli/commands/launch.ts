/** `deit launch`: start the processes of a job, on one or more nodes, or print the script of a SLURM job. */
import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { launchJob } from "../../cluster/launch-job.js";
import { type SlurmScriptOptions, slurmPlace, slurmScript } from "../../cluster/slurm.js";
import { UsageError } from "../../errors/errors.js";
import { wholeNumber } from "../options/options.js";
import { note } from "../output/output.js";

interface Options extends Omit<SlurmScriptOptions, "nodes" | "command"> {
  readonly nodes?: number;
  readonly nodeRank?: number;
  readonly coordinator?: string;
  readonly slurm?: boolean;
}

export function define(command: Command): void {
  command
    .argument("<command...>", "a deit command and its options, after --")
    .passThroughOptions()
    .option("--nodes <n>", "number of machines", wholeNumber(1))
    .option("--node-rank <n>", "index of this machine, from 0", wholeNumber(0))
    .option("--coordinator <host:port>", "address of machine 0, with a free port")
    .option(
      "--processes-per-node <n>",
      "1 process drives all GPUs of a machine; with more, each gets one GPU",
      wholeNumber(1),
      1,
    )
    .option("--slurm", "print the script of a SLURM job instead")
    .option("--gpus-per-node <n>", "SLURM: GPUs of each machine", wholeNumber(1))
    .option("--cpus-per-task <n>", "SLURM: processors of each machine", wholeNumber(1))
    .option("--time <limit>", "SLURM: time limit, such as 24:00:00")
    .option("--partition <name>", "SLURM: partition")
    .option("--account <name>", "SLURM: account")
    .option("--job-name <name>", "SLURM: name of the job")
    .addHelpText(
      "after",
      `
Examples:
  deit launch --nodes 2 --node-rank 0 --coordinator node0:29400 -- train imagenet/ --batch-size 2048
  deit launch --nodes 2 --node-rank 1 --coordinator node0:29400 -- train imagenet/ --batch-size 2048
  deit launch --slurm --nodes 4 --gpus-per-node 8 --time 24:00:00 -- train imagenet/ > job.sh; sbatch job.sh

All machines need the same secret in DEIT_JOB_TOKEN, and must see the data and the run folder under the same paths.
Under SLURM, ranks and addresses come from its environment.`,
    )
    .action(run);
}

async function run(command: string[], options: Options): Promise<void> {
  const { processesPerNode } = options;
  if (command[0] !== "train") throw new UsageError(`deit launch runs "train", not "${command[0]}"; write it after --.`);
  if (options.slurm) {
    process.stdout.write(slurmScript({ ...options, nodes: options.nodes ?? 1, command }));
    return;
  }
  const slurm = options.nodes === undefined ? slurmPlace(process.env) : undefined;
  const nodes = options.nodes ?? slurm?.nodes ?? 1;
  const nodeRank = options.nodeRank ?? slurm?.nodeRank ?? (nodes === 1 ? 0 : undefined);
  if (nodeRank === undefined)
    throw new UsageError(`A job on ${nodes} nodes needs --node-rank, a number from 0 to ${nodes - 1} on each.`);
  const coordinator =
    options.coordinator ?? (slurm && slurm.nodes > 1 ? `${slurm.firstHost}:${slurm.port}` : undefined);
  process.exitCode = await launchJob({
    ...{ nodes, nodeRank, processesPerNode, coordinator, token: jobToken(nodes) },
    script: process.argv[1],
    args: command,
    say: note,
  });
}

/** The secret of the job. A single node can generate it; several must share one. */
function jobToken(nodes: number): string {
  const given = process.env.DEIT_JOB_TOKEN;
  if (given !== undefined && given.length >= 16) return given;
  if (given !== undefined) throw new UsageError("DEIT_JOB_TOKEN is shorter than 16 characters; take a longer secret.");
  if (nodes === 1) return randomBytes(24).toString("hex");
  throw new UsageError(
    "The nodes of a job know each other by a secret; set DEIT_JOB_TOKEN to the same one on every node, such as the output of: openssl rand -hex 24",
  );
}
