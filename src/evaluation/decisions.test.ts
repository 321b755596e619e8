import { describe, expect, it } from "vitest";
import {
  calibration,
  classResults,
  confusions,
  DecisionRecorder,
  type Decisions,
  hardest,
  surestMistakes,
} from "./decisions.js";

/** Probabilities of the second of two classes, and the true class, chosen by hand. */
const cases: readonly [number, number][] = [
  [0.9, 0],
  [0.6, 0],
  [0.8, 1],
  [0.3, 1],
  [0.45, 0],
];

const decisions: Decisions = (() => {
  const recorder = new DecisionRecorder(cases.length, 3);
  for (const [p, label] of cases) recorder.add(Float32Array.of(Math.log(p), Math.log(1 - p), -100), label);
  return recorder.result();
})();

describe("decisions", () => {
  it("are the most likely classes with their probabilities", () => {
    expect([...decisions.decided]).toEqual([0, 0, 0, 1, 1]);
    [0.9, 0.6, 0.8, 0.7, 0.55].forEach((p, i) => {
      expect(decisions.confidence[i]).toBeCloseTo(p, 6);
    });
    [0.9, 0.6, 0.2, 0.7, 0.45].forEach((p, i) => {
      expect(decisions.truth[i]).toBeCloseTo(p, 6);
    });
  });

  it("give recall and precision by class, none for a class that never occurs", () => {
    expect(classResults(decisions)).toEqual([
      { label: 0, images: 3, recall: 2 / 3, precision: 2 / 3 },
      { label: 1, images: 2, recall: 1 / 2, precision: 1 / 2 },
      { label: 2, images: 0, recall: undefined, precision: undefined },
    ]);
  });

  it("give the pairs of true and decided class, most frequent first", () => {
    expect(confusions(decisions)).toEqual([
      { label: 0, decided: 0, images: 2 },
      { label: 0, decided: 1, images: 1 },
      { label: 1, decided: 0, images: 1 },
      { label: 1, decided: 1, images: 1 },
    ]);
  });

  it("are calibrated as far as confidence meets accuracy", () => {
    const { bins, error } = calibration(decisions, 2);
    expect(bins).toHaveLength(1); // all confidences are above one half
    expect(bins[0].accuracy).toBeCloseTo(3 / 5, 6);
    expect(bins[0].confidence).toBeCloseTo(0.71, 6);
    expect(error).toBeCloseTo(0.11, 6);
    // Confidence 1 with an accuracy of one half: the error is one half whatever the bins.
    const n = 100;
    const labels = Int32Array.from({ length: n }, (_, i) => i % 2);
    const sure = { classes: 2, labels, decided: new Int32Array(n), truth: new Float32Array(n) };
    expect(calibration({ ...sure, confidence: new Float32Array(n).fill(1) }).error).toBeCloseTo(0.5, 9);
  });

  it("show the hardest images and the most confident mistakes", () => {
    expect(hardest(decisions, 2)).toEqual([2, 4]);
    expect(surestMistakes(decisions, 5)).toEqual([2, 4]);
  });
});
