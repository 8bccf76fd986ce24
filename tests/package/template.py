"""template.yaml as a release has it: it deploys the zips beside it, without a compiler."""

import re
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = "AWS::Serverless::Function"
HEAD = "# template.yaml of version {version} for {architecture}. It deploys the zips in its own folder; README.md says how.\n"


def packaged(source: str, architecture: str, version: str, home: str | None = None) -> str:
    """The template for one architecture. Comments stay, for checkers read some of them.

    With the address of the sources it is for the Serverless Application Repository, whose metadata names it.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    template = yaml.load(source)
    application = template["Metadata"]["AWS::ServerlessRepo::Application"]
    if home:
        # An application has one architecture: its name says which.
        application["Name"] += "" if architecture == "arm64" else f"-{architecture.replace('_', '-')}"
        application["HomePageUrl"] = home
        application["SourceCodeUrl"] = f"{home}/tree/v{version}"
    else:
        del template["Metadata"]["AWS::ServerlessRepo::Application"]
    template["Globals"]["Function"]["Architectures"][0] = architecture
    del template["Globals"]["Function"]["CodeUri"]
    for function, name in functions(template).items():
        resource = template["Resources"][function]
        del resource["Metadata"]["BuildMethod"], resource["Metadata"]["BuildProperties"]
        if not resource["Metadata"]:
            del resource["Metadata"]
        resource["Properties"].insert(0, "CodeUri", f"{name}.zip")
    text = StringIO()
    yaml.dump(template, text)
    return HEAD.format(version=version, architecture=architecture) + text.getvalue()


def absolute(page: str, home: str, version: str) -> str:
    """A page of the sources for a place where they are not: its relative links and pictures have addresses."""
    link = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)")
    kinds = {"": "blob", "!": "raw"}
    return link.sub(lambda it: f"{it[1]}[{it[2]}]({home}/{kinds[it[1]]}/v{version}/{it[3]})", page)


def functions(template: dict) -> dict[str, str]:
    """The template's functions, each with its binary."""
    found = {name: it for name, it in template["Resources"].items() if it["Type"] == FUNCTION}
    return {name: it["Metadata"]["BuildProperties"]["Binary"] for name, it in found.items()}
