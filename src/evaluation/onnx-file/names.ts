/** Names of an ONNX classifier and its settings in messages, depending on where it is opened. */
import { type Mention, type Renaming, setting } from "../../errors/sentence.js";
import type { Setting } from "../../errors/settings.js";

/** Settings that a caller can set, as named in messages. */
export type OnnxSetting = "normalization" | "imageSize" | "classes" | "output" | "answers";

/** Words for messages. */
export interface OnnxNames {
  readonly called: "classifier" | "teacher";
  setting(name: OnnxSetting): Mention;
  /** Names of general model settings in this context, for errors. */
  readonly renaming: Renaming;
}

/** Names for a classifier of images. */
export const classifierNames: OnnxNames = { called: "classifier", setting: (name) => setting(name), renaming: {} };

const teachers: Readonly<Record<OnnxSetting, Setting>> = {
  normalization: "teacherNormalization",
  imageSize: "teacherImageSize",
  classes: "teacherClasses",
  output: "teacherOutput",
  answers: "teacherAnswers",
};

/** Names for a teacher, whose settings are those of a recipe, which has none for cropping. */
export const teacherNames: OnnxNames = {
  called: "teacher",
  setting: (name) => setting(teachers[name]),
  renaming: { ...teachers, model: "teacher", interpolation: "teacherInterpolation", cropRatio: undefined },
};
