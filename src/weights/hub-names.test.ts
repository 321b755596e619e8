import { describe, expect, it } from "vitest";
import { hubRepository } from "./hub-names.js";

describe("hubRepository", () => {
  it("knows the published models and takes any other by name", () => {
    expect(hubRepository("hub", "deit_tiny_patch16_224")).toBe("timm/deit_tiny_patch16_224.fb_in1k");
    expect(hubRepository("hub", "regnety_160")).toBe("timm/regnety_160.deit_in1k");
    expect(hubRepository("hub:me/mine", undefined)).toBe("me/mine");
    expect(hubRepository("hf:facebook/deit-tiny-patch16-224", undefined)).toBe("facebook/deit-tiny-patch16-224");
    expect(() => hubRepository("hub:../etc", undefined)).toThrow("write hub:owner/name");
    expect(() => hubRepository("hub", "custom")).toThrow("name the repository as hub:owner/name");
  });
});
