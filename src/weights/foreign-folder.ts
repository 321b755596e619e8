/** Identifies folders of weights in unsupported formats by their files. */

export interface Foreign {
  /** Name of the format, with an article: "a TensorFlow SavedModel". */
  readonly is: string;
  /** What the user can do, in the imperative. */
  readonly way: string;
}

const asSafetensors = "save its weights as safetensors or with torch.save where it was made";

/** Tried in order: a DeepSpeed folder may contain files of other formats. */
const kinds: readonly (Foreign & { readonly has: (name: string) => boolean })[] = [
  {
    has: (name) => /^(zero_to_fp32\.py|zero_pp_rank_.*|bf16_zero_pp_rank_.*|global_step\d+)$/.test(name),
    is: "a checkpoint of DeepSpeed, spread over its processes",
    way: 'gather it with "python zero_to_fp32.py . weights.pth" in that folder, and name the result',
  },
  {
    has: (name) => name.endsWith(".distcp"),
    is: "a distributed checkpoint of PyTorch (DCP)",
    way: 'gather it with "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER weights.pth", and name the result',
  },
  {
    has: (name) =>
      /^(_METADATA|_CHECKPOINT_METADATA|_sharding|manifest\.ocdbt|ocdbt\.process_\d+|flax_model\.msgpack)$/.test(name),
    is: "a checkpoint of JAX (Orbax or Flax)",
    way: asSafetensors,
  },
  {
    has: (name) => /^(saved_model|keras_metadata)\.pb(txt)?$/.test(name),
    is: "a TensorFlow SavedModel",
    way: asSafetensors,
  },
  { has: (name) => /\.data-\d{5}-of-\d{5}$/.test(name), is: "a checkpoint of TensorFlow", way: asSafetensors },
  { has: (name) => /^(tf_model|.*\.weights)\.h5$/.test(name), is: "weights of Keras", way: asSafetensors },
  { has: (name) => name === "Manifest.json", is: "a Core ML package", way: asSafetensors },
];

/** The format of a folder by the names of its files; undefined if unknown. */
export function foreignFolder(names: readonly string[]): Foreign | undefined {
  return kinds.find(({ has }) => names.some(has));
}
