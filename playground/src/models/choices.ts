/** The models that can be chosen. */
import type { Engine } from "../engine/client";
import type { Progress } from "../engine/protocol";
import { megabytes } from "../page/words";
import type { Catalogue } from "./catalogue";
import { type LocalModel, openLocal, type PageModel, servedModel } from "./page-model";

export interface OpenOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** A model that can be chosen. */
export interface Choice {
  readonly key: string;
  readonly group: "On the server" | "In this page" | "Opened here" | "Taught here" | "Kept in this browser";
  readonly label: string;
  open(options: OpenOptions): Promise<PageModel>;
  /** Name under which the browser keeps it. */
  readonly kept?: string;
}

/** Those of the origin: first those that need no download. */
export function choicesOf({ models }: Catalogue, engine: Engine): readonly Choice[] {
  const served = models
    .filter((one) => one.served)
    .map((one): Choice => {
      const { name } = one;
      return { key: `served ${name}`, group: "On the server", label: name, open: async () => servedModel(one) };
    });
  const local = models.flatMap(({ name, weights }): Choice[] => {
    if (!weights) return [];
    const { address, bytes } = weights;
    const source = { kind: "address", address: new URL(address, document.baseURI).href } as const;
    const label = `${name} (${megabytes(bytes)})`;
    return [
      {
        ...{ key: `local ${name}`, group: "In this page", label },
        open: (options) => openLocal(engine, name, source, options),
      },
    ];
  });
  return [...served, ...local];
}

/** A file from the reader's device; `model` if it does not state which model it is. */
export const choiceOfFile = (file: File, engine: Engine, model?: string): Choice => ({
  ...{ key: `file ${file.name} ${file.size} ${file.lastModified} ${model ?? ""}`, group: "Opened here" },
  label: file.name,
  open: (options) => openLocal(engine, file.name, { kind: "file", file, model }, options),
});

/** A model that was taught in this page. */
export const choiceOfTaught = (model: LocalModel): Choice => ({
  ...{ key: `taught ${model.id}`, group: "Taught here", label: model.name },
  open: async () => model,
});

/** A model that the browser keeps. */
export const choiceOfKept = (name: string, engine: Engine): Choice => ({
  ...{ key: `kept ${name}`, group: "Kept in this browser", label: name, kept: name },
  open: (options) => openLocal(engine, name, { kind: "kept", name }, options),
});
