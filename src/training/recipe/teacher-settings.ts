/** The settings of a recipe's teacher, and of each of several. */

import { z } from "zod";
import { normalizationNames, normalizationSchema } from "../../evaluation/normalization.js";
import { positive } from "../../models/families/family.js";
import { imageSizeSchema } from "../../models/settings.js";

/** How images are normalised: as the weights say, or otherwise. */
export const normalization = z
  .union(
    [z.enum(["auto", ...normalizationNames]), normalizationSchema.strict()],
    'it is neither auto, imagenet, inception, none nor {"mean":[r,g,b],"std":[r,g,b]}',
  )
  .default("auto");

const ofOne = {
  teacher: z.string().optional().meta({
    description: "Name of the teacher's model; needed if its weights do not state it.",
    timm: "kd-model-name",
  }),
  teacherWeights: z.string().optional().meta({
    description:
      "The teacher's weights: a file, a run folder, `hub`, an ONNX file of any image classifier, or `function:NAME` for a function that the library's `distil` was given.",
  }),
  teacherImageSize: imageSizeSchema(8192).optional().meta({
    description:
      "The teacher's resolution, to which the student's views are resized; default: the student's, or the ONNX file's own.",
  }),
  teacherInterpolation: z
    .enum(["bilinear", "bicubic"])
    .default("bicubic")
    .meta({ description: "Interpolation of that resizing." }),
  teacherNormalization: normalization.meta({
    description: "Normalisation of the teacher's images; `auto`: that of its model or of the ONNX file's metadata.",
  }),
  teacherOutput: z.string().optional().meta({
    description: "Output of an ONNX file that holds the predictions, if it has several.",
  }),
  teacherAnswers: z.enum(["auto", "logits", "probabilities", "sigmoids"]).default("auto").meta({
    description: "What an ONNX file's predictions are; `auto`: inferred from its last node or from the numbers.",
  }),
  teacherClasses: z.string().optional().meta({
    description: "File with the teacher's classes, one name per line, if its weights do not name them.",
  }),
  teacherCache: z.string().optional().meta({
    description: "Folder of a teacher's stored predictions (`deit teach`), used instead of the teacher.",
  }),
};

/** The settings of the recipe's only teacher, by the same names as those of each of several. */
export const teacherSettings = {
  ...ofOne,
  teachers: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z0-9][\w.-]*$/, "it must consist of letters, digits, dots, dashes and underscores")
          .optional()
          .meta({
            description:
              "What it is called in messages, in `features.from` and as a folder of stored predictions. Default: `teacher-1` and so on.",
          }),
        weight: positive.default(1).meta({
          description: "Its weight in the mean, relative to those of the others. Default: 1.",
        }),
        ...ofOne,
      }),
    )
    .min(1)
    .readonly()
    .optional()
    .meta({
      description:
        "Several teachers instead of one: the student learns the mean of their probabilities, each at the temperature `distillationTau` (`hard`: the class with the largest mean at temperature 1). Each has the settings of a single teacher. With `teacherCache` beside them, the folder in which `deit teach` stored the predictions of them all. Default: one teacher.",
    }),
};

/** Names of the settings of one teacher. */
export const oneTeacher = Object.keys(ofOne) as (keyof typeof ofOne)[];
