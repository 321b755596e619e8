/** A teacher from an ONNX file of any origin: answers in a worker of its own while the student's step runs. */
import { createHash } from "node:crypto";
import { dirname, join, relative } from "node:path";
import type { DeviceState } from "../../engines/engine.js";
import { type FileExecutable, startOnnxEngine } from "../../engines/onnx/engine.js";
import { type FileGraph, readFileGraph } from "../../engines/onnx/file-graph.js";
import type { FileValue } from "../../engines/onnx/messages.js";
import { UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import {
  type EvaluationView,
  type Geometry,
  resolveView,
  type SaidOfView,
  type ViewChoice,
} from "../../evaluation/view.js";
import type { Normalization } from "../../models/model.js";
import { createModel } from "../../models/registry.js";
import { type ResampleFilter, resizeImages } from "../../models/resample.js";
import { streamRegular } from "../../system/files/regular-file.js";
import {
  add,
  cast,
  floor,
  type HostTensor,
  hostTensor,
  max,
  min,
  type Program,
  pad,
  program,
  slice,
  type Tensor,
  transpose,
} from "../../tensor/index.js";
import { stepData } from "../feed/step-data.js";
import type { Recipe } from "../recipe/recipe.js";
import { type BatchTransform, batchImages, batchTransformOf } from "../step/batch/index.js";
import { renormalize } from "../step/batch/renormalize.js";
import { neededAnswer } from "../step/distillation/index.js";
import type { TeacherAnswers } from "./answers.js";
import { mapClasses } from "./class-mapping.js";
import { describeTeacher, noNormalization, type TeacherDescription } from "./description.js";
import { requireFiniteAnswers } from "./finite-answers.js";
import { fromHalf } from "./half.js";

/** A classifier in an ONNX file, known but not yet loaded. */
export interface OnnxTeacher {
  readonly kind: "onnx";
  /** SHA-256 of the file, of those that hold its weights, and of how it is used. */
  readonly identity: string;
  /** How it wants to see whole images. */
  view(chosen: ViewChoice): Geometry & Pick<EvaluationView, "interpolation" | "exif">;
  /**
   * Loads it for batches of the student's views, `batch` of them at a time. Where
   * `describe` names samples, an answer that is no number is a TrainingError; otherwise whoever asks looks at them.
   */
  open(views: Views, batch: number, describe?: (index: number) => string): Promise<OnnxAnswers>;
}

/** The images that a classifier is shown: how they are normalised before they are renormalised for it, and their side. */
export interface Views {
  readonly normalization: Normalization;
  /** In pixels; where it is left out, the classifier's own. */
  readonly imageSize?: number;
}

export interface OnnxAnswers extends TeacherAnswers {
  /** Side of the views, in pixels. */
  readonly viewSize: number;
}

/** Reads what the classifier in `path` says of itself; `classes` are those of the data. */
export async function openOnnxTeacher(path: string, recipe: Recipe, classes: readonly string[]): Promise<OnnxTeacher> {
  const { description, view } = await describeTeacher(path, recipe);
  const { externalFiles, operators } = await readFileGraph(path);
  const told = [recipe.teacherOutput, recipe.teacherAnswers].filter(
    (setting) => setting !== undefined && setting !== "auto",
  );
  const hash = createHash("sha256").update(JSON.stringify([description, classes, ...told]));
  for (const file of [path, ...externalFiles.map((name) => join(dirname(path), name))]) {
    if (file !== path) hash.update(`\0${relative(dirname(path), file)}\0`);
    try {
      for await (const chunk of await streamRegular(file)) hash.update(chunk as Buffer);
    } catch (error) {
      throw fileError(file, "read the teacher in", error);
    }
  }
  return {
    kind: "onnx",
    identity: hash.digest("hex"),
    view: (chosen) => teacherView(chosen, view),
    open: (views, batch, describe) => load({ path, recipe, classes, description, operators, views, batch, describe }),
  };
}

/** Whether a path is that of an ONNX file. */
export const isOnnxFile = (path: string): boolean => /\.onnx$/i.test(path);

function teacherView(chosen: ViewChoice, said: readonly SaidOfView[]): ReturnType<OnnxTeacher["view"]> {
  // A model of no architecture of ours: only what is said of whole images counts.
  const model = { ...createModel("linear"), cropRatio: 0.875 };
  const { view } = resolveView(
    model,
    chosen,
    said.map((one) => ({ ...one, normalization: undefined })),
  );
  const { cropRatio, cropMode, interpolation, exif } = view;
  return { cropRatio, cropMode, interpolation, exif };
}

interface Wanted {
  readonly path: string;
  readonly recipe: Recipe;
  readonly classes: readonly string[];
  readonly description: TeacherDescription;
  /** The operator that makes a value, by the value's name. */
  readonly operators: FileGraph["operators"];
  readonly views: Views;
  readonly batch: number;
  readonly describe?: (index: number) => string;
}

async function load(wanted: Wanted): Promise<OnnxAnswers> {
  const { path, recipe, classes, description, batch, describe } = wanted;
  const engine = startOnnxEngine();
  try {
    const file = await engine.openFile(path);
    const layout = layoutOf(file.signature.inputs, path);
    const output = outputOf(file.signature.outputs, wanted);
    const form = answerForm(output.name, wanted);
    const imageSize = sizeFor(layout, wanted);
    const { normalization, imageSize: viewSize = imageSize } = wanted.views;
    // Pixels as bytes are the plain values, without normalisation.
    const theirs = layout.dtype === "uint8" ? byteScale : description.normalization;
    if (theirs === undefined) throw noNormalization(path);
    const views = teacherViews({
      ...{ batch, views: { normalization, imageSize: viewSize }, imageSize, layout, normalization: theirs },
      interpolation: description.interpolation,
      transform: batchTransformOf(recipe),
    });
    const executable = await engine.compile(views);
    const state = await engine.createState(new Map());
    const mapping = mapper(wanted);
    // Said before training begins, where the file says how many classes it has.
    if (output.classes !== undefined) mapping(output.classes);
    return {
      viewSize,
      kind: neededAnswer(recipe.distillation) ?? "labels",
      answer: async (epoch, _run, views) => {
        await executable.run(state, stepData(executable.program, { recipe, epoch, batch: views }, { scalars: {} }));
        const raw = await rowsOf(file, state, { layout, output: output.name, batch });
        if (describe) {
          const image = (row: number) => describe(views.indices[row]);
          requireFiniteAnswers(raw, batch, { teacher: path, image });
        }
        const logits = chosen(raw, batch, mapping(raw.length / batch), formOf(raw, form, wanted));
        return neededAnswer(recipe.distillation) === "logits"
          ? hostTensor("float32", [batch, classes.length], logits)
          : hostTensor("int32", [batch], decisions(logits, batch));
      },
      close: () => engine.close(),
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** Where the data's classes are among a number of the teacher's; worked out once. */
function mapper({ description, classes, path }: Wanted): (count: number) => Int32Array | undefined {
  let known: { readonly count: number; readonly indices: Int32Array | undefined } | undefined;
  return (count) => {
    if (known?.count !== count) known = { count, indices: mapClasses(description.classes, count, classes, path) };
    return known.indices;
  };
}

interface Layout {
  readonly input: string;
  readonly dtype: "float32" | "float16" | "uint8";
  readonly channelsFirst: boolean;
  /** Side of the images, undefined where it is free. */
  readonly size?: number;
  /** Images of a run, undefined where they are free. */
  readonly batch?: number;
}

function layoutOf(inputs: readonly FileValue[], path: string): Layout {
  const [input] = inputs;
  const words = inputs.map((v) => `"${v.name}" ${v.type ?? "of another kind"} [${v.shape.join(", ")}]`).join(", ");
  const refuse = (why: string): never => {
    throw new UsageError(
      `"${path}" is no image classifier that can teach: ${why} (its inputs: ${words}); it needs one input of images [batch, 3, height, width] or [batch, height, width, 3].`,
    );
  };
  if (inputs.length !== 1) refuse(`it takes ${inputs.length} inputs`);
  const { type: dtype, shape } = input;
  if (dtype !== "float32" && dtype !== "float16" && dtype !== "uint8")
    return refuse("its pixels are neither float32, float16 nor uint8");
  if (shape.length !== 4) refuse(`its input has ${shape.length} axes`);
  const fixed = (d: number | string) => (typeof d === "number" && d > 0 ? d : undefined);
  const [batch, a, b, c] = shape.map(fixed);
  // Where neither place says 3, the channels come first, as PyTorch writes them.
  const channelsFirst = a === 3 || (c !== 3 && a === undefined);
  if (!channelsFirst && c !== 3) refuse("no axis holds three channels");
  const [height, width] = channelsFirst ? [b, c] : [a, b];
  if (height !== undefined && width !== undefined && height !== width) refuse("its images are not square");
  return { input: input.name, dtype, channelsFirst, size: height ?? width, batch };
}

/**
 * The output with a row per image; of several, the one that the recipe names, the one called logits, or the one with as
 * many numbers as there are classes. UsageError where that leaves several.
 */
function outputOf(
  outputs: readonly FileValue[],
  { path, recipe, description, classes }: Wanted,
): { readonly name: string; readonly classes?: number } {
  const rows = outputs.filter((v) => v.shape.length === 2 && (v.type === "float32" || v.type === "float16"));
  const width = ({ shape: [, d] }: FileValue) => (typeof d === "number" && d > 0 ? d : undefined);
  const words = outputs.map((v) => `"${v.name}" [${v.shape.join(", ")}]`).join(", ");
  const wanted = description.classes?.length ?? classes.length;
  const named = recipe.teacherOutput ?? "logits";
  const fitting = rows.filter((v) => width(v) === wanted);
  const candidates = [rows.filter((v) => v.name === named), ...(recipe.teacherOutput ? [] : [fitting, rows])];
  const [found, ...others] = candidates.find((list) => list.length > 0) ?? [];
  if (found && others.length === 0) return { name: found.name, classes: width(found) };
  if (found)
    throw new UsageError(
      `"${path}" has several outputs that may be its classes (${words}), and none is called logits; name the one that counts by teacherOutput.`,
    );
  throw new UsageError(
    `"${path}" is no classifier: none of its outputs (${words}) is ${recipe.teacherOutput ? `"${recipe.teacherOutput}" and ` : ""}[batch, classes].`,
  );
}

/** What the numbers of an answer are: logits, probabilities that sum to 1, or one of each class on its own. */
type AnswerForm = "logits" | "probabilities" | "sigmoids";

/** As the recipe says or the graph shows by its last node; undefined where only the numbers can tell. */
function answerForm(output: string, { recipe, operators }: Wanted): AnswerForm | undefined {
  if (recipe.teacherAnswers !== "auto") return recipe.teacherAnswers;
  const last = operators.get(output);
  if (last === "Sigmoid") return "sigmoids";
  return last === "Softmax" ? "probabilities" : last === "Gemm" || last === "MatMul" ? "logits" : undefined;
}

/** What these numbers are. UsageError where they look like those of a sigmoid and nothing says so. */
function formOf(raw: Float32Array, known: AnswerForm | undefined, { path, recipe, batch }: Wanted): AnswerForm {
  if (known) return known;
  if (!raw.every((v) => v >= 0 && v <= 1)) return "logits";
  if (areProbabilities(raw, raw.length / batch)) return "probabilities";
  // Its decisions are the same either way.
  if (neededAnswer(recipe.distillation) !== "logits") return "logits";
  throw new UsageError(
    `All answers of the teacher in "${path}" lie between 0 and 1 without summing to 1, as those of a sigmoid do; say what they are by teacherAnswers: sigmoids, probabilities or logits.`,
  );
}

function sizeFor({ size }: Layout, { path, recipe, description, views }: Wanted): number {
  if (size !== undefined && recipe.teacherImageSize !== undefined && size !== recipe.teacherImageSize)
    throw new UsageError(
      `The teacher in "${path}" takes images of ${size} pixels, but teacherImageSize is ${recipe.teacherImageSize}; leave it out.`,
    );
  const found = size ?? description.imageSize ?? views.imageSize;
  if (found !== undefined) return found;
  throw new UsageError(
    `Neither "${path}" nor a preprocessor_config.json beside it says how large its images are; set teacherImageSize.`,
  );
}

interface ViewOptions {
  readonly batch: number;
  readonly views: Required<Views>;
  readonly transform: BatchTransform;
  readonly imageSize: number;
  readonly layout: Layout;
  readonly normalization: Normalization;
  readonly interpolation: ResampleFilter;
}

/** Name of the state that holds the pixels of a run of the teacher. */
const pixels = (run: number): string => `pixels.${run}`;

/** Runs of the teacher for a batch. */
const runsFor = (layout: Layout, batch: number): number => Math.ceil(batch / (layout.batch ?? batch));

/** The very views of the student, as the teacher wants them, cut into runs of the teacher. */
function teacherViews(options: ViewOptions): Program {
  const { batch, views, transform, imageSize, layout, normalization, interpolation } = options;
  const images = batchImages(batch, views.imageSize, views.normalization, transform);
  const seen = resizeImages(renormalize(images, views.normalization, normalization), imageSize, interpolation);
  const placed = layout.channelsFirst ? transpose(seen, [0, 3, 1, 2]) : seen;
  const typed = layout.dtype === "uint8" ? toBytes(placed) : cast(placed, layout.dtype);
  const runs = runsFor(layout, batch);
  const each = layout.batch ?? batch;
  const missing = runs * each - batch;
  const whole = missing === 0 ? typed : pad(typed, [0, 0, 0, 0], [missing, 0, 0, 0]);
  const parts = Array.from({ length: runs }, (_, i) => slice(whole, 0, i * each, (i + 1) * each));
  return program({
    name: "teacher-views",
    outputs: {},
    updates: new Map(parts.map((part, i) => [pixels(i), part])),
    state: parts.map((_, i) => pixels(i)),
  });
}

const byteScale: Normalization = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };

function toBytes(x: Tensor): Tensor {
  return cast(floor(add(min(max(x, 0), 255), 0.5)), "uint8");
}

/** All rows of the teacher's output for the pixels in `state`. */
async function rowsOf(
  file: FileExecutable,
  state: DeviceState,
  { layout, output, batch }: { layout: Layout; output: string; batch: number },
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (let i = 0; i < runsFor(layout, batch); i++)
    parts.push(asFloat32(await file.run(state, [[layout.input, pixels(i)]], output)));
  const [first] = parts;
  const classes = first.length / (layout.batch ?? batch);
  if (parts.length === 1) return first.subarray(0, batch * classes);
  const all = new Float32Array(parts.length * first.length);
  parts.forEach((part, i) => {
    all.set(part, i * first.length);
  });
  return all.subarray(0, batch * classes);
}

function asFloat32({ dtype, data }: HostTensor): Float32Array {
  // Newer runtimes give float16 as numbers.
  if (dtype === "float16" && data instanceof Uint16Array) return Float32Array.from(data, fromHalf);
  return data instanceof Float32Array ? data : Float32Array.from(data as unknown as ArrayLike<number>);
}

/** The data's classes of each row, as logits: of a probability its logarithm, of a sigmoid what went into it. */
function chosen(raw: Float32Array, batch: number, mapping: Int32Array | undefined, form: AnswerForm): Float32Array {
  const count = raw.length / batch;
  const classes = mapping?.length ?? count;
  const out = new Float32Array(batch * classes);
  const log = (p: number) => Math.log(Math.max(p, 1e-12));
  const logit = { logits: (v: number) => v, probabilities: log, sigmoids: (p: number) => log(p) - log(1 - p) }[form];
  for (let i = 0; i < batch; i++)
    for (let c = 0; c < classes; c++) out[i * classes + c] = logit(raw[i * count + (mapping?.[c] ?? c)]);
  return out;
}

function areProbabilities(raw: Float32Array, count: number): boolean {
  for (let at = 0; at < raw.length; at += count) {
    let total = 0;
    for (let i = at; i < at + count; i++) {
      if (raw[i] < 0) return false;
      total += raw[i];
    }
    if (Math.abs(total - 1) > 1e-2) return false;
  }
  return true;
}

function decisions(logits: Float32Array, batch: number): Int32Array {
  const classes = logits.length / batch;
  return Int32Array.from({ length: batch }, (_, i) => {
    const at = i * classes;
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[at + c] > logits[at + best]) best = c;
    return best;
  });
}
