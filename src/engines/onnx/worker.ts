/** The worker thread of the ONNX engine: owns sessions and state, so that a running step never blocks the event loop. */

import { parentPort } from "node:worker_threads";
import { InferenceSession, Tensor } from "#onnxruntime";
import { messageOf } from "../../errors/message-of.js";
import type { DType, HostTensor, TypedArray } from "../../tensor/index.js";
import type { Envelope, FileSignature, FileValue, Reply, Request, TensorEntries } from "./messages.js";

const sessions = new Map<number, InferenceSession>();
const states = new Map<number, Map<string, Tensor>>();
/** Second buffers of state that cannot be updated in place. */
const spares = new Map<number, Map<string, Tensor>>();

/** ONNX Runtime does not accept shared memory, such as a loader's batches: those are copied, but only here. */
const toOrt = ({ dtype, shape, data }: HostTensor): Tensor =>
  new Tensor(dtype as never, (data.buffer instanceof SharedArrayBuffer ? data.slice() : data) as never, [...shape]);
const toHost = (t: Tensor): HostTensor => ({ dtype: t.type as DType, shape: t.dims, data: t.data as TypedArray });

function stateOf(id: number): Map<string, Tensor> {
  let state = states.get(id);
  if (!state) {
    state = new Map();
    states.set(id, state);
    spares.set(id, new Map());
  }
  return state;
}

const sleeping = { allow_spinning: "0" } as const;

async function handle(request: Request): Promise<TensorEntries> {
  switch (request.kind) {
    case "load": {
      const options: InferenceSession.SessionOptions = {
        executionProviders: ["cpu"],
        intraOpNumThreads: request.threads,
        graphOptimizationLevel: "all",
        enableCpuMemArena: request.arena,
        // The memory pattern plans one block for all temporaries of a run and reuses little of it: 1.1 GB instead of
        // 0.8 for a step of DeiT-Ti, and no faster.
        enableMemPattern: false,
        logSeverityLevel: 3,
        ...(request.profile ? { enableProfiling: true, profileFilePrefix: request.profile } : {}),
        extra: { session: { set_denormal_as_zero: "1", ...(request.idle === "sleep" ? { intra_op: sleeping } : {}) } },
      };
      sessions.set(request.session, await InferenceSession.create(request.model, options));
      return [];
    }
    case "open":
      sessions.set(
        request.session,
        await InferenceSession.create(request.path, {
          executionProviders: ["cpu"],
          intraOpNumThreads: request.threads,
          graphOptimizationLevel: "all",
          enableMemPattern: false,
          logSeverityLevel: 3,
          extra: { session: { set_denormal_as_zero: "1", intra_op: sleeping } },
        }),
      );
      return [];
    case "unload":
      await sessions.get(request.session)?.release();
      sessions.delete(request.session);
      return [];
    case "write":
      for (const [name, tensor] of request.tensors) {
        // Each in memory of its own, since state is overwritten in place.
        stateOf(request.state).set(name, toOrt(tensor));
        spares.get(request.state)?.delete(name);
      }
      return [];
    case "read": {
      const state = stateOf(request.state);
      const missing = request.names?.find((name) => !state.has(name));
      if (missing !== undefined) throw new Error(`there is no state named "${missing}"`);
      return (request.names ?? [...state.keys()]).map((name) => {
        const { dtype, shape, data } = toHost(state.get(name)!);
        return [name, { dtype, shape, data: data.slice() }];
      });
    }
    case "dispose":
      states.delete(request.state);
      spares.delete(request.state);
      return [];
    case "run":
      return run(request);
    case "end-profiling":
      (sessions.get(request.session) as unknown as { endProfiling(): void }).endProfiling();
      return [];
  }
}

async function run(request: Extract<Request, { kind: "run" }>): Promise<TensorEntries> {
  const state = stateOf(request.state);
  const spare = spares.get(request.state)!;
  const feeds: Record<string, Tensor> = {};
  for (const [name, tensor] of request.data) feeds[name] = toOrt(tensor);
  for (const name of request.stateInputs) {
    const tensor = state.get(name);
    if (!tensor) throw new Error(`the state lacks "${name}"`);
    feeds[name] = tensor;
  }
  for (const [name, from] of request.renamed ?? []) feeds[name] = state.get(from)!;
  const fetches: Record<string, Tensor | null> = {};
  for (const name of request.outputs) fetches[name] = null;
  for (const { state: name, output, inPlace } of request.updates) {
    const current = state.get(name);
    fetches[output] = !current ? null : inPlace ? current : (spare.get(name) ?? sibling(current));
  }
  const results = await sessions.get(request.session)!.run(feeds, fetches);
  for (const { state: name, output, inPlace } of request.updates) {
    const current = state.get(name);
    if (inPlace && current) continue;
    if (current) spare.set(name, current);
    state.set(name, fetches[output] ?? results[output]);
  }
  return request.outputs.map((name) => [name, toHost(results[name])]);
}

/** Inputs and outputs of a session. */
function signatureOf(session: InferenceSession): FileSignature {
  const value = (v: InferenceSession.ValueMetadata): FileValue =>
    v.isTensor ? { name: v.name, type: v.type, shape: v.shape } : { name: v.name, shape: [] };
  return { inputs: session.inputMetadata.map(value), outputs: session.outputMetadata.map(value) };
}

function sibling(t: Tensor): Tensor {
  const data = (t.data as TypedArray).slice();
  return new Tensor(t.type as never, data as never, t.dims as number[]);
}

/** Requests are processed one after the other, in order of arrival. */
let queue: Promise<void> = Promise.resolve();

parentPort!.on("message", ({ id, request }: Envelope) => {
  queue = queue.then(async () => {
    let reply: Reply;
    try {
      const tensors = await handle(request);
      const opened = request.kind === "open" ? sessions.get(request.session) : undefined;
      reply = { id, kind: "done", tensors, signature: opened && signatureOf(opened) };
    } catch (error) {
      reply = { id, kind: "failed", message: messageOf(error) };
    }
    const own = reply.kind === "done" ? new Set(reply.tensors.map(([, t]) => t.data.buffer as ArrayBuffer)) : [];
    // Outputs allocated by ONNX Runtime are its own memory and cannot be transferred; reads are copies and can.
    parentPort!.postMessage(reply, request.kind === "read" ? [...own] : []);
  });
});
