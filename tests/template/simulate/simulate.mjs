// Reads simulations as a list of JSON on standard input, and writes what comes of each.
import { runSimulation } from "@cloud-copilot/iam-simulate";
import { text } from "node:stream/consumers";

const answers = [];
for (const simulation of JSON.parse(await text(process.stdin))) {
  const outcome = await runSimulation(simulation, {});
  answers.push({
    result: outcome.resultType === "single" ? outcome.overallResult : outcome.resultType,
    errors: outcome.errors ?? null,
    // Condition keys that the action does not have.
    ignored: outcome.result?.ignoredContextKeys ?? [],
  });
}
process.stdout.write(JSON.stringify(answers));
