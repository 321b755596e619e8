import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { shellWord } from "../../src/system/text/shell-word.js";

it("leaves plain names as they are", () => {
  for (const name of ["data/cifar10", "hf:owner/name", "a_b-1.0"]) expect(shellWord(name)).toBe(name);
});

it.each(["my photos", "it's", `"a" $HOME \`id\``, "猫/фото", "a\nb", "~", "*", "", "a;b&c", "\\"])(
  "a shell reads %j as the one word it was",
  (name) => {
    const read = execFileSync("sh", ["-c", `printf '%s|' ${shellWord(name)}`], { encoding: "utf8" });
    expect(read).toBe(`${name}|`);
  },
);

it("turns what looks like an option into a path", () => {
  expect(shellWord("-x")).toBe("./-x");
});
