/** What the server counts and measures, in the text format of Prometheus. */

type Labels = Readonly<Record<string, string>>;

/** A metric with a help text, and one value or histogram for each combination of labels. */
interface Metric {
  readonly name: string;
  readonly help: string;
  readonly kind: "counter" | "gauge" | "histogram";
  lines(): readonly string[];
}

const labelText = (labels: Labels): string => {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`))}"`,
  );
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
};

class Counter implements Metric {
  readonly kind = "counter";
  readonly #values = new Map<string, number>();

  constructor(
    readonly name: string,
    readonly help: string,
  ) {}

  add(labels: Labels): void {
    const key = labelText(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + 1);
  }

  lines(): readonly string[] {
    return [...this.#values].map(([labels, value]) => `${this.name}${labels} ${value}`);
  }
}

class Gauge implements Metric {
  constructor(
    readonly name: string,
    readonly help: string,
    private readonly read: () => number,
    readonly kind: "gauge" | "counter" = "gauge",
  ) {}

  lines(): readonly string[] {
    return [`${this.name} ${this.read()}`];
  }
}

interface Observed {
  readonly labels: Labels;
  /** Observations up to each bound. */
  readonly upTo: number[];
  count: number;
  sum: number;
}

class Histogram implements Metric {
  readonly kind = "histogram";
  readonly #observed = new Map<string, Observed>();

  constructor(
    readonly name: string,
    readonly help: string,
    private readonly bounds: readonly number[],
  ) {}

  observe(labels: Labels, value: number): void {
    const key = labelText(labels);
    const found = this.#observed.get(key) ?? { labels, upTo: this.bounds.map(() => 0), count: 0, sum: 0 };
    this.#observed.set(key, found);
    for (const [i, bound] of this.bounds.entries()) if (value <= bound) found.upTo[i]++;
    found.count++;
    found.sum += value;
  }

  lines(): readonly string[] {
    return [...this.#observed.values()].flatMap(({ labels, upTo, count, sum }) => [
      ...this.bounds.map((le, i) => `${this.name}_bucket${labelText({ ...labels, le: String(le) })} ${upTo[i]}`),
      `${this.name}_bucket${labelText({ ...labels, le: "+Inf" })} ${count}`,
      `${this.name}_sum${labelText(labels)} ${sum}`,
      `${this.name}_count${labelText(labels)} ${count}`,
    ]);
  }
}

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const powersOfTwo = [1, 2, 4, 8, 16, 32, 64, 128];

/** The metrics of one server. */
export class Metrics {
  readonly requests = new Counter("deit_requests_total", "Requests that were answered.");
  readonly requestSeconds = new Histogram("deit_request_seconds", "Time from a request to its answer.", seconds);
  readonly batchImages = new Histogram("deit_batch_images", "Images of a batch.", powersOfTwo);
  readonly batchSeconds = new Histogram("deit_batch_seconds", "Time that the model took for a batch.", seconds);
  readonly #all: readonly Metric[];

  /** `inFlight` tells how many requests are being answered. */
  constructor(inFlight: () => number) {
    this.#all = [
      ...[this.requests, this.requestSeconds, this.batchImages, this.batchSeconds],
      new Gauge("deit_requests_in_flight", "Requests that are being answered.", inFlight),
      new Gauge("process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss()),
      new Gauge("process_cpu_seconds_total", "Processor time.", cpuSeconds, "counter"),
      new Gauge("process_start_time_seconds", "Start of the process since 1970.", () => performance.timeOrigin / 1000),
    ];
  }

  /** All of them as text. */
  text(): string {
    return this.#all
      .flatMap((metric) => [
        `# HELP ${metric.name} ${metric.help}`,
        `# TYPE ${metric.name} ${metric.kind}`,
        ...metric.lines(),
      ])
      .map((line) => `${line}\n`)
      .join("");
  }
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
