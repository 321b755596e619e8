/** The view with which a training program evaluated its model, compared with timm's for the same arguments. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { createModel } from "../models/registry.js";
import type { JsonObject } from "../system/text/json.js";
import { bareModelName } from "./model-name.js";
import { viewOfArguments } from "./training-arguments.js";
import { resolveView } from "./view.js";

const file = new URL("../../tests/fixtures/timm-arguments/cases.json", import.meta.url);
const cases = JSON.parse(await readFile(file, "utf8")) as { readonly fields: JsonObject; readonly view: JsonObject }[];
const given = ({ model, ...fields }: JsonObject): string =>
  `${model} ${JSON.stringify(Object.fromEntries(Object.entries(fields).filter(([, value]) => value)))}`;

const usual = { model: "deit_tiny_patch16_224", crop_pct: null, mean: null };

describe("arguments of a training program", () => {
  it.each(cases.map((one) => [given(one.fields), one] as const))("%s", (_, { fields, view }) => {
    const said = viewOfArguments({ source: "args.yaml", fields });
    const model = createModel(bareModelName(String(fields.model)), { imageSize: said[0].imageSize });
    expect(resolveView(model, {}, said).view).toEqual({ ...view, channels: 3, exif: "ignore" });
  });

  it("give no warning for another program's weights", () => {
    expect(viewOfArguments({ source: "args.yaml", fields: { model: "yolo11n-cls.pt", imgsz: 224 } })).toEqual([]);
  });

  it.each([
    ["crop_mode", { crop_mode: "corner" }],
    ["crop_pct", { crop_pct: 1.25 }],
    ["hamming", { interpolation: "hamming" }],
    ["no mean and deviation of each", { mean: [0.5, 0.5] }],
  ])("are refused where they ask for what cannot be done: %s", (words, fields) => {
    const said = viewOfArguments({ source: "args.yaml", fields: { ...usual, ...fields } });
    expect(() => resolveView(createModel("deit_tiny_patch16_224"), {}, said)).toThrow(words);
  });
});
