/**
 * TIFFs with tiles that reach beyond the picture, which libvips takes for damage where they are large. A tile is stored as
 * the only strip of a picture of its size would be, so each is read as that, and what lies inside the picture is kept.
 */
import type { RgbImage, Size } from "../../pixels/image.js";
import type { Tags } from "./tiff-tags.js";
import { checkSize, cut, damaged, Undecodable, unsupported } from "./undecodable.js";

export interface LargeTiles {
  readonly picture: Size;
  readonly tile: Size;
  readonly across: number;
  readonly down: number;
}

/** Sides of tiles are multiples of this. */
const unit = 16;
const roundedUp = (side: number): number => Math.ceil(side / unit) * unit;

/** The tiles of a picture that is smaller than one, in width or height; undefined for others. Throws Undecodable. */
export function largeTiles(tags: Tags, maxPixels: number): LargeTiles | undefined {
  const [tileWidth, tileHeight] = [tags.of("tileWidth")[0], tags.of("tileHeight")[0]];
  const [width, height] = [tags.of("width")[0] ?? 0, tags.of("height")[0] ?? 0];
  if (tags.of("tileOffsets").length === 0 || tileWidth === undefined || tileHeight === undefined) return undefined;
  if (tileWidth <= roundedUp(width) && tileHeight <= roundedUp(height)) return undefined;
  checkSize(width, height, maxPixels);
  if (tileWidth === 0 || tileHeight === 0) throw damaged("its tiles have no pixels");
  const [across, down] = [Math.ceil(width / tileWidth), Math.ceil(height / tileHeight)];
  if (tags.of("tileOffsets").length < across * down || tags.of("tileByteCounts").length < across * down) throw cut();
  if (across * down * tileWidth * tileHeight > maxPixels)
    throw unsupported(`a TIFF of ${width}×${height} pixels in tiles of ${tileWidth}×${tileHeight}`);
  return { picture: { width, height }, tile: { width: tileWidth, height: tileHeight }, across, down };
}

/** The picture, from its tiles; `decode` reads a file without tiles. */
export async function joinTiles(
  tags: Tags,
  { picture, tile, across, down }: LargeTiles,
  decode: (file: Buffer) => Promise<RgbImage>,
): Promise<RgbImage> {
  const { width, height } = picture;
  const data = new Uint8Array(width * height * 3);
  let opacity: Uint8Array | undefined;
  const [offsets, counts] = [tags.of("tileOffsets"), tags.of("tileByteCounts")];
  for (let i = 0; i < across * down; i++) {
    const { data: pixels, alpha, ...size } = await decode(tags.asStrip(tile, offsets[i], counts[i]));
    if (size.width !== tile.width || size.height !== tile.height) throw new Undecodable({ kind: "damaged" });
    const [left, top] = [(i % across) * tile.width, Math.floor(i / across) * tile.height];
    if (alpha) opacity ??= new Uint8Array(width * height);
    const rowBytes = 3 * Math.min(tile.width, width - left);
    for (let y = 0; y < Math.min(tile.height, height - top); y++) {
      const from = 3 * y * tile.width;
      data.set(pixels.subarray(from, from + rowBytes), 3 * ((top + y) * width + left));
      if (alpha) opacity?.set(alpha.subarray(from / 3, (from + rowBytes) / 3), (top + y) * width + left);
    }
  }
  return { width, height, data, ...(opacity ? { alpha: opacity } : {}) };
}
