"""Tries a release in a real AWS account and Datadog organisation, and deletes all that it made."""

import argparse
import getpass
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from aws import Account
from datadog import Organisation
from evidence import Page
from trial import Trial

ROOT = Path(__file__).resolve().parents[2]
RUNS = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "live"
CONFIRMED, REFUTED, REFUSED, LEFT = range(4)
PLAN = """
This makes, under names with {run}, and deletes again:
  AWS account {account}, {region}: 1 bucket, 6 secrets, 1 stack (5 functions, their roles, schedules and log groups)
  Datadog organisation {organisation}: API keys, application keys and service access tokens; {service_account} owns the last two
{more}It takes about 20 minutes. By AWS's list prices it costs about 3 cents: custom metrics 2.1, secrets 0.4, the rest less.
Nobody has measured that. If it is killed, `tests/live/run --clean {run}` deletes what it made.
"""
PLAN_KEYLESS = "  Keyless: 1 secret, 1 function and its role more; the 5 roles are mapped to the service account\n"


class Interrupted(BaseException):
    """A signal asked to end. No handler of errors may catch it."""


class Refused(Exception):
    """It would touch what it did not make. Nothing has been made."""


def main() -> int:
    arguments = parsed()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        return clean_up(arguments) if arguments.clean else begin(arguments)
    except Refused as refusal:
        print(f"Refused, and nothing was made: {refusal}", file=sys.stderr)
        return REFUSED
    except Interrupted:
        print("Interrupted before anything was made", file=sys.stderr)
        return REFUSED


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/live/run", description=__doc__)
    parser.add_argument("--account", help="number of the AWS account; your credentials must be of this one")
    parser.add_argument("--organisation", metavar="UUID", help="the Datadog organisation; your keys must be of this one")
    parser.add_argument("--service-account", metavar="UUID", help="a service account made for this, without keys")
    parser.add_argument("--release", type=Path, metavar="FOLDER", help="a release's folder: dist/arm64, or unpacked")
    parser.add_argument("--site", default="datadoghq.com")
    parser.add_argument("--region", help="default: that of your AWS configuration")
    parser.add_argument("--doctor", help="the doctor's program; default: datadog-doctor on PATH")
    parser.add_argument("--keyless", action="store_true", help="try it keyless too; the account is integrated with Datadog")
    parser.add_argument("--yes", action="store_true", help="do not ask before it begins")
    parser.add_argument("--clean", metavar="RUN", help="only delete what this run made, by its name")
    arguments = parser.parse_args()
    needed = [] if arguments.clean else ["account", "organisation", "service_account", "release"]
    if lacking := [it for it in needed if not getattr(arguments, it)]:
        parser.error("missing: " + ", ".join(f"--{it.replace('_', '-')}" for it in lacking))
    return arguments


def interrupt(number, frame):
    raise Interrupted


def begin(arguments: argparse.Namespace) -> int:
    run = f"datadog-rotation-live-{secrets.token_hex(4)}"
    told = {name: getattr(arguments, name) for name in ("account", "organisation", "service_account", "site", "keyless")}
    account = Account(run, arguments.region)
    told |= {"region": account.region}
    organisation = Organisation(run, *keys(), arguments.site, arguments.service_account, arguments.keyless)
    refuse(told, account, organisation)
    if not (arguments.release / "template.yaml").is_file():
        raise Refused(f"{arguments.release} is no release's folder: it has no template.yaml")
    print(PLAN.format(run=run, more=PLAN_KEYLESS if arguments.keyless else "", **told))
    if not arguments.yes and input("Type the account's number to begin: ").strip() != arguments.account:
        raise Refused("that is not the account's number")
    folder = RUNS / run
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(told))
    page = Page(folder / "evidence.md", run, commit(), told)
    page.hide(organisation.secrets(), "KEY")
    doctor = arguments.doctor or shutil.which("datadog-doctor")
    trial = Trial(run, account, organisation, page, arguments.release, doctor)
    try:
        trial.run(keyless=arguments.keyless)
    except Interrupted:
        page.note("Interrupted. What follows was not tried.")
    except Exception as error:  # whatever it is, what was made goes, and the page says how far it came
        page.note(f"Ended early: {type(error).__name__}: {error}")
    left = cleaned(account, organisation)
    page.note("Left behind: " + (", ".join(left) or "nothing"))
    print(f"\n{page.path}")
    if left:
        print(f"Left behind: {', '.join(left)}. tests/live/run --clean {run} tries again", file=sys.stderr)
        return LEFT
    shutil.rmtree(folder / "work", ignore_errors=True)
    (folder / "run.json").unlink()
    return CONFIRMED if page.is_whole() else REFUTED


def clean_up(arguments: argparse.Namespace) -> int:
    if not re.fullmatch(r"datadog-rotation-live-[0-9a-f]{8}", arguments.clean):
        raise Refused(f"{arguments.clean} is no run's name")
    path = RUNS / arguments.clean / "run.json"
    if not path.exists():
        raise Refused(f"{path} is not there: no run of this name was begun here, or all that it made is gone")
    told = json.loads(path.read_text())
    account = Account(arguments.clean, told["region"])
    organisation = Organisation(arguments.clean, *keys(), told["site"], told["service_account"], told["keyless"])
    refuse_strangers(told, account, organisation)
    left = cleaned(account, organisation)
    print("Left behind: " + (", ".join(left) or "nothing"))
    if not left:
        path.unlink()
    return LEFT if left else CONFIRMED


def keys() -> tuple[str, str]:
    """An API key and an application key of somebody who may make keys for the service account."""
    asked = {"DD_API_KEY": "Datadog API key: ", "DD_APP_KEY": "Datadog application key of an administrator: "}
    return tuple(os.environ.get(name) or getpass.getpass(text) for name, text in asked.items())


def refuse(told: dict, account: Account, organisation: Organisation):
    refuse_strangers(told, account, organisation)
    if there := account.there() + organisation.there():
        raise Refused(f"there is something of this name already: {', '.join(there)}")
    for what, owned in (("application keys", organisation.application_keys()), ("service access tokens", organisation.tokens())):
        if owned:
            raise Refused(f"the service account owns {len(owned)} {what}. Make one for this run alone: what it owns is deleted")


def refuse_strangers(told: dict, account: Account, organisation: Organisation):
    if (number := account.number()) != told["account"]:
        raise Refused(f"your AWS credentials are of account {number}, not of {told['account']}")
    if (uuid := organisation.uuid()) != told["organisation"]:
        raise Refused(f"your Datadog keys are of organisation {uuid}, not of {told['organisation']}")


def cleaned(account: Account, organisation: Organisation) -> list[str]:
    """Deletes all that bears the run's name. Returns what is still there. No signal ends it half-way."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: print("Deleting what was made; this ends by itself", file=sys.stderr))
    print("Deleting what was made", flush=True)
    left, looks = [], 0
    # What was under way when the stack went may still write its log, so it looks twice.
    for pause in (0, 10, 10, 15):
        time.sleep(pause)
        left = deleted(account, organisation)
        looks = 0 if left else looks + 1
        if looks == 2:
            break
    return left


def deleted(account: Account, organisation: Organisation) -> list[str]:
    """One pass."""
    trouble = []
    for delete in (*account.deletions(), *organisation.deletions()):
        try:
            delete()
        except Exception as error:  # the others are deleted all the same
            trouble.append(f"{delete.__name__}: {error}")
    left = []
    for look in (account.there, organisation.there):
        try:
            left += look()
        except Exception as error:
            left.append(f"perhaps more, for {look.__qualname__} failed: {error}")
    return left + (trouble if left else [])


def commit() -> str:
    run = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True)
    return run.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
