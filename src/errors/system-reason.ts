/** What the operating system's errors mean, and the way out. */
import { messageOf } from "./message-of.js";

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space",
  EDQUOT: "the disk quota is used up; free some space",
  EROFS: "the file system is read-only; choose another folder",
  ENOENT: "it does not exist; check the path",
  ENOTDIR: "a part of the path is not a folder; check the path",
  EISDIR: "it is a folder; name a file",
  EEXIST: "something with that name already exists; choose another name",
  ENOTEMPTY: "the folder of that name is not empty; choose another name",
  EBUSY: "another program or a mount is using it; stop that, or choose another name",
  ETXTBSY: "another program is running it; stop that, or choose another name",
  EXDEV: "it is on a different disk than its folder; choose another folder",
  EFBIG: "it is larger than the file system or a limit (ulimit -f) allows; choose another folder",
  ENAMETOOLONG: "its name is too long; choose a shorter one",
  EINVAL: "the file system does not support that; check the path, or choose another folder",
  EIO: "the disk or terminal reports a fault; check it, or choose another",
  ENXIO: "the device is gone; check it, or choose another",
  ESTALE: "the network drive has lost it; reconnect the drive",
  ETIMEDOUT: "the network drive does not respond; reconnect it",
  EPIPE: "its reader has closed it",
  ELOOP: "its symbolic links form a loop; check the path",
  EMFILE: "too many files are open; raise the limit (ulimit -n)",
  ENFILE: "too many files are open on this machine; close some programs",
  ENOMEM: "there is not enough memory; close some programs",
};

const denied = { read: "ask for the right to read it", write: "choose a folder you may write to" } as const;

/** Why something failed, to follow a colon; `doing` begins with the operation, such as "read" or "write the log in". */
export function systemReason(error: unknown, doing: string): string {
  const { code = "", syscall } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM")
    return `permission is denied; ${denied[/^(read|list|look|open)\b/.test(doing) ? "read" : "write"]}`;
  if (reasons[code]) return reasons[code];
  if (syscall !== undefined && code !== "") return `the system reports ${code}`;
  return messageOf(error);
}
