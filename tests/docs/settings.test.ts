/** docs/settings.md is what the schema of the recipe says; `npm run docs:settings` writes it. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { recipeSchema } from "../../src/training/recipe/recipe.js";
import { root } from "../cli/run.js";
import { settingsPage } from "./settings-page.js";

it("is up to date", async () => {
  await expect(settingsPage()).toMatchFileSnapshot(join(root, "docs/settings.md"));
});

it("has a meaning for every setting, and no metadata that nothing reads", () => {
  const flat = Object.entries(z.toJSONSchema(recipeSchema, { io: "input" }).properties ?? {}).flatMap(
    ([name, schema]) => [
      [name, schema] as const,
      ...(typeof schema === "object" ? [schema, ...(schema.oneOf ?? [])] : []).flatMap((part) =>
        Object.entries((typeof part === "object" && part.properties) || {}),
      ),
    ],
  );
  expect(flat.length).toBeGreaterThan(80);
  for (const [name, schema] of flat)
    expect(schema, name).toHaveProperty("description", expect.stringMatching(/^[A-Z].*\.$/s));
  for (const [name, schema] of Object.entries(recipeSchema.shape)) {
    const { description, timm = "some", ...rest } = schema.meta() ?? {};
    expect(timm, name).toMatch(/^[a-z][\w-]*/);
    expect(rest, name).toEqual({});
  }
});
