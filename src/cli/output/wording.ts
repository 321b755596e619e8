/** Messages in terms of the running command: settings are its options, and those that it does not have are omitted. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Command } from "commander";
import {
  type Hint,
  type Mention,
  type Message,
  type NamedCommand,
  Sentence,
  type SettingValue,
} from "../../errors/sentence.js";
import { type Setting, settings } from "../../errors/settings.js";

/** The form of a model argument, in the help of commands that take several. */
export const modelsForm = "[NAME=][MODEL:]WEIGHTS";

const running = new AsyncLocalStorage<{ command?: Command }>();

/** Runs the program; messages meanwhile are in terms of the command set by `speakFor`. */
export const speaking = <T>(work: () => Promise<T>): Promise<T> => running.run({}, work);

/** Sets the running command. */
export function speakFor(command: Command): void {
  const store = running.getStore();
  if (store) store.command = command;
}

/** The text in terms of the running command; before there is one, in terms of the library. */
export function worded(text: Message): string {
  const command = running.getStore()?.command;
  return text instanceof Sentence && command ? text.as((mention) => named(mention, command)) : String(text);
}

/** The value as JSON, with its texts as returned by `worded`. */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value, function (this: Record<string, unknown>, key, shown: unknown) {
    return this[key] instanceof Sentence ? worded(this[key]) : shown;
  });

/** The settings as options or arguments of `command`; undefined if it lacks one. */
function named({ hints, command: other }: Mention, command: Command): string | undefined {
  if (other && other !== command.name())
    return `deit ${other} ${words(hints, (setting) => (flags[other].includes(setting) ? "flag" : "set"))}`;
  const ways = hints.map(({ setting }) => wayOf(setting, command));
  if (hints.length === 0 || ways.includes(undefined)) return undefined;
  return words(hints, (setting) => wayOf(setting, command)!);
}

/** Options of commands that are mentioned by others; their other settings are those of a recipe. */
const flags: Readonly<Record<NamedCommand, readonly Setting[]>> = {
  train: ["finetune", "onBadImage", "resume"],
  "data pack": ["exif"],
  launch: ["coordinator", "nodeRank", "nodes", "processesPerNode"],
};

type WayOf = "flag" | "set" | "models";

function wayOf(setting: Setting, command: Command): WayOf | undefined {
  const has = (name: string) => command.options.some((option) => option.attributeName() === name && !option.hidden);
  if (has(setting)) return "flag";
  const set = command.options.find((option) => option.long === "--set");
  if (set && settings[setting] === "recipe" && (has("recipe") || set.description.includes(setting))) return "set";
  const models = command.registeredArguments.some(({ description }) => description.includes(modelsForm));
  return setting === "model" && models ? "models" : undefined;
}

/**
 * Options first, then changes of the recipe, which share one option; a recipe setting without a value is given by name.
 */
function words(hints: readonly Hint[], way: (setting: Setting) => WayOf): string {
  const by = (kind: WayOf) => hints.filter(({ setting }) => way(setting) === kind);
  const set = by("set");
  const changes = set.every(({ value }) => value === undefined)
    ? set.map(({ setting }) => setting).join(" ")
    : `--set ${set.map(({ setting, value }) => `${setting}=${valueText(value)}`).join(" ")}`;
  return [
    ...by("flag").map(({ setting, value }) =>
      value === undefined ? flagOf(setting) : `${flagOf(setting)} ${valueText(value)}`,
    ),
    ...by("models").map(({ value }) => `${value ?? "MODEL"}:WEIGHTS`),
    ...(set.length > 0 ? [changes] : []),
  ].join(" ");
}

const flagOf = (setting: Setting): string => `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const valueText = (value: SettingValue | undefined): string =>
  typeof value === "object" ? value.join(" ") : String(value);
