import { expect, test } from "vitest";
import { printable, quoted } from "./quoted.js";

test("texts of foreign files reach the terminal without their controls", () => {
  expect(printable('"\u001b[2Jcat\u009b1A\u202egpj.exe"')).toBe('"\\u001b[2Jcat\\u009b1A\\u202egpj.exe"');
  expect(printable("two lines,\n\ta tab, größte 猫\r\n")).toBe("two lines,\n\ta tab, größte 猫\\u000d\n");
});

test("names are quoted on one line, short and without controls", () => {
  expect(quoted("blocks.0")).toBe('"blocks.0"');
  expect(quoted('a"b\n\u001b[2J\u2028')).toBe('"a\\"b\\n\\u001b[2J\\u2028"');
  expect(quoted("\u202eexe.png\u009b")).toBe('"\\u202eexe.png\\u009b"');
  expect(quoted("n".repeat(1000))).toHaveLength(83);
});
