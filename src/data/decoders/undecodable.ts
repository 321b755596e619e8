/** Why a decoder gives no pixels; `decode.ts` makes a sentence of it. */
export type Reason =
  /** Not all of it is there. */
  | { readonly kind: "cut" }
  /** What is there contradicts itself. */
  | { readonly kind: "damaged"; readonly how?: string }
  /** Sound, as far as can be seen, but of a kind that is not read: "a TIFF with zstd compression". */
  | { readonly kind: "unsupported"; readonly what: string }
  /** More pixels than are allowed. */
  | { readonly kind: "large"; readonly width: number; readonly height: number; readonly limit: number };

export class Undecodable extends Error {
  constructor(
    readonly reason: Reason,
    options?: ErrorOptions,
  ) {
    super(reason.kind, options);
  }
}

export const cut = (): Undecodable => new Undecodable({ kind: "cut" });

export const damaged = (how?: string): Undecodable => new Undecodable({ kind: "damaged", how });

export const unsupported = (what: string): Undecodable => new Undecodable({ kind: "unsupported", what });

/** Throws where a size is none, or has more pixels than the limit. */
export function checkSize(width: number, height: number, limit: number): void {
  if (width < 1 || height < 1) throw damaged("it says that it has no pixels");
  if (width * height > limit) throw new Undecodable({ kind: "large", width, height, limit });
}
