/** Rules that hold for every file of the repository and that no linter knows. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { modelNames } from "../../src/models/registry.js";

const tracked = execFileSync("git", ["ls-files", "-z"], { encoding: "utf8" }).split("\0").filter(Boolean);
const text = (path: string) => readFileSync(path, "utf8");
const written = tracked.filter((path) => /\.(ts|js|mjs|cjs|md|json|sh|py|html|css)$/.test(path));
const sources = tracked.filter((path) => /^(src|tests)\/.*\.ts$/.test(path));

/** Files of which `wrong` finds something, with what it found. */
function found(paths: readonly string[], wrong: RegExp, read = text): string[] {
  return paths.flatMap((path) => {
    const hit = wrong.exec(read(path));
    return hit ? [`${path}: ${hit[0].trim()}`] : [];
  });
}

/** A module without its doc comments, whose examples are programs of users. */
const withoutExamples = (path: string) => text(path).replace(/^ *\/\*\*[\s\S]*?\*\/$/gm, "");

/** Texts of a module's strings and templates. */
function stringsOf(path: string): readonly string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text(path), ts.ScriptTarget.Latest));
  return found;
}

describe("the repository", () => {
  it("has files to look at", () => {
    expect(sources.length).toBeGreaterThan(100);
  });
  it("keeps its modules short: one idea each", () => {
    const long = sources
      .filter((path) => !/\.(generated|test)\.ts$/.test(path))
      .map((path) => [path, text(path).split("\n").length - 1] as const)
      .filter(([, lines]) => lines > 400);
    expect(long).toEqual([]);
  });
  it("describes each module in its first line", () => {
    const silent = sources.filter(
      (path) => path.startsWith("src/") && !/^\s*(\/\*\*|\/\/|import .*test)/.test(text(path)),
    );
    expect(silent.filter((path) => !path.endsWith(".test.ts"))).toEqual([]);
  });
  it("has no default exports, no escape from the types and no test that is skipped", () => {
    const configured = sources.filter((path) => path !== "tests/repository/architecture.test.ts");
    expect(found(configured, /^export default\b/m)).toEqual([]);
    expect(found(configured, /\bas any\b|<any>|@ts-(ignore|nocheck|expect-error)/)).toEqual([]);
    expect(found(configured, /\b(it|test|describe)\.(skip|only|todo)\b/)).toEqual([]);
  });
  it("parses JSON, and opens files that others have made, in one place each", () => {
    const code = sources.filter((path) => path.startsWith("src/") && !path.endsWith(".test.ts"));
    const but = (...own: readonly string[]) => code.filter((path) => !own.includes(path));
    expect(found(but("src/system/text/json.ts"), /\bJSON\.parse\(/)).toEqual([]);
    // What this package, this process or this user's settings say of themselves is nobody else's.
    const own = but(
      ...[
        "src/system/files/regular-file.ts",
        "src/system/files/package-root.ts",
        "src/system/files/process-identity.ts",
        "src/cli/output/early-signals.ts",
      ],
      ...[
        "src/system/files/file-limit.ts",
        "src/system/power.ts",
        "src/system/processor.ts",
        "src/system/net/http.ts",
        "src/system/files/lock-file.ts",
      ],
      ...["src/engines/onnx/engine.ts", "src/engines/xla/plugins/pip-config.ts"],
    );
    expect(found(own, /\breadFile(Sync)?\(|\bcreateReadStream\(|\bopenSync\(/, withoutExamples)).toEqual([]);
    expect(
      found(but("src/system/files/regular-file.ts", "src/system/files/atomic-file.ts"), /\bopen\([^;]*, "r\+?"\)/),
    ).toEqual([]);
  });
  it("keeps tests beside the source to themselves: no engine, no process, no reference data, nothing of tests/", () => {
    const units = sources.filter((path) => /^src\/.*\.test\.ts$/.test(path));
    expect(units.length).toBeGreaterThan(50);
    const outside = /"node:child_process"|\bcreate(Onnx|Xla)Engine\b|\bopenEngine\b|\binstallPlugin\b/;
    expect(found(units, outside)).toEqual([]);
    expect(found(units, /from "(\.\.\/)+tests\//)).toEqual([]);
  });
  it("knows primitives by themselves or by their traits, never by their names", () => {
    const engines = sources.filter((path) => /^src\/(tensor|engines)\/.*(?<!\.test)\.ts$/.test(path));
    expect(found(engines, /primitive\.name [!=]==|\.has\([\w.]*primitive\.name\)/)).toEqual([]);
  });
  it("names options in the command line alone: elsewhere they are settings (src/errors/sentence.ts)", () => {
    const others = sources.filter((path) => /^src\/(?!cli\/).*(?<!\.test)\.ts$/.test(path));
    const named = others.flatMap((path) =>
      stringsOf(path).flatMap((part) =>
        [...part.matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([name]) => ({ path, name })),
      ),
    );
    // Variables of style sheets, which pages define and use.
    const pages = others.filter((path) => /^src\/(report|server\/pages)\//.test(path));
    const variables = new Set(
      pages.flatMap((path) =>
        stringsOf(path).flatMap((part) => [...part.matchAll(/--([\w-]+):/g)].map(([, name]) => name)),
      ),
    );
    const isVariable = ({ path, name }: { path: string; name: string }) =>
      pages.includes(path) && (variables.has(name.slice(2)) || name.startsWith("--plot-"));
    const foreign = [
      "src/system/power.ts: --query-gpu", // nvidia-smi
      "src/system/power.ts: --format",
      "src/system/threads/start-thread.ts: --input-type", // node
      "src/system/unused-memory.ts: --expose-gc", // V8
      "src/cluster/slurm.ts: --ntasks-per-node", // sbatch, srun
      "src/cluster/slurm.ts: --kill-on-bad-exit",
      "src/cluster/slurm.ts: --processes-per-node", // the job's own command
      "src/data/codec/file-format.ts: --out", // sips
      "src/data/dataset/left-out.ts: --out",
    ];
    const options = named.filter((one) => !isVariable(one)).map(({ path, name }) => `${path}: ${name}`);
    expect(options.filter((option) => !foreign.includes(option))).toEqual([]);
  });
  it("asks the registry about models, and names none outside of src/models but in recipes", () => {
    const outside = sources.filter(
      (path) => /^src\/(?!models\/).*(?<!\.test)\.ts$/.test(path) && path !== "src/cli/demo-recipes.ts",
    );
    // "deit" is also this package, "linear" also a schedule's word.
    const names = modelNames().filter((name) => !/^(deit|linear)$/.test(name));
    const whole = new RegExp(`["'\`](${names.join("|")})["'\`]|^\\s*(${names.join("|")}):`, "m");
    const family = /["'`^|/](deit|vit|regnet)y?\d?_(tiny|small|base|large|\\|\[|\()|startsWith\("(deit|vit|regnet)/;
    const code = (path: string) => text(path).replaceAll(/\/\*[\s\S]*?\*\//g, "");
    const naming = outside.flatMap((path) => {
      const hit = whole.exec(code(path)) ?? family.exec(code(path));
      return hit ? [`${path}: ${hit[0]}`] : [];
    });
    expect(naming).toEqual([]);
  });
  it("names no path of a machine", () => {
    const own = written.filter((path) => path !== "tests/repository/architecture.test.ts");
    expect(found(own, /(?<![\w.])\/(home|Users|root|work|opt|mnt)\/\w+/)).toEqual([]);
  });
  it("locks packages without the place they were fetched from", () => {
    expect(found(["package-lock.json"], /"resolved": "https?:[^"]*"/)).toEqual([]);
  });
});
