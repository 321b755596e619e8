/** The layouts of exports by name: one file and one line each. */
import { huggingfaceLayout } from "./huggingface.js";
import type { Layout } from "./layout.js";
import { onnxLayout } from "./onnx.js";
import { timmLayout } from "./timm.js";
import { transformersLayout } from "./transformers.js";

/** Name of a layout. */
export type LayoutName = "onnx" | "huggingface" | "transformers" | "timm";

export const layouts: Readonly<Record<LayoutName, Layout>> = {
  onnx: onnxLayout,
  huggingface: huggingfaceLayout,
  transformers: transformersLayout,
  timm: timmLayout,
};

/** Names of all layouts. */
export const layoutNames = Object.keys(layouts) as readonly LayoutName[];
