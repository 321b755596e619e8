/** Options that take several values, such as `--set epochs=1 depth=4`: which of the following words belong to them. */
import { existsSync } from "node:fs";

const isSetting = (word: string): boolean => /^[A-Za-z_][\w.-]*=/.test(word);
/** The name of a setting; the data may have such a name too, but then it exists. */
const isKey = (word: string): boolean => /^[a-z][A-Za-z.]*$/.test(word) && !existsSync(word);

/** The form of further values of the option; the first one may be anything. */
const further: Readonly<Record<string, (word: string) => boolean>> = {
  "--set": isSetting,
  "--vary": isSetting,
  "--allow-change": isKey,
};

/**
 * The arguments with the option repeated before each of its values, so that a word that is not a value, such as the
 * data, is an argument of the command.
 */
export function spreadLists(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  const spread: string[] = [];
  let open: string | undefined;
  let first = false;
  for (const [i, word] of argv.entries()) {
    if (end >= 0 && i >= end) spread.push(word);
    else if (open !== undefined && first) {
      spread.push(word);
      first = false;
    } else if (open !== undefined && further[open](word)) spread.push(open, word);
    else {
      const [name, ...value] = word.split("=");
      open = Object.hasOwn(further, name) ? name : undefined;
      first = open !== undefined && value.length === 0;
      spread.push(word);
    }
  }
  return spread;
}

/** Collects the values of a repeated option. */
export const collected = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
