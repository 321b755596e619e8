/** Says in a box what is missing, and that tests are skipped for it. */
export function skipNotice(missing: string, which: string): void {
  const line = "!".repeat(80);
  console.warn(
    `${line}\n${missing}\nTests that ${which} are SKIPPED: this run shows less than CI, where they fail without it.\n${line}`,
  );
}
