/** Every `sh` block of the documents runs as it stands there, each document on a machine of its own. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { root } from "../cli/run.js";
import { describeWithReference } from "../setup/reference-data.js";
import { blocksOf, commandsOf, createSandbox, type Sandbox, shortened } from "./sandbox.js";

const documents = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".md"))
  .sort();
const withCommands = await Promise.all(
  documents.map(async (path) => ({ path, commands: commandsOf(await blocksOf(join("docs", path))) })),
);

it("the documents have commands", () => {
  expect(withCommands.flatMap((d) => d.commands).length).toBeGreaterThan(3);
});

for (const { path, commands } of withCommands.filter((d) => d.commands.length > 0)) {
  describeWithReference(`docs/${path}`, () => {
    let sandbox: Sandbox;
    beforeAll(async () => {
      sandbox = await createSandbox();
    });
    afterAll(() => sandbox.remove());

    // In order: later commands use what earlier ones leave.
    it.each(commands)(
      "%s",
      async (command) => {
        const { code, output } = await sandbox.shell(shortened(command));
        expect(code, output).toBe(0);
      },
      120_000,
    );
  });
}
