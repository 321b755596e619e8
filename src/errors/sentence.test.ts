import { expect, it } from "vitest";
import { FileError, UsageError } from "./errors.js";
import { textOf } from "./message-of.js";
import { type Naming, type Sentence, sentence, setting, settingsOf, way } from "./sentence.js";

/** A command that has only one option. */
const onlySplit: Naming = ({ hints: [{ setting, value }] }) => (setting === "split" ? `--split ${value}` : undefined);

it.each<[Sentence, string, string]>([
  [sentence`Set ${setting("split", 0.2)}.`, "Set `split: 0.2`.", "Set --split 0.2."],
  [sentence`Lower ${setting("lr")} (now ${3}).`, "Lower `lr` (now 3).", "Lower lr (now 3)."],
  [sentence`It fails${way`; give ${setting("model", "deit")}`}.`, 'It fails; give `model: "deit"`.', "It fails."],
  [
    sentence`It fails; ${way`check ${setting("model")} and the file`.or`check the file`}.`,
    "It fails; check `model` and the file.",
    "It fails; check the file.",
  ],
  [
    sentence`Of ${[2, 3]}: ${sentence`use ${settingsOf({ headStart: "given", epochs: 5 })}`}.`,
    'Of 2,3: use `headStart: "given", epochs: 5`.',
    "Of 2,3: use headStart, epochs.",
  ],
  [sentence`Much more${way`: ${setting("json")} lists all`}.`, "Much more.", "Much more."],
])("%s", (said, library, command) => {
  expect(said.toString()).toBe(library);
  expect(said.as(onlySplit)).toBe(command);
  expect(JSON.stringify({ said })).toBe(JSON.stringify({ said: library }));
});

it("is the message of an error in the library's words, with its settings listed separately", () => {
  const error = new UsageError(
    sentence`Bad \u001b. Set ${setting("split", 0.2)}${way`, or ${setting("validation")}`}.`,
  );
  expect(error.message).toBe("Bad \\u001b. Set `split: 0.2`, or `validation`.");
  expect(error.hints).toEqual([{ setting: "split", value: 0.2 }, { setting: "validation" }]);
  expect(new UsageError("Plain.").hints).toEqual([]);
  const further = new FileError("x", sentence`${textOf(error)} So it ends.`);
  expect(further.message).toBe(`${error.message} So it ends.`);
  expect(further.hints).toEqual(error.hints);
});

it("can be about settings with other names, or about none", () => {
  const error = new UsageError(
    sentence`Wrong${way`; give ${setting("normalization")}`}${way`, or ${setting("cropRatio")}`}.`,
  ).renamed({ normalization: "teacherNormalization", cropRatio: undefined });
  expect(error.message).toBe("Wrong; give `teacherNormalization`.");
  expect(error.hints).toEqual([{ setting: "teacherNormalization" }]);
});
