/** The benchmarks, which only people run, still find what they import; and what they share works. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { root } from "../cli/run.js";

const folder = join(root, "bench");
const programs = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".js"));
const moduleOf = (file: string, specifier: string): Promise<object> =>
  import(specifier.startsWith(".") ? pathToFileURL(join(folder, dirname(file), specifier)).href : specifier);

it("finds programs", () => expect(programs.length).toBeGreaterThan(10));

it.each(programs)("bench/%s imports names that are there", async (file) => {
  const text = readFileSync(join(folder, file), "utf8");
  const imports = text.matchAll(/^(?:import|export) \{([^}]*)\} from "((?:\.|deit)[^"]*)";$/gm);
  for (const [, names, specifier] of imports) {
    const module = await moduleOf(file, specifier);
    for (const name of names.match(/\w+/g) ?? []) expect(Object.keys(module), specifier).toContain(name);
  }
});

describe("the harness", async () => {
  const { inTurns, listOf, median, optionsOf } = await import(join(folder, "harness.js"));

  it("takes options by the kind of their defaults", () => {
    const argv = process.argv;
    try {
      process.argv = [...argv.slice(0, 2), "--rounds", "3", "--fast"];
      const options = optionsOf({ rounds: 7, batch: 8, fast: false, dry: false, models: "a,b", json: undefined });
      expect(options).toEqual({ rounds: 3, batch: 8, fast: true, dry: false, models: "a,b", json: undefined });
      expect(listOf(options.models)).toEqual(["a", "b"]);
      process.argv = [...argv.slice(0, 2), "--rounds", "many"];
      expect(() => optionsOf({ rounds: 7 })).toThrow("--rounds many is not a number");
    } finally {
      process.argv = argv;
    }
  });

  it("gives medians, and times works in turns", async () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2])]).toEqual([2, 2.5]);
    const order: string[] = [];
    const times = await inTurns({ a: () => order.push("a"), b: () => order.push("b") }, 2, 1);
    expect(order.join("")).toBe("ababab");
    expect([times.a.length, times.b.length]).toEqual([2, 2]);
  });
});
