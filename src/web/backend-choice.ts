/** Which backend of ONNX Runtime computes: what callers say, and what they are told. */

/** Settings of ONNX Runtime in the page. */
export interface BackendChoice {
  /** `auto` (the default): WebGPU if it passes a check of its answers, otherwise WebAssembly. */
  readonly backend?: "auto" | "webgpu" | "wasm";
  /** Threads of the WebAssembly backend (default: one per core; 1 in a page that is not cross-origin isolated). */
  readonly threads?: number;
  /** Folder that ONNX Runtime loads its `.wasm` files from (default: beside its own module). */
  readonly wasmFolder?: string;
}

/** What computes, and why that was chosen. */
export interface Backend {
  /** The execution provider of ONNX Runtime. */
  readonly name: "webgpu" | "wasm";
  /** Threads that compute; 1 for WebGPU. */
  readonly threads: number;
  /** One sentence for each decision. */
  readonly reasons: readonly string[];
}
