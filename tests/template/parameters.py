"""Sets of parameters that a stack is made with in the tests."""

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/{}-AbCdEf"
API, APPLICATION, ADMIN, ASSISTANT, NARROW, TOKEN = (
    SECRET.format(it) for it in ("api", "application", "admin", "assistant", "narrow", "token")
)
KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-4333-8444-555555555555"
REPLICA_KEY = "arn:aws:kms:us-east-1:210987654321:key/22222222-2222-4333-8444-555555555555"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
PROMOTIONS = "arn:aws:sns:us-east-1:123456789012:promotions"

NOTHING: dict[str, str] = {}
ORGANISATION = "11111111-2222-4333-8444-555555555555"
ACCOUNT_ID = "33333333-3333-4333-8333-333333333333"
BOOTSTRAP, PROVING = (SECRET.format(it) for it in ("bootstrap", "proving"))
KEYLESS = {
    "KeylessOrgUuid": ORGANISATION,
    "KeylessServiceAccountId": ACCOUNT_ID,
    "KeylessSite": "datadoghq.eu",
    "KeylessBootstrapSecretArn": BOOTSTRAP,
    "KeylessApiKeySecretArn": PROVING,
}
VPC = {"VpcSubnetIds": "subnet-0123abcd,subnet-4567abcd", "VpcSecurityGroupIds": "sg-0123abcd"}
STACK_SECRETS = {
    "AdminSecretArn": ADMIN,
    "ApiKeySecretArn": API,
    "ApplicationKeySecretArn": APPLICATION,
    "AdminKeySecretArn": ADMIN,
    "ServiceAccessTokenSecretArn": TOKEN,
}
EVERYTHING = (
    VPC
    | STACK_SECRETS
    | {
        "ApiKeyAdminSecretArn": NARROW,
        "AssistingAdminSecretArn": ASSISTANT,
        "RotationWindow": "3h",
        "RotateImmediatelyOnUpdate": "true",
        "ServedSecrets": "stack",
        "DoctorSchedule": "rate(12 hours)",
        "KmsKeyArn": KEY,
        "AdminSecretKmsKeyArn": KEY,
        "ReplicaKmsKeyArn": REPLICA_KEY,
        "PermissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
        "RolePath": "/datadog/",
        "AlarmEmail": "on-call@example.com",
        "PromotionTopicArn": PROMOTIONS,
    }
)
KEYLESS_AND_ALL = EVERYTHING | KEYLESS | {"RotateImmediatelyOnUpdate": "false"}
SETS = {"nothing": NOTHING, "VPC": VPC, "secrets of the stack": STACK_SECRETS, "everything": EVERYTHING}
