"""Terraform's evaluation as far as the example uses it. What is not known here is an error, never a guess."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import hcl2

EXAMPLE = Path(__file__).parents[2] / "examples" / "terraform"
SOURCES = {path.name: path.read_text() for path in sorted(EXAMPLE.glob("*.tf"))}

ACCOUNT, REGION = "123456789012", "us-east-1"
DATA = {
    "aws_caller_identity": {"account_id": ACCOUNT},
    "aws_partition": {"partition": "aws"},
    "aws_region": {"region": REGION},
}
# Attributes that AWS gives to a resource, of those that the configuration gives it.
GIVEN = {
    ("aws_cloudwatch_log_group", "name"): "{name_prefix}01",
    ("aws_cloudwatch_log_group", "arn"): f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{name_prefix}}01",
    ("aws_iam_role", "arn"): f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
    ("aws_lambda_function", "arn"): f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{function_name}}",
}


class Instance(NamedTuple):
    """A resource under one key of its for_each, with its arguments; blocks are lists of such."""

    type: str
    key: str | None
    arguments: dict[str, Any]


class Configuration:
    def __init__(self, sources: dict[str, str], schema: dict, region: str = REGION, **variables: Any):
        self.schema = schema
        self.given = DATA | {"aws_region": {"region": region}}
        parsed = [hcl2.loads(text) for text in sources.values()]
        self.variables = {}
        for name, declared in merged(parsed, "variable").items():
            self.variables[name] = variables.pop(name) if name in variables else value(declared["default"])
        assert not variables, f"no such variables: {sorted(variables)}"
        self.locals = {name: value(it) for part in parsed for it in part.get("locals", []) for name, it in own(it)}
        self.resources = {name: merged(parsed, "resource", name) for name in schema["resources"]}
        self.data = {name: merged(parsed, "data", name) for name in schema["data-sources"]}

    def instances(self, kind: str, name: str = "rotation") -> dict[str | None, Instance]:
        declared, schema = self.declared(kind, name)
        each = self.resolved(value(declared["for_each"]), {}) if "for_each" in declared else {None: None}
        return {
            key: Instance(kind, key, self.body(declared, schema["arguments"], {"each": {"key": key, "value": it}}))
            for key, it in each.items()
        }

    def waits(self, kind: str, other: str, name: str = "rotation") -> bool:
        """Whether its depends_on names another type of the same name."""
        return f"${{{other}.{name}}}" in value(self.declared(kind, name)[0].get("depends_on", [[]]))

    def declared(self, kind: str, name: str) -> tuple[dict, dict]:
        if name in self.resources.get(kind, {}):
            return self.resources[kind][name], self.schema["resources"][kind]
        return self.data[kind][name], self.schema["data-sources"][kind]

    def body(self, declared: dict, schema: dict, scope: dict) -> dict[str, Any]:
        """Arguments and blocks, dynamic ones made."""
        found: dict[str, Any] = {}
        for name, content in own(declared):
            if name in ("for_each", "depends_on"):
                continue
            if name == "dynamic":
                for dynamic in content:
                    [(label, block)] = dynamic.items()
                    for it in self.resolved(value(block["for_each"]), scope):
                        [inner] = block["content"]
                        inside = self.body(inner, schema[label]["arguments"], scope | {label: {"value": it}})
                        found.setdefault(label, []).append(inside)
            elif isinstance(schema[name], dict):
                found.setdefault(name, []).extend(self.body(it, schema[name]["arguments"], scope) for it in content)
            elif name != "source_code_hash":  # of a file that need not be there
                found[name] = self.resolved(value(content), scope)
        return {name: it for name, it in found.items() if it is not None}

    def resolved(self, content: Any, scope: dict) -> Any:
        if isinstance(content, list):
            return [self.resolved(it, scope) for it in content]
        if isinstance(content, dict):
            return {name: self.resolved(it, scope) for name, it in content.items()}
        if not isinstance(content, str):
            return content
        if whole := re.fullmatch(r"\$\{([^{}]*)\}", content):
            return self.expression(whole[1], scope)
        return re.sub(r"\$\{([^{}]*)\}", lambda it: str(self.expression(it[1], scope)), content)

    def expression(self, text: str, scope: dict) -> Any:
        if text.endswith("[*]"):
            inner = self.expression(text.removesuffix("[*]"), scope)
            return [] if inner is None else [inner]
        if found := re.fullmatch(r"(data\.)?(aws_\w+)\.(\w+)(?:\[([\w.]+)\])?\.(\w+)", text):
            _, kind, name, key, attribute = found.groups()
            return self.attribute(kind, name, self.expression(key, scope) if key else None, attribute)
        if found := re.fullmatch(r'regex\("([^"]+)", *(.+)\)', text):
            return re.search(found[1], self.expression(found[2], scope))[0]
        if not re.fullmatch(r"\w+(\.\w+)*", text):
            raise NotImplementedError(text)
        root, *path = text.split(".")
        found = {"var": self.variables, "local": self.locals, **scope}[root]
        for name in path:
            found = found[name]
        return self.resolved(found, scope) if root == "local" else found

    def attribute(self, kind: str, name: str, key: str | None, attribute: str) -> Any:
        if kind in self.given:
            return self.given[kind][attribute]
        instance = self.instances(kind, name)[key]
        if attribute == "json":
            return instance.arguments
        if (kind, attribute) in GIVEN:
            return GIVEN[kind, attribute].format(**instance.arguments)
        return instance.arguments[attribute]


def merged(parsed: list[dict], *path: str) -> dict[str, dict]:
    """The blocks under these labels, by their last label."""
    found: dict[str, dict] = {}
    for part in parsed:
        for block in part.get(path[0], []):
            for name in path[1:]:
                block = block.get(name, {})
            found |= block
    return found


def own(block: dict) -> list[tuple[str, Any]]:
    return [(name, it) for name, it in block.items() if not name.startswith("__")]


def value(wrapped: list) -> Any:
    """The parser puts each argument into a list."""
    [it] = wrapped
    return it


def unknown(sources: dict[str, str], schema: dict) -> list[str]:
    """Types, arguments, blocks and attributes that the provider does not know, and required ones that are missing."""
    faults = []
    for part in map(hcl2.loads, sources.values()):
        for section, kind in (("resource", "resources"), ("data", "data-sources")):
            for block in part.get(section, []):
                for name, labelled in block.items():
                    described = schema[kind].get(name)
                    if not described:
                        faults.append(f"{name}: not recorded")
                        continue
                    for body in labelled.values():
                        faults += misfits(name, body, described["arguments"])
    for prefix, name, attribute in re.findall(
        r"\b(data\.)?(aws_\w+)\.\w+(?:\[[\w.]+\])?\.(\w+)", "\n".join(sources.values())
    ):
        described = schema["data-sources" if prefix else "resources"].get(name, {"attributes": []})
        if attribute not in described["attributes"]:
            faults.append(f"{name}.{attribute}: no such attribute")
    return faults


def misfits(place: str, body: dict, schema: dict) -> list[str]:
    faults, seen = [], set()
    for name, content in own(body):
        blocks = [(name, it) for it in content] if isinstance(schema.get(name), dict) else []
        if name == "dynamic":
            blocks = [(label, it["content"][0]) for dynamic in content for label, it in dynamic.items()]
        elif name not in schema and name not in ("for_each", "depends_on"):
            faults.append(f"{place}: no such argument: {name}")
        seen |= {name} | {label for label, _ in blocks}
        for label, inner in blocks:
            described = schema.get(label)
            faults += (
                misfits(f"{place}.{label}", inner, described["arguments"])
                if isinstance(described, dict)
                else [f"{place}: no such block: {label}"]
            )
    required = {name for name, it in schema.items() if it is True or (isinstance(it, dict) and it["required"])}
    return faults + [f"{place}: missing: {name}" for name in sorted(required - seen)]
