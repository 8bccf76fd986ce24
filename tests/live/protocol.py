"""Assumptions of the protocol about Secrets Manager, clocks and rotations: docs/review/protocol.md has the numbers. tokens.py has the tokens'."""

import time
import uuid
from email.utils import parsedate_to_datetime

from aws import Account
from botocore.exceptions import ClientError
from datadog import Organisation
from evidence import NOT_ASKED, Page

SECONDS = 30  # for a stale read, and for a function to fail
MINUTE = 60
# A proxy that no function takes, so that each fails before its first call.
BROKEN = {"HTTPS_PROXY": "not an address"}

# Assumptions that a run can't ask, with the reason.
UNASKED = {
    3: ("a label moves at once", "a look finds no label only if it comes at the moment of the move"),
    4: ("labels and values may be seen some seconds late", "nobody can make Secrets Manager answer late"),
    5: ("a failed rotation is tried again, and a step may be invoked twice", "it may take Secrets Manager hours, and nobody can make it invoke a step twice"),
    7: ("a version without a label is kept for a day", "a run takes 20 minutes"),
    9: ("an invocation ends itself after 14 minutes", "by construction: the functions' own tests show it"),
    11: ("creating a key is not idempotent", "nobody can make Datadog lose an answer"),
}


class ProtocolQuestions:
    """Asks with a secret of its own, without keys, and with rotations of one secret of the run."""

    def __init__(self, account: Account, organisation: Organisation, page: Page):
        self.account, self.organisation, self.page = account, organisation, page
        self.manager, self.functions = account.client("secretsmanager"), account.client("lambda")

    def row(self, number: int, assumption: str, verdict: bool | str | None, asked: str, answered: str):
        self.page.row(f"Protocol {number}: {assumption}", verdict, asked, answered)

    # Without a stack

    def ask_service(self):
        secret = self.account.store("protocol", {"note": "no key"})
        self.ask_second_value(secret)
        self.ask_label(secret)
        self.ask_clocks()
        for number, (assumption, reason) in UNASKED.items():
            self.row(number, assumption, NOT_ASKED, "nothing", reason)

    def ask_second_value(self, secret: str):
        token = str(uuid.uuid4())

        def put(value: str) -> str:
            return self.told(self.manager.put_secret_value, SecretId=secret, ClientRequestToken=token, SecretString=value, VersionStages=["ASKED"])

        answers = [put(it) for it in ("one", "another", "one")]
        stored = self.manager.get_secret_value(SecretId=secret, VersionId=token)["SecretString"]
        once = answers == ["accepted", "ResourceExistsException", "accepted"] and stored == "one"
        asked = "PutSecretValue under one token: a value, another, the first again"
        self.row(1, "a version's value is stored once", once, asked, f"{', '.join(answers)}; the first is stored: {stored == 'one'}")

    def ask_label(self, secret: str):
        """Of three versions, the label is on the first. It is moved to the second as if the third had it."""
        holder, second, third = (
            self.manager.put_secret_value(SecretId=secret, SecretString=it, VersionStages=[label])["VersionId"]
            for it, label in (("holder", "MOVED"), ("second", "SECOND"), ("third", "THIRD"))
        )
        versions = {"MoveToVersionId": second, "RemoveFromVersionId": third}
        answer = self.told(self.manager.update_secret_version_stage, SecretId=secret, VersionStage="MOVED", **versions)
        stayed = self.labels(secret).get("MOVED") == holder
        refused = answer == "InvalidParameterException" and stayed
        self.row(2, "a label does not move from a version that lacks it", refused, "UpdateSecretVersionStage", f"{answer}; label where it was: {stayed}")

    def ask_clocks(self):
        times = self.organisation.time(), self.time()
        apart = abs((times[0] - times[1]).total_seconds()) if all(times) else None
        told = "no Date header" if apart is None else f"{apart:.0f} s apart"
        within = apart is not None and apart <= MINUTE
        self.row(10, "Datadog's time is within a minute of Secrets Manager's", within, "Date headers of both", told)

    # With a stack

    def ask_rotations(self, secret: str, function: str):
        """Rotates once although the first try fails, and stores a value during another rotation."""
        self.ask_pending(secret, function)
        self.ask_stored_by_hand(secret, function)

    def ask_pending(self, secret: str, function: str):
        token, another = str(uuid.uuid4()), str(uuid.uuid4())
        with Stopped(self, function):
            begun = self.until(lambda: self.begin(secret, token) == "accepted", MINUTE)
            time.sleep(5)  # between the version's creation and its value
            empty = begun and self.is_empty(secret, token)
            answer, restored = self.begin(secret, another), self.time()
        done = begun and self.until(lambda: self.is_taken_up(secret, token), 10 * MINUTE)
        versions = {it["VersionId"]: it for it in self.versions(secret)}
        asked = "RotateSecret of a function that fails, RotateSecret with another token"
        told = f"{answer}; pending version AWSCURRENT in the end: {done}; version of the other token: {another in versions}"
        self.row(6, "the next rotation gets the pending version", done and another not in versions if begun else None, asked, told)
        asked = "ListSecretVersionIds, of a version that had no value for 5 s"
        if not (done and empty and restored):
            return self.row(8, "CreatedDate is the time of the value", None, asked, "no such version")
        # A Date header has whole seconds.
        late = (versions[token]["CreatedDate"] - restored).total_seconds()
        told = f"CreatedDate is {late:.0f} s after the time at which the version had no value yet"
        return self.row(8, "CreatedDate is the time of the value", late >= -1, asked, told)

    def ask_stored_by_hand(self, secret: str, function: str):
        """The same value again, so that no key is lost."""
        token = str(uuid.uuid4())
        with Stopped(self, function):
            begun = self.until(lambda: self.begin(secret, token) == "accepted", MINUTE)
            pending = self.until(lambda: self.labels(secret).get("AWSPENDING") == token, SECONDS)
            value = self.manager.get_secret_value(SecretId=secret)["SecretString"]
            version = self.manager.put_secret_value(SecretId=secret, SecretString=value)["VersionId"]
            labels = self.labels(secret)
        so = labels["AWSCURRENT"] == version and "AWSPENDING" not in labels
        told = f"AWSCURRENT on it: {labels['AWSCURRENT'] == version}; AWSPENDING taken off: {'AWSPENDING' not in labels}"
        asked = "PutSecretValue while AWSPENDING is on a version without a value"
        self.row(20, "a value stored by hand is AWSCURRENT at once, and takes AWSPENDING off", so if begun and pending else None, asked, told)

    # What is so now

    def begin(self, secret: str, token: str) -> str:
        return self.told(self.manager.rotate_secret, SecretId=secret, ClientRequestToken=token)

    def told(self, call, **members) -> str:
        """The error's code, or that there was none."""
        try:
            call(**members)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "accepted"

    def labels(self, secret: str) -> dict[str, str]:
        versions = self.manager.describe_secret(SecretId=secret)["VersionIdsToStages"]
        return {label: version for version, labels in versions.items() for label in labels}

    def versions(self, secret: str) -> list[dict]:
        """One page: a run makes fewer."""
        return self.manager.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True, MaxResults=100)["Versions"]

    def is_taken_up(self, secret: str, token: str) -> bool:
        """Asks for the rotation again until it has ended: Secrets Manager's own next try may be minutes away."""
        labels = self.labels(secret)
        if labels["AWSCURRENT"] == token and labels.get("AWSPENDING", token) == token:
            return True
        self.begin(secret, token)
        return False

    def is_empty(self, secret: str, token: str) -> bool:
        return self.told(self.manager.get_secret_value, SecretId=secret, VersionId=token) == "ResourceNotFoundException"

    def time(self):
        """Secrets Manager's."""
        headers = self.manager.list_secrets(MaxResults=1)["ResponseMetadata"]["HTTPHeaders"]
        return parsedate_to_datetime(headers["date"]) if "date" in headers else None

    def until(self, is_so, seconds: int) -> bool:
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                return False
            time.sleep(1)
        return True


class Stopped:
    """While it lasts, the function fails before its first call."""

    def __init__(self, questions: ProtocolQuestions, function: str):
        self.functions, self.function = questions.functions, function
        configuration = self.functions.get_function_configuration(FunctionName=function)
        self.variables = configuration.get("Environment", {}).get("Variables", {})

    def __enter__(self):
        self.set(self.variables | BROKEN)

    def __exit__(self, *_):
        self.set(self.variables)

    def set(self, variables: dict[str, str]):
        self.functions.update_function_configuration(FunctionName=self.function, Environment={"Variables": variables})
        self.functions.get_waiter("function_updated_v2").wait(FunctionName=self.function)
