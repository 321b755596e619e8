/** Writing of the safetensors format. */
import { WeightsError } from "../../errors/errors.js";
import { byteSize, type NamedTensors } from "../../tensor/index.js";
import { dtypeNames, metadataKey } from "./header.js";

/** The bytes of a safetensors file, in pieces: largest elements first, then by name, like the reference implementation. */
export function* safetensorsChunks(
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>>,
): Generator<Uint8Array> {
  const ordered = [...tensors].sort(
    ([a, x], [b, y]) => byteSize(y.dtype) - byteSize(x.dtype) || (a < b ? -1 : a > b ? 1 : 0),
  );
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [[metadataKey, metadata]] : [];
  let at = 0;
  for (const [name, t] of ordered) {
    if (name === metadataKey)
      throw new WeightsError(`A tensor cannot be named "${metadataKey}"; give it another name.`);
    const end = at + t.data.byteLength;
    header.push([name, { dtype: dtypeNames[t.dtype], shape: t.shape, data_offsets: [at, end] }]);
    at = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const padded = new Uint8Array(8 * Math.ceil(json.length / 8)).fill(0x20);
  padded.set(json);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  yield length;
  yield padded;
  for (const [, t] of ordered) yield new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);
}
