// A process of a job whose engine gathers the shares of all processes through the coordinator and computes the whole
// batch in each: what the compiler's collectives do on devices that have them, slowly, for tests without such devices.
//   node rank.mjs RECIPE OUTPUT [--resume] [--die RANK] [--interrupt RANK]
import { parseArgs } from "node:util";

const dist = new URL("../../dist/", import.meta.url);
const { withProcessGroup } = await import(new URL("cli/processes/process-group.js", dist));
const { createOnnxEngine } = await import(new URL("engines/onnx/engine.js", dist));
const { followParent } = await import(new URL("cluster/launcher.js", dist));
const { alone } = await import(new URL("cluster/process-group.js", dist));
const { parseRecipe } = await import(new URL("training/recipe/recipe.js", dist));
const { train } = await import(new URL("training/run/trainer.js", dist));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { resume: { type: "boolean" }, die: { type: "string" }, interrupt: { type: "string" } },
});
const [recipe, output] = positionals;

const bytesOf = ({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");

/** The rows of all processes, one after the other. */
function joined(parts, like, shape) {
  const bytes = Buffer.concat(parts.map((p) => Buffer.from(p, "base64")));
  const data = new like.data.constructor(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return { dtype: like.dtype, shape, data };
}

function gathering(engine, group) {
  const splits = (program) => program.inputs.filter((i) => i.role === "data" && i.sharding === "batch");
  return {
    info: { ...engine.info, devices: group.count, process: { index: group.index, count: group.count } },
    createState: (tensors) => engine.createState(tensors),
    close: () => engine.close(),
    async compile(program, options) {
      const inner = await engine.compile(program, options);
      return {
        program,
        dispose: () => inner.dispose(),
        async run(state, data) {
          const mine = Object.fromEntries(splits(program).map(({ name }) => [name, bytesOf(data.get(name))]));
          const all = await group.gather(program.name, mine);
          const whole = splits(program).map(({ name, shape }) => [
            name,
            joined(
              all.map((one) => one[name]),
              data.get(name),
              shape,
            ),
          ]);
          const results = await inner.run(state, new Map([...data, ...whole]));
          for (const { name, sharding } of program.outputs) {
            if (sharding !== "batch" || !results.has(name)) continue;
            const { dtype, shape, data } = results.get(name);
            const n = data.length / group.count;
            const own = data.slice(group.index * n, (group.index + 1) * n);
            results.set(name, { dtype, shape: [shape[0] / group.count, ...shape.slice(1)], data: own });
          }
          return results;
        },
      };
    },
  };
}

followParent();
await withProcessGroup(async ({ group = alone }) => {
  const controller = new AbortController();
  const here = (rank) => rank !== undefined && Number(rank) === group.index;
  process.on("SIGTERM", () => controller.abort());
  const engine = gathering(await createOnnxEngine({ threads: 1 }), group);
  const result = await train({
    recipe: parseRecipe(JSON.parse(recipe)),
    engine,
    group,
    data: "procedural:16:72",
    validation: "procedural:16:37",
    output,
    workers: 0,
    resume: values.resume,
    signal: controller.signal,
    onEvent: (event) => {
      if (event.kind !== "step" || event.step !== 2) return;
      if (here(values.die)) process.kill(process.pid, "SIGKILL");
      if (here(values.interrupt)) controller.abort();
    },
  });
  await engine.close();
  console.log(
    `result ${JSON.stringify({ rank: group.index, interrupted: result.interrupted, epochs: result.epochs })}`,
  );
});
