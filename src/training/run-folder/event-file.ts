/** TensorBoard's event file: scalars by step, in records that TensorBoard can read during the run. */
import { appendFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { fileError } from "../../errors/file-error.js";
import { crc32c } from "../../formats/crc32c.js";
import type { TrainEvent } from "./events.js";

/** Field numbers of TensorFlow's event.proto and summary.proto. */
const event = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const summary = { value: 1, tag: 1, simpleValue: 2 } as const;

/** A record: length, its checksum, the data, its checksum. */
export function record(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 16);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(out.subarray(0, 8))), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return out;
}

/** TensorFlow masks its checksums, so that checksums of data containing checksums are not weaker. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/** The first event of a file. `time`: seconds since 1970. */
export function versionEvent(time: number): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(event.wallTime, WireType.Bit64).double(time);
  writer.tag(event.fileVersion, WireType.LengthDelimited).string("brain.Event:2");
  return writer.finish();
}

/** Scalars of one step; slashes in their names group them. */
export function scalarEvent(time: number, step: number, values: Readonly<Record<string, number>>): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(event.wallTime, WireType.Bit64).double(time);
  writer.tag(event.step, WireType.Varint).int64(step);
  writer.tag(event.summary, WireType.LengthDelimited).fork();
  for (const [name, value] of Object.entries(values)) {
    writer.tag(summary.value, WireType.LengthDelimited).fork();
    writer.tag(summary.tag, WireType.LengthDelimited).string(name);
    writer.tag(summary.simpleValue, WireType.Bit32).float(value);
    writer.join();
  }
  writer.join();
  return writer.finish();
}

/** Steps between two points of the curves within an epoch. */
const stride = 10;
/** Maximum bytes buffered. */
const pendingBytes = 16_384;

export interface EventFile {
  /** Handles an event of training. */
  onEvent(event: TrainEvent): void;
  /** Writes what is buffered. Throws FileError if the file could not be written. */
  close(): Promise<void>;
}

/** A new file in `folder`; TensorBoard joins those of resumed runs. */
export function createEventFile(folder: string, now: () => number = () => Date.now() / 1000): EventFile {
  const path = join(folder, `events.out.tfevents.${Math.floor(now())}.${hostname()}.${process.pid}`);
  let pending: Uint8Array[] = [record(versionEvent(now()))];
  let size = 0;
  let written: Promise<void> = Promise.resolve();
  let failure: unknown;
  const write = () => {
    const bytes = Buffer.concat(pending);
    pending = [];
    size = 0;
    written = written
      .then(() => appendFile(path, bytes))
      .catch((error) => {
        failure ??= error;
      });
  };
  const add = (step: number, values: Readonly<Record<string, number>>) => {
    const bytes = record(scalarEvent(now(), step, values));
    pending.push(bytes);
    size += bytes.length;
    if (size > pendingBytes) write();
  };
  return {
    onEvent: (told) => {
      if (told.kind === "step" && told.step % stride === 0) add(told.step, { "train/loss": told.loss, lr: told.lr });
      if (told.kind !== "epoch") return;
      const { step, trainLoss, lossParts, trainTop1, test, imagesPerSecond, loaderWait } = told.record;
      add(step, {
        "epoch/train loss": trainLoss,
        ...Object.fromEntries(Object.entries(lossParts ?? {}).map(([part, v]) => [`epoch/train loss: ${part}`, v])),
        "epoch/train top-1": trainTop1,
        ...(test?.map === undefined ? {} : { "epoch/test mAP": test.map }),
        ...(test ? { "epoch/test top-1": test.top1, "epoch/test top-5": test.top5, "epoch/test loss": test.loss } : {}),
        "speed/images per second": imagesPerSecond,
        "speed/share of time waiting for data": loaderWait,
      });
      write();
    },
    close: async () => {
      write();
      await written;
      if (failure) throw fileError(path, "write", failure);
    },
  };
}
