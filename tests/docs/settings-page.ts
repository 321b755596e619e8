/** docs/settings.md: every setting of a recipe as its schema says it, beside the names of timm and of the original program. */
import { z } from "zod";
import { originalOptions } from "../../src/training/recipe/original-options.js";
import { recipeSchema } from "../../src/training/recipe/recipe.js";

/** Sections of the page, each with the setting it begins at, in the schema's order. */
const sections: readonly (readonly [title: string, first: string])[] = [
  ["The recipe itself", "about"],
  ["Model", "model"],
  ["Training", "epochs"],
  ["Images and augmentation", "normalization"],
  ["Distillation", "distillation"],
  ["Randomness", "seed"],
];

type Values = z.core.JSONSchema.BaseSchema;

/** The page as Markdown. */
export function settingsPage(): string {
  const settings = properties(z.toJSONSchema(recipeSchema, { io: "input" }));
  const names = Object.keys(settings);
  const missing = sections.filter(([, first]) => !names.includes(first));
  if (missing.length > 0) throw new Error(`No setting to begin a section at: ${missing.join("; ")}`);
  const begins = sections.map(([title, first]) => ({ title, at: names.indexOf(first) })).sort((a, b) => a.at - b.at);
  const parts = begins.map(({ title, at }, i) => section(title, names.slice(at, begins[i + 1]?.at), settings));
  return `${[head, ...parts, ...Object.entries(groups).map(([name, title]) => group(title, name, settings[name]))].join("\n\n")}\n`;
}

const head = `<!-- Generated from the recipe's schema by \`npm run docs:settings\`; change the text there. -->

# Settings of a recipe

The settings that you can use in a recipe file and after \`--set\`. A setting that you leave out has its default, which is the
paper's value (table 9) if there is one. \`deit train --print-recipe\` shows all settings of a run. Invalid names and values are
refused with a sentence that says what is expected. The last columns name the equivalent options of timm's \`train.py\` and of
facebookresearch/deit's \`main.py\`; [From facebookresearch/deit](from-facebookresearch-deit.md) lists differences in meaning.`;

function section(title: string, names: readonly string[], settings: Readonly<Record<string, Values>>): string {
  const rows = names.map((name) => {
    const { description = "", default: usual, timm } = settings[name];
    const theirs = released(name).map(code).join(", ");
    return row([code(name), description, defaultText(usual), values(settings[name]), timmText(timm), theirs]);
  });
  const columns = ["setting", "meaning", "default", "values", "timm", "original program"];
  return [`## ${title}`, "", row(columns), row(columns.map(() => "---")), ...rows].join("\n");
}

/** Settings that are objects, and the titles of the tables of their parts. */
const groups = {
  regnet: "Design of a RegNetY",
  init: "First values",
  features: "Feature distillation",
  teachers: "Several teachers",
};

function group(title: string, name: string, given: Values): string {
  const entries = (given.anyOf?.[0] ?? given) as Values; // of one or several: the one
  const schema = entries.items ? (entries.items as Values) : entries; // of a list: its entries
  const kinds = (schema.oneOf ?? [schema]) as readonly Values[];
  const rows = kinds
    .flatMap((kind) => Object.entries(properties(kind)))
    .map(([part, value]) => row([code(`${name}.${part}`), value.description ?? "", values(value)]));
  const columns = ["setting", "meaning", "values"];
  return [`## ${title}`, "", row(columns), row(columns.map(() => "---")), ...rows].join("\n");
}

const properties = (schema: Values) => (schema.properties ?? {}) as Readonly<Record<string, Values>>;
const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
const code = (text: string) => `\`${text}\``;

/** Options of the original program whose counterpart is this setting. */
const released = (name: string): readonly string[] =>
  Object.entries(originalOptions)
    .filter(([, here]) => /^\w+/.exec(String(here))?.[0] === name)
    .map(([theirs]) => theirs);

/** An option by its name, and what differs in brackets. */
const timmText = (timm: unknown): string => (typeof timm === "string" ? timm.replace(/^[\w-]+/, code) : "");

function defaultText(value: unknown): string {
  if (value === undefined) return "–";
  if (Array.isArray(value)) return code(`[${value.map(brief).join(", ")}]`);
  return code(brief(value));
}

const brief = (value: unknown): string => {
  if (typeof value !== "number" || Number.isInteger(value)) return JSON.stringify(value);
  if (value >= 1e-3 && String(value).length <= 6) return String(value); // 0.9999 is not 1
  return value < 1e-3 ? value.toExponential() : String(Number(value.toPrecision(3)));
};

/** The values that a setting may have, in words. */
function values(schema: Values): string {
  const kinds = schema.anyOf ?? schema.oneOf;
  if (kinds) return kinds.map((s) => values(s as Values)).join(" or ");
  if (schema.const !== undefined) return code(String(schema.const));
  if (typeof schema.form === "string") return code(schema.form);
  if (schema.enum) return schema.enum.map((v) => code(String(v))).join(", ");
  switch (schema.type) {
    case "boolean":
      return "`true`, `false`";
    case "string":
      return "text";
    case "array": {
      if (schema.items) {
        const each = values(schema.items as Values);
        return `a list, each ${/^(an |\d)/.test(each) ? each : `a ${each}`}`;
      }
      const each = (schema.prefixItems ?? []) as Values[];
      return `${each.length} numbers${bounds(each[0])}`;
    }
    case "object": {
      const keys = Object.keys(properties(schema));
      return keys.length > 0 ? `an object of ${keys.map(code).join(", ")}` : "an object of texts";
    }
    case "integer":
      return `whole number${bounds(schema)}`;
    case "number":
      return `number${bounds(schema)}`;
    default:
      throw new Error(`No words for the values of ${JSON.stringify(schema)}`);
  }
}

function bounds(schema: Values): string {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = schema;
  const bounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  if (minimum !== undefined && bounded) return ` from ${minimum} to ${maximum}`;
  const low =
    minimum !== undefined ? `${minimum} or more` : exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : "";
  const high = bounded ? `${maximum} or less` : exclusiveMaximum !== undefined ? `below ${exclusiveMaximum}` : "";
  const both = [low, high].filter(Boolean).join(", ");
  return both && `, ${both}`;
}
