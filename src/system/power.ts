/** The power consumption of this machine, where it is reported: processor counters (RAPL) and NVIDIA's readings. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface PowerReading {
  readonly watts: number;
  /** Source of the reading. */
  readonly source: string;
}

export interface PowerMeter {
  /** Mean since the meter was started; undefined if unknown. */
  read(): Promise<PowerReading | undefined>;
}

const powercap = "/sys/class/powercap";

/** Starts measuring: accelerators by `nvidia-smi` if `accelerator`, else processors by RAPL. */
export async function startPowerMeter(accelerator: boolean): Promise<PowerMeter> {
  if (accelerator) return { read: nvidiaPower };
  const before = await packageEnergy();
  const start = performance.now();
  return {
    read: async () => {
      const after = await packageEnergy();
      if (!before || !after) return undefined;
      const seconds = (performance.now() - start) / 1000;
      // A counter wraps around at its range, at most once in the seconds of a measurement.
      const joules = after.reduce((sum, { energy, range }, i) => {
        const used = energy - before[i].energy;
        return sum + (used < 0 ? used + range : used) / 1e6;
      }, 0);
      return joules > 0 ? { watts: joules / seconds, source: "measured by the processor (RAPL)" } : undefined;
    },
  };
}

/**
 * Microjoules of each processor package; undefined if they cannot be read, which requires privileges on most systems.
 */
async function packageEnergy(): Promise<{ energy: number; range: number }[] | undefined> {
  try {
    const packages = (await readdir(powercap)).filter((name) => /^intel-rapl:\d+$/.test(name)).sort();
    const number = async (name: string, file: string) => Number(await readFile(join(powercap, name, file), "utf8"));
    const all = await Promise.all(
      packages.map(async (name) => ({
        energy: await number(name, "energy_uj"),
        range: await number(name, "max_energy_range_uj"),
      })),
    );
    return all.length > 0 ? all : undefined;
  } catch {
    return undefined;
  }
}

/** Current sum over all cards. */
function nvidiaPower(): Promise<PowerReading | undefined> {
  return new Promise((resolve) => {
    const args = ["--query-gpu=power.draw", "--format=csv,noheader,nounits"];
    execFile("nvidia-smi", args, { timeout: 5000 }, (error, stdout) => {
      const watts = error
        ? Number.NaN
        : stdout
            .trim()
            .split("\n")
            .map(Number)
            .reduce((a, b) => a + b, 0);
      resolve(watts > 0 ? { watts, source: "measured by nvidia-smi, cards only" } : undefined);
    });
  });
}
