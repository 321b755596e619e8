/** The part of the browser's interface used here; Node's types leave it to the DOM types, which users in browsers have. */
interface ImageBitmap {
  readonly width: number;
  readonly height: number;
  close(): void;
}

interface ImageData {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

interface ImageBitmapOptions {
  readonly colorSpaceConversion?: "none" | "default";
  readonly premultiplyAlpha?: "none" | "premultiply" | "default";
}

declare function createImageBitmap(
  image: Blob | ImageBitmap | HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas,
  options?: ImageBitmapOptions,
): Promise<ImageBitmap>;

interface OffscreenCanvasRenderingContext2D {
  drawImage(image: ImageBitmap, x: number, y: number): void;
  getImageData(x: number, y: number, width: number, height: number, settings?: { colorSpace: "srgb" }): ImageData;
}

type Quad = readonly [x: number, y: number, width: number, height: number];

interface WebGlOfCanvas {
  readonly [constant: Uppercase<string>]: number;
  getParameter(name: number): number;
  createTexture(): object;
  bindTexture(target: number, texture: object): void;
  pixelStorei(name: number, value: boolean): void;
  texImage2D(target: number, level: number, inside: number, format: number, type: number, source: ImageBitmap): void;
  createFramebuffer(): object;
  bindFramebuffer(target: number, buffer: object): void;
  framebufferTexture2D(target: number, attachment: number, kind: number, texture: object, level: number): void;
  readPixels(...place: readonly [...Quad, format: number, type: number, target: Uint8Array]): void;
  getExtension(name: "WEBGL_lose_context"): { loseContext(): void } | null;
}

declare class OffscreenCanvas {
  constructor(width: number, height: number);
  getContext(kind: "webgl2"): WebGlOfCanvas | null;
  getContext(
    kind: "2d",
    settings?: { readonly willReadFrequently?: boolean; readonly alpha?: boolean },
  ): OffscreenCanvasRenderingContext2D | null;
}

declare const navigator: {
  readonly hardwareConcurrency?: number;
  readonly gpu?: { requestAdapter(): Promise<object | null> };
  readonly storage?: { persisted(): Promise<boolean>; persist(): Promise<boolean> };
};

declare const crossOriginIsolated: boolean | undefined;

interface HTMLImageElement {
  readonly naturalWidth: number;
}

interface HTMLVideoElement {
  readonly videoWidth: number;
}

interface HTMLCanvasElement {
  toDataURL(): string;
}

interface IDBRequest<T = unknown> {
  readonly result: T;
  readonly error: DOMException | null;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}

interface IDBOpenDBRequest extends IDBRequest<IDBDatabase> {
  onupgradeneeded: (() => void) | null;
  onblocked: (() => void) | null;
}

interface IDBObjectStore {
  get(key: string): IDBRequest<unknown>;
  getKey(key: string): IDBRequest<unknown>;
  getAll(): IDBRequest<readonly unknown[]>;
  getAllKeys(): IDBRequest<readonly unknown[]>;
  put(value: unknown, key: string): IDBRequest<unknown>;
  delete(key: string): IDBRequest<undefined>;
}

interface IDBTransaction {
  readonly error: DOMException | null;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
  objectStore(name: string): IDBObjectStore;
}

interface IDBDatabase {
  onversionchange: (() => void) | null;
  createObjectStore(name: string): IDBObjectStore;
  transaction(stores: readonly string[], mode: "readonly" | "readwrite"): IDBTransaction;
  close(): void;
}

interface IDBFactory {
  open(name: string, version: number): IDBOpenDBRequest;
}

declare var indexedDB: IDBFactory | undefined;
