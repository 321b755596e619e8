/**
 * Sentences that name settings. Who calls the library reads them as its settings (`batchSize`), who runs a command as the
 * options that it has (--batch-size): `setting` marks the place, and each shows it in its own way.
 */
import { type Setting, settings } from "./settings.js";

export type SettingValue = string | number | readonly string[];

/** A setting that a sentence names, with the value that it proposes, where it does. */
export interface Hint {
  readonly setting: Setting;
  readonly value?: SettingValue;
}

/** Commands whose settings sentences name where others run. */
export type NamedCommand = "train" | "data pack" | "launch";

/** Settings in a sentence, next to each other. */
export class Mention {
  constructor(
    readonly hints: readonly Hint[],
    /** The command that has them, where that is another one than the one that runs. */
    readonly command?: NamedCommand,
  ) {}

  /** The same as settings of that command, whichever runs. */
  of(command: NamedCommand): Mention {
    return new Mention(this.hints, command);
  }

  /** As users of the library write them. */
  toString(): string {
    const texts = this.hints.map(({ setting, value }) =>
      value === undefined ? setting : `${setting}: ${JSON.stringify(value)}`,
    );
    return `\`${texts.join(", ")}\``;
  }
}

/** Names a setting in a sentence: `${setting("split", 0.2)}`. */
export const setting = (name: Setting, value?: SettingValue): Mention =>
  new Mention([value === undefined ? { setting: name } : { setting: name, value }]);

/** Names several that belong together. */
export const settingsOf = (values: Readonly<Partial<Record<Setting, SettingValue>>>): Mention =>
  new Mention(Object.entries(values).map(([name, value]) => ({ setting: name as Setting, value })));

type Part = string | Mention | Way;
type Value = string | number | readonly number[] | Mention | Way | Sentence;

/** How a mention is shown; undefined where there is no such setting. */
export type Naming = (mention: Mention) => string | undefined;

const asSettings: Naming = (mention) =>
  mention.hints.length === 0 || mention.hints.some(({ setting }) => settings[setting] === "option")
    ? undefined
    : String(mention);

/** Settings under other names; undefined for those that are not to be had. */
export type Renaming = Readonly<Partial<Record<Setting, Setting | undefined>>>;

/** A way out: part of a sentence that is left out where a setting that it names is not to be had. */
export class Way {
  constructor(private readonly choices: readonly (readonly Part[])[]) {}

  /** What stands there instead in that case. */
  or(strings: TemplateStringsArray, ...values: readonly Value[]): Way {
    return new Way([...this.choices, partsOf(strings, values)]);
  }

  as(naming: Naming): string {
    const offered = this.choices.find((parts) => mentionsIn(parts).every((mention) => naming(mention) !== undefined));
    return offered === undefined ? "" : textOf(offered, naming);
  }

  get mentions(): readonly Mention[] {
    return mentionsIn(this.choices[0]);
  }

  renamed(names: Renaming): Way {
    return new Way(this.choices.map((parts) => renamed(parts, names)));
  }
}

/** A text that names settings. As a string, or in JSON, it names them as the library does. */
export class Sentence {
  constructor(readonly parts: readonly Part[]) {}

  /** All settings that it names. */
  get hints(): readonly Hint[] {
    return mentionsIn(this.parts).flatMap(({ hints }) => hints);
  }

  /** The text with each mention as `naming` shows it. */
  as(naming: Naming): string {
    return textOf(this.parts, naming);
  }

  /** The same about settings of other names, for who hands on its own settings under these. */
  renamed(names: Renaming): Sentence {
    return new Sentence(renamed(this.parts, names));
  }

  toString(): string {
    return this.as(asSettings);
  }

  toJSON(): string {
    return this.toString();
  }
}

/** What is said to people: plain, or with settings in it. */
export type Message = string | Sentence;

/** A sentence of a template; texts in it keep the settings that they name. */
export const sentence = (strings: TemplateStringsArray, ...values: readonly Value[]): Sentence =>
  new Sentence(partsOf(strings, values));

/** A way out in a template, which is left out where its settings are not to be had. */
export const way = (strings: TemplateStringsArray, ...values: readonly Value[]): Way =>
  new Way([partsOf(strings, values)]);

const partsOf = (strings: TemplateStringsArray, values: readonly Value[]): readonly Part[] =>
  strings.flatMap((text, i) => (i === 0 ? [text] : [...asParts(values[i - 1]), text]));

const asParts = (value: Value): readonly Part[] => {
  if (value instanceof Sentence) return value.parts;
  return value instanceof Mention || value instanceof Way ? [value] : [String(value)];
};

const mentionsIn = (parts: readonly Part[]): readonly Mention[] =>
  parts.flatMap((part) => (part instanceof Mention ? [part] : part instanceof Way ? part.mentions : []));

const renamed = (parts: readonly Part[], names: Renaming): readonly Part[] =>
  parts.map((part) => {
    if (part instanceof Way) return part.renamed(names);
    if (!(part instanceof Mention)) return part;
    const hints = part.hints.map((hint) => ({
      ...hint,
      setting: Object.hasOwn(names, hint.setting) ? names[hint.setting] : hint.setting,
    }));
    return new Mention(
      hints.filter((hint): hint is Hint => hint.setting !== undefined),
      part.command,
    );
  });

const textOf = (parts: readonly Part[], naming: Naming): string =>
  parts
    .map((part) => {
      if (part instanceof Way) return part.as(naming);
      if (part instanceof Mention) return naming(part) ?? part.hints.map(({ setting }) => setting).join(", ");
      return part;
    })
    .join("");
