"""The documented deployment, in an account with IAM enforced: three checks, six rotations, nothing foreign, no trace."""

import json
import re
import time
import zipfile

import pytest
from account import KINDS, Account, Secrets, create_secrets
from botocore.exceptions import ClientError
from conftest import ACCOUNT, REGION, STACK


TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:promotions"


@pytest.fixture(scope="module")
def account(world, release, tmp_path_factory) -> Account:
    return Account(world, release, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def secrets(world) -> Secrets:
    return create_secrets(world, "deployment")


def parameters(secrets: Secrets) -> dict[str, str]:
    return {
        "AdminSecretArn": secrets.admin,
        "AdminKeySecretArn": secrets.admin,
        "ApiKeySecretArn": secrets.api,
        "ApplicationKeySecretArn": secrets.application,
        "ApiKeySchedule": "cron(0 8 1 * ? *)",
        "AlarmEmail": "on-call@example.com",
        "PromotionTopicArn": TOPIC,
    }


@pytest.fixture(scope="module")
def queue(world) -> str:
    """The URL of a queue that is subscribed to the topic."""
    sns, sqs = world.client("sns"), world.client("sqs")
    assert sns.create_topic(Name="promotions")["TopicArn"] == TOPIC
    url = sqs.create_queue(QueueName="promotions")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    statement["Condition"] = {"ArnEquals": {"aws:SourceArn": TOPIC}}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    return url


@pytest.fixture(scope="module")
def before(account, queue) -> dict[str, set[str]]:
    """What was there before the stack."""
    return there(account)


@pytest.fixture(scope="module")
def outputs(account, secrets, before) -> dict[str, str]:
    """Those of the stack, deployed."""
    before = len(re.findall("ended: ", account.world.log.read_text()))
    keys = account.world.datadog.api_key_ids(), account.world.datadog.application_key_ids()
    account.deploy(**parameters(secrets))
    deadline = time.monotonic() + 60
    while len(ends := re.findall("ended: (.*)", account.world.log.read_text())[before:]) < 3:
        assert time.monotonic() < deadline, account.world.log.read_text()
        time.sleep(0.1)
    # Three checks, which changed nothing.
    assert ends == ["ok"] * 3, account.world.log.read_text()
    assert keys == (account.world.datadog.api_key_ids(), account.world.datadog.application_key_ids())
    return account.outputs()


def test_the_deployment_attaches_and_checks_each_secret(account, secrets, outputs):
    for field, name in KINDS.items():
        secret = account.secrets_manager.describe_secret(SecretId=getattr(secrets, field))
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:datadog-rotation-{name}"
        assert (secret["RotationEnabled"], secret["RotationLambdaARN"]) == (True, function)
        assert [*account.labels(secret["ARN"])] == ["AWSCURRENT"]
        assert function in outputs.values()
    rules = account.secrets_manager.describe_secret(SecretId=secrets.api)["RotationRules"]
    assert rules["ScheduleExpression"] == "cron(0 8 1 * ? *)"


def test_each_secret_is_rotated_twice(account, secrets, outputs):
    for field in KINDS:
        secret = getattr(secrets, field)
        for _ in range(2):
            before, labels = account.value(secret), account.labels(secret)
            assert account.rotate(secret) == "ok"
            after = account.labels(secret)
            assert after["AWSPREVIOUS"] == labels["AWSCURRENT"] != after["AWSCURRENT"]
            changed = {name for name, it in account.value(secret).items() if before[name] != it}
            assert changed == {name for name in before if "Key" in name}
    # Of the pairs and application keys nothing is left but what is current, of the API key two generations.
    datadog = account.world.datadog
    admin, api, application = (account.value(it) for it in (secrets.admin, secrets.api, secrets.application))
    previous = account.secrets_manager.get_secret_value(SecretId=secrets.api, VersionStage="AWSPREVIOUS")
    live = datadog.call("GET", "api_keys?page[size]=100")["data"]
    minted = {it["id"] for it in live if it["attributes"]["name"].startswith("aws-sm-")}
    assert minted == {admin["adminApiKeyId"], api["apiKeyId"], json.loads(previous["SecretString"])["apiKeyId"]}
    path = f"service_accounts/{datadog.service_account}/application_keys?page[size]=100"
    live = datadog.call("GET", path)["data"]
    minted = {it["id"] for it in live if it["attributes"]["name"].startswith("aws-sm-")}
    assert minted == {admin["adminAppKeyId"], application["appKeyId"]}


def test_a_message_of_each_promotion_arrives(account, secrets, outputs, queue):
    """The function's role lets it publish to this topic."""
    arrived(account, queue)
    for field, secret_type in {"api": "DatadogApiKey", "application": "DatadogApplicationKey"}.items():
        secret, old = getattr(secrets, field), account.labels(getattr(secrets, field))["AWSCURRENT"]
        assert account.rotate(secret) == "ok"
        [message] = arrived(account, queue)
        told = json.loads(message["Body"])
        assert (told["secretArn"], told["secretType"]) == (secret, secret_type)
        assert (told["versionId"], told["replacedVersionId"]) == (account.labels(secret)["AWSCURRENT"], old)
        assert message["MessageAttributes"]["secretType"]["StringValue"] == secret_type


def arrived(account, queue: str) -> list[dict]:
    """The messages that the queue has, which are taken out of it."""
    sqs, found = account.world.client("sqs"), []
    options = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 1}
    while messages := sqs.receive_message(QueueUrl=queue, **options).get("Messages", []):
        found += messages
        for it in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=it["ReceiptHandle"])
    return found


def test_a_foreign_secret_is_refused(account, secrets, outputs):
    manager = account.secrets_manager
    # By the function's policy, which names the one secret.
    with pytest.raises(ClientError, match="cannot invoke the specified Lambda function"):
        manager.rotate_secret(SecretId=secrets.foreign, RotationLambdaARN=outputs["ApiKeyFunctionArn"])
    # By the role, whoever invokes.
    [version] = manager.describe_secret(SecretId=secrets.foreign)["VersionIdsToStages"]
    event = {"Step": "testSecret", "SecretId": secrets.foreign, "ClientRequestToken": version}
    for function in ("ApiKey", "ApplicationKey", "AdminKey"):
        failed, answer = account.invoke(outputs[f"{function}FunctionArn"], event)
        assert failed and answer["errorType"] == "AccessDenied", answer
        assert "secretsmanager:DescribeSecret" in answer["errorMessage"] and secrets.foreign in answer["errorMessage"]
    # Another function's secret, likewise.
    event["SecretId"], event["ClientRequestToken"] = secrets.application, account.labels(secrets.application)["AWSCURRENT"]
    failed, answer = account.invoke(outputs["ApiKeyFunctionArn"], event)
    assert failed and answer["errorType"] == "AccessDenied", answer


def test_the_account_does_enforce_what_the_role_says(account, secrets, outputs):
    """Or the rest of this page would show nothing."""
    iam, role = account.world.client("iam"), outputs["ApiKeyRoleArn"].split("/")[-1]
    policy = iam.get_role_policy(RoleName=role, PolicyName="rotation")["PolicyDocument"]
    without = json.loads(json.dumps(policy))
    without["Statement"][0]["Action"].remove("secretsmanager:PutSecretValue")
    iam.put_role_policy(RoleName=role, PolicyName="rotation", PolicyDocument=json.dumps(without))
    current = account.labels(secrets.api)["AWSCURRENT"]
    try:
        ended = account.rotate(secrets.api)
        assert "AccessDenied" in ended and "secretsmanager:PutSecretValue" in ended
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="rotation", PolicyDocument=json.dumps(policy))
    assert account.labels(secrets.api)["AWSCURRENT"] == current
    # The unfinished rotation is taken up again: by the sandbox when it next rotates something.
    pending = account.labels(secrets.api)["AWSPENDING"]
    with pytest.raises(ClientError, match="previous rotation isn't complete"):
        account.secrets_manager.rotate_secret(SecretId=secrets.api)
    assert account.rotate(secrets.application) == "ok"
    until(lambda: account.labels(secrets.api)["AWSCURRENT"] == pending, account)


def until(is_so, account):
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, account.world.log.read_text()
        time.sleep(0.1)


def test_the_doctor_examines_on_its_schedule(account, secrets, outputs):
    events = account.world.client("events")
    rules = [it for it in events.list_rules()["Rules"] if it.get("ScheduleExpression") == "rate(1 day)"]
    answers = {}
    for rule in rules:
        [target] = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        assert target["Arn"] == outputs["DoctorFunctionArn"]
        event = json.loads(target["Input"])
        failed, answers[event["command"]] = account.invoke(target["Arn"], event)
        assert not failed, answers
    assert answers["check"] == {"secrets": 3, "overdue": 0, "failed": 0, "unknown": 0}
    assert (answers["orphans"]["secrets"], answers["orphans"]["orphans"], answers["orphans"]["not_searched"]) == (3, 0, 0)


def test_failed_rotations_of_every_secret_are_told(account, secrets, outputs):
    """By EventBridge's rules as others read them; of a secret too whose function is gone."""
    events = account.world.client("events")
    [rule] = [it for it in events.list_rules()["Rules"] if "EventPattern" in it]
    gone = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:former-api-key"
    for name, told in {"RotationFailed": True, "RotationAbandoned": True, "RotationSucceeded": False}.items():
        event = {
            "version": "0",
            "id": "1",
            "detail-type": "AWS Service Event via CloudTrail",
            "source": "aws.secretsmanager",
            "account": ACCOUNT,
            "time": "2026-11-20T00:50:20Z",
            "region": REGION,
            "resources": [],
            "detail": {
                "eventSource": "secretsmanager.amazonaws.com",
                "eventName": name,
                "errorMessage": f"Error when executing lambda {gone} during createSecret step",
                "additionalEventData": {"SecretId": secrets.foreign},
            },
        }
        answer = events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))
        assert answer["Result"] is told, name


# Held while the new version is deployed: a step before it begins, or a call in the middle of one.
@pytest.mark.parametrize("moment", ["setSecret", "testSecret", "finishSecret", "PutSecretValue", "UpdateSecretVersionStage"])
def test_a_deployment_in_the_middle_of_a_rotation_is_safe(account, secrets, outputs, release, moment):
    manager, hold = account.secrets_manager, account.world.hold / moment
    before = account.labels(secrets.api)["AWSCURRENT"]
    works(account, secrets, "AWSCURRENT", "AWSPREVIOUS")
    hold.touch()
    try:
        token = manager.rotate_secret(SecretId=secrets.api)["VersionId"]
        until(lambda: reached(account, token, moment), account)
        renew(release, moment)
        configuration = account.world.client("lambda").get_function_configuration
        code = configuration(FunctionName=outputs["ApiKeyFunctionArn"])["CodeSha256"]
        account.deploy(**parameters(secrets))
        assert configuration(FunctionName=outputs["ApiKeyFunctionArn"])["CodeSha256"] != code
        works(account, secrets, "AWSCURRENT")
    finally:
        hold.unlink()
    assert account.ended(token) == "ok"
    assert account.labels(secrets.api) == {"AWSCURRENT": token, "AWSPREVIOUS": before}
    works(account, secrets, "AWSCURRENT", "AWSPREVIOUS")


def reached(account, token: str, moment: str) -> bool:
    """Whether a rotation has come to what is held: the steps before it are done."""
    steps = ["createSecret", "setSecret", "testSecret", "finishSecret"]
    waits_in = {"PutSecretValue": "createSecret", "UpdateSecretVersionStage": "finishSecret"}.get(moment, moment)
    done = re.findall(rf" {token[:8]} (\w+Secret) .*ok\n", account.world.log.read_text())
    if done != steps[: steps.index(waits_in)]:
        return False
    # A call is held a little later than its step begins.
    time.sleep(0.5 if moment in ("PutSecretValue", "UpdateSecretVersionStage") else 0)
    return True


def works(account, secrets, *labels: str):
    """The API keys under these labels are live at Datadog."""
    live = account.world.datadog.api_key_ids()
    for label in labels:
        value = account.secrets_manager.get_secret_value(SecretId=secrets.api, VersionStage=label)["SecretString"]
        assert json.loads(value)["apiKeyId"] in live, label


def renew(release, text: str):
    """Makes other packages of the same programs."""
    for path in release.glob("*.zip"):
        with zipfile.ZipFile(path, "a") as package:
            package.writestr(f"{text}.txt", text)


def test_a_deletion_leaves_the_logs_and_nothing_else(account, secrets, outputs, before):
    names = {it for key, it in outputs.items() if key.endswith("LogGroupName")}
    account.run("sam", "delete", "--stack-name", STACK, "--no-prompts")
    assert there(account) == before
    assert names <= logs(account)
    for secret in (secrets.admin, secrets.api, secrets.application):
        assert account.secrets_manager.describe_secret(SecretId=secret)["RotationEnabled"] is False
    works(account, secrets, "AWSCURRENT", "AWSPREVIOUS")
    # Whoever comes back finds no name taken, and takes what is left away.
    account.deploy(**parameters(secrets))
    account.run("sam", "delete", "--stack-name", STACK, "--no-prompts")
    for name in logs(account):
        account.world.client("logs").delete_log_group(logGroupName=name)
    assert there(account) == before


def logs(account) -> set[str]:
    groups = account.world.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{STACK}-")
    return {it["logGroupName"] for it in groups["logGroups"]}


def there(account) -> dict[str, set[str]]:
    """All that a stack may leave, but for logs."""
    client = account.world.client
    stacks = client("cloudformation").list_stacks()["StackSummaries"]
    return {
        "functions": {it["FunctionName"] for it in client("lambda").list_functions()["Functions"]},
        "roles": {it["RoleName"] for it in client("iam").list_roles()["Roles"]},
        "policies": {it["PolicyName"] for it in client("iam").list_policies(Scope="Local")["Policies"]},
        "rules": {it["Name"] for it in client("events").list_rules()["Rules"]},
        "alarms": {it["AlarmName"] for it in client("cloudwatch").describe_alarms()["MetricAlarms"]},
        "dashboards": {it["DashboardName"] for it in client("cloudwatch").list_dashboards()["DashboardEntries"]},
        "topics": {it["TopicArn"] for it in client("sns").list_topics()["Topics"]},
        "stacks": {it["StackName"] for it in stacks if it["StackStatus"] != "DELETE_COMPLETE"} - {"aws-sam-cli-managed-default"},
    }
