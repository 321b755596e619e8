/** A model that looks at images of another size than its own. */
import { ShapeError, UsageError } from "../errors/errors.js";
import { sentence, setting, way } from "../errors/sentence.js";
import { type Grid, heightAndWidth, type ImageSize, sameSize } from "../geometry/image-size.js";
import { nativeSizes } from "../geometry/native-sizes.js";
import { concat, reshape, slice, type Tensor } from "../tensor/index.js";
import type { Model } from "./model.js";
import { patchCount } from "./parts.js";
import { resizeImages } from "./resample.js";

/** What decides at which sizes a model can be used. */
type Sized = Pick<Model, "imageSize" | "tokens" | "sizeMultiple">;

/** What divides the sides of a model's images: the side of a patch, or of a convnet its stride; undefined for a model of one size. */
const multipleOf = ({ imageSize, tokens, sizeMultiple }: Sized): number | undefined =>
  tokens ? heightAndWidth(imageSize)[0] / tokens.grid[0] : sizeMultiple;

/**
 * The model for images of another size (default: its own), with the same parameters; positions are interpolated to the grid of its
 * patches in every pass, as timm's `dynamic_img_size` does. Throws ShapeError for a size that its patches do not divide, for a
 * model of one size, and for the result of another call.
 */
export function modelAt(model: Model, size = model.imageSize): Model {
  if (sameSize(model.imageSize, size)) return model;
  const { tokens } = model;
  const multiple = multipleOf(model);
  const [rows, columns] = heightAndWidth(size).map((side) => side / (multiple ?? Number.NaN));
  if (!Number.isInteger(rows) || !Number.isInteger(columns) || tokens?.positions)
    throw new ShapeError(
      `"${model.name}" cannot look at images of ${heightAndWidth(size).join("×")} pixels; ${multiple && !tokens?.positions ? `use multiples of ${multiple}` : "use its own size"}.`,
    );
  if (!tokens) return { ...model, imageSize: size };
  const [from, to] = [tokens.grid, [rows, columns] as const];
  const positions = new Set(model.parameters.filter(({ part }) => part === "positions").map(({ name }) => name));
  return {
    ...model,
    imageSize: size,
    tokens: { ...tokens, grid: to, positions: from },
    forward: (context, images) =>
      model.forward(
        {
          ...context,
          parameter: (name, declaration) => {
            const own = context.parameter(name, declaration);
            return positions.has(name) ? onGrid(own, from, to) : own;
          },
        },
        images,
      ),
  };
}

/**
 * Positions `[1, prefix + rows · columns, width]` of one grid on another, as timm's `resample_abs_pos_embed` interpolates them; those of
 * the class and distillation tokens are unchanged.
 */
function onGrid(positions: Tensor, from: Grid, to: Grid): Tensor {
  const [, count, width] = positions.shape;
  const prefix = count - patchCount({ grid: from });
  const grid = reshape(slice(positions, 1, prefix, count), [1, ...from, width]);
  const resized = reshape(resizeImages(grid, to), [1, patchCount({ grid: to }), width]);
  return prefix === 0 ? resized : concat([slice(positions, 1, 0, prefix), resized], 1);
}

/**
 * The sizes in which the model sees images in their native aspect ratio; where its own has too few patches for another shape, it alone.
 * Throws UsageError for a model that takes images of one size.
 */
export function sizesOf(model: Sized & Pick<Model, "name">): readonly ImageSize[] {
  const multiple = multipleOf(model);
  if (multiple === undefined) throw notNative(model.name, "takes images of one size");
  return nativeSizes(model.imageSize, multiple);
}

/** The same for a caller who asks for it: throws UsageError also where there is one. */
export function nativeSizesOf(model: Sized & Pick<Model, "name">): readonly ImageSize[] {
  const sizes = sizesOf(model);
  if (sizes.length > 1) return sizes;
  throw notNative(model.name, `has no other shape of as many patches of ${multipleOf(model)} pixels`);
}

const notNative = (name: string, why: string): UsageError =>
  new UsageError(
    sentence`"${name}" ${why}, so it cannot see images in their native aspect ratio${way`; choose another ${setting("cropMode")}, such as ${setting("cropMode", "border")}`}.`,
  );
