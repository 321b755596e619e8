/**
 * What can be read from an ONNX file without loading it: the files with its weights, and the operators of its nodes.
 */

import type { FileHandle } from "node:fs/promises";
import { isAbsolute, normalize, sep } from "node:path";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { messageOf } from "../../errors/message-of.js";
import { quoted } from "../../errors/quoted.js";
import { openRegular } from "../../system/files/regular-file.js";

export interface FileGraph {
  /** External files with weights, as the model names them, in alphabetical order. */
  readonly externalFiles: readonly string[];
  /** The operator that produces a value, by the value's name; outermost graph only. */
  readonly operators: ReadonlyMap<string, string>;
}

/** What is wrong with a file, as a clause: "it is cut off". */
export class Malformed extends Error {}

/** The reason why a file is refused: our own, the system's, or that the protobuf reader does not understand it. */
export const refusalReason = (error: unknown): string =>
  error instanceof Malformed || (error as NodeJS.ErrnoException).code !== undefined
    ? messageOf(error)
    : "it is not built as one";

/** ONNX messages that can contain tensors, and where: from a field's number to the message in it. */
const nested = {
  model: { 7: "graph", 25: "function" },
  function: { 7: "node" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  sparse: { 1: "tensor", 2: "tensor" },
  tensor: {},
} as const;
type Message = keyof typeof nested;

/** Bytes read at a time; the content of other fields is skipped. */
const window = 1 << 16;
const mostFields = 20_000_000;
const deepest = 64;
/** ONNX Runtime's time grows with the square of their number; the largest networks in use have some ten thousand. */
const mostNodes = 50_000;
const longestText = 4096;

/**
 * Reads it, skipping the weights. Throws FileError if the file is not an ONNX model, or takes weights from elsewhere.
 */
export async function readFileGraph(path: string): Promise<FileGraph> {
  const file = await openRegular(path).catch((error) => {
    throw fileError(path, "read the ONNX model", error);
  });
  const external = new Set<string>();
  const operators = new Map<string, string>();
  let fields = 0;
  let nodes = 0;
  try {
    const { size } = await file.stat();
    const bytes = windowed(file);

    const walk = async (message: Message, from: number, to: number, depth: number): Promise<void> => {
      if (depth > deepest) throw new Malformed("it is nested too deeply");
      let operator = "";
      const outputs: string[] = [];
      for (let at = from; at < to; ) {
        if (++fields > mostFields) throw new Malformed("it has too many parts");
        const reader = new BinaryReader(await bytes(at, Math.min(20, to - at)));
        const [field, type] = reader.tag();
        if (type !== WireType.LengthDelimited) {
          reader.skip(type);
          at += reader.pos;
          continue;
        }
        const length = reader.uint32();
        const start = at + reader.pos;
        at = start + length;
        if (at > to) throw new Malformed("it is cut off");
        const text = async () => (await bytes(start, Math.min(length, longestText))).toString();
        if (message === "tensor" && field === 13) {
          const [key, value] = entry(await bytes(start, Math.min(length, longestText)));
          if (key === "location") external.add(value);
        } else if (message === "node" && field === 2) outputs.push(await text());
        else if (message === "node" && field === 4) operator = await text();
        const inner = (nested[message] as Readonly<Record<number, Message>>)[field];
        if (inner) await walk(inner, start, at, depth + 1);
      }
      if (message === "node" && ++nodes > mostNodes) throw new Malformed(`it has more than ${mostNodes} nodes`);
      if (message === "node" && depth === 2) for (const name of outputs) operators.set(name, operator);
    };
    await walk("model", 0, size, 0);
  } catch (error) {
    const reason = refusalReason(error);
    throw new FileError(path, `"${path}" is not a valid ONNX model: ${reason}.`);
  } finally {
    await file.close();
  }
  const outside = [...external].find((name) => isAbsolute(name) || normalize(name).split(sep)[0] === "..");
  if (outside !== undefined)
    throw new FileError(
      path,
      `"${path}" takes weights from ${quoted(outside)}, outside its folder, where no model may read; export it with its weights beside it.`,
    );
  return { externalFiles: [...external].sort(), operators };
}

/** Reads bytes at an offset of a file, in windows. */
function windowed(file: FileHandle): (at: number, length: number) => Promise<Buffer> {
  let buffer = Buffer.alloc(0);
  let from = 0;
  return async (at, length) => {
    if (at < from || at + length > from + buffer.length) {
      const fresh = Buffer.alloc(Math.max(window, length));
      const { bytesRead } = await file.read(fresh, 0, fresh.length, at);
      buffer = fresh.subarray(0, bytesRead);
      from = at;
    }
    return buffer.subarray(at - from, at - from + length);
  };
}

/** A message of key (1) and value (2). */
export function entry(bytes: Uint8Array): readonly [key: string, value: string] {
  const reader = new BinaryReader(bytes);
  const parts = ["", ""];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited && (field === 1 || field === 2)) parts[field - 1] = reader.string();
    else reader.skip(type);
  }
  return [parts[0], parts[1]];
}
