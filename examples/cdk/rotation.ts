import { ArnFormat, CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { aws_iam as iam, aws_lambda as lambda, aws_logs as logs } from "aws-cdk-lib";
import { CfnRotationSchedule } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { join } from "node:path";

/** A secret of this account and region that is rotated from now on. */
export interface RotatedSecret {
  readonly function: keyof typeof ROTATES;
  readonly arn: string;
  /** `rate()` or `cron()`, in UTC; `rate(30 days)` if there is none. */
  readonly schedule?: string;
  /** How long after its scheduled time a rotation may begin, such as `3h`. */
  readonly window?: string;
}

export interface DatadogRotationProps extends StackProps {
  /** Folder with the functions' zips. Its name ends in arm64 or x86_64, as a release's does. */
  readonly packages: string;
  /** The functions are named `PREFIX-api-key`, `PREFIX-admin-key` and so on: see ROTATES. */
  readonly functionNamePrefix?: string;
  /** Full ARN of the DatadogAdminKey secret that rotates API keys, application keys and service access tokens. */
  readonly adminSecretArn?: string;
  /** Full ARN of the DatadogAdminKey secret that rotated admin secrets name, unless each rotates itself. */
  readonly assistingAdminSecretArn?: string;
  /** Secrets to rotate, by names of your choice. */
  readonly secrets?: Record<string, RotatedSecret>;
  /** Whether to rotate at the first deployment and at each change of a schedule; else it only runs a check. */
  readonly rotateImmediately?: boolean;
  /** ARN of the customer managed key that encrypts the secrets of API keys, application keys and service access tokens. */
  readonly kmsKeyArn?: string;
  /** ARN of the customer managed key that encrypts the admin secrets. */
  readonly adminSecretKmsKeyArn?: string;
  readonly logLevel?: lambda.ApplicationLogLevel;
  readonly logRetention?: logs.RetentionDays;
}

const ROTATES = {
  "api-key": "API keys",
  "application-key": "application keys",
  "service-access-token": "service access tokens",
  "admin-key": "admin keys",
} as const;

/** The rotation functions, each with its role, log group and schedules. */
export class DatadogRotation extends Stack {
  constructor(scope: Construct, id: string, props: DatadogRotationProps) {
    super(scope, id, props);
    const admin = { reads: props.adminSecretArn, kmsKey: props.kmsKeyArn, readKmsKey: props.adminSecretKmsKeyArn };
    this.rotate("api-key", props, admin, props.adminSecretArn);
    this.rotate("application-key", props, admin, props.adminSecretArn);
    this.rotate("service-access-token", props, admin, props.adminSecretArn);
    this.rotate("admin-key", props, { reads: props.assistingAdminSecretArn, kmsKey: props.adminSecretKmsKeyArn });
  }

  private rotate(kind: RotatedSecret["function"], props: DatadogRotationProps, may: Access, defaultAdmin?: string) {
    const functionName = `${props.functionNamePrefix ?? "datadog-rotation"}-${kind}`;
    const logGroup = new logs.LogGroup(this, `${kind}-log`, {
      // It outlives the stack, for it holds the only names of keys that were lost. So CloudFormation chooses a new name.
      retention: props.logRetention ?? logs.RetentionDays.ONE_YEAR,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    const role = new iam.Role(this, `${kind}-role`, {
      assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
      inlinePolicies: {
        rotation: new iam.PolicyDocument({ statements: this.statements(functionName, logGroup, may) }),
      },
    });
    const rotation = new lambda.Function(this, kind, {
      functionName,
      description: `Rotates Datadog ${ROTATES[kind]} for Secrets Manager`,
      role: role.withoutPolicyUpdates(), // or a construct that grants would add to it
      code: lambda.Code.fromAsset(join(props.packages, `datadog-${kind}.zip`)),
      architecture: architectureOf(props.packages),
      runtime: lambda.Runtime.PROVIDED_AL2023,
      handler: "bootstrap",
      timeout: Duration.minutes(5), // as in template.yaml; an invocation ends itself after 14 in any case
      memorySize: 128,
      environment: defaultAdmin ? { ADMIN_SECRET_ARN: defaultAdmin } : {},
      loggingFormat: lambda.LoggingFormat.JSON,
      applicationLogLevelV2: props.logLevel ?? lambda.ApplicationLogLevel.INFO,
      logGroup,
    });
    // SourceArn as well would bind the function to a single secret.
    const permission = new lambda.CfnPermission(this, `${kind}-permission`, {
      functionName: rotation.functionName,
      action: "lambda:InvokeFunction",
      principal: "secretsmanager.amazonaws.com",
      sourceAccount: this.account,
    });
    for (const [name, secret] of Object.entries(props.secrets ?? {})) {
      if (secret.function !== kind) continue;
      // Not RotationSchedule, which lets the role do what these functions never do: GetRandomPassword on everything.
      const schedule = new CfnRotationSchedule(this, `${name}-schedule`, {
        secretId: secret.arn,
        rotationLambdaArn: rotation.functionArn,
        rotationRules: { scheduleExpression: secret.schedule ?? "rate(30 days)", duration: secret.window },
        rotateImmediatelyOnUpdate: props.rotateImmediately ?? false,
      });
      // Secrets Manager refuses a function that it may not invoke.
      schedule.addResourceDependency(permission);
    }
    new CfnOutput(this, `${kind}-arn`, { value: rotation.functionArn });
  }

  /** The statements of template.yaml, where their reasons stand. */
  private statements(functionName: string, logGroup: logs.LogGroup, may: Access): iam.PolicyStatement[] {
    const own = this.formatArn({
      service: "lambda",
      resource: "function",
      resourceName: functionName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const throughSecretsManager = { StringLike: { "kms:ViaService": "secretsmanager.*" } };
    const statements = [
      new iam.PolicyStatement({
        sid: "RotatedSecrets",
        actions: [
          "secretsmanager:DescribeSecret",
          "secretsmanager:GetSecretValue",
          "secretsmanager:ListSecretVersionIds",
          "secretsmanager:PutSecretValue",
          "secretsmanager:UpdateSecretVersionStage",
        ],
        resources: [
          this.formatArn({
            service: "secretsmanager",
            resource: "secret",
            resourceName: "*",
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        ],
        conditions: { StringEquals: { "secretsmanager:resource/AllowRotationLambdaArn": own } },
      }),
    ];
    if (may.reads) {
      statements.push(
        new iam.PolicyStatement({
          sid: "AdminSecret",
          actions: ["secretsmanager:GetSecretValue"],
          resources: [may.reads],
          conditions: { StringEquals: { "secretsmanager:VersionStage": "AWSCURRENT" } },
        }),
      );
    }
    if (may.kmsKey) {
      statements.push(
        new iam.PolicyStatement({
          sid: "RotatedSecretsKey",
          actions: ["kms:Decrypt", "kms:GenerateDataKey"],
          resources: [may.kmsKey],
          conditions: throughSecretsManager,
        }),
      );
    }
    if (may.readKmsKey) {
      statements.push(
        new iam.PolicyStatement({
          sid: "AdminSecretKey",
          actions: ["kms:Decrypt"],
          resources: [may.readKmsKey],
          conditions: throughSecretsManager,
        }),
      );
    }
    statements.push(
      new iam.PolicyStatement({
        sid: "Logs",
        actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources: [logGroup.logGroupArn],
      }),
    );
    return statements;
  }
}

/** No choice: a function that was made for another architecture than its zip fails only when it first runs. */
function architectureOf(packages: string): lambda.Architecture {
  if (packages.endsWith("arm64")) return lambda.Architecture.ARM_64;
  if (packages.endsWith("x86_64")) return lambda.Architecture.X86_64;
  throw new Error(`packages ends in arm64 or x86_64, which says what its zips were built for: ${packages}`);
}

/** What sets the roles apart: the admin secret that each reads, and the keys that encrypt what it rotates and reads. */
interface Access {
  readonly reads?: string;
  readonly kmsKey?: string;
  readonly readKmsKey?: string;
}
