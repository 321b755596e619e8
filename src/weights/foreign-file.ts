/** Identifies files other than supported weights, by their bytes and, for zip archives, their entries. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { quoted } from "../errors/quoted.js";
import { ZipFile } from "../formats/zip.js";
import { firstBytes } from "./first-bytes.js";
import type { Foreign } from "./foreign-folder.js";

const exported = "save its weights as safetensors or with torch.save where it was made";
const unpack = "unpack it, and name the file of weights";

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
function byName(name: string, head: Buffer): Foreign | undefined {
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

/** The format of a file that is neither safetensors nor PyTorch; undefined if unknown. */
export async function foreignFile(path: string): Promise<Foreign | undefined> {
  const head = await firstBytes(path, 512);
  if (head.length === 0) return { is: "empty", way: "fetch or save it again" };
  const magic = magics.find(({ bytes, at = 0 }) =>
    head.subarray(at, at + bytes.length).equals(Buffer.from(bytes, "latin1")),
  );
  if (magic) return magic;
  const text = head.toString("utf8").replace(/^\uFEFF/, "");
  const word = texts.find(({ pattern }) => pattern.test(text));
  if (word) return word;
  if (head.every((byte) => byte === 0))
    return { is: "nothing but zeros at its beginning, as after a download that was cut off", way: "fetch it again" };
  return byName(basename(path), head);
}

/** By the entries of a zip archive; PyTorch's own has `data.pkl`, which TorchScript's has too. */
const archives: readonly (Foreign & { readonly has: (name: string) => boolean })[] = [
  {
    has: (name) => /^([^/]+\/)?(constants\.pkl|code\/.*)$/.test(name),
    is: "a TorchScript program (torch.jit.save)",
    way: 'save its weights with torch.save(torch.jit.load(FILE).state_dict(), "weights.pth")',
  },
  {
    has: (name) => /^([^/]+\/)?(archive_format|serialized_exported_program\.json|models\/[^/]+\.json)$/.test(name),
    is: "a program of torch.export (.pt2)",
    way: 'save its weights with torch.save(dict(torch.export.load(FILE).state_dict), "weights.pth")',
  },
  { has: (name) => /(^|\/)\.data\/extern_modules$/.test(name), is: "a package of torch.package", way: exported },
  {
    has: (name) => name.endsWith(".npy"),
    is: "an archive of NumPy arrays (.npz), as Google publishes its ViTs",
    way: "load it with timm (create_model, then load_pretrained), and save the state dict as safetensors",
  },
  { has: (name) => /^(model\.weights\.h5|metadata\.json)$/.test(name), is: "a Keras model (.keras)", way: exported },
  { has: (name) => /(^|\/)saved_model\.pb$/.test(name), is: "a packed TensorFlow SavedModel", way: exported },
];

/**
 * The format of a zip archive that is not a PyTorch checkpoint; undefined if it is one. Throws FileError if it is
 * damaged.
 */
export async function foreignArchive(path: string): Promise<Foreign | undefined> {
  const zip = await ZipFile.open(path);
  try {
    const names = [...zip.entries.keys()];
    const known = archives.find(({ has }) => names.some(has));
    if (known) return known;
    if (names.some((name) => /^[^/]*\/?data\.pkl$/.test(name))) return undefined;
    if (/\.keras$/i.test(path)) return { is: "a Keras model (.keras)", way: exported };
    const inside = names.find((name) => /\.(safetensors|pth|pt|bin|ckpt)$/i.test(name));
    if (inside) return { is: `a zip archive with ${quoted(inside)} in it`, way: unpack };
    return { is: "a zip archive without a data.pkl, so no PyTorch checkpoint", way: "name a file of weights" };
  } finally {
    await zip.close();
  }
}

/** The first bytes of torch.save's format before it wrote zip archives. */
const torchMagic = Buffer.from([0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]);

/** The format of a pickle not written by torch.save; undefined if it was. */
export async function foreignPickle(path: string): Promise<Foreign | undefined> {
  if ((await firstBytes(path, 64)).includes(torchMagic)) return undefined;
  const { size } = await stat(path);
  return {
    is: `a pickle of Python (${size} bytes), but not one that torch.save wrote; PaddlePaddle, Detectron2 and scikit-learn write such files`,
    way: "load it there, and save its weights as safetensors or with torch.save",
  };
}
