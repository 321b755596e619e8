/** Untrusted JSON: what is accepted, and what is refused before anything is built from it. */
import { expect, it } from "vitest";
import { asObject, JsonError, parseJson, tryJson } from "./json.js";

it.each([
  ["lists in lists", "[".repeat(100_000) + "]".repeat(100_000), /deeper than 64 levels/],
  ["objects in objects", `${'{"a":'.repeat(65)}1${"}".repeat(65)}`, /deeper than 64 levels/],
  ["lists that do not end", "[".repeat(1_000_000), /deeper than 64 levels/],
  ["many values", `[${"0,".repeat(2_000_001)}0]`, /more than 2000000 values/],
  ["many empty lists", `[${"[],".repeat(1_000_001)}0]`, /more than 2000000 values/],
  ["nothing", "", /^is no JSON \(Unexpected end/],
  ["half a text", '{"a": "b', /^is no JSON/],
  ["a comma too many", '{\n  "a": 1,\n}', /^is no JSON \(.*line 3, column 1\)$/],
  ["a page of HTML", "<!doctype html>", /^is no JSON \(Unexpected token/],
])("refuses %s", (_, text, reason) => {
  expect(() => parseJson(text)).toThrow(JsonError);
  expect(() => parseJson(text)).toThrow(reason);
  expect(tryJson(text)).toBeUndefined();
});

it("does not count brackets and commas inside strings", () => {
  const text = `${"[".repeat(100)}\\"${",".repeat(100)}\\\\`;
  expect(parseJson(`["${text}"]`, { depth: 1, items: 1 })).toEqual([JSON.parse(`"${text}"`)]);
});

it("accepts a byte order mark, and takes the last of two values of one name", () => {
  expect(parseJson('\uFEFF{"a":1,"a":2}')).toEqual({ a: 2 });
});

it("does not set a prototype from a key named __proto__", () => {
  const value = asObject(parseJson('{"__proto__":{"depth":6},"constructor":1}'));
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(value?.depth).toBeUndefined();
});
