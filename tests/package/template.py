"""template.yaml as a release has it: it deploys the zips beside it, without a compiler."""

from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = "AWS::Serverless::Function"
HEAD = "# template.yaml of version {version} for {architecture}. It deploys the zips in its own folder; README.md says how.\n"


def packaged(source: str, architecture: str, version: str) -> str:
    """The template for one architecture. Comments stay, for checkers read some of them."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    template = yaml.load(source)
    # For whoever publishes the sources to the Serverless Application Repository; its files are not here.
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


def functions(template: dict) -> dict[str, str]:
    """The template's functions, each with its binary."""
    found = {name: it for name, it in template["Resources"].items() if it["Type"] == FUNCTION}
    return {name: it["Metadata"]["BuildProperties"]["Binary"] for name, it in found.items()}
