/** Errors about a model, in terms of a recipe's teacher settings. */
import { DeitError } from "../../errors/errors.js";
import { teacherNames } from "../../evaluation/onnx-file/names.js";

export const inTeachersWords = (error: unknown): unknown =>
  error instanceof DeitError ? error.renamed(teacherNames.renaming) : error;
