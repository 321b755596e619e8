/** Lines of StableHLO operations, which name their results one after the other. */
export class Operations {
  readonly lines: string[] = [];
  #count = 0;

  /** `prefix` begins every name, `indent` every line. */
  constructor(
    private readonly prefix: string,
    private readonly indent: string,
  ) {}

  op(operation: string): string {
    return this.#write(operation, "");
  }

  results(operation: string, count: number): readonly string[] {
    const name = this.#write(operation, `:${count}`);
    return Array.from({ length: count }, (_, i) => `${name}#${i}`);
  }

  #write(operation: string, count: string): string {
    const name = `${this.prefix}${this.#count++}`;
    this.lines.push(`${this.indent}${name}${count} = ${operation}`);
    return name;
  }
}
