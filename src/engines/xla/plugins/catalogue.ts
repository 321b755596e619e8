/** The plugins that can be installed by name: their packages, the library inside, and what each needs to start. */
import { EngineError } from "../../../errors/errors.js";
import { sentence, setting, way } from "../../../errors/sentence.js";
import { type PinnedPackage, type PinnedWheel, pinnedPackages } from "./wheels.generated.js";

export type PluginName = "cpu" | "cuda12" | "cuda13" | "rocm" | "oneapi" | "metal" | "tpu";

/** The properties of a machine that matter for choosing wheels. */
export interface System {
  readonly platform: string;
  readonly arch: string;
  /** Version of glibc on Linux, such as "2.36"; undefined with other C libraries, for which no plugin is built. */
  readonly glibc?: string;
}

export interface PluginDefinition {
  readonly summary: string;
  /** Alternatives in order of preference; the first with wheels for the system is used. */
  readonly sources: readonly PluginSource[];
}

export interface PluginSource {
  /** Packages unpacked side by side, the plugin's own first; the library finds the others next to itself. */
  readonly packages: readonly string[];
  /** Path of the plugin inside the unpacked wheels. */
  readonly library: string;
  /** Folder passed to the compiler as its CUDA installation. */
  readonly cudaData?: string;
}

const nvidia13 = [
  "nvidia-cublas",
  "nvidia-cuda-cupti",
  "nvidia-cuda-nvcc",
  "nvidia-cuda-runtime",
  "nvidia-cudnn-cu13",
  "nvidia-cufft",
  "nvidia-cusolver",
  "nvidia-cusparse",
  "nvidia-nccl-cu13",
  "nvidia-nvjitlink",
  "nvidia-cuda-nvrtc",
  "nvidia-nvshmem-cu13",
  "nvidia-nvvm",
];
const nvidia12 = [
  "nvidia-cublas-cu12",
  "nvidia-cuda-cupti-cu12",
  "nvidia-cuda-nvcc-cu12",
  "nvidia-cuda-runtime-cu12",
  "nvidia-cudnn-cu12",
  "nvidia-cufft-cu12",
  "nvidia-cusolver-cu12",
  "nvidia-cusparse-cu12",
  "nvidia-nccl-cu12",
  "nvidia-nvjitlink-cu12",
  "nvidia-cuda-nvrtc-cu12",
  "nvidia-nvshmem-cu12",
];

export const pluginDefinitions: Readonly<Record<PluginName, PluginDefinition>> = {
  // The fastest of three as measured (docs/xla.md); the second is the only one for arm64.
  cpu: {
    summary: "any x86-64 or arm64 processor",
    sources: [
      { packages: ["lammps-jax-pjrt-cpu"], library: "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so" },
      { packages: ["xla-cpu-pjrt"], library: "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so" },
    ],
  },
  cuda13: {
    summary: "NVIDIA GPUs (Turing or newer) with a driver for CUDA 13",
    sources: [
      {
        packages: ["jax-cuda13-pjrt", ...nvidia13],
        library: "jax_plugins/xla_cuda13/xla_cuda_plugin.so",
        cudaData: "nvidia/cu13",
      },
    ],
  },
  cuda12: {
    summary: "NVIDIA GPUs with a driver for CUDA 12",
    sources: [
      {
        packages: ["jax-cuda12-pjrt", ...nvidia12],
        library: "jax_plugins/xla_cuda12/xla_cuda_plugin.so",
        cudaData: "nvidia/cuda_nvcc",
      },
    ],
  },
  rocm: {
    summary: "AMD GPUs with ROCm 7 installed on the system",
    sources: [{ packages: ["jax-rocm7-pjrt"], library: "jax_plugins/xla_rocm7/xla_rocm_plugin.so" }],
  },
  oneapi: {
    summary: "Intel GPUs with oneAPI installed on the system",
    sources: [{ packages: ["jax-oneapi-pjrt"], library: "jax_plugins/xla_oneapi/xla_oneapi_plugin.so" }],
  },
  metal: {
    summary: "Apple GPUs",
    sources: [{ packages: ["metal-pjrt-core"], library: "metal_pjrt_core/pjrt_c_api_mtl_plugin.dylib" }],
  },
  tpu: {
    summary: "Google TPUs, on their virtual machines",
    sources: [{ packages: ["libtpu"], library: "libtpu/libtpu.so" }],
  },
};

export interface PluginPlan {
  readonly name: PluginName;
  readonly version: string;
  readonly library: string;
  readonly cudaData?: string;
  readonly wheels: readonly (PinnedWheel & { readonly project: string })[];
}

/** The wheels that make up a plugin on a system; throws EngineError if there are none for it. */
export function planPlugin(
  name: PluginName,
  system: System = thisSystem(),
  packages: Readonly<Record<string, PinnedPackage>> = pinnedPackages,
): PluginPlan {
  const definition = pluginDefinitions[name];
  if (!definition) {
    throw new EngineError(
      `There is no plugin "${name}"; choose one of ${Object.keys(pluginDefinitions).join(", ")}, or name a library with DEIT_PJRT_PLUGIN.`,
    );
  }
  for (const source of definition.sources) {
    const wheels = source.packages.map((project) => {
      const wheel = packages[project].wheels.find((w) => fits(w.file, system));
      return wheel && { ...wheel, project };
    });
    if (!wheels.every((w) => w !== undefined)) continue;
    const { version } = packages[source.packages[0]];
    return { name, version, library: source.library, cudaData: source.cudaData, wheels };
  }
  const { platform, arch, glibc } = system;
  throw new EngineError(
    sentence`The plugin "${name}" (${definition.summary}) is not built for this system (${platform} ${arch}${platform === "linux" ? `, ${glibc ? `glibc ${glibc}` : "no glibc"}` : ""}); ${way`use ${setting("engine", "onnx")}, or `}name a library of your own with DEIT_PJRT_PLUGIN.`,
  );
}

/** Whether the platform tags of a wheel's file name cover a system. */
function fits(file: string, { platform, arch, glibc }: System): boolean {
  const tags = file
    .replace(/\.whl$/, "")
    .split("-")
    .at(-1)!
    .split(".");
  return tags.some((tag) => {
    const mac = /^macosx_\d+_\d+_(\w+)$/.exec(tag);
    if (mac) return platform === "darwin" && mac[1] === (arch === "arm64" ? "arm64" : "x86_64");
    const linux = /^manylinux_2_(\d+)_(x86_64|aarch64)$/.exec(tag);
    if (!linux || platform !== "linux" || glibc === undefined) return false;
    const [major, minor] = glibc.split(".").map(Number);
    const machine = arch === "arm64" ? "aarch64" : arch === "x64" ? "x86_64" : arch;
    return linux[2] === machine && (major > 2 || minor >= Number(linux[1]));
  });
}

export function thisSystem(): System {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return { platform: process.platform, arch: process.arch, glibc: report?.header?.glibcVersionRuntime };
}
