/** Identifies files other than supported weights, by their bytes and, for zip archives, their entries. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { quoted } from "../errors/quoted.js";
import { ZipFile } from "../formats/zip.js";
import { firstBytes } from "./first-bytes.js";
import { exported, foreignBytes, unpack } from "./foreign-bytes.js";
import type { Foreign } from "./foreign-folder.js";

/** The format of a file that is neither safetensors nor PyTorch; undefined if unknown. */
export async function foreignFile(path: string): Promise<Foreign | undefined> {
  return foreignBytes(basename(path), await firstBytes(path, 512));
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
