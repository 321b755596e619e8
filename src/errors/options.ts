/** The options of the library's functions: what TypeScript checks, checked for callers in JavaScript too. */
import { UsageError } from "./errors.js";
import { didYouMean } from "./nearest.js";

/** Whether a value is allowed, and in words what is. */
export interface Check {
  readonly allows: (value: unknown) => boolean;
  readonly expected: string;
}

/** Every option of a function, with the check of its value if its own code has none. */
export type OptionChecks<Options> = Readonly<Record<keyof Options, Check | undefined>>;

/** A whole number, at least `smallest`. */
export const wholeFrom = (smallest: number): Check => ({
  allows: (value) => Number.isInteger(value) && (value as number) >= smallest,
  expected: `a whole number, ${smallest} or more`,
});

/** A number above zero. */
export const positive: Check = {
  allows: (value) => typeof value === "number" && value > 0,
  expected: "a number above 0",
};

/** One of these strings. */
export const oneOf = (...names: readonly string[]): Check => ({
  allows: (value) => typeof value === "string" && names.includes(value),
  expected: `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`,
});

export const aString: Check = { allows: (value) => typeof value === "string", expected: "a string" };
export const aBoolean: Check = { allows: (value) => typeof value === "boolean", expected: "true or false" };
export const aFunction: Check = { allows: (value) => typeof value === "function", expected: "a function" };
export const strings: Check = {
  allows: (value) => Array.isArray(value) && value.every((one) => typeof one === "string"),
  expected: "an array of strings",
};
export const abortSignal: Check = { allows: (value) => value instanceof AbortSignal, expected: "an AbortSignal" };

/**
 * Throws UsageError for an option of `name` that does not exist, and for a value that is not allowed; undefined is as good
 * as left out. `elsewhere` completes "has no option" for names that belong somewhere else.
 */
export function checkOptions<Options extends object>(
  name: string,
  options: Options,
  checks: OptionChecks<Options>,
  elsewhere: (key: string) => string | undefined = () => undefined,
): void {
  if (typeof options !== "object" || options === null)
    throw new UsageError(`The options of ${name} are ${shown(options)}; give an object.`);
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, key))
      throw new UsageError(
        `${capital(name)} has no option "${key}"${elsewhere(key) ?? didYouMean(key, Object.keys(checks).sort())}`,
      );
    const check = checks[key as keyof Options];
    if (value !== undefined && check && !check.allows(value))
      throw new UsageError(`The option ${key} of ${name} is ${shown(value)}; give ${check.expected}.`);
  }
}

const capital = (text: string): string => (text.startsWith("the ") ? `T${text.slice(1)}` : text);

/** A value in a message, shortened. */
export function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  if (typeof value !== "object" || value === null)
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const { name } = (value as object).constructor ?? {};
  return name && name !== "Object" ? `a ${name}` : `an object with ${keysOf(value)}`;
}

function keysOf(value: object): string {
  const keys = Object.keys(value);
  if (keys.length === 0) return "no properties";
  return keys.length > 4 ? `${keys.slice(0, 4).join(", ")}, …` : keys.join(", ");
}
