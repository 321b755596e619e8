/** The worker: opens models with `deit/web`, classifies, teaches. */
import {
  type ClassifierSource,
  classifier,
  deleteModel,
  exportModel,
  fineTune,
  type ImageClassifier,
  modelNames,
  openSaved,
  savedModels,
  saveModel,
} from "deit/web";
import { PageError } from "./failure";
import { failureOf } from "./failure-of";
import type { Answer, CallName, Calls, FromWorker, OpenedModel, Progress, ToWorker, WeightsSource } from "./protocol";

/** The part of a worker's global scope that is used. */
const scope = globalThis as unknown as {
  postMessage(message: FromWorker): void;
  addEventListener(type: "message", listener: (event: MessageEvent<ToWorker>) => void): void;
};

/** What a call can do besides returning. */
interface Context<Name extends CallName> {
  readonly signal: AbortSignal;
  tell(event: Calls[Name]["tells"]): void;
}

type Handlers = {
  readonly [Name in CallName]: (takes: Calls[Name]["takes"], context: Context<Name>) => Promise<Calls[Name]["gives"]>;
};

const models = new Map<number, ImageClassifier>();
let opened = 0;

const modelOf = (id: number): ImageClassifier => {
  const model = models.get(id);
  if (!model) throw new PageError("That model is no longer open; choose it again.");
  return model;
};

/** Photos of phones lie on their side unless they are turned as the camera recorded. */
const settings = (tell: (event: Progress) => void) =>
  ({ exif: "apply", onProgress: (done, total) => tell({ done, total }) }) as const satisfies Parameters<
    typeof classifier
  >[1];

function opening(source: WeightsSource, tell: (event: Progress) => void): Promise<ImageClassifier> {
  if (source.kind === "kept") return openSaved(source.name, settings(tell));
  const from: ClassifierSource =
    source.kind === "address" ? source.address : { weights: source.file, model: source.model };
  return classifier(from, settings(tell));
}

function register(model: ImageClassifier): OpenedModel {
  const id = ++opened;
  models.set(id, model);
  const { classes, notes, backend, view } = model;
  const { imageSize, cropRatio, cropMode } = view;
  return { id, classes, notes, backend, seen: { imageSize, cropRatio, cropMode } };
}

const handlers: Handlers = {
  open: async (source, { tell }) => register(await opening(source, tell)),

  classify: async ({ model: id, picture, top }): Promise<Answer> => {
    const model = modelOf(id);
    const predictions = await model(picture, { top });
    return { predictions, attention: model.model.tokens ? await model.attention(picture) : undefined };
  },

  teach: async ({ base, classes, choice }, { signal, tell }) => {
    const pictures = Object.fromEntries(classes.map((one) => [one.name, one.pictures]));
    const tuned = await fineTune(modelOf(base), pictures, { ...choice, signal, onEvent: tell });
    return { opened: register(tuned.classify), history: tuned.history, heldOut: tuned.heldOut };
  },

  write: ({ model, to, name }) => exportModel(modelOf(model), { to, name }),

  keep: async ({ model, name }) => {
    await saveModel(name, modelOf(model));
    return undefined;
  },

  kept: async () => (await savedModels()).map(({ name }) => name),

  drop: async (name) => {
    await deleteModel(name);
    return undefined;
  },

  names: async () => modelNames(),

  close: async (id) => {
    await modelOf(id).close();
    models.delete(id);
    return undefined;
  },
};

const running = new Map<number, AbortController>();

async function answer<Name extends CallName>(id: number, name: Name, takes: unknown): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const handler = handlers[name] as Handlers[Name];
    const gives = await handler(takes as Calls[Name]["takes"], {
      signal: controller.signal,
      tell: (event) => scope.postMessage({ kind: "told", id, event }),
    });
    scope.postMessage({ kind: "done", id, gives });
  } catch (error) {
    scope.postMessage({ kind: "failed", id, failure: failureOf(error) });
  } finally {
    running.delete(id);
  }
}

scope.addEventListener("message", ({ data }) => {
  if (data.kind === "cancel") running.get(data.id)?.abort();
  else void answer(data.id, data.name, data.takes);
});
