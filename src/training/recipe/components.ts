/** The settings of optimizers and schedules, each of which reads its own. */
import { optimizers } from "../step/optimizers/index.js";
import { schedules } from "../step/schedules/index.js";

type Table = Readonly<Record<string, { readonly settings: object }>>;

const tables = { optimizer: optimizers, schedule: schedules } as const satisfies Readonly<Record<string, Table>>;

/** The settings that choose a component. */
export const componentSettings = Object.keys(tables) as readonly (keyof typeof tables)[];

/** Settings that only other components of this kind read than the one that is chosen; none for a name that is unknown. */
export function settingsOfOthers(component: keyof typeof tables, chosen: unknown): readonly string[] {
  const table: Table = tables[component];
  if (typeof chosen !== "string" || !Object.hasOwn(table, chosen)) return [];
  const all = new Set(Object.values(table).flatMap(({ settings }) => Object.keys(settings)));
  return [...all].filter((key) => !(key in table[chosen].settings));
}
