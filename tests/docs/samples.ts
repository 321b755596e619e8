/** What the documents and the help show: lines of commands, and programs. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { commandLine } from "../../src/cli/main.js";
import { root } from "../cli/run.js";
import { type Block, blocksOf } from "./sandbox.js";

/** The documents at the root and all of docs/, as paths from the checkout. */
export const documents: readonly string[] = [
  ...readdirSync(root)
    .filter((path) => path.endsWith(".md"))
    .sort(),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `docs/${path}`)
    .sort(),
];

export interface Shown {
  readonly where: string;
  readonly line: string;
  /** Named within a sentence, where arguments may be left out. */
  readonly mentioned?: boolean;
}

/** Every command of deit that stands in a block, or as code within a sentence. */
export async function shownCommands(): Promise<readonly Shown[]> {
  const all: Shown[] = [];
  for (const where of documents) {
    const blocks = await blocksOf(where);
    for (const { text } of blocks) all.push(...commandsIn(text).map((line) => ({ where, line })));
    const prose = readFileSync(join(root, where), "utf8").replaceAll(/```[\s\S]*?```/g, "");
    for (const [, code] of prose.matchAll(/`(deit [^`]+)`/g))
      if (!/[…<[|]|\.\.\.|\b[A-Z]{2,}\b/.test(code))
        all.push({ where, line: code.replaceAll(/\s+/g, " "), mentioned: true });
  }
  return all;
}

const commandsIn = (text: string): string[] =>
  text.split("\n").flatMap((line) => {
    const command = /^\s*(?:\$ |srun )?(deit .*)$/.exec(line);
    return command ? [command[1]] : [];
  });

/** Every command with subcommands below it, as words. */
export async function commandPaths(): Promise<readonly (readonly string[])[]> {
  const paths: (readonly string[])[] = [[]];
  for (const { name } of (await commandLine([])).commands.map((c) => ({ name: c.name() }))) {
    const top = (await commandLine([name])).commands.find((c) => c.name() === name)!;
    paths.push([name], ...top.commands.map((c) => [name, c.name()]));
  }
  return paths;
}

/** The commands that the help of each command gives as examples. */
export async function helpExamples(): Promise<readonly Shown[]> {
  const all: Shown[] = [];
  for (const path of await commandPaths()) {
    const where = ["deit", ...path, "--help"].join(" ");
    all.push(...commandsIn(await helpOf(path)).map((line) => ({ where, line })));
  }
  return all;
}

/** What `deit PATH --help` prints. */
export async function helpOf(path: readonly string[]): Promise<string> {
  let command = await commandLine(path);
  for (const name of path) command = command.commands.find((c) => c.name() === name)!;
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

/** The words of a command as a shell would split them, up to what follows it: a comment, a pipe, another command. */
export function words(line: string): readonly string[] {
  const found: string[] = [];
  for (const [token] of line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    if (/^(#.*|>.*|&&|\|.*|…)$/.test(token)) break;
    const ends = token.endsWith(";");
    found.push((ends ? token.slice(0, -1) : token).replaceAll(/["']/g, ""));
    if (ends) break;
  }
  return found;
}

/** Blocks that are programs of who uses the library. */
export async function programs(): Promise<readonly (Block & { readonly where: string })[]> {
  const all = await Promise.all(documents.map(async (where) => (await blocksOf(where)).map((b) => ({ ...b, where }))));
  return all.flat().filter((b) => /^(js|mjs|javascript|ts|typescript)$/.test(b.language));
}
