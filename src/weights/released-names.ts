/** Converts LayerScale's parameter names of the original program (facebookresearch/deit's models_v2.py) to timm's. */
import type { HostTensor, NamedTensors } from "../tensor/index.js";

const gamma = /^(blocks\.\d+)\.gamma_([12])$/;

/** Whether these are the original program's names of DeiT III, which otherwise are timm's. */
export const isReleased = (names: Iterable<string>): boolean => [...names].some((name) => gamma.test(name));

/** The tensors by timm's names; others keep theirs. */
export const fromReleased = (tensors: NamedTensors): NamedTensors =>
  new Map([...tensors].map(([name, tensor]): [string, HostTensor] => [name.replace(gamma, "$1.ls$2.gamma"), tensor]));
