import { expect, it } from "vitest";
import { openEngine } from "../../../src/engines/open.js";
import type { Message } from "../../../src/errors/sentence.js";
import { multipliesBfloat16, processorFeatures } from "../../../src/system/processor.js";
import { describeWithXla } from "../../setup/xla.js";

describeWithXla("bfloat16 on a processor", () => {
  it.each(["float32", "bfloat16"] as const)("%s: says if it is emulated", async (precision) => {
    const notes: Message[] = [];
    const engine = await openEngine({ plugin: "cpu", precision, onNote: (note) => notes.push(note) });
    await engine.close();
    const emulated = precision === "bfloat16" && !multipliesBfloat16(await processorFeatures());
    expect(notes.map(String)).toEqual(emulated ? [expect.stringContaining("half the speed of float32")] : []);
  });
});
