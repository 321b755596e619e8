/** Converts ink to light like Pillow: (255 - ink)(255 - black) / 255, rounded. */
export function underBlack(ink: number, black: number): number {
  const light = 255 - black;
  const product = ink * light + 128;
  return Math.max(0, light - (((product >> 8) + product) >> 8));
}
