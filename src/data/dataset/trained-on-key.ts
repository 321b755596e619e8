/** The key of the metadata of a weights file that say which images trained it (trained-on.ts). */
export const trainedOnKey = "deit.data";
