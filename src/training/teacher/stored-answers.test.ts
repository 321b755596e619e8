import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { hostTensor } from "../../tensor/index.js";
import { type AnswerFormat, bytesOfView, EpochAnswers } from "./stored-answers.js";

const rows = [
  [4, 1, 3, 0, -2],
  [0, 0, 0, 0, 5],
];
const format: AnswerFormat = { kind: "logits", topK: 2, classes: 5, batch: 2 };
const indices = Int32Array.of(7, 3);
const softmax = (row: readonly number[]) => row.map((v) => Math.exp(v) / row.reduce((s, w) => s + Math.exp(w), 0));
const answered = (answers: EpochAnswers) => {
  const { data } = answers.answer(0, indices)!.prediction;
  return [0, 1].map((i) => softmax([...(data as Float32Array).subarray(i * 5, i * 5 + 5)]));
};
function stored(): EpochAnswers {
  const answers = new EpochAnswers(format, 2);
  answers.add(indices, { prediction: hostTensor("float32", [2, 5], Float32Array.from(rows.flat())) });
  return answers;
}

it("keeps the probabilities of the largest logits; the other classes share what is left", () => {
  const [first, second] = answered(stored());
  const left = rows.map(softmax);
  const rest = (left[0][1] + left[0][3] + left[0][4]) / 3;
  // float16 has 11 bits, and a logit of 4 is kept to 2e-3 of its probability.
  [left[0][0], rest, left[0][2], rest, rest].forEach((p, c) => {
    expect(first[c]).toBeCloseTo(p, 2);
  });
  expect(first[1]).toBe(first[3]);
  left[1].forEach((p, c) => {
    expect(second[c]).toBeCloseTo(p, 3);
  });
});

it("answers the samples that it was asked about, and no others", () => {
  expect(stored().answer(0, Int32Array.of(7, 4))).toBeUndefined();
  expect(stored().answer(1, indices)).toBeUndefined();
  expect(stored().answer(0, Int32Array.of(3), 1)).toBeDefined();
});

it("refuses a logit that half precision cannot hold", () => {
  const answers = new EpochAnswers({ ...format, batch: 1 }, 1);
  const row = hostTensor("float32", [1, 5], Float32Array.of(1e5, 0, 0, 0, 0));
  expect(() => answers.add(Int32Array.of(0), { prediction: row })).toThrow(
    "has the logit 100000, more than stored predictions can represent",
  );
});

it("keeps features to the places of float16 and takes the bytes that it says", async () => {
  const folder = await mkdtemp(join(tmpdir(), "deit-answers-"));
  try {
    const withFeatures: AnswerFormat = {
      ...format,
      kind: "labels",
      features: [{ grid: [2, 2], channels: 3 }, undefined],
    };
    const shown = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i) * 2);
    const answers = new EpochAnswers(withFeatures, 2);
    const prediction = hostTensor("int32", [2], Int32Array.of(4, 0));
    answers.add(indices, { prediction, features: [hostTensor("float32", [2, 2, 2, 3], shown)] });
    const path = join(folder, "epoch.safetensors");
    await answers.write(path);
    const read = (await EpochAnswers.read(path, withFeatures)).answer(0, indices)!;
    expect([...read.prediction.data]).toEqual([4, 0]);
    const [first, second] = read.features!;
    expect(second).toBeUndefined();
    expect(first!.shape).toEqual([2, 2, 2, 3]);
    // 11 bits: a relative error of at most 2⁻¹¹.
    first!.data.forEach((v, i) => {
      expect(Math.abs(Number(v) - shown[i])).toBeLessThanOrEqual(Math.abs(shown[i]) * 2 ** -11);
    });
    const { size } = await stat(path);
    const header = 8 + Number((await readFile(path)).readBigUInt64LE(0));
    expect(size - header).toBe(2 * bytesOfView(withFeatures));
    const wider = { ...withFeatures, features: [{ grid: [2, 2], channels: 4 }] } as const;
    await expect(EpochAnswers.read(path, wider)).rejects.toThrow("shapes do not fit");
  } finally {
    await rm(folder, { recursive: true });
  }
});

it("is read as written, and refused if a byte or the shape differs", async () => {
  const folder = await mkdtemp(join(tmpdir(), "deit-answers-"));
  try {
    const path = join(folder, "epoch.safetensors");
    await stored().write(path);
    const read = await EpochAnswers.read(path, format);
    expect(read.runs).toBe(1);
    expect(answered(read)).toEqual(answered(stored()));
    await expect(EpochAnswers.read(path, { ...format, topK: 3 })).rejects.toThrow("its checksum or shapes do not fit");
  } finally {
    await rm(folder, { recursive: true });
  }
});
