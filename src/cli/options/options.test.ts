import { expect, it } from "vitest";
import { namedAfter } from "../output/file.js";
import { number, positive, wholeNumber } from "./options.js";

it.each([
  [
    wholeNumber(1),
    "a whole number, 1 or more",
    ["fast", "0", "-1", "1.5", "", " ", "1e999", "NaN", "9007199254740993"],
  ],
  [wholeNumber(1, 100), "a whole number from 1 to 100", ["fast", "0", "101", ""]],
  [wholeNumber(0), "a whole number, 0 or more", ["fast", "-1", ""]],
  [number(0), "a number of 0 or more", ["fast", "-1", "", "Infinity"]],
  [number(0.01, 1), "a number from 0.01 to 1", ["fast", "0", "1.5", ""]],
  [positive, "a number greater than 0", ["fast", "0", "-1", "", "1e999"]],
])("says one range for all that is outside of it", (parse, range, wrong) => {
  for (const text of wrong) expect(() => parse(text)).toThrow(`It must be ${range}.`);
});

it("takes what lies within", () => {
  expect([wholeNumber(0)("0"), wholeNumber(1, 100)("100"), number(0)("0"), positive("1e-6")]).toEqual([
    0, 100, 0, 1e-6,
  ]);
});

it.each([
  ["some/photos/", "photos"],
  ["/data/Katze süß", "Katze-süß"],
  ["/data/犬", "犬"],
  ["procedural:32:64", "procedural-32-64"],
])("names what is made of %s by its folder", (data, name) => expect(namedAfter(data)).toBe(name));

it("names results made from the current folder after it", () =>
  expect([namedAfter("."), namedAfter("./")]).toEqual([namedAfter(process.cwd()), namedAfter(process.cwd())]));
