"""Alarms, events and dashboard: each reads what the functions emit, and tells what it should."""

import itertools
import json
import re

import metrics
import pytest
from check import TEMPLATE, TEXT, broken, translate
from parameters import ADMIN, API, APPLICATION, EVERYTHING, NARROW, STACK_SECRETS, TOKEN, TOPIC
from stack import Stack

LOGS = TEMPLATE.parent / "docs" / "reference" / "logs.md"
KINDS = ("ApiKey", "ApplicationKey", "AdminKey", "ServiceAccessToken")
LABELS = {
    "ApiKeyFunction": "API key",
    "ApplicationKeyFunction": "application key",
    "AdminKeyFunction": "admin key",
    "ServiceAccessTokenFunction": "service access token",
}
FUNCTIONS = LABELS.keys()
DOCTOR = {"datadog-rotation-doctor": ("by scheduled search", "by scheduled check")}

# Each alarm's statistic, and what it makes of a figure, or of none.
ALARMS = {
    "Errors": ("Sum", {0: False, 1: True, None: False}),
    "Throttles": ("Sum", {0: False, 1: True, None: False}),
    "Duration": ("Maximum", {239_000: False, 241_000: True, None: False}),
    "Orphans": ("Sum", {0: False, 1: True, None: False}),
    "Messages": ("Sum", {0: False, 1: True, None: False}),
    # No figure at all, as right after a deployment, is no alarm.
    "Overdue": ("Sum", {0: False, 1: True, None: False}),
    "FailedChecks": ("Sum", {0: False, 1: True, None: False}),
}
OF_DOCTOR = ("Errors", "Orphans", "Overdue", "FailedChecks")
OF_STEPS = ("Errors", "Throttles", "Duration", "Orphans", "Messages")
WATCHED = [*itertools.product(KINDS, OF_STEPS), *(("Doctor", it) for it in OF_DOCTOR)]

# As CloudTrail delivers it to EventBridge; requestParameters and the like, which say nothing here, are left out.
EVENT = {
    "version": "0",
    "detail-type": "AWS Service Event via CloudTrail",
    "source": "aws.secretsmanager",
    "account": "123456789012",
    "time": "2026-11-20T00:50:20Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": "RotationFailed",
        "errorMessage": "Error when executing lambda arn:aws:lambda:us-east-1:123456789012:function:x during createSecret step",
        "additionalEventData": {"SecretId": API},
        "eventType": "AwsServiceEvent",
    },
}


def event(name: str, secret: str) -> dict:
    changed = json.loads(json.dumps(EVENT))
    changed["detail"]["eventName"] = name
    changed["detail"]["additionalEventData"]["SecretId"] = secret
    return changed


def matches(pattern: dict, event: dict) -> bool:
    """EventBridge's own rule, for patterns that list plain values."""
    return all(
        key in event and (matches(wanted, event[key]) if isinstance(wanted, dict) else event[key] in wanted)
        for key, wanted in pattern.items()
    )


def unread_metrics(text: str) -> list[str]:
    """Alarms and widgets for metrics that nothing emits, and widgets without one of the functions."""
    stack = Stack(translate(text), **EVERYTHING)
    try:
        shown = metrics.read_by_dashboard(stack)
    except json.JSONDecodeError as error:
        return [str(error)]
    read = shown + metrics.read_by_alarms(stack)
    faults = [fault for metric in read for fault in metric.faults(FUNCTIONS)]
    for place in {metric.place for metric in shown}:
        functions = set().union(*(metric.functions for metric in shown if metric.place == place))
        of_doctor = all(metric.name in metrics.OF_DOCTOR_ALONE for metric in shown if metric.place == place)
        if functions - metrics.DOCTOR != (set() if of_doctor else FUNCTIONS):
            faults.append(f"{place}: not every function")
    return faults


def mislabelled(text: str) -> list[str]:
    """Widgets that show another function than they say, or the wrong statistic, and tables without a log."""
    faults = []
    for widget in metrics.widgets(Stack(translate(text))):
        properties = widget["properties"]
        rows = [row for row in properties.get("metrics", []) if not isinstance(row[0], dict)]
        for row in rows:
            if not row[-1]["label"].endswith((LABELS | DOCTOR)[row[-2]]):
                faults.append(f"{properties['title']}: {row}")
            # It finds the same each time until it is mended: a sum would count it over and over.
            if row[-2] in DOCTOR and row[-1].get("stat", properties["stat"]) != "Maximum":
                faults.append(f"{properties['title']}: {row}")
        most = {"Duration", *metrics.OF_DOCTOR_ALONE}
        if rows and properties["stat"] != ("Maximum" if rows[0][1] in most else "Sum"):
            faults.append(f"{properties['title']}: {properties['stat']}")
        sources = set(re.findall(r"SOURCE '(\w+)'", properties.get("query", "")))
        if "query" in properties and sources != {name.replace("Function", "LogGroup") for name in FUNCTIONS}:
            faults.append(f"{properties['title']}: {sources}")
    return faults


def overlapping(text: str) -> list[str]:
    """Widgets that lie on each other, or beyond the 24 columns."""
    taken: dict[tuple[int, int], str] = {}
    faults = []
    for widget in metrics.widgets(Stack(translate(text))):
        name = widget["properties"].get("title", "text")
        for x in range(widget["x"], widget["x"] + widget["width"]):
            for y in range(widget["y"], widget["y"] + widget["height"]):
                if x >= 24 or (x, y) in taken:
                    faults.append(f"{name} at {x}, {y}")
                taken[x, y] = name
    return faults


def wrong_limits(text: str) -> list[str]:
    """Figures that follow from the timeout, and do not."""
    stack = Stack(translate(text), **EVERYTHING)
    resources = stack.section("Resources")
    timeouts = {resources[function]["Properties"]["Timeout"] for function in FUNCTIONS}
    [timeout] = timeouts
    found = {key: it["Properties"]["Threshold"] for key, it in resources.items() if key.endswith("Duration")}
    wanted = {key: timeout * 800 for key in found}
    for widget in metrics.widgets(stack):
        for line in widget["properties"].get("annotations", {}).get("horizontal", []):
            found[line["label"]] = line["value"]
            wanted[line["label"]] = timeout * {"timeout": 1000, "alarm": 800}[line["label"]]
    # Keys younger than this are never taken for left over: shared/src/rotation/decide/deletable.rs.
    faults = [] if timeout < 15 * 60 else [f"timeout {timeout}"]
    return faults + [f"{key}: {found[key]}, not {wanted[key]}" for key in found if found[key] != wanted[key]]


def rings(alarm: dict, figure: float | None) -> bool:
    if figure is None:
        return {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    limit = alarm["Threshold"]
    return {"GreaterThanThreshold": figure > limit, "LessThanThreshold": figure < limit}[alarm["ComparisonOperator"]]


def misjudged_figures(text: str) -> list[str]:
    """Alarms that ring for the wrong figures, right after a deployment, or that are not checked here."""
    faults = []
    resources = Stack(translate(text), **EVERYTHING).section("Resources")
    for kind, name in WATCHED:
        alarm, (statistic, figures) = resources[kind + name]["Properties"], ALARMS[name]
        span = int(alarm["Period"]) * int(alarm["EvaluationPeriods"])
        if alarm["Statistic"] != statistic or span != 300:
            faults.append(f"{kind}{name}: {alarm['Statistic']} of {span} s")
        faults += [f"{kind}{name}: {it}" for it, rung in figures.items() if rings(alarm, it) != rung]
    there = {name for name, it in resources.items() if it["Type"] == "AWS::CloudWatch::Alarm"}
    return faults + sorted(there ^ {kind + name for kind, name in WATCHED})


def unwatched(text: str) -> list[str]:
    """Secrets of the stack, on any schedule, of which nobody is told when they are not rotated."""
    faults = []
    for days in ("1", "30", "365"):
        given = {"AlarmTopicArn": TOPIC, **{f"{it}Schedule": f"rate({days} days)" for it in ("ApiKey", "AdminKey")}}
        if days == "1":
            given["ApiKeySchedule"] = given["AdminKeySchedule"] = "rate(1 day)"
        resources = Stack(translate(text), **STACK_SECRETS | given).section("Resources")
        checks = [it for it in resources.values() if it["Type"] == "AWS::Events::Rule" and "Targets" in it["Properties"]]
        checked = [it["Properties"]["Targets"][0].get("Input", "") for it in checks if "ScheduleExpression" in it["Properties"]]
        told = {json.dumps(it["Properties"].get("MetricName")) for it in resources.values()}
        if '"RotationOverdue"' not in told:
            faults.append(f"{days} days: no alarm")
        for secret in STACK_SECRETS.values():
            if not any(json.loads(it)["command"] == "check" and secret in it for it in checked):
                faults.append(f"{days} days: {secret}")
    return faults


def silent(text: str) -> list[str]:
    """Alarms and rules that tell nobody, or the wrong topic."""
    faults = []
    asked = STACK_SECRETS
    for given, expected in [
        ({"AlarmTopicArn": TOPIC}, TOPIC),
        ({"AlarmEmail": "a@example.com"}, {"Ref": "AlarmTopic"}),
    ]:
        resources = Stack(translate(text), **asked, **given).section("Resources")
        for key, it in resources.items():
            if it["Type"] == "AWS::CloudWatch::Alarm" and it["Properties"]["AlarmActions"] != [expected]:
                faults.append(key)
            if "EventPattern" in it["Properties"] and [to["Arn"] for to in it["Properties"]["Targets"]] != [expected]:
                faults.append(key)
    return faults


def told_by(stack: Stack) -> dict:
    return stack.section("Resources")["RotationFailures"]["Properties"]


def misjudged_events(text: str) -> list[str]:
    """Events that the rule tells and should not, or the other way round."""
    other = API.replace("datadog/api", "database")
    told = ["RotationFailed", "RotationAbandoned", "TestRotationFailed"]
    untold = ["RotationStarted", "RotationSucceeded", "TestRotationStarted", "TestRotationSucceeded"]
    secrets = {
        "ApiKeySecretArn": API,
        "ApplicationKeySecretArn": APPLICATION,
        "AdminKeySecretArn": ADMIN,
        "ApiKeyAdminSecretArn": NARROW,
        "ServiceAccessTokenSecretArn": TOKEN,
    }
    faults = []
    for *chosen, served in itertools.product(*[[False, True]] * 5, ["auto", "account", "stack"]):
        own = dict(itertools.compress(secrets.items(), chosen))
        pattern = told_by(Stack(translate(text), AlarmTopicArn=TOPIC, ServedSecrets=served, **own))["EventPattern"]
        for name, secret in itertools.product(told + untold, [*secrets.values(), other]):
            # One that was attached by hand may be any.
            wanted = name in told and (served != "stack" or secret in own.values())
            if matches(pattern, event(name, secret)) != wanted:
                faults.append(f"{name} of {secret} with {own}, {served}")
    return faults


def message(text: str) -> str:
    """What reaches the topic for EVENT."""
    rule = told_by(Stack(translate(text), AlarmTopicArn=TOPIC))
    transformer = rule["Targets"][0]["InputTransformer"]
    message = transformer["InputTemplate"]["Fn::Sub"]
    for name, path in transformer["InputPathsMap"].items():
        value = EVENT
        for key in path.removeprefix("$.").split("."):
            value = value.get(key, {})
        message = message.replace(f"<{name}>", str(value or ""))
    return message


def wordless(text: str) -> list[str]:
    """What the message should hold and does not, pages that it names and are not there, and lines without quotes."""
    said = message(text)
    detail = EVENT["detail"]
    wanted = [detail["eventName"], API, detail["errorMessage"], EVENT["time"], EVENT["region"]]
    wanted += [f"${{{kind}LogGroup}}" for kind in KINDS]
    files = [it for it in re.findall(r"[\w/]+\.md", said) if not (TEMPLATE.parent / it).is_file()]
    broken = [line for line in said.splitlines() if not re.fullmatch(r'"[^"<>]+"', line)]
    return [it for it in wanted if it not in said] + files + broken


def unlogged_fields(text: str) -> set[str]:
    """Fields of the dashboard's table that no error in the log has."""
    [query] = [it["properties"]["query"] for it in metrics.widgets(Stack(translate(text))) if it["type"] == "log"]
    shown = re.search(r"\| fields ([\w@, ]+) \|", query)[1].split(", ")
    asked = re.findall(r"\| filter (\w+)", query)
    sources = "".join(it.read_text() for it in (TEMPLATE.parent / "shared/src").rglob("*.rs"))
    errors = "".join(re.findall(r"tracing::error!\((.*?)\);", sources, re.DOTALL))
    logged = set(re.findall(r"\b(\w+) = ", errors))
    # CloudWatch's own, and those that every line has.
    return set(shown + asked) - logged - {"@timestamp", "level", "message"}


CHECKS = [
    unread_metrics,
    mislabelled,
    overlapping,
    wrong_limits,
    misjudged_figures,
    unwatched,
    silent,
    misjudged_events,
    wordless,
    unlogged_fields,
]


@pytest.mark.parametrize("check", CHECKS)
def test_what_is_watched_and_told(check):
    assert not check(TEXT)


def test_the_metrics_are_those_of_the_page_that_the_functions_are_held_to():
    rows = re.findall(r"^\| `([A-Z]\w+)` \| metrics \| (.+) \|$", LOGS.read_text(), re.M)
    assert {name for name, meaning in rows if not meaning.startswith("dimension")} == metrics.OURS


def test_the_dashboard_shows_every_metric_but_the_count_of_good_steps():
    shown = {it.name for it in metrics.read_by_dashboard(Stack(translate(TEXT)))}
    assert shown == (metrics.OURS | metrics.LAMBDA) - {"StepSucceeded"}


# What to break, with what, and the check that must see it.
BROKEN = {
    "a metric on the dashboard": ('"RotationFinished"', '"RotationsFinished"', unread_metrics),
    "a dimension on the dashboard": ('"KeysDeleted", "Function"', '"KeysDeleted", "FunctionName"', unread_metrics),
    "a metric of a search": ('MetricName=\\"StepFailed\\"', 'MetricName=\\"StepsFailed\\"', unread_metrics),
    "a dimension of a search": ("Function,ErrorType}", "Function,Error}", unread_metrics),
    "a function of a search": ('(\\"${ApiKeyFunction}\\" OR', '(\\"${ApiKeyRole}\\" OR', unread_metrics),
    "a namespace": ('["AWS/Lambda", "Errors"', '["Lambda", "Errors"', unread_metrics),
    "a metric of an alarm": ("MetricName: OrphanedKeysFound", "MetricName: OrphansFound", unread_metrics),
    "a dimension of an alarm": (
        "Errors, Dimensions: [{Name: FunctionName",
        "Errors, Dimensions: [{Name: Function",
        unread_metrics,
    ),
    "the dashboard's JSON": ('"view": "table",', '"view": "table"', unread_metrics),
    "a label": ('["...", "${AdminKeyFunction}", {"label"', '["...", "${ApiKeyFunction}", {"label"', mislabelled),
    "a statistic": ('"stat": "Maximum"', '"stat": "Average"', mislabelled),
    "a search that is added up": (', "stat": "Maximum"}]]}},', "}]]}},", mislabelled),
    "a metric that no search emits": (
        "MetricName: OrphanedKeysFound, Dimensions: [{Name: Function, Value: !Ref DoctorFunction}]",
        "MetricName: StepFailed, Dimensions: [{Name: Function, Value: !Ref DoctorFunction}]",
        unread_metrics,
    ),
    "an alarm for silence of the search": (
        "Value: !Ref DoctorFunction}],\n      Statistic: Sum, Period: 300, EvaluationPeriods: 1, "
        "ComparisonOperator: GreaterThanThreshold, Threshold: 0,\n      TreatMissingData: notBreaching",
        "Value: !Ref DoctorFunction}],\n      Statistic: Sum, Period: 300, EvaluationPeriods: 1, "
        "ComparisonOperator: GreaterThanThreshold, Threshold: 0,\n      TreatMissingData: breaching",
        misjudged_figures,
    ),
    "a source of the table": ("SOURCE '${ApiKeyLogGroup}' | ", "", mislabelled),
    "a function that no search finds": ('(\\"${ApiKeyFunction}\\" OR ', "(", unread_metrics),
    "a widget's place": ('"x": 12, "y": 6', '"x": 11, "y": 6', overlapping),
    "a widget's width": ('"x": 18, "y": 2, "width": 6', '"x": 18, "y": 2, "width": 7', overlapping),
    "a timeout beyond the age of orphans": ("Timeout: 300", "Timeout: 900", wrong_limits),
    "an alarm's limit": ("Threshold: 240000", "Threshold: 250000", wrong_limits),
    "an alarm for silence": ("TreatMissingData: notBreaching", "TreatMissingData: breaching", misjudged_figures),
    "an alarm for the second error": ("Threshold: 0", "Threshold: 1", misjudged_figures),
    "an alarm for the average": ("Statistic: Maximum", "Statistic: Average", misjudged_figures),
    "an alarm that rings after a deployment": (
        "MetricName: RotationOverdue, Dimensions: [{Name: Function, Value: !Ref DoctorFunction}],\n"
        "      Statistic: Sum, Period: 300, EvaluationPeriods: 1, ComparisonOperator: GreaterThanThreshold, Threshold: 0,\n"
        "      TreatMissingData: notBreaching",
        "MetricName: RotationOverdue, Dimensions: [{Name: Function, Value: !Ref DoctorFunction}],\n"
        "      Statistic: Sum, Period: 300, EvaluationPeriods: 1, ComparisonOperator: GreaterThanThreshold, Threshold: 0,\n"
        "      TreatMissingData: breaching",
        misjudged_figures,
    ),
    "no alarm for what is overdue": ("MetricName: RotationOverdue", "MetricName: ChecksFailed", unwatched),
    "no check by default": ('Default: rate(1 day)', 'Default: ""', unwatched),
    "a secret that is not checked": ('"${ApplicationKeySecretArn}","${ServiceAccessTokenSecretArn}"', '"${ServiceAccessTokenSecretArn}"', unwatched),
    "the dashboard's limit": ('"value": 300000', '"value": 30000', wrong_limits),
    "an alarm's topic": (
        "AlarmActions: [!If [HasAlarmTopic, !Ref AlarmTopicArn, !Ref AlarmTopic]]",
        "AlarmActions: []",
        silent,
    ),
    "the events' topic": (
        "Arn: !If [HasAlarmTopic, !Ref AlarmTopicArn, !Ref AlarmTopic]",
        "Arn: !Ref AlarmTopicArn",
        silent,
    ),
    "an event's name": ("RotationAbandoned,", "RotationAborted,", misjudged_events),
    "a filter of secrets": (
        "!If [HasApiKeySecret, !Ref ApiKeySecretArn, !Ref AWS::NoValue]\n                - !If",
        "!Ref ApplicationKeySecretArn\n                - !If",
        misjudged_events,
    ),
    "secrets attached by hand that nobody hears of": (
        "additionalEventData: !If\n            - ServesStack",
        "additionalEventData: !If\n            - HasStackSecret",
        misjudged_events,
    ),
    "no filter of secrets": (
        "additionalEventData: !If\n            - ServesStack",
        "additionalEventData: !If\n            - HasKmsKey",
        misjudged_events,
    ),
    "a path into the event": (
        "$.detail.additionalEventData.SecretId",
        "$.detail.additionalEventData.secretId",
        wordless,
    ),
    "a page that the message names": ('"docs/operate/runbooks.md', '"docs/operate/runbook.md', wordless),
    "a variable of the message": ("<error>", "<errors>", wordless),
    "a quote of the message": ('"<event> at', "<event> at", wordless),
    "a field of the log": ("type, error_type, message", "kind, error_type, message", unlogged_fields),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_template_is_caught(defect):
    right, wrong, check = BROKEN[defect]
    assert check(broken(right, wrong))
