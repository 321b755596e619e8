/** The database of saved models: a table of descriptions and one of files, by name. */
import { StorageError } from "./storage-error.js";

const databaseName = "deit-models";
const version = 1;

/** Descriptions, which are listed, apart from the files, which are large. */
export const tables = { about: "about", files: "files" } as const;

/**
 * Runs `work` in one transaction, which happens as a whole or not at all, also beside other tabs. `work` must not wait
 * for anything but the requests. Throws StorageError.
 */
export async function transaction<T>(
  mode: "readonly" | "readwrite",
  work: (table: (name: keyof typeof tables) => IDBObjectStore) => Promise<T>,
): Promise<T> {
  const database = await opened();
  try {
    const running = database.transaction(Object.values(tables), mode);
    const ended = new Promise<void>((resolve, reject) => {
      running.oncomplete = () => resolve();
      running.onabort = () => reject(running.error);
    });
    ended.catch(() => undefined);
    const result = await work((name) => running.objectStore(tables[name])).catch(async (error: unknown) => {
      if (!isOfStorage(error)) throw error;
      // A transaction without room tells so when it ends.
      await ended;
      throw error;
    });
    await ended;
    return result;
  } catch (error) {
    throw isOfStorage(error) || error === null ? failureOf(error) : error;
  } finally {
    database.close();
  }
}

/** The result of a request. */
export const resultOf = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function opened(): Promise<IDBDatabase> {
  // Reading the property throws where a page may store nothing.
  const factory = ((): IDBFactory | undefined => {
    try {
      return globalThis.indexedDB;
    } catch {
      return undefined;
    }
  })();
  if (!factory) throw unavailable();
  try {
    return await new Promise((resolve, reject) => {
      const request = factory.open(databaseName, version);
      request.onupgradeneeded = () => {
        for (const name of Object.values(tables)) request.result.createObjectStore(name);
      };
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(blocked());
      request.onsuccess = () => {
        // A tab with a later version of deit may change the tables; what runs here is completed first.
        request.result.onversionchange = () => request.result.close();
        resolve(request.result);
      };
    });
  } catch (cause) {
    if (cause instanceof StorageError) throw cause;
    const { name } = (cause ?? {}) as { readonly name?: string };
    if (name === "VersionError") throw newer(cause);
    throw name === "QuotaExceededError" ? failureOf(cause) : unavailable(cause);
  }
}

const isOfStorage = (error: unknown): boolean => error instanceof DOMException;

const unavailable = (cause?: unknown): StorageError =>
  new StorageError(
    databaseName,
    "unavailable",
    "This browser keeps nothing for this page (IndexedDB is blocked, as in some private windows); allow the page to store data, or save the model as a file.",
    { cause },
  );

const blocked = (): StorageError =>
  new StorageError(
    databaseName,
    "unavailable",
    "Another tab of this site has the saved models open with another version of deit; close it and try again.",
  );

const newer = (cause: unknown): StorageError =>
  new StorageError(
    databaseName,
    "newer",
    "The saved models of this site were written by a later version of deit; reload the page, or update deit.",
    { cause },
  );

function failureOf(cause: unknown): StorageError {
  const { name } = (cause ?? {}) as { readonly name?: string };
  if (name === "QuotaExceededError")
    return new StorageError(
      databaseName,
      "full",
      "This browser has no more room for this site; delete saved models, or save this one as a file.",
      { cause },
    );
  return new StorageError(
    databaseName,
    "failed",
    "The storage of this browser reports an error; try again, and save the model as a file if it happens again.",
    { cause },
  );
}
