/** The size of a view: the same for all images, or nearly of the image's own shape. */
import type { ImageSize } from "../../geometry/image-size.js";
import { nearestSize } from "../../geometry/native-sizes.js";
import type { Fit } from "../pixels/fit.js";
import type { Size } from "../pixels/image.js";

/** Size of what is made of an image: of the sizes of the mode `native` the nearest in shape, otherwise `size`. */
export const viewSize = (
  image: Size,
  { size, nativeSizes }: Pick<Fit, "nativeSizes"> & { readonly size: ImageSize },
): ImageSize => (nativeSizes ? nativeSizes[nearestSize(image, nativeSizes)] : size);
