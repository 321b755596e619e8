/** What is to be taught: classes with their pictures. */
import { PageError } from "../engine/failure";
import { listed } from "../page/words";
import { forget, mayBePicture, type Picture, pictureOf } from "../pictures/picture";

export interface TaughtClass {
  readonly id: number;
  readonly name: string;
  readonly pictures: readonly Picture[];
}

export type Lesson = readonly TaughtClass[];

/** Fewer cannot be divided into those that are learned from and those that are held out. */
export const fewestPictures = 2;

let made = 0;

export const newClass = (name: string, pictures: readonly Picture[] = []): TaughtClass => ({
  id: ++made,
  name,
  pictures,
});

export type Change =
  | { readonly kind: "class"; readonly name: string }
  | { readonly kind: "rename"; readonly id: number; readonly name: string }
  | { readonly kind: "remove"; readonly id: number }
  | { readonly kind: "pictures"; readonly id: number; readonly pictures: readonly Picture[] }
  | { readonly kind: "picture-removed"; readonly id: number; readonly picture: Picture }
  | { readonly kind: "folder"; readonly classes: ReadonlyMap<string, readonly File[]> };

export function changed(lesson: Lesson, change: Change): Lesson {
  switch (change.kind) {
    case "class":
      return [...lesson, newClass(change.name)];
    case "rename":
      return lesson.map((one) => (one.id === change.id ? { ...one, name: change.name } : one));
    case "remove":
      for (const { id, pictures } of lesson) if (id === change.id) pictures.forEach(forget);
      return lesson.filter(({ id }) => id !== change.id);
    case "pictures":
      return lesson.map((one) =>
        one.id === change.id ? { ...one, pictures: [...one.pictures, ...change.pictures] } : one,
      );
    case "picture-removed":
      forget(change.picture);
      return lesson.map((one) =>
        one.id === change.id ? { ...one, pictures: one.pictures.filter((p) => p !== change.picture) } : one,
      );
    case "folder": {
      const kept = lesson.filter(({ pictures }) => pictures.length > 0);
      return [...kept, ...[...change.classes].map(([name, files]) => newClass(name, files.map(named)))];
    }
  }
}

const named = (file: File): Picture => pictureOf(file, file.name);

/** Pictures by the folder that holds them. Throws PageError if there are none. */
export function foldersOf(files: readonly File[]): ReadonlyMap<string, readonly File[]> {
  const folders = new Map<string, File[]>();
  for (const file of files) {
    const folder = file.webkitRelativePath.split("/").at(-2);
    // Systems put files of their own beside pictures, hidden by their names.
    if (folder === undefined || !mayBePicture(file) || file.name.startsWith(".")) continue;
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  if (folders.size === 0)
    throw new PageError(
      "There are no pictures in this folder; choose one that has a folder of pictures for each class.",
    );
  return folders;
}

/** What keeps the lesson from being taught, in a sentence; undefined if nothing does. */
export function lacking(lesson: Lesson): string | undefined {
  const names = lesson.map(({ name }) => name.trim());
  if (names.some((name) => name === "")) return "A class has no name; give it one.";
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return `Two classes are named "${twice}"; give them different names.`;
  if (lesson.length < 2) return "One class cannot be told from another; add a second one.";
  const few = lesson.filter(({ pictures }) => pictures.length < fewestPictures).map(({ name }) => `"${name.trim()}"`);
  if (few.length > 0) return `Too few pictures of ${listed(few)}; give at least ${fewestPictures}, better 10 or more.`;
  return undefined;
}
