/** Changes to a recipe's settings, some of which leave out others. */
import { augmentationSettings } from "./augmentation.js";
import { mixingSettings } from "./augmentation-splits.js";
import { componentSettings, settingsOfOthers } from "./components.js";
import { singleLabelSettings } from "./several-labels.js";

type Settings = Readonly<Record<string, unknown>>;

/**
 * A recipe's settings without those that `changes` turn off as a whole: with another optimizer or schedule, also those that only the
 * former one reads.
 */
export function leftBy(changes: Settings, settings: Settings): Settings {
  const gone = new Set([
    ...(changes.augmentation === "none" ? augmentationSettings : []),
    ...((changes.augmentationSplits ?? 0) === 0 ? [] : mixingSettings),
    ...componentSettings.flatMap((component) => settingsOfOthers(component, changes[component])),
    ...(changes.labels === "several" ? singleLabelSettings : []),
  ]);
  if (gone.size === 0) return settings;
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !gone.has(key)));
}

/** A recipe's settings with changes. */
export const changed = (settings: Settings, changes: Settings): Record<string, unknown> => ({
  ...leftBy(changes, settings),
  ...changes,
});
