/** Which of ONNX Runtime's backends computes: the fastest that gives right answers here, and why. */
import type * as Ort from "onnxruntime-web";
import { EngineError, UsageError } from "../errors/errors.js";
import { messageOf } from "../errors/message-of.js";
import type { Backend, BackendChoice } from "./backend-choice.js";
import { WebEngine } from "./engine.js";
import { largestError, tolerance } from "./self-check.js";

/** An engine in the page, and what it runs on. */
export interface OpenedBackend {
  readonly engine: WebEngine;
  readonly backend: Backend;
}

/** Opens the backend of the choice. Throws EngineError for one that does not work here. */
export async function openBackend(choice: BackendChoice = {}): Promise<OpenedBackend> {
  const { backend = "auto", threads } = choice;
  if (backend !== "auto" && backend !== "webgpu" && backend !== "wasm")
    throw new UsageError(`There is no backend "${String(backend)}"; choose auto, webgpu or wasm.`);
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1))
    throw new UsageError(`threads is ${threads}; give a whole number, 1 or more.`);
  if (backend === "wasm") return openWasm(choice, ["WebAssembly was asked for."]);
  const opened = await openWebgpu(choice);
  if (typeof opened !== "string") return opened;
  if (backend === "webgpu") throw new EngineError(`${opened} Choose the backend wasm.`);
  return openWasm(choice, [opened]);
}

/** The backend, or the reason why it is not used. */
async function openWebgpu(choice: BackendChoice): Promise<OpenedBackend | string> {
  const { gpu } = navigator;
  if (!gpu) return "This browser, or a page without a secure context, has no WebGPU.";
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (!adapter) return "WebGPU has no adapter here.";
  try {
    const ort = configured(await import("onnxruntime-web/webgpu"), 1, choice);
    const engine = new WebEngine({ ort, provider: "webgpu", threads: 1, version: versionOf(ort) });
    const error = await largestError(engine);
    if (error <= tolerance) {
      const reason = `WebGPU passed the check of its answers (largest error ${error.toExponential(1)}).`;
      return { engine, backend: { name: "webgpu", threads: 1, reasons: [reason] } };
    }
    return `WebGPU gives wrong answers here (largest error ${error.toExponential(1)}, at most ${tolerance} is right).`;
  } catch (error) {
    return `WebGPU does not work here: ${messageOf(error)}.`.replace(/\.\.$/, ".");
  }
}

async function openWasm(choice: BackendChoice, why: readonly string[]): Promise<OpenedBackend> {
  requireWebAssembly();
  const isolated = crossOriginIsolated === true;
  const cores = Math.max(1, navigator.hardwareConcurrency ?? 1);
  const threads = isolated ? (choice.threads ?? cores) : 1;
  const ort = configured(await import("onnxruntime-web/wasm"), threads, choice);
  const reason = isolated
    ? `The page is cross-origin isolated, so ${threads === 1 ? "one thread computes" : `${threads} threads compute`}.`
    : "The page is not cross-origin isolated, so one thread computes; send the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp for more.";
  const engine = new WebEngine({ ort, provider: "wasm", threads, version: versionOf(ort) });
  const error = await largestError(engine);
  if (!(error <= tolerance))
    throw new EngineError(
      `ONNX Runtime gives wrong answers in this browser (largest error ${error.toExponential(1)}, at most ${tolerance} is right); use another browser.`,
    );
  return { engine, backend: { name: "wasm", threads, reasons: [...why, reason] } };
}

/** Throws EngineError where nothing can be compiled: the page's policy forbids it, or the browser does. */
function requireWebAssembly(): void {
  const ask =
    "WebAssembly, which computes here, cannot be used in this page; allow 'wasm-unsafe-eval' in the script-src of its Content-Security-Policy if it has one, or use another browser.";
  try {
    // The shortest module: four bytes that mark it, and the version.
    new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  } catch (cause) {
    throw new EngineError(ask, { cause });
  }
}

/** ONNX Runtime reads these settings once, when the first program is loaded. */
function configured(ort: typeof Ort, threads: number, { wasmFolder }: BackendChoice): typeof Ort {
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  if (wasmFolder !== undefined) ort.env.wasm.wasmPaths = wasmFolder.replace(/\/*$/, "/");
  return ort;
}

const versionOf = (ort: typeof Ort): string => ort.env.versions.web ?? ort.env.versions.common;
