/** PBM, PGM and PPM, plain and raw, with one or two bytes per value, as Pillow reads them. */
import { halfEven } from "../../pixels/half-even.js";
import type { RgbImage } from "../../pixels/image.js";
import { greyOf16Bits, greyToRgb } from "./grey.js";
import { checkSize, cut, damaged } from "./undecodable.js";

const whitespace = new Set([9, 10, 11, 12, 13, 32]);
const [hash, lineFeed, carriageReturn] = [35, 10, 13];

/** The meaning of the digit after the P. */
const kinds = {
  1: { channels: 1, plain: true, bitmap: true },
  2: { channels: 1, plain: true, bitmap: false },
  3: { channels: 3, plain: true, bitmap: false },
  4: { channels: 1, plain: false, bitmap: true },
  5: { channels: 1, plain: false, bitmap: false },
  6: { channels: 3, plain: false, bitmap: false },
} as const;

type Digit = keyof typeof kinds;

/** Reads a file that begins with P1 … P6; throws Undecodable. */
export function decodeNetpbm(bytes: Uint8Array, limit: number): RgbImage {
  const { channels, plain, bitmap } = kinds[(bytes[1] - 48) as Digit];
  const words = new Words(bytes, 2);
  const [width, height] = [words.number(), words.number()];
  checkSize(width, height, limit);
  const most = bitmap ? 1 : words.number();
  if (most < 1 || most > 65_535) throw damaged(`its largest value is ${most}`);
  const count = width * height * channels;
  if (bitmap) {
    const bits = plain ? words.bits(count) : unpackBits(bytes.subarray(words.at), width, height);
    return { width, height, data: greyToRgb(bits.map((bit) => (bit === 1 ? 0 : 255))) };
  }
  const values = plain ? words.numbers(count, most) : unpackValues(bytes.subarray(words.at), count, most);
  const grey = channels === 1;
  if (grey && most > 255) {
    // A maximum value other than that of 16 bits defines white.
    return { width, height, data: greyToRgb(greyOf16Bits(values, most < 65_535 ? most : undefined)) };
  }
  const scale = Uint8Array.from({ length: most + 1 }, (_, value) => halfEven((value / most) * 255));
  const data = new Uint8Array(count);
  for (let i = 0; i < count; i++) data[i] = values[i] > most ? 255 : scale[values[i]];
  return { width, height, data: grey ? greyToRgb(data) : data };
}

function unpackBits(bytes: Uint8Array, width: number, height: number): Uint8Array {
  const stride = Math.ceil(width / 8);
  if (bytes.length < stride * height) throw cut();
  const bits = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) bits[y * width + x] = (bytes[y * stride + (x >> 3)] >> (7 - (x & 7))) & 1;
  return bits;
}

function unpackValues(bytes: Uint8Array, count: number, most: number): Uint16Array | Uint8Array {
  if (most < 256) {
    if (bytes.length < count) throw cut();
    return bytes.subarray(0, count);
  }
  if (bytes.length < 2 * count) throw cut();
  const values = new Uint16Array(count);
  for (let i = 0; i < count; i++) values[i] = (bytes[2 * i] << 8) | bytes[2 * i + 1];
  return values;
}

/** Words separated by spaces and comments. */
class Words {
  constructor(
    readonly bytes: Uint8Array,
    /** Position after the last word and the byte that ends it. */
    public at: number,
  ) {}

  /** The next word, which must be an integer. */
  number(): number {
    const { bytes } = this;
    let value = -1;
    for (; ; this.at++) {
      if (this.at >= bytes.length) {
        if (value < 0) throw cut();
        return value;
      }
      const byte = bytes[this.at];
      if (byte === hash) this.#skipComment();
      else if (whitespace.has(byte)) {
        if (value < 0) continue;
        this.at++;
        return value;
      } else if (byte >= 48 && byte <= 57 && value < 1e9) value = Math.max(0, value) * 10 + byte - 48;
      else throw damaged("a number is expected in it");
    }
  }

  numbers(count: number, most: number): Uint16Array {
    const values = new Uint16Array(count);
    for (let i = 0; i < count; i++) {
      const value = this.number();
      if (value > most) throw damaged(`a value of ${value} where the largest is ${most}`);
      values[i] = value;
    }
    return values;
  }

  /** Digits 0 and 1, with or without spaces between them. */
  bits(count: number): Uint8Array {
    const bits = new Uint8Array(count);
    for (let i = 0; i < count; this.at++) {
      if (this.at >= this.bytes.length) throw cut();
      const byte = this.bytes[this.at];
      if (byte === hash) this.#skipComment();
      else if (byte === 48 || byte === 49) bits[i++] = byte - 48;
      else if (!whitespace.has(byte)) throw damaged("a 0 or 1 is expected in it");
    }
    return bits;
  }

  /** To the end of the line, which the caller skips. */
  #skipComment(): void {
    while (this.at < this.bytes.length && this.bytes[this.at] !== lineFeed && this.bytes[this.at] !== carriageReturn)
      this.at++;
  }
}
