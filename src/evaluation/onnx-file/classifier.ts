/** A classifier in an ONNX file of any origin: its description, and its outputs, computed by ONNX Runtime. */

import { createHash } from "node:crypto";
import { dirname, join, relative } from "node:path";
import { type FileExecutable, startOnnxEngine } from "../../engines/onnx/engine.js";
import { type FileGraph, readFileGraph } from "../../engines/onnx/file-graph.js";
import { UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { type Message, sentence, way } from "../../errors/sentence.js";
import type { Channels } from "../../geometry/channels.js";
import { type ImageSize, sameSize, sizeInWords } from "../../geometry/image-size.js";
import { normalizationFor } from "../../models/image-batch.js";
import type { Normalization } from "../../models/model.js";
import { openRegular, streamRegular } from "../../system/files/regular-file.js";
import type { NamedTensors, Program, Tensor } from "../../tensor/index.js";
import { type EvaluationView, type Geometry, resolveView, type SaidOfView, type ViewChoice } from "../view.js";
import { type AnswerForm, formByNumbers, formByOperator, toLogits } from "./answers.js";
import { describeFile, noNormalization, type OnnxChoice, type OnnxDescription } from "./description.js";
import { classifierNames, type OnnxNames } from "./names.js";
import { byteScale, pixelProgram, rowsOf } from "./pixels.js";
import { type Layout, layoutOf, outputOf, requireBounded } from "./signature.js";

/** A caller's settings for an ONNX classifier, including which output to use and its form. */
export interface OnnxClassifierChoice extends OnnxChoice {
  /** Name of the output with the classes. */
  readonly output?: string;
  /** Form of its outputs (default: inferred from the last node or the numbers themselves). */
  readonly answers?: AnswerForm;
}

/** A classifier in an ONNX file, described but not yet loaded. */
export interface OnnxClassifier {
  readonly path: string;
  readonly description: OnnxDescription;
  /** Notes on its classes. */
  readonly notes: readonly Message[];
  /** How whole images are preprocessed for it; their size and normalisation are known once it is loaded. */
  view(chosen: ViewChoice): Geometry & Pick<EvaluationView, "interpolation" | "exif">;
  /** SHA-256 of the file, of its external weights files, and of `use`, which describes how it is used. */
  identity(use: readonly unknown[]): Promise<string>;
  /** Loads it. Throws UsageError if file and caller do not determine how to use it. */
  load(shown: ShownImages): Promise<LoadedOnnx>;
}

/** The images passed to a classifier. */
export interface ShownImages {
  /** Images per run, unless a run says otherwise. */
  readonly batch: number;
  /**
   * float32 `[batch, height, width, channels]` of any size, with this normalisation of each channel; `imageSize` is the classifier's own.
   */
  images(imageSize: ImageSize, normalization: Normalization, batch: number): Tensor;
  /** Threads of ONNX Runtime (default: all available cores). */
  readonly threads?: number;
  /** Size of the images in pixels, for a classifier that accepts any. */
  readonly imageSize?: ImageSize;
  /** Expected number of classes (default: as many as it names). */
  readonly classes?: number;
}

/** A loaded classifier. */
export interface LoadedOnnx {
  /** Size of its images in pixels. */
  readonly imageSize: ImageSize;
  readonly channels: Channels;
  readonly normalization: Normalization;
  /** Number of classes, if the file states it. */
  readonly classes?: number;
  /** Images of a run of the file, if it fixes them; another number takes several runs, or a padded one. */
  readonly fixedBatch?: number;
  /** Computes its pixels from the images; the program's inputs are the data of `run`. */
  readonly program: Program;
  /** The raw outputs, `[batch, classes]`; a program is compiled for the first batch of each size. */
  run(data: NamedTensors, batch?: number): Promise<Float32Array>;
  /** Converts outputs to logits. Throws UsageError if they may or may not be a sigmoid's, unless order suffices. */
  logits(raw: Float32Array, order?: "order suffices", batch?: number): Float32Array;
  close(): Promise<void>;
}

/** Whether a path is an ONNX file. */
export const isOnnxFile = (path: string): boolean => /\.onnx$/i.test(path);

/**
 * Reads the description of the classifier in `path`; the caller's settings take precedence. Throws FileError for a file
 * that cannot be read, UsageError for one that is not an image classifier.
 */
export async function openOnnxClassifier(
  path: string,
  choice: OnnxClassifierChoice = {},
  names: OnnxNames = classifierNames,
): Promise<OnnxClassifier> {
  const { description, view, notes } = await describeFile(path, choice, names);
  const { externalFiles, operators } = await readFileGraph(path);
  for (const name of externalFiles) await requireFile(join(dirname(path), name));
  return {
    ...{ path, description, notes },
    view: (chosen) => wholeView(path, chosen, view),
    identity: (use) => identityOf(path, externalFiles, [description, ...use]),
    load: (shown) => load({ path, choice, names, description, operators, shown }),
  };
}

async function requireFile(path: string): Promise<void> {
  const file = await openRegular(path).catch((error) => {
    throw fileError(path, "read the weights of the ONNX model in", error);
  });
  await file.close();
}

async function identityOf(path: string, files: readonly string[], use: readonly unknown[]): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(use));
  for (const file of [path, ...files.map((name) => join(dirname(path), name))]) {
    if (file !== path) hash.update(`\0${relative(dirname(path), file)}\0`);
    try {
      for await (const chunk of await streamRegular(file)) hash.update(chunk as Buffer);
    } catch (error) {
      throw fileError(file, "read the teacher in", error);
    }
  }
  return hash.digest("hex");
}

/** Only statements about whole images apply: there is no deit model with a default view. */
function wholeView(name: string, chosen: ViewChoice, said: readonly SaidOfView[]): ReturnType<OnnxClassifier["view"]> {
  const { view } = resolveView(
    { name, imageSize: 1, channels: 3, cropRatio: 0.875, normalization: byteScale },
    chosen,
    said.map((one) => ({ ...one, normalization: undefined })),
  );
  const { cropRatio, cropMode, interpolation, exif } = view;
  const borderColor = chosen.borderColor ?? saidColor(said);
  return { cropRatio, cropMode, interpolation, exif, ...(cropMode === "border" && borderColor ? { borderColor } : {}) };
}

/** Unless one is given, it is the mean of a normalisation that is known later. */
function saidColor(said: readonly SaidOfView[]): Geometry["borderColor"] {
  const geometry = said.find((one) => one.geometry !== undefined)?.geometry;
  return geometry && "cropMode" in geometry ? geometry.borderColor : undefined;
}

interface Wanted {
  readonly path: string;
  readonly choice: OnnxClassifierChoice;
  readonly names: OnnxNames;
  readonly description: OnnxDescription;
  /** The operator that produces a value, by the value's name. */
  readonly operators: FileGraph["operators"];
  readonly shown: ShownImages;
}

async function load(wanted: Wanted): Promise<LoadedOnnx> {
  const { path, choice, names, description, operators, shown } = wanted;
  const { batch } = shown;
  const engine = startOnnxEngine({ threads: shown.threads, idle: "sleep" });
  try {
    const file: FileExecutable = await engine.openFile(path);
    const layout = layoutOf(file.signature.inputs, path, names);
    const expected = description.classes?.length ?? shown.classes;
    const output = outputOf(file.signature.outputs, { path, output: choice.output, classes: expected }, names);
    const form = choice.answers ?? formByOperator(operators.get(output.name));
    const imageSize = sizeFor(layout, wanted);
    requireBounded(layout.batch ?? batch, imageSize, path, names);
    // Byte pixels are plain values, without normalisation.
    const described = layout.dtype === "uint8" ? byteScale : description.normalization;
    if (described === undefined) throw noNormalization(path, names);
    const normalization = normalizationFor(described, layout.channels);
    const { interpolation } = description;
    // A batch size has a program and the pixels that it computes.
    const compile = async (batch: number) => {
      const images = shown.images(imageSize, normalization, batch);
      const executable = await engine.compile(pixelProgram({ batch, images, imageSize, layout, interpolation }));
      return { executable, state: await engine.createState(new Map()) };
    };
    const first = await compile(batch);
    const compiled = new Map([[batch, Promise.resolve(first)]]);
    const compiledFor = (batch: number) => {
      const found = compiled.get(batch) ?? compile(batch);
      compiled.set(batch, found);
      return found;
    };
    return {
      ...{
        imageSize,
        channels: layout.channels,
        normalization,
        classes: output.classes,
        fixedBatch: layout.batch,
        program: first.executable.program,
      },
      run: async (data, images = batch) => {
        const { executable, state } = await compiledFor(images);
        await executable.run(state, data);
        return rowsOf(file, state, { layout, output: output.name, batch: images });
      },
      logits: (raw, order, images = batch) =>
        toLogits(raw, form ?? formByNumbers(raw, images) ?? unknownForm(wanted, order)),
      close: () => engine.close(),
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** If the outputs may be a sigmoid's, only their order is certain. */
function unknownForm({ path, names }: Wanted, order: "order suffices" | undefined): AnswerForm {
  if (order) return "logits";
  throw new UsageError(
    sentence`All predictions of the ${names.called} in "${path}" are between 0 and 1 without summing to 1, as those of a sigmoid are${way`; say what they are with ${names.setting("answers")}: sigmoids, probabilities or logits`}.`,
  );
}

function sizeFor({ size }: Layout, { path, choice, names, description, shown }: Wanted): ImageSize {
  const setting = names.setting("imageSize");
  if (size !== undefined && choice.imageSize !== undefined && !sameSize(size, choice.imageSize))
    throw new UsageError(
      sentence`The ${names.called} in "${path}" takes images of ${sizeInWords(size)} pixels, but ${setting} is ${sizeInWords(choice.imageSize)}; leave it out.`,
    );
  const found = size ?? description.imageSize ?? shown.imageSize;
  if (found !== undefined) return found;
  throw new UsageError(
    sentence`Neither "${path}" nor a preprocessor_config.json beside it says how large its images are${way`; set ${setting}`}.`,
  );
}
