/** Channels of images. */

/** Numbers of each pixel: 1 of a grayscale image, 3 of RGB, 4 of RGBA, as timm's in_chans. */
export type Channels = 1 | 3 | 4;

const names: Readonly<Record<Channels, string>> = { 1: "grayscale", 3: "RGB", 4: "RGBA" };

/** Whether a value is a number of channels that images may have. */
export const isChannels = (value: unknown): value is Channels => value === 1 || value === 3 || value === 4;

/** "1 (grayscale)". */
export const channelsInWords = (channels: Channels): string => `${channels} (${names[channels]})`;

/** Channels as configurations and transforms, which identify stored data, state them: not at all for the usual RGB. */
export const statedChannels = (channels: Channels): { readonly channels?: Channels } =>
  channels === 3 ? {} : { channels };

/** What is expected of a number of channels. */
export const channelsExpected = "1 (grayscale), 3 (RGB) or 4 (RGBA)";
