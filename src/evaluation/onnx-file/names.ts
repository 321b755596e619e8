/** What a classifier in an ONNX file is called in messages, and what its settings are called where it is opened. */

/** What a caller can say of the classifier, as messages name it. */
export type OnnxSetting = "normalization" | "imageSize" | "classes" | "output" | "answers";

/** Words for messages. */
export interface OnnxNames {
  readonly called: "classifier" | "teacher";
  setting(name: OnnxSetting): string;
}

/** The names for a classifier that decides on images. */
export const classifierNames: OnnxNames = { called: "classifier", setting: (name) => name };

/** The names for one that teaches, whose settings are those of a recipe. */
export const teacherNames: OnnxNames = {
  called: "teacher",
  setting: (name) => `teacher${name.charAt(0).toUpperCase()}${name.slice(1)}`,
};
