/** Lengths of time for people. */

/** "2 h 5 min", "3 min 20 s", "14 s". */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const [minutes, hours, days] = [Math.floor(s / 60) % 60, Math.floor(s / 3600) % 24, Math.floor(s / 86400)];
  if (days > 0) return `${days} d ${hours} h`;
  return s >= 3600 ? `${hours} h ${minutes} min` : `${minutes} min ${s % 60} s`;
}
