/** Training on images in their native aspect ratio: what cannot be combined with it, and what a teacher sees. */
import { UsageError } from "../../errors/errors.js";
import { type ImageSize, sidesOf, sizeInWords } from "../../geometry/image-size.js";
import { nearestSize } from "../../geometry/native-sizes.js";
import type { Model } from "../../models/model.js";
import { modelAt, sizesOf } from "../../models/model-at.js";
import type { TeacherSource } from "../step/teachers.js";

/** The settings of a recipe that count here. */
interface Settings {
  readonly cropMode: string;
  readonly frozenViews?: number | "all";
  readonly teacherCache?: string;
  readonly teacherWeights?: string;
}

const wayOut = "or choose another cropMode, such as border";

/** Throws UsageError for settings that need views of one size. */
export function refuseNative({ cropMode, frozenViews, teacherCache }: Settings): void {
  if (cropMode !== "native") return;
  if (frozenViews !== undefined)
    throw new UsageError(
      `Features of a frozen part (frozenViews) are stored for images of one size, and cropMode=native gives them several; remove frozenViews, ${wayOut}.`,
    );
  if (teacherCache !== undefined)
    throw new UsageError(
      `Answers of a teacher (teacherCache) are stored for images of one size, and cropMode=native gives them several; name the teacher's weights instead (teacherWeights), ${wayOut}.`,
    );
}

/** Throws UsageError for a teacher outside of the step's program. */
export function refuseNativeTeacher({ cropMode, teacherWeights }: Settings): void {
  if (cropMode === "native")
    throw new UsageError(
      `"${teacherWeights}" teaches on images of one size, and cropMode=native gives them several; give weights of one of deit's models, ${wayOut}.`,
    );
}

/** What a run tells about the sizes of its images. */
export const nativeSentence = (sizes: readonly ImageSize[]): string =>
  `Images are seen in their native aspect ratio, in ${sizes.length} sizes (${sizes.map(sizeInWords).join(", ")}); the program of each is compiled when its first batch comes.`;

/** Each teacher in the program as it sees the student's images of `size`: in its own size of nearly that shape, if it has any. */
export function nativeTeachers(source: TeacherSource | undefined, size: ImageSize): TeacherSource | undefined {
  if (source === undefined || typeof source === "string") return source;
  return isModel(source)
    ? nativeTeacher(source, size)
    : source.map((one) => (one.source === "logits" ? one : { ...one, source: nativeTeacher(one.source, size) }));
}

const isModel = (source: object): source is Model => "forward" in source;

function nativeTeacher(teacher: Model, size: ImageSize): Model {
  if (!teacher.tokens && teacher.sizeMultiple === undefined) return teacher;
  const sizes = sizesOf(teacher);
  return modelAt(teacher, sizes[nearestSize(sidesOf(size), sizes)]);
}
