/** The messages of docs/troubleshooting.md are those of the source. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../cli/run.js";

it("quotes the source", () => {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  const modules = files.filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"));
  const source = modules.map((path) => readFileSync(join(root, "src", path), "utf8")).join("\n");
  const page = readFileSync(join(root, "docs/troubleshooting.md"), "utf8");
  const messages = [...page.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell]) => cell).filter((cell) => cell !== "message");
  expect(messages.length).toBeGreaterThan(40);
  const changed = messages.flatMap((message) => message.split("…").filter((part) => !source.includes(part.trim())));
  expect(changed).toEqual([]);
});
