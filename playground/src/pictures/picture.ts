/** Pictures as the reader gives them: chosen, dropped, pasted, or taken with the camera. */
import { PageError } from "../engine/failure";
import { counted } from "../page/words";

export interface Picture {
  readonly id: number;
  readonly name: string;
  readonly blob: Blob;
  /** Address for an image element; `forget` frees it. */
  readonly address: string;
}

let taken = 0;

export function pictureOf(blob: Blob, name: string): Picture {
  return { id: ++taken, name, blob, address: URL.createObjectURL(blob) };
}

export const forget = ({ address }: Picture): void => URL.revokeObjectURL(address);

/** Whether a file may be a picture; what is none says so when it is read. */
export const mayBePicture = ({ type, name }: File): boolean =>
  type.startsWith("image/") || (type === "" && /\.(jpe?g|png|webp|gif|bmp|avif)$/i.test(name));

/** The pictures among files. Throws PageError if there are none. */
export function picturesAmong(files: Iterable<File>): readonly Picture[] {
  const all = [...files];
  const pictures = all.filter(mayBePicture);
  if (pictures.length === 0)
    throw new PageError(
      all.length === 0
        ? "There is no picture in what was given; give JPEG, PNG or WebP files."
        : `"${all[0].name}" is no picture; give JPEG, PNG or WebP files.`,
    );
  return pictures.map((file) => pictureOf(file, file.name || "pasted picture"));
}

/** Which files were left out because they are no pictures, in a sentence; undefined if none were. */
export function leftOut(files: Iterable<File>): string | undefined {
  const others = [...files].filter((file) => !mayBePicture(file) && !file.name.startsWith("."));
  if (others.length === 0) return undefined;
  const more = others.length > 1 ? ` and ${counted(others.length - 1, "other file")}` : "";
  return `Left out, as no pictures: "${others[0].name}"${more}; give JPEG, PNG or WebP files.`;
}

/** A picture's pixels as its model sees them, for drawing. Throws PageError. */
export async function drawable({ blob, name }: Picture, turned: boolean): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob, { imageOrientation: turned ? "from-image" : "none" });
  } catch {
    throw new PageError(
      blob.size === 0
        ? `"${name}" is empty; give another picture.`
        : `"${name}" is no picture that this browser can decode; give a JPEG, PNG or WebP file.`,
    );
  }
}
