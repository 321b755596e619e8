import { describe, expect, it } from "vitest";
import { bareNames, chooseStateDict } from "./state-dict.js";

const timm = ["cls_token", "pos_embed", "patch_embed.proj.weight", "blocks.0.norm1.weight", "blocks.0.mlp.fc1.bias"];
const transformers = ["vit.embeddings.cls_token", "vit.encoder.layer.0.layernorm_before.weight", "vit.layernorm.bias"];

describe("names of a state dict", () => {
  it.each([
    ["DistributedDataParallel", "", (name: string) => `module.${name}`],
    ["torch.compile in it", "", (name: string) => `module._orig_mod.${name}`],
    [
      "activation checkpointing",
      "",
      (name: string) => name.replace("blocks.0.", "blocks.0._checkpoint_wrapped_module."),
    ],
    [
      "FSDP",
      "",
      (name: string) => `_fsdp_wrapped_module.${name.replace("blocks.0.", "blocks.0._fsdp_wrapped_module.")}`,
    ],
    ["Lightning", "model.", (name: string) => `model.${name}`],
    ["a module in a module", "student.backbone.", (name: string) => `module.student.backbone.${name}`],
    ["nn.Sequential", "0.", (name: string) => `0.${name}`],
  ])("lose what %s puts into them", (_, prefix, wrapped) => {
    for (const own of [timm, [...transformers, "classifier.weight"]]) {
      const given = own.map(wrapped);
      const found = bareNames([...given, "criterion.weight"]);
      expect([...found.names.values()].filter((name) => name !== "criterion.weight")).toEqual(own);
      expect(found.prefix).toBe(prefix);
      expect(found.outside).toEqual(prefix === "" ? [] : ["criterion.weight"]);
    }
  });

  it("take a head next to a body without one, but not next to two tokens that are read together", () => {
    const body = timm.filter((name) => !name.startsWith("head"));
    const around = (names: readonly string[]) => bareNames([...names.map((n) => `net.${n}`), "head.weight"]);
    expect(around(body).names.get("head.weight")).toBe("head.weight");
    expect(around([...timm, "head.bias"])).toMatchObject({ head: undefined, outside: ["head.weight"] });
    expect(around([...body, "dist_token"]).outside).toEqual(["head.weight"]);
  });

  it("that would become one are refused", () => {
    expect(() => bareNames(["module.cls_token", "cls_token"])).toThrow(/"cls_token" twice/);
  });
});

describe("of several sets of tensors", () => {
  const set = (path: string, names: readonly string[]) => ({ path, tensors: new Map(names.map((n) => [n, 0])) });
  it.each([
    [
      "the weights, not the loss or the optimizer",
      [set("", ["loss"]), set("optimizer", ["a", "b", "c"]), set("net", timm)],
      "net",
    ],
    ["the model, not its average", [set("model_ema", timm), set("model", timm)], "model"],
    ["the student, not the teacher", [set("teacher", timm), set("student", timm.slice(1))], "student"],
    ["the average, where it is alone", [set("ema", timm), set("optimizer", ["a"])], "ema"],
    ["the largest, where nothing is known", [set("a", ["x"]), set("b", ["x", "y"])], "b"],
  ])("%s are chosen", (_, candidates, path) => {
    expect(chooseStateDict(candidates)?.candidate.path).toBe(path);
  });
});
