// Usage: node synth.mjs < REQUESTS. Prints the templates that the CDK example makes, one for each request: a JSON list of
// {"module": a compiled rotation.ts, "props": its props}. Of one that is refused: {"error": why}.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const example = createRequire(new URL("../../examples/cdk/package.json", import.meta.url));
const { App } = example("aws-cdk-lib");

const templates = JSON.parse(readFileSync(0)).map(({ module, props }) => {
  const outdir = mkdtempSync(join(tmpdir(), "cdk-"));
  const { DatadogRotation } = example(module);
  const app = new App({ outdir, analyticsReporting: false });
  try {
    const stack = new DatadogRotation(app, "Rotation", props);
    return app.synth().getStackByName(stack.stackName).template;
  } catch ({ message }) {
    return { error: message };
  } finally {
    rmSync(outdir, { recursive: true });
  }
});
process.stdout.write(JSON.stringify(templates));
