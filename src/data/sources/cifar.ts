/**
 * CIFAR-10 and CIFAR-100 as published, binary or as Python's pickled batches. Pixels are read in place; an image is
 * identified by its position in its file.
 */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { fileSource } from "../../formats/byte-source.js";
import { NumpyArray, readNumpyPickle } from "../../formats/pickle/numpy.js";
import { isCount, PickleError } from "../../formats/pickle/values.js";
import { withFile } from "../../system/files/read-range.js";
import { readWhole } from "../../system/files/regular-file.js";
import type { Dataset, OpenOptions } from "../dataset/dataset.js";
import { filesNamed, readClassFile } from "../dataset/files.js";
import { LabelColumn } from "../dataset/labels.js";
import { noPart } from "../dataset/parts.js";
import { SampleTable, tableDataset } from "../dataset/sample-table.js";

/** Side of the images, and bytes of one. */
const side = 32;
const imageBytes = 3 * side * side;
/** A pickled batch takes 30 MB, CIFAR-100's training part 155. */
const largestPickle = 512 * 2 ** 20;

type Split = "train" | "test";

/** One of the four publications. */
interface Edition {
  readonly files: Readonly<Record<Split, RegExp>>;
  /** File with the class names. */
  readonly names: string;
  readonly samples: (path: string, add: AddSample) => Promise<void>;
  readonly classes: (path: string) => Promise<string[]>;
}

/** Receives the next sample of a file; `pixels`, as three planes, if they are not stored directly in the file. */
type AddSample = (key: string, offset: number, label: number, pixels?: Uint8Array) => void;

const editions: readonly Edition[] = [
  {
    files: { train: /^data_batch_\d+\.bin$/, test: /^test_batch\.bin$/ },
    names: "batches.meta.txt",
    samples: (path, add) => readBinary(path, 1, add),
    classes: readClassFile,
  },
  {
    files: { train: /^train\.bin$/, test: /^test\.bin$/ },
    names: "fine_label_names.txt",
    samples: (path, add) => readBinary(path, 2, add),
    classes: readClassFile,
  },
  {
    files: { train: /^data_batch_\d+$/, test: /^test_batch$/ },
    names: "batches.meta",
    samples: (path, add) => readPickled(path, "labels", add),
    classes: (path) => pickledNames(path, "label_names"),
  },
  {
    files: { train: /^train$/, test: /^test$/ },
    names: "meta",
    samples: (path, add) => readPickled(path, "fine_labels", add),
    classes: (path) => pickledNames(path, "fine_label_names"),
  },
];

/** Whether a file has the name of CIFAR's training or test images. */
export const isCifarFile = (name: string): boolean =>
  editions.some(({ files }) => files.train.test(name) || files.test.test(name));

/** Opens the folder that the archive unpacks to, or one file of it. CIFAR-100 with its hundred fine classes. */
export async function openCifar(path: string, { split, classes }: OpenOptions): Promise<Dataset> {
  const info = await stat(path).catch((error) => {
    throw fileError(path, "read", error);
  });
  const folder = info.isDirectory() ? path : join(path, "..");
  const names = info.isDirectory() ? await filesNamed(path, /./) : [basename(path)];
  const edition = editions.find(({ files }) => names.some((n) => files.train.test(n) || files.test.test(n)));
  if (!edition) throw new FileError(path, `"${path}" holds none of the files of CIFAR-10 or CIFAR-100.`);
  if (split === "validation") throw noPart(path, ["train", "test"], split);
  const wanted = names.filter((name) => !info.isDirectory() || edition.files[split].test(name));
  if (wanted.length === 0)
    throw new FileError(path, `"${path}" lacks the files for ${split} of CIFAR; unpack it again.`);
  const table = new SampleTable();
  const labels = new LabelColumn();
  const inMemory = new Map<number, Uint8Array>();
  for (const name of wanted) {
    const file = join(folder, name);
    table.addFile(file);
    await edition.samples(file, (key, offset, label, pixels) => {
      if (pixels) inMemory.set(table.length, pixels);
      table.add(key, offset, imageBytes);
      labels.push(String(label));
    });
  }
  const meta = join(folder, edition.names);
  const own = (await stat(meta).catch(() => undefined)) ? await edition.classes(meta) : undefined;
  return tableDataset(basename(path), table, labels.resolve(path, { wanted: classes, own }), (i) => {
    const pixels = inMemory.get(i);
    if (pixels) return { kind: "bytes", bytes: portablePixmap(pixels), name: table.describe(i) };
    return { kind: "pixels", path: table.file(i), offset: table.offset(i), width: side, height: side };
  });
}

/** Converts three planes to a PPM file. */
function portablePixmap(planes: Uint8Array): Uint8Array {
  const head = Buffer.from(`P6 ${side} ${side} 255\n`);
  const file = new Uint8Array(head.length + imageBytes);
  file.set(head);
  for (let i = 0; i < imageBytes; i++) file[head.length + i] = planes[(i % 3) * side * side + Math.floor(i / 3)];
  return file;
}

/** Records of one or two label bytes, of which the last is used, and the image. */
async function readBinary(path: string, labelBytes: number, add: AddSample): Promise<void> {
  await withFile(path, async (file) => {
    const source = await fileSource(path, file);
    const record = labelBytes + imageBytes;
    if (source.size === 0 || source.size % record !== 0) {
      throw new FileError(
        path,
        `"${path}" is not a file of CIFAR, or cut short: its ${source.size} bytes are not a whole number of images of ${record}.`,
      );
    }
    const perRead = 1000;
    for (let at = 0; at < source.size; at += perRead * record) {
      const bytes = await source.read(at, Math.min(perRead * record, source.size - at));
      for (let r = 0; r < bytes.length; r += record)
        add(`${basename(path)} ${(at + r) / record}`, at + r + labelBytes, bytes[r + labelBytes - 1]);
    }
  });
}

async function readPickled(path: string, labelKey: string, add: AddSample): Promise<void> {
  const { bytes, value } = await unpickled(path);
  const data = value.get("data");
  const said = value.get(labelKey);
  const labels = said instanceof NumpyArray ? said.wholeNumbers() : said;
  if (!(data instanceof NumpyArray) || !Array.isArray(labels) || !labels.every(isCount))
    throw notCifar(path, `lacks its data or ${labelKey}`);
  if (data.dtype !== "u1" || data.bytes.length !== labels.length * imageBytes)
    throw notCifar(path, `has ${data.bytes.length} bytes of pixels for ${labels.length} labels`);
  // As published, or each image as planes of rows: anything else is not a plane of red, one of green and one of blue.
  const shape = data.shape.slice(1).join("×");
  if (data.shape[0] !== labels.length || !["3072", `3×${side}×${side}`].includes(shape))
    throw notCifar(path, `has pixels of the shape ${data.shape.join("×")}, and not ${labels.length}×3072`);
  // Protocols before 3 write bytes as letters, so that the pixels had to be decoded from these.
  const inFile = data.bytes.buffer === bytes.buffer;
  const start = data.bytes.byteOffset - bytes.byteOffset;
  for (const [i, label] of labels.entries()) {
    const at = i * imageBytes;
    const pixels = inFile ? undefined : data.bytes.subarray(at, at + imageBytes);
    add(`${basename(path)} ${i}`, inFile ? start + at : at, label, pixels);
  }
}

async function pickledNames(path: string, key: string): Promise<string[]> {
  const names = (await unpickled(path)).value.get(key);
  if (!Array.isArray(names) || !names.every((n) => typeof n === "string")) throw notCifar(path, `lacks its ${key}`);
  return names as string[];
}

/** A pickled dictionary, its keys as text whether Python 2 or 3 wrote them. */
async function unpickled(path: string): Promise<{ bytes: Uint8Array; value: Map<string, unknown> }> {
  try {
    const bytes = await readWhole(path, largestPickle);
    const value = readNumpyPickle(bytes);
    if (!(value instanceof Map)) throw notCifar(path, "holds no dictionary");
    const text = (key: unknown) => (key instanceof Uint8Array ? Buffer.from(key).toString("utf8") : String(key));
    return { bytes, value: new Map([...value].map(([k, v]) => [text(k), v])) };
  } catch (error) {
    if (error instanceof PickleError) throw notCifar(path, error.message, error);
    throw fileError(path, "read", error);
  }
}

function notCifar(path: string, reason: string, cause?: unknown): FileError {
  return new FileError(path, `"${path}" is not a batch of CIFAR: it ${reason}; unpack the archive again.`, { cause });
}
