/** Which layout and number formats are wanted, checked. */
import { UsageError } from "../errors/errors.js";
import { didYouMean } from "../errors/nearest.js";
import { sentence, setting } from "../errors/sentence.js";
import { type LayoutName, layoutNames, layouts } from "./layouts/index.js";
import type { Layout } from "./layouts/layout.js";
import { type QuantizationName, quantizationNames } from "./quantize/index.js";

/** What a caller asks for. */
export interface PortableChoice {
  /** The layout: for which programs. */
  readonly to: LayoutName;
  /** Number formats besides float32, for layouts of ONNX files (default: those that are usual in the layout). */
  readonly quantize?: readonly QuantizationName[];
  /**
   * Puts the preprocessing into the graph (default: no): for `onnx`, of a further file, which answers with probabilities; for
   * `huggingface`, of all ONNX files, and the folder is then for transformers.js alone.
   */
  readonly preprocessing?: boolean;
}

/** The layout and the formats of its ONNX files. Throws UsageError for what there is not, or has no effect. */
export function chosen(choice: PortableChoice): {
  readonly layout: Layout;
  readonly formats: readonly QuantizationName[];
} {
  const layout = layoutNamed(choice.to);
  return { layout, formats: formatsOf(choice, layout) };
}

function layoutNamed(to: LayoutName): Layout {
  if (layoutNames.includes(to)) return layouts[to];
  throw new UsageError(
    `There is no layout "${to}"${didYouMean(to, layoutNames)} The layouts are ${layoutNames.join(", ")}.`,
  );
}

function formatsOf(
  { to, quantize, preprocessing }: PortableChoice,
  { quantized }: Layout,
): readonly QuantizationName[] {
  const unknown = quantize?.find((name) => !quantizationNames.includes(name));
  if (unknown !== undefined)
    throw new UsageError(
      `There is no number format "${unknown}"${didYouMean(unknown, quantizationNames)} The formats are ${quantizationNames.join(", ")}.`,
    );
  const onlyOnnx = quantize?.length ? "quantize" : preprocessing ? "preprocessing" : undefined;
  if (!quantized && onlyOnnx)
    throw new UsageError(
      sentence`The layout ${to} holds weights in float32 and no ONNX file, so ${setting(onlyOnnx)} has no effect; leave it out, or choose the layout onnx or huggingface.`,
    );
  return [...new Set(quantize ?? quantized ?? [])];
}
