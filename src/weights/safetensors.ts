/** The safetensors format: a length, a JSON header, then the tensors' bytes. Read with suspicion, written atomically. */
import { type FileHandle, open } from "node:fs/promises";
import { FileError } from "../errors.js";
import { fileError, writeFileAtomic } from "../system/atomic-file.js";
import { byteSize, type DType, type HostTensor, type NamedTensors, sizeOf, viewOf } from "../tensor/index.js";

const dtypeNames: Partial<Record<DType, string>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  uint32: "U32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};
const dtypes = new Map(Object.entries(dtypeNames).map(([dtype, name]) => [name, dtype as DType]));

/** The format's own limit. */
const largestHeader = 100_000_000;

interface Entry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** An open file; tensors are read one at a time. */
export interface SafetensorsFile {
  readonly path: string;
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  read(name: string): Promise<HostTensor>;
  close(): Promise<void>;
}

/** Opens a file and checks its header; throws FileError when it is no sound safetensors file. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path, "r").catch((error) => {
    throw fileError(path, "read", error);
  });
  try {
    const { size } = await file.stat();
    const length = await readBytes(file, path, 0, 8, size);
    const headerLength = Number(length.readBigUInt64LE(0));
    if (headerLength < 2 || headerLength > largestHeader || 8 + headerLength > size) {
      throw broken(path, `its header claims ${headerLength} bytes`);
    }
    const header = (await readBytes(file, path, 8, headerLength, size)).toString("utf8");
    const { entries, metadata } = parseHeader(path, header, size - 8 - headerLength);
    return {
      path,
      metadata,
      names: [...entries.keys()],
      shapes: new Map([...entries].map(([name, e]) => [name, e.shape])),
      close: () => file.close(),
      read: async (name) => {
        const entry = entries.get(name);
        if (!entry) throw new FileError(path, `"${path}" holds no tensor named "${name}".`);
        const { dtype, shape, begin, end } = entry;
        const bytes = await readBytes(file, path, 8 + headerLength + begin, end - begin, size);
        return { dtype, shape, data: viewOf(dtype, bytes.buffer, bytes.byteOffset, sizeOf(shape)) };
      },
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** All tensors of a file. */
export async function readSafetensors(
  path: string,
): Promise<{ tensors: NamedTensors; metadata: Readonly<Record<string, string>> }> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, HostTensor>();
    for (const name of file.names) tensors.set(name, await file.read(name));
    return { tensors, metadata: file.metadata };
  } finally {
    await file.close();
  }
}

function broken(path: string, what: string): FileError {
  return new FileError(path, `"${path}" is not a sound safetensors file: ${what}; download or export it again.`);
}

/** Reads into memory of its own, which starts at an offset that suits every element type. */
async function readBytes(
  file: FileHandle,
  path: string,
  position: number,
  length: number,
  size: number,
): Promise<Buffer> {
  if (position + length > size) throw broken(path, `it ends after ${size} bytes, but ${position + length} are needed`);
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, Math.min(length - at, 1 << 30), position + at);
    if (bytesRead === 0) throw broken(path, "it became shorter while it was read");
    at += bytesRead;
  }
  return bytes;
}

function parseHeader(path: string, text: string, dataSize: number) {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw broken(path, "its header is no JSON");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw broken(path, "its header is no JSON object");
  const metadata: Record<string, string> = {};
  const entries = new Map<string, Entry>();
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") {
      for (const [k, v] of Object.entries(value ?? {})) if (typeof v === "string") metadata[k] = v;
    } else entries.set(name, parseEntry(path, name, value));
  }
  // The tensors must fill the data exactly: no gap to hide things in, no overlap.
  let at = 0;
  for (const [name, entry] of [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== at) throw broken(path, `tensor "${name}" begins at ${entry.begin} instead of ${at}`);
    at = entry.end;
  }
  if (at !== dataSize) throw broken(path, `its tensors take ${at} bytes, but ${dataSize} are there`);
  return { entries, metadata };
}

function parseEntry(path: string, name: string, value: unknown): Entry {
  const { dtype: code, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const dtype = typeof code === "string" ? dtypes.get(code) : undefined;
  if (!dtype) throw broken(path, `tensor "${name}" has the unknown type ${JSON.stringify(code)}`);
  const counts = (v: unknown): v is number[] => Array.isArray(v) && v.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!counts(shape) || shape.length > 64 || !counts(offsets) || offsets.length !== 2) {
    throw broken(path, `tensor "${name}" has a malformed shape or offsets`);
  }
  const bytes = sizeOf(shape) * byteSize(dtype);
  if (!Number.isSafeInteger(bytes) || offsets[1] - offsets[0] !== bytes) {
    throw broken(path, `tensor "${name}" of shape [${shape}] needs ${bytes} bytes, but has ${offsets[1] - offsets[0]}`);
  }
  return { dtype, shape, begin: offsets[0], end: offsets[1] };
}

/** Writes tensors (largest elements first, then by name, as the reference implementation) in one atomic step. */
export async function writeSafetensors(
  path: string,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, safetensorsChunks(tensors, metadata));
}

/** The bytes of a safetensors file, piece by piece. */
export function* safetensorsChunks(
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>>,
): Generator<Uint8Array> {
  const ordered = [...tensors].sort(
    ([a, x], [b, y]) => byteSize(y.dtype) - byteSize(x.dtype) || (a < b ? -1 : a > b ? 1 : 0),
  );
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let at = 0;
  for (const [name, t] of ordered) {
    const end = at + t.data.byteLength;
    header[name] = { dtype: dtypeNames[t.dtype], shape: t.shape, data_offsets: [at, end] };
    at = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  yield length;
  yield padded;
  for (const [, t] of ordered) yield new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);
}
