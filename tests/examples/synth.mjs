// Usage: node synth.mjs < REQUESTS. Prints the templates that the CDK example makes, one for each request: a JSON list of
// {"module": a compiled rotation.ts, "props": its props}.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const example = createRequire(new URL("../../examples/cdk/package.json", import.meta.url));
const { App, aws_lambda: lambda } = example("aws-cdk-lib");
const architectures = { arm64: lambda.Architecture.ARM_64, x86_64: lambda.Architecture.X86_64 };

const templates = JSON.parse(readFileSync(0)).map(({ module, props }) => {
  const outdir = mkdtempSync(join(tmpdir(), "cdk-"));
  const { DatadogRotation } = example(module);
  const app = new App({ outdir, analyticsReporting: false });
  const stack = new DatadogRotation(app, "Rotation", { ...props, architecture: architectures[props.architecture] });
  const { template } = app.synth().getStackByName(stack.stackName);
  rmSync(outdir, { recursive: true });
  return template;
});
process.stdout.write(JSON.stringify(templates));
