/** The worker thread of the ONNX engine: owns sessions and state, so that a running step never blocks the event loop. */

import { parentPort } from "node:worker_threads";
import { InferenceSession, Tensor } from "#onnxruntime";
import { messageOf } from "../../errors/message-of.js";
import { zeros } from "../../tensor/host.js";
import type { DType, HostTensor, TypedArray } from "../../tensor/index.js";
import {
  type Envelope,
  type FileSignature,
  type FileValue,
  type OutputType,
  type Reply,
  type Request,
  sequenceOutput,
  type TensorEntries,
} from "./messages.js";

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
    case "run-file":
      return runFile(request);
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
  for (const name of request.stateInputs) feeds[name] = held(state, name);
  const fetches: Record<string, Tensor | null> = { [sequenceOutput]: null };
  for (const type of request.outputs) fetches[type.output] = blank(type);
  for (const { inPlace, ...update } of request.updates) {
    const current = state.get(update.state);
    fetches[update.output] = (inPlace ? current : spare.get(update.state)) ?? blank(update);
  }
  await sessions
    .get(request.session)!
    .run(feeds, fetches)
    .catch((error: unknown) => {
      if (!notConverted.test(messageOf(error))) throw error;
    });
  for (const { state: name, output } of request.updates) {
    const [current, next] = [state.get(name), fetches[output]!];
    if (next === current) continue;
    if (current) spare.set(name, current);
    state.set(name, next);
  }
  return request.outputs.map(({ output }) => [output, toHost(fetches[output]!)]);
}

/** What the binding says of `sequenceOutput`, once the run is over. */
const notConverted = /^Non tensor type/;

async function runFile({ session, state, inputs, output }: Extract<Request, { kind: "run-file" }>) {
  const feeds = Object.fromEntries(inputs.map(([name, from]) => [name, held(stateOf(state), from)]));
  const results = await sessions.get(session)!.run(feeds, [output]);
  return [[output, toHost(results[output])]] as const;
}

function held(state: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = state.get(name);
  if (!tensor) throw new Error(`the state lacks "${name}"`);
  return tensor;
}

const blank = ({ dtype, shape }: OutputType): Tensor => toOrt(zeros(dtype, shape));

/** Inputs and outputs of a session. */
function signatureOf(session: InferenceSession): FileSignature {
  const value = (v: InferenceSession.ValueMetadata): FileValue =>
    v.isTensor ? { name: v.name, type: v.type, shape: v.shape } : { name: v.name, shape: [] };
  return { inputs: session.inputMetadata.map(value), outputs: session.outputMetadata.map(value) };
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
    // What belongs to ONNX Runtime cannot be handed over: outputs of files.
    const own = reply.kind === "done" && request.kind !== "run-file" ? reply.tensors : [];
    parentPort!.postMessage(reply, [...new Set(own.map(([, { data }]) => data.buffer as ArrayBuffer))]);
  });
});
