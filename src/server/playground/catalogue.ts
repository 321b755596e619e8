/** `playground.json` beside the playground: which models its page can use. */
import type { EvaluationView } from "../../evaluation/view.js";

/** A model that can be used on the server, in the page, or both. */
export interface Offered {
  readonly name: string;
  /** How the server classifies with it. */
  readonly served?: {
    /** Address that takes images, seen from the page. */
    readonly address: string;
    /** Whether it can show its attention. */
    readonly attention: boolean;
    readonly view: Pick<EvaluationView, "imageSize" | "cropRatio" | "cropMode" | "exif">;
    readonly classes?: readonly string[];
  };
  /** Its safetensors file, for the page. */
  readonly weights?: { readonly address: string; readonly bytes: number };
}

/** What the page is told of the place that it comes from. */
export interface Catalogue {
  readonly models: readonly Offered[];
  /** Address of the pages of training runs. */
  readonly runs?: string;
  /** Whether ONNX Runtime's files are beside the page, without which it cannot compute itself. */
  readonly runtime: boolean;
}
