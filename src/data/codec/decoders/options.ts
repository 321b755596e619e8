/** How the decoders of whole pictures read. */
export interface DecoderOptions {
  /** Width · height at most. */
  readonly maxPixels: number;
  /** Whether alpha is kept. */
  readonly alpha: boolean;
  /** Allocates memory for the pixels. */
  readonly allocate: (bytes: number) => Uint8Array;
}
