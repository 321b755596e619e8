import { describe, expect, it } from "vitest";
import { expandHosts, slurmPlace, slurmScript } from "./slurm.js";

describe("SLURM's environment", () => {
  it("gives a task its place and the first node", () => {
    const env = { SLURM_PROCID: "2", SLURM_NTASKS: "3", SLURM_NODELIST: "gpu[07-08],big1", SLURM_JOB_ID: "1234567" };
    expect(slurmPlace(env)).toEqual({ nodes: 3, nodeRank: 2, firstHost: "gpu07", port: 34_567 });
    expect(slurmPlace({})).toBeUndefined();
  });
  it("is refused for several tasks on a node, with the way out", () => {
    const env = { SLURM_PROCID: "0", SLURM_NTASKS: "16", SLURM_NODELIST: "gpu[1-2]" };
    expect(() => slurmPlace(env)).toThrow(/16 tasks on 2 nodes.*--ntasks-per-node=1/);
  });
  it("lists nodes in a short form", () => {
    expect(expandHosts("login")).toEqual(["login"]);
    expect(expandHosts("n[8-11]")).toEqual(["n8", "n9", "n10", "n11"]);
    expect(expandHosts("n[008-010,100],m[1],x.example")).toEqual(["n008", "n009", "n010", "n100", "m1", "x.example"]);
    expect(expandHosts("rack[1-2]node[01-02]-ib")).toEqual([
      "rack1node01-ib",
      "rack1node02-ib",
      "rack2node01-ib",
      "rack2node02-ib",
    ]);
    for (const bad of ["n[1-", "n[9-1]", "n[1-99999999]", "a b", ""])
      expect(() => expandHosts(bad)).toThrow(/cannot be/);
  });
});

describe("a job script", () => {
  const script = slurmScript({
    nodes: 4,
    processesPerNode: 1,
    gpusPerNode: 8,
    time: "24:00:00",
    partition: "gpu",
    command: ["train", "my data", "--set", "about=it's $HOME"],
  });
  it("requests the given resources, one task on each node", () => {
    for (const line of ["nodes=4", "ntasks-per-node=1", "gpus-per-node=8", "time=24:00:00", "partition=gpu"])
      expect(script).toContain(`#SBATCH --${line}\n`);
    expect(script).not.toContain("undefined");
    expect(() => slurmScript({ nodes: 1, processesPerNode: 1, partition: "a b", command: [] })).toThrow(
      /`partition` is/,
    );
  });
});
