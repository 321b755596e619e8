/** Errors about a model, in a recipe's words for its teacher. */
import { DeitError } from "../../errors/errors.js";
import { teacherNames } from "../../evaluation/onnx-file/names.js";

export const inTeachersWords = (error: unknown): unknown =>
  error instanceof DeitError ? error.renamed(teacherNames.renaming) : error;
