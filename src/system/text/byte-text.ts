/** Numbers of bytes for people. */

/** As "3.2 GiB", "12 MiB" or "640 KiB": with a decimal below ten, so that there are at least two digits. */
export function byteText(bytes: number): string {
  const [power, unit] = bytes >= 2 ** 30 ? [30, "GiB"] : bytes >= 2 ** 20 ? [20, "MiB"] : [10, "KiB"];
  const value = bytes / 2 ** power;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}
