import { expect, it } from "vitest";
import { decidingText, scoreOf } from "./eval-metric.js";
import { Accuracy, meanClassTop1 } from "./metrics.js";

// By hand: class 0 has 3 of 4 right, class 2 has 0 of 1, class 1 has no image; their mean is 37.5 %, that of images 60 %.
it("means the classes' accuracies, over the parts of several processes too", () => {
  const logits = (c: number) => [0, 0, 0].map((_, i) => (i === c ? 1 : 0));
  const [all, first, second] = [new Accuracy(), new Accuracy(), new Accuracy()];
  const add = (to: Accuracy, decided: readonly number[], labels: readonly number[]) =>
    to.add(Float32Array.from(decided.flatMap(logits)), labels, labels.length, 3);
  add(all, [0, 0, 0, 1, 0], [0, 0, 0, 0, 2]);
  add(first, [0, 0], [0, 0]);
  add(second, [0, 1, 0], [0, 0, 2]);
  expect(meanClassTop1([all.perClass()])).toBeCloseTo(37.5, 12);
  expect(meanClassTop1([first.perClass(), second.perClass()])).toBeCloseTo(37.5, 12);
  expect(all.result().top1).toBeCloseTo(60, 12);
});

it("ranks by the chosen measure, more being better, and shows it beside the usual one", () => {
  const result = { top1: 80, top5: 95, loss: 0.5, images: 10 };
  expect([scoreOf(result, "top1"), scoreOf(result, "top5"), scoreOf(result, "loss")]).toEqual([80, 95, -0.5]);
  expect(decidingText(result, "top1")).toBe("top-1 80.00 %");
  expect(decidingText(result, "loss")).toBe("top-1 80.00 %, loss 0.5000");
  expect(decidingText({ ...result, map: 70 }, "map")).toBe("mAP 70.00 %");
});
