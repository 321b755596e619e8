/** How far something has come. */

interface MeterProps {
  readonly label: string;
  readonly done: number;
  readonly total: number;
}

export function Meter({ label, done, total }: MeterProps) {
  return (
    <label class="meter">
      <span>{label}</span>
      <progress value={done} max={Math.max(1, total)} />
    </label>
  );
}
