/** Identifies files other than supported weights by their first bytes, in Node and in pages. */
import type { Foreign } from "./foreign-folder.js";

export const exported = "save its weights as safetensors or with torch.save where it was made";
export const unpack = "unpack it, and name the file of weights";

/** By their first bytes. */
const magics: readonly (Foreign & { readonly bytes: string; readonly at?: number })[] = [
  { bytes: "\x89HDF\r\n\x1a\n", is: "an HDF5 file, as Keras saves weights", way: exported },
  { bytes: "GGUF", is: "a GGUF file (llama.cpp and its relatives)", way: exported },
  { bytes: "lmgg", is: "a GGML file (llama.cpp and its relatives)", way: exported },
  { bytes: "\x93NUMPY", is: "one array of NumPy (.npy)", way: exported },
  { bytes: "TFL3", at: 4, is: "a TensorFlow Lite model", way: exported },
  { bytes: "ustar", at: 257, is: "a tar archive", way: unpack },
  { bytes: "\x1f\x8b", is: "packed with gzip", way: unpack },
  { bytes: "BZh", is: "packed with bzip2", way: unpack },
  { bytes: "\xfd7zXZ\0", is: "packed with xz", way: unpack },
  { bytes: "\x28\xb5\x2f\xfd", is: "packed with Zstandard", way: unpack },
  { bytes: "7z\xbc\xaf\x27\x1c", is: "a 7-Zip archive", way: unpack },
  { bytes: "Rar!", is: "a RAR archive", way: unpack },
  { bytes: "\xff\xd8\xff", is: "a JPEG picture", way: "name a file of weights" },
  { bytes: "\x89PNG", is: "a PNG picture", way: "name a file of weights" },
];

/** By their first words, if the file is text. */
const texts: readonly (Foreign & { readonly pattern: RegExp })[] = [
  {
    pattern: /^version https:\/\/git-lfs\./,
    is: "a pointer of Git LFS that stands for the weights",
    way: 'fetch the file itself, with "git lfs pull" in its repository',
  },
  {
    pattern: /^\s*<(!doctype html|html|head|body)/i,
    is: "a web page, which a server sent instead of the weights",
    way: "open the address in a browser to see what it says, and fetch the file itself",
  },
  { pattern: /^\s*<\?xml/, is: "an XML file", way: "name a file of weights" },
  { pattern: /^\s*[[{]\s*["\]}\d[{]/, is: "a JSON file", way: "name the file of weights that it belongs to" },
];

/** Formats that can only be identified by the name and some bytes. */
function byName(name: string, head: Uint8Array): Foreign | undefined {
  const message = head[0] === 0x08 && head[1] < 0x40 && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(head[2]);
  if (/\.mlmodel$/i.test(name)) return { is: "a Core ML model", way: exported };
  if (/\.pb$/i.test(name)) return { is: "a graph of TensorFlow", way: exported };
  if (/\.(data-\d{5}-of-\d{5}|ckpt\.index)$/.test(name))
    return { is: "a part of a TensorFlow checkpoint", way: exported };
  if (/\.onnx$/i.test(name) || message)
    return {
      is: "an ONNX model, which can teach (teacherWeights) and be compared (deit agreement), but not be loaded as weights",
      way: "name the weights that it was exported from",
    };
  // A MessagePack map of a few strings.
  const [map, text] = head;
  if (((map > 0x80 && map < 0x90) || map === 0xde) && (map === 0xde || (text >= 0xa1 && text < 0xc0) || text === 0xd9))
    return { is: "a checkpoint of JAX (Flax, MessagePack)", way: exported };
  return undefined;
}

/** The format of a file that is neither safetensors nor PyTorch, by its name and its first 512 bytes; undefined if unknown. */
export function foreignBytes(name: string, head: Uint8Array): Foreign | undefined {
  if (head.length === 0) return { is: "empty", way: "fetch or save it again" };
  const has = (bytes: string, at: number) => Array.from(bytes).every((c, i) => head[at + i] === c.charCodeAt(0));
  const magic = magics.find(({ bytes, at = 0 }) => has(bytes, at));
  if (magic) return magic;
  // The decoder leaves out a byte order mark.
  const text = new TextDecoder().decode(head);
  const word = texts.find(({ pattern }) => pattern.test(text));
  if (word) return word;
  if (head.every((byte) => byte === 0))
    return { is: "nothing but zeros at its beginning, as after a download that was cut off", way: "fetch it again" };
  return byName(name, head);
}
