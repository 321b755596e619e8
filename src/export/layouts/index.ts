/** The layouts of exports by name: one file and one line each. */
import type { Layout } from "./layout.js";
import { onnxLayout } from "./onnx.js";

export const layouts = { onnx: onnxLayout } as const satisfies Readonly<Record<string, Layout>>;

/** Name of a layout. */
export type LayoutName = keyof typeof layouts;

/** Names of all layouts. */
export const layoutNames = Object.keys(layouts) as readonly LayoutName[];
