/** Models that a page keeps in the browser (IndexedDB), to open them again later, also without a network. */
import { z } from "zod";
import { FileError, UsageError } from "../../errors/errors.js";
import { quoted } from "../../errors/quoted.js";
import type { TrainingRecord } from "../../evaluation/training-record.js";
import { type ClassifierSettings, classifier, type ImageClassifier } from "../classifier.js";
import { resultOf, transaction } from "./database.js";
import { safetensorsPieces } from "./safetensors.js";
import { requireSavable, type Savable } from "./savable.js";

/** A model that is kept in this browser. */
export interface SavedModel {
  /** The name that it was saved under. */
  readonly name: string;
  /** Name of the architecture. */
  readonly model: string;
  /** Names of the classes in the order of the outputs, if known. */
  readonly classes?: readonly string[];
  /** Size in bytes. */
  readonly bytes: number;
  /** When it was saved. */
  readonly saved: Date;
  /** How it was trained, with its accuracy on pictures that were held out. */
  readonly training?: TrainingRecord;
}

/** A model whose description in this browser cannot be read; it can be deleted. */
export interface UnreadableModel {
  /** The name that it was saved under. */
  readonly name: string;
  /** What is wrong, a sentence. */
  readonly problem: string;
}

/** How a model is kept. */
export interface SaveSettings {
  /** Replaces a model of the same name (default: it is refused). */
  readonly replace?: boolean;
  /**
   * Asks the browser not to delete the models of this site when room becomes scarce (default: yes); some browsers ask the
   * user.
   */
  readonly persist?: boolean;
}

const schema = z.object({
  format: z.literal(1),
  model: z.string(),
  classes: z.array(z.string()).optional(),
  bytes: z.number().int().min(1),
  saved: z.date(),
  training: z.custom<TrainingRecord>((value) => typeof value === "object" && value !== null).optional(),
});

/**
 * Keeps a model in this browser under a name, as a whole or not at all. Throws StorageError where there is no room or no
 * storage, UsageError for a name that is taken.
 *
 * ```js
 * await saveModel("pets", classify);
 * const again = await openSaved("pets");
 * ```
 */
export async function saveModel(
  name: string,
  model: Savable,
  { replace = false, persist = true }: SaveSettings = {},
): Promise<SavedModel> {
  requireName(name);
  requireSavable(model, "saveModel");
  if (persist) await askToPersist();
  const file = await new Blob([...safetensorsPieces(model)]).arrayBuffer();
  const { classes, training } = model;
  const about: z.infer<typeof schema> = {
    ...{ format: 1, model: model.model.name, bytes: file.byteLength, saved: new Date() },
    ...{ classes: classes && [...classes], training },
  };
  await transaction("readwrite", async (table) => {
    if (!replace && (await resultOf(table("about").getKey(name))) !== undefined)
      throw new UsageError(
        `A model is saved as ${quoted(name)} already; choose another name, or replace it (replace: true).`,
      );
    await resultOf(table("about").put(about, name));
    await resultOf(table("files").put(file, name));
  });
  return described(name, about) as SavedModel;
}

/** The models that are kept in this browser, by name. Throws StorageError where there is no storage. */
export async function savedModels(): Promise<readonly (SavedModel | UnreadableModel)[]> {
  const [names, all] = await transaction("readonly", (table) =>
    Promise.all([resultOf(table("about").getAllKeys()), resultOf(table("about").getAll())]),
  );
  return names.map((name, i) => described(String(name), all[i]));
}

/**
 * Opens a model that is kept in this browser. Throws FileError if there is none of the name, or it is damaged;
 * StorageError where there is no storage.
 */
export async function openSaved(name: string, settings: ClassifierSettings = {}): Promise<ImageClassifier> {
  const [about, file] = await transaction("readonly", (table) =>
    Promise.all([resultOf(table("about").get(name)), resultOf(table("files").get(name))]),
  );
  if (about === undefined && file === undefined)
    throw new FileError(
      name,
      `No model is saved as ${quoted(name)} in this browser; savedModels() lists those that are.`,
    );
  const known = described(name, about);
  if ("problem" in known) throw new FileError(name, known.problem);
  if (!(file instanceof ArrayBuffer) || file.byteLength !== known.bytes)
    throw new FileError(name, damaged(name, "its file is not the one that was saved"));
  return classifier(new File([new Uint8Array(file)], `${name}.safetensors`), settings);
}

/** Deletes a model that is kept in this browser; nothing happens if there is none of the name. Throws StorageError. */
export async function deleteModel(name: string): Promise<void> {
  await transaction("readwrite", async (table) => {
    await resultOf(table("about").delete(name));
    await resultOf(table("files").delete(name));
  });
}

function described(name: string, stored: unknown): SavedModel | UnreadableModel {
  const found = schema.safeParse(stored);
  if (!found.success)
    return { name, problem: damaged(name, "its description is damaged, or of another version of deit") };
  const { format: _, ...about } = found.data;
  return { name, ...about };
}

const damaged = (name: string, what: string): string =>
  `The model saved as ${quoted(name)} cannot be opened: ${what}; delete it and save it again.`;

function requireName(name: string): void {
  if (typeof name !== "string" || name.trim() === "" || name.length > 200)
    throw new UsageError(
      `A model is saved under a name of 1 to 200 characters, not ${quoted(String(name))}; choose one.`,
    );
}

/** A refusal is no error: models are kept all the same, until room becomes scarce. */
async function askToPersist(): Promise<void> {
  const { storage } = navigator;
  if (!storage?.persist || (await storage.persisted().catch(() => true))) return;
  await storage.persist().catch(() => false);
}
