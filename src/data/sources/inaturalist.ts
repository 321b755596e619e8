/** iNaturalist 2018 and 2019: a JSON file of images, annotations and categories per part, next to the image folders. */
import { join, normalize } from "node:path";
import { z } from "zod";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { hasControls, quoted } from "../../errors/quoted.js";
import { readJson } from "../../system/files/json-file.js";
import { JsonError } from "../../system/text/json.js";
import type { Dataset, OpenOptions } from "../dataset/dataset.js";
import { FileList, fileDataset, filesNamed } from "../dataset/files.js";
import { LabelColumn } from "../dataset/labels.js";
import { filesOfPart } from "../dataset/parts.js";

/** `train2019.json`, `val2018.json`; for several years in one folder the last is used. */
export const annotationFile = /^(train|val)20\d\d\.json$/;

/** The largest, of 2018, have 120 MB. */
const largestFile = 400 * 2 ** 20;

const schema = z.object({
  images: z.array(z.object({ id: z.number(), file_name: z.string() })),
  annotations: z.array(z.object({ image_id: z.number(), category_id: z.number() })),
  categories: z.array(z.object({ id: z.number(), name: z.string() })),
});

export async function openInaturalist(path: string, options: OpenOptions): Promise<Dataset> {
  const found = await filesNamed(path, annotationFile);
  if (found.length === 0) throw new FileError(path, `"${path}" has no file such as train2019.json or val2019.json.`);
  const file = join(path, filesOfPart(path, found, options.split).names.at(-1)!);
  const { images, annotations, categories } = await readAnnotations(file);
  const position = new Map([...categories].sort((a, b) => a.id - b.id).map(({ id }, i) => [id, i]));
  const names = new Map(images.map((image) => [image.id, image.file_name]));
  const files = new FileList(path);
  const labels = new LabelColumn();
  for (const { image_id, category_id } of annotations) {
    const name = names.get(image_id);
    const label = position.get(category_id);
    if (name === undefined || label === undefined) {
      throw new FileError(
        file,
        `"${file}" has an annotation of the ${name === undefined ? `image ${image_id}` : `category ${category_id}`}, which it does not list.`,
      );
    }
    files.add(inside(file, name));
    labels.push(String(label));
  }
  const own = [...categories].sort((a, b) => a.id - b.id).map(({ name }) => name);
  return fileDataset(files, labels.resolve(file, { wanted: options.classes, own }));
}

async function readAnnotations(path: string): Promise<z.infer<typeof schema>> {
  try {
    return schema.parse(await readJson(path, largestFile, { items: 20_000_000 }));
  } catch (error) {
    if (error instanceof JsonError || error instanceof z.ZodError) {
      const reason = error instanceof z.ZodError ? `${error.issues[0].path.join(".")} is wrong` : `it ${error.message}`;
      throw new FileError(path, `"${path}" holds no annotations of iNaturalist: ${reason}.`, { cause: error });
    }
    throw fileError(path, "read", error);
  }
}

/** The name; throws if it leads outside the folder. */
function inside(file: string, name: string): string {
  const path = normalize(name);
  if (/^([/\\]|[A-Za-z]:|\.\.([/\\]|$))/.test(path))
    throw new FileError(file, `"${file}" names the image ${quoted(name)}, which leads out of its folder.`);
  if (hasControls(path))
    throw new FileError(file, `"${file}" names the image ${quoted(name)}, which holds control characters.`);
  return path;
}
