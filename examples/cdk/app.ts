import { App } from "aws-cdk-lib";
import { DatadogRotation } from "./rotation.js";

const secret = (name: string) => `arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/${name}`;

new DatadogRotation(new App(), "DatadogRotation", {
  packages: "../../target/package/arm64",
  adminSecretArn: secret("admin-AbCdEf"),
  secrets: {
    checkout: { function: "api-key", arn: secret("api-AbCdEf") },
    admin: { function: "admin-key", arn: secret("admin-AbCdEf"), schedule: "cron(0 3 1 * ? *)", window: "2h" },
  },
});
