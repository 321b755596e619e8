/** What a classifier in an ONNX file is called in messages, and what its settings are called where it is opened. */
import { type Mention, type Renaming, setting } from "../../errors/sentence.js";
import type { Setting } from "../../errors/settings.js";

/** What a caller can say of the classifier, as messages name it. */
export type OnnxSetting = "normalization" | "imageSize" | "classes" | "output" | "answers";

/** Words for messages. */
export interface OnnxNames {
  readonly called: "classifier" | "teacher";
  setting(name: OnnxSetting): Mention;
  /** What the settings of any model are called then, for errors about it. */
  readonly renaming: Renaming;
}

/** The names for a classifier that decides on images. */
export const classifierNames: OnnxNames = { called: "classifier", setting: (name) => setting(name), renaming: {} };

const teachers: Readonly<Record<OnnxSetting, Setting>> = {
  normalization: "teacherNormalization",
  imageSize: "teacherImageSize",
  classes: "teacherClasses",
  output: "teacherOutput",
  answers: "teacherAnswers",
};

/** The names for one that teaches, whose settings are those of a recipe; it has none for what is cut from images. */
export const teacherNames: OnnxNames = {
  called: "teacher",
  setting: (name) => setting(teachers[name]),
  renaming: { ...teachers, model: "teacher", interpolation: "teacherInterpolation", cropRatio: undefined },
};
