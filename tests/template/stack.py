"""What CloudFormation makes of a translated template and some parameters, as far as it can be told without AWS.

The functions and their meaning are those of the CloudFormation template reference. A function that is not known here is
an error, never a guess.
"""

import re
from typing import Any

# Region, partition and domain: what Ref AWS::Region and its like answer.
PLACES = {
    "aws": ("us-east-1", "amazonaws.com"),
    "aws-us-gov": ("us-gov-west-1", "amazonaws.com"),
    "aws-cn": ("cn-north-1", "amazonaws.com.cn"),
}
ACCOUNT = "123456789012"
# The last part of a stack's id.
STACK = "51af3dc0-da77-11e4-872e-1234567db123"

# What Ref AWS::NoValue answers: the property or list item that holds it is left out.
NO_VALUE = object()


class Refused(Exception):
    """A parameter that CloudFormation does not take."""


class Stack:
    def __init__(self, template: dict, partition: str = "aws", **given: str):
        self.template = template
        self.parameters = {name: accepted(name, it, given) for name, it in template["Parameters"].items()}
        if unknown := given.keys() - self.parameters:
            raise Refused(f"no such parameter: {sorted(unknown)}")
        region, suffix = PLACES[partition]
        # What each condition comes to, once it is asked.
        self.conditions: dict[str, bool] = {}
        self.pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": partition,
            "AWS::Region": region,
            "AWS::StackId": f"arn:{partition}:cloudformation:{region}:{ACCOUNT}:stack/stack/{STACK}",
            "AWS::StackName": "stack",
            "AWS::URLSuffix": suffix,
        }

    def refusals(self) -> dict[str, list[str]]:
        """The rules that refuse the parameters, each with what it says."""
        rules = self.template.get("Rules", {})
        said = {
            name: [
                assertion["AssertDescription"]
                for assertion in rule["Assertions"]
                if self.holds(rule.get("RuleCondition", {"Fn::Equals": ["", ""]}))
                and not self.holds(assertion["Assert"])
            ]
            for name, rule in rules.items()
        }
        return {name: texts for name, texts in said.items() if texts}

    def holds(self, test: dict) -> bool:
        """A condition, or the assertion of a rule."""
        [(function, operand)] = test.items()
        match function:
            case "Condition":
                if operand not in self.conditions:
                    self.conditions[operand] = self.holds(self.template["Conditions"][operand])
                return self.conditions[operand]
            case "Fn::Equals":
                left, right = (self.resolved(it) for it in operand)
                return str(left) == str(right)
            case "Fn::Not":
                [inner] = operand
                return not self.holds(inner)
            case "Fn::And" | "Fn::Or":
                # CloudFormation's own bounds.
                assert 2 <= len(operand) <= 10, f"{function} of {len(operand)}"
                return (all if function == "Fn::And" else any)(self.holds(it) for it in operand)
        raise NotImplementedError(function)

    def section(self, name: str) -> dict[str, Any]:
        """The resources or the outputs that there are; only references to other resources are left in them."""
        return {
            key: self.resolved({k: v for k, v in it.items() if k != "Condition"})
            for key, it in self.template[name].items()
            if "Condition" not in it or self.holds({"Condition": it["Condition"]})
        }

    def concrete(self) -> dict:
        """A template without parameters and conditions that makes the same stack."""
        kept = {"AWSTemplateFormatVersion": "2010-09-09"}
        return kept | {name: self.section(name) for name in ("Resources", "Outputs")}

    def dangling(self) -> list[str]:
        """References to resources that there are not."""
        concrete = self.concrete()
        there = concrete["Resources"].keys()
        return [
            f"{section}/{key} -> {target}"
            for section in ("Resources", "Outputs")
            for key, it in concrete[section].items()
            for target in sorted(references(it))
            if target not in there
        ]

    def resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [it for it in map(self.resolved, value) if it is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, operand)] = value.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self.function(function, operand)
        resolved = {key: self.resolved(it) for key, it in value.items()}
        return {key: it for key, it in resolved.items() if it is not NO_VALUE}

    def function(self, function: str, operand: Any) -> Any:
        match function:
            case "Ref":
                return self.reference(operand)
            case "Fn::If":
                condition, then, otherwise = operand
                return self.resolved(then if self.holds({"Condition": condition}) else otherwise)
            case "Fn::Sub":
                return self.substituted(operand)
            case "Fn::Select":
                index, items = operand
                # With a reference in it all of it is kept, for the sake of what it refers to.
                items = self.resolved(items)
                return items[index] if all(isinstance(it, str) for it in items) else {function: [index, items]}
            case "Fn::Split":
                separator, text = operand
                return self.resolved(text).split(separator)
            case "Fn::FindInMap":
                name, first, second = self.resolved(operand)
                return self.template["Mappings"][name][first][second]
            case "Fn::GetAtt":
                return {function: operand}
        raise NotImplementedError(function)

    def reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        values = self.parameters | self.pseudo
        return values[name] if name in values else {"Ref": name}

    def substituted(self, operand: str | list) -> Any:
        text, named = (operand, {}) if isinstance(operand, str) else operand
        named = {name: self.resolved(it) for name, it in named.items()}
        # What refers to a resource stays as it is, as it does outside.
        named = {name: it["Fn::Sub"] if isinstance(it, dict) and "Fn::Sub" in it else it for name, it in named.items()}
        values = self.parameters | self.pseudo | named
        text = re.sub(r"\$\{([\w:]+)\}", lambda it: str(values.get(it[1], it[0])), text)
        return {"Fn::Sub": text} if "${" in text else text


def accepted(name: str, parameter: dict, given: dict[str, str]) -> str:
    """The value of a parameter, if its own restrictions let it pass."""
    value = str(given[name] if name in given else parameter["Default"])
    if "AllowedValues" in parameter and value not in map(str, parameter["AllowedValues"]):
        raise Refused(f"{name}: {value} is not among the allowed values")
    if "AllowedPattern" in parameter and not re.fullmatch(parameter["AllowedPattern"], value):
        raise Refused(f"{name}: {value} does not match the pattern")
    if parameter["Type"] == "Number" and "MinValue" in parameter:
        if not parameter["MinValue"] <= float(value) <= parameter["MaxValue"]:
            raise Refused(f"{name}: {value} is out of bounds")
    return value


def selected(value: Any) -> Any:
    """What a resolved property comes to, if it selects among others for the sake of their references."""
    match value:
        case {"Fn::Select": [int(index), items]}:
            return items[index]
    return value


def references(value: Any) -> set[str]:
    """The resources that a resolved piece of a template refers to."""
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case {"Fn::Sub": str(text)}:
            return set(re.findall(r"\$\{(\w+)", text))
        case dict():
            depends = value.get("DependsOn", [])
            found = {depends} if isinstance(depends, str) else set(depends)
            return found.union(*map(references, value.values()))
        case list():
            return set().union(*map(references, value))
    return set()
