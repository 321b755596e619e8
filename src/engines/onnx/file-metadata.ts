/** The metadata of an ONNX file, found by skipping over its graph and weights. */

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { openRegular } from "../../system/files/regular-file.js";
import { entry, Malformed, refusalReason } from "./file-graph.js";

/** Field of `ModelProto` for an entry of the metadata: a message of key (1) and value (2). */
const metadataField = 14;
const largestEntry = 1 << 22;
const mostFields = 100_000;

/** Keys and values of `metadata_props`. Throws FileError if the file is not an ONNX model. */
export async function readOnnxMetadata(path: string): Promise<ReadonlyMap<string, string>> {
  const file = await openRegular(path).catch((error) => {
    throw fileError(path, "read the ONNX model", error);
  });
  const found = new Map<string, string>();
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(20);
    let at = 0;
    for (let fields = 0; at < size; fields++) {
      const { bytesRead } = await file.read(head, 0, head.length, at);
      const reader = new BinaryReader(head.subarray(0, bytesRead));
      const [field, type] = reader.tag();
      if (fields >= mostFields || field > 30) throw new Malformed("it is not built as one");
      if (type === WireType.LengthDelimited) {
        const length = reader.uint32();
        const start = at + reader.pos;
        if (start + length > size) throw new Malformed("it is cut off");
        if (field === metadataField && length <= largestEntry) {
          const [key, value] = entry((await file.read(Buffer.alloc(length), 0, length, start)).buffer);
          found.set(key, value);
        }
        at = start + length;
      } else {
        reader.skip(type);
        at += reader.pos;
      }
    }
  } catch (error) {
    const reason = refusalReason(error);
    throw new FileError(path, `"${path}" is not a valid ONNX model: ${reason}.`);
  } finally {
    await file.close();
  }
  return found;
}
