/**
 * Sentences that name settings. The library shows them as its settings (`batchSize`), a command as its options
 * (--batch-size): `setting` marks the place, and each displays it in its own way.
 */
import { type Setting, settings } from "./settings.js";

/** What a sentence proposes for a setting: a number, a text or a list of names. */
export type SettingValue = string | number | readonly string[];

/** A setting named by a sentence, with the value that it suggests, if any. */
export interface Hint {
  /** Name of the setting. */
  readonly setting: Setting;
  /** The value that is proposed, if there is one. */
  readonly value?: SettingValue;
}

/** Commands whose settings are named in sentences of other commands. */
export type NamedCommand = "train" | "data pack" | "launch";

/** Settings in a sentence, next to each other. */
export class Mention {
  constructor(
    /** The settings, with a value where one is proposed. */
    readonly hints: readonly Hint[],
    /** The command that has them, if it is not the running one. */
    readonly command?: NamedCommand,
  ) {}

  /** The same as settings of that command, regardless of the running one. */
  of(command: NamedCommand): Mention {
    return new Mention(this.hints, command);
  }

  /** As written by users of the library. */
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

/** Names several related settings. */
export const settingsOf = (values: Readonly<Partial<Record<Setting, SettingValue>>>): Mention =>
  new Mention(Object.entries(values).map(([name, value]) => ({ setting: name as Setting, value })));

/** A piece of a sentence. */
export type SentencePart = string | Mention | Way;
/** What a sentence template takes between its texts. */
export type SentenceValue = string | number | readonly number[] | Mention | Way | Sentence;

/** How a mention is displayed; undefined if there is no such setting. */
export type Naming = (mention: Mention) => string | undefined;

const asSettings: Naming = (mention) =>
  mention.hints.length === 0 || mention.hints.some(({ setting }) => settings[setting] === "option")
    ? undefined
    : String(mention);

/** Settings under other names; undefined for unavailable ones. */
export type Renaming = Readonly<Partial<Record<Setting, Setting | undefined>>>;

/** A way out: part of a sentence that is omitted if a setting that it names is unavailable. */
export class Way {
  constructor(private readonly choices: readonly (readonly SentencePart[])[]) {}

  /** The replacement in that case. */
  or(strings: TemplateStringsArray, ...values: readonly SentenceValue[]): Way {
    return new Way([...this.choices, partsOf(strings, values)]);
  }

  /** The first choice all of whose settings `naming` knows; empty if there is none. */
  as(naming: Naming): string {
    const offered = this.choices.find((parts) => mentionsIn(parts).every((mention) => naming(mention) !== undefined));
    return offered === undefined ? "" : textOf(offered, naming);
  }

  /** The settings of the first choice. */
  get mentions(): readonly Mention[] {
    return mentionsIn(this.choices[0]);
  }

  /** The same with settings renamed. */
  renamed(names: Renaming): Way {
    return new Way(this.choices.map((parts) => renamed(parts, names)));
  }
}

/** A text that names settings. As a string, or in JSON, it uses the library's names. */
export class Sentence {
  constructor(
    /** Texts, settings and ways out, in order. */
    readonly parts: readonly SentencePart[],
  ) {}

  /** All settings that it names. */
  get hints(): readonly Hint[] {
    return mentionsIn(this.parts).flatMap(({ hints }) => hints);
  }

  /** The text with each mention displayed by `naming`. */
  as(naming: Naming): string {
    return textOf(this.parts, naming);
  }

  /** The same with settings renamed, for callers that pass their own settings on under other names. */
  renamed(names: Renaming): Sentence {
    return new Sentence(renamed(this.parts, names));
  }

  /** The text with the library's names of settings. */
  toString(): string {
    return this.as(asSettings);
  }

  /** The same, so that JSON holds a sentence as text. */
  toJSON(): string {
    return this.toString();
  }
}

/** A message for users: plain text, or with settings in it. */
export type Message = string | Sentence;

/** A sentence from a template; sentences inserted in it keep the settings that they name. */
export const sentence = (strings: TemplateStringsArray, ...values: readonly SentenceValue[]): Sentence =>
  new Sentence(partsOf(strings, values));

/** Several messages, one after the other. */
export const joined = (messages: readonly Message[]): Sentence =>
  new Sentence(messages.flatMap((message, i) => [...(i === 0 ? [] : [" "]), ...asParts(message)]));

/** A way out in a template, which is omitted if its settings are unavailable. */
export const way = (strings: TemplateStringsArray, ...values: readonly SentenceValue[]): Way =>
  new Way([partsOf(strings, values)]);

const partsOf = (strings: TemplateStringsArray, values: readonly SentenceValue[]): readonly SentencePart[] =>
  strings.flatMap((text, i) => (i === 0 ? [text] : [...asParts(values[i - 1]), text]));

const asParts = (value: SentenceValue): readonly SentencePart[] => {
  if (value instanceof Sentence) return value.parts;
  return value instanceof Mention || value instanceof Way ? [value] : [String(value)];
};

const mentionsIn = (parts: readonly SentencePart[]): readonly Mention[] =>
  parts.flatMap((part) => (part instanceof Mention ? [part] : part instanceof Way ? part.mentions : []));

const renamed = (parts: readonly SentencePart[], names: Renaming): readonly SentencePart[] =>
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

const textOf = (parts: readonly SentencePart[], naming: Naming): string =>
  parts
    .map((part) => {
      if (part instanceof Way) return part.as(naming);
      if (part instanceof Mention) return naming(part) ?? part.hints.map(({ setting }) => setting).join(", ");
      return part;
    })
    .join("");
