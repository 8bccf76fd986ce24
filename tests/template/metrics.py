"""The metrics that alarms and dashboard read."""

import json
import re
from collections.abc import Set
from typing import NamedTuple

from stack import Stack

NAMESPACE = "DatadogKeyRotation"

# What the functions emit, and by which dimensions.
DIMENSIONS = [{"Function"}, {"Function", "Step"}, {"Function", "ErrorType"}]
OURS = {
    "StepDuration",
    "StepSucceeded",
    "StepFailed",
    "RotationFinished",
    "KeysDeleted",
    "OrphanedKeysFound",
    "MessagesNotSent",
    "RotationOverdue",
    "ChecksFailed",
}
# Lambda's own, as far as they are read.
LAMBDA = {"Duration", "Errors", "Throttles"}

# The scheduled doctor, which there need not be: in alarms and on the dashboard; and what is read of it.
DOCTOR = {"DoctorFunction", "datadog-rotation-doctor"}
OF_DOCTOR = {"OrphanedKeysFound", "Errors"}
OF_DOCTOR_ALONE = {"RotationOverdue", "ChecksFailed"}

SEARCH = re.compile(
    r"SEARCH\('\{(?P<namespace>\w+),(?P<dimensions>[\w,]+)\}"
    r' MetricName="(?P<metric>\w+)" Function=\((?P<functions>[^)]+)\)\','
    r" '(?:Sum|Maximum)', \d+\)"
)


class Metric(NamedTuple):
    place: str
    namespace: str
    name: str
    dimensions: frozenset[str]
    functions: frozenset[str]

    def faults(self, functions: Set[str]) -> list[str]:
        """What keeps anything from ever being shown here."""
        known = {NAMESPACE: (OURS, DIMENSIONS), "AWS/Lambda": (LAMBDA, [{"FunctionName"}])}
        if self.namespace not in known:
            return [f"{self.place}: namespace {self.namespace}"]
        names, dimensions = known[self.namespace]
        faults = []
        if self.name not in names:
            faults.append(f"{self.place}: metric {self.name}")
        if set(self.dimensions) not in dimensions:
            faults.append(f"{self.place}: dimensions {sorted(self.dimensions)}")
        emitters = functions | DOCTOR if self.name in OF_DOCTOR else functions
        emitters = DOCTOR if self.name in OF_DOCTOR_ALONE else emitters
        if not self.functions or not self.functions <= emitters:
            faults.append(f"{self.place}: functions {sorted(self.functions)}")
        return faults


def widgets(stack: Stack) -> list[dict]:
    """The dashboard's, with resources in the place of their names."""
    [dashboard] = [it for it in stack.section("Resources").values() if it["Type"] == "AWS::CloudWatch::Dashboard"]
    body = dashboard["Properties"]["DashboardBody"]["Fn::Sub"]
    return json.loads(re.sub(r"\$\{(\w+)\}", r"\1", body))["widgets"]


def read_by_dashboard(stack: Stack) -> list[Metric]:
    found = []
    for widget in widgets(stack):
        last: list[str] = []
        for row in widget["properties"].get("metrics", []):
            place = f"dashboard, {widget['properties']['title']}"
            if isinstance(row[0], dict):
                found.append(searched(place, row[0]["expression"]))
                continue
            words = [it for it in row if isinstance(it, str)]
            if words[0] == "...":  # what the row before begins with
                words = last[: 1 - len(words)] + words[1:]
            last = words
            namespace, name, *pairs = words
            found.append(Metric(place, namespace, name, frozenset(pairs[::2]), frozenset(pairs[1::2])))
    return found


def searched(place: str, expression: str) -> Metric:
    match = SEARCH.fullmatch(expression)
    if not match:
        return Metric(place, f"unread: {expression}", "", frozenset(), frozenset())
    functions = frozenset(it.strip('"') for it in match["functions"].split(" OR "))
    return Metric(place, match["namespace"], match["metric"], frozenset(match["dimensions"].split(",")), functions)


def read_by_alarms(stack: Stack) -> list[Metric]:
    return [
        Metric(
            key,
            alarm["Properties"]["Namespace"],
            alarm["Properties"]["MetricName"],
            frozenset(it["Name"] for it in alarm["Properties"]["Dimensions"]),
            frozenset(it["Value"]["Ref"] for it in alarm["Properties"]["Dimensions"]),
        )
        for key, alarm in stack.section("Resources").items()
        if alarm["Type"] == "AWS::CloudWatch::Alarm"
    ]
