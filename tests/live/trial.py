"""What a run tries, in the order in which it tries it. Each line of the page is one assumption that the project rests on."""

import json
import os
import re
import subprocess
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from aws import Account, StackFailed
from botocore.exceptions import ClientError
from datadog import Organisation
from evidence import Page
from protocol import ProtocolQuestions
from tokens import TokenQuestions

SCOPES = ["api_keys_read", "api_keys_write", "api_keys_delete", "org_app_keys_read", "org_app_keys_write", "service_account_write"]
STAGES = ("AWSCURRENT", "AWSPREVIOUS")
ROTATIONS = 3
# Of a line of the log: Lambda's two forms, and the metrics of a step that failed.
ENDS = {"killed by Lambda": r'Task timed out|"status": ?"timeout"', "given up": r'"ErrorType": ?"NotEnoughTime"'}
SECONDS = 600  # for a rotation: Secrets Manager tries again what was killed, minutes later


class Type(NamedTuple):
    """A type of secret, with the names that the stack and a value have for it."""

    function: str
    api_key: str | None = None
    app_key: str | None = None
    token: str | None = None

    @property
    def fields(self) -> list[str]:
        return [it for it in (self.api_key, self.app_key, self.token) if it]

    @property
    def has_grace(self) -> bool:
        return self.app_key is None


TYPES = {
    "api-key": Type("ApiKey", api_key="apiKey"),
    "application-key": Type("ApplicationKey", app_key="appKey"),
    "service-access-token": Type("ServiceAccessToken", token="serviceAccessToken"),
    "admin": Type("AdminKey", api_key="adminApiKey", app_key="adminAppKey"),
}


class Trial:
    def __init__(self, run: str, account: Account, organisation: Organisation, page: Page, release: Path, doctor: str | None):
        self.run_name, self.account, self.organisation = run, account, organisation
        self.page, self.release, self.doctor = page, release, doctor
        self.manager, self.functions = account.client("secretsmanager"), account.client("lambda")
        self.protocol = ProtocolQuestions(account, organisation, page)
        self.arns: dict[str, str] = {}
        self.outputs: dict[str, str] = {}

    def run(self, keyless: bool):
        self.store()
        TokenQuestions(self.organisation, self.page).ask(self.value("admin"))
        self.protocol.ask_service()
        self.ask_doctor()
        self.deploy()
        self.check()
        self.refuse_foreign()
        for name in TYPES:
            for number in range(1, ROTATIONS + 1):
                self.rotate(name, f"rotation {number}")
        self.protocol.ask_rotations(self.arns["api-key"], self.outputs["ApiKeyFunctionArn"])
        for name in TYPES:
            self.cut_short(name)
        self.ask_scheduled_doctor()
        if keyless:
            self.go_keyless()
        self.delete()

    # Before the stack

    def store(self):
        organisation = self.organisation
        admin_api, admin_app = organisation.create_api_key("admin"), organisation.create_application_key("admin", SCOPES)
        api, foreign = organisation.create_api_key("api-key"), organisation.create_api_key("foreign")
        application = organisation.create_application_key("application-key", ["dashboards_read"])
        token = organisation.create_token("service-access-token", ["dashboards_read"])
        self.page.hide([it["key"] for it in (admin_api, admin_app, api, foreign, application, token)], "KEY")
        owner = {"serviceAccountId": organisation.service_account}
        pair = {"adminApiKey": admin_api["key"], "adminApiKeyId": admin_api["id"]}
        pair |= {"adminAppKey": admin_app["key"], "adminAppKeyId": admin_app["id"], "site": organisation.site}
        values = {
            "admin": pair | owner,
            "api-key": {"apiKey": api["key"], "apiKeyId": api["id"]},
            "application-key": {"appKey": application["key"], "appKeyId": application["id"]} | owner,
            "service-access-token": {"serviceAccessToken": token["key"], "serviceAccessTokenId": token["id"]} | owner,
            "foreign": {"apiKey": foreign["key"], "apiKeyId": foreign["id"]},
        }
        for name, value in values.items():
            self.arns[name] = self.account.store(name, value)
        # A new key may be refused for some seconds.
        works = self.until(lambda: all(self.works(it) for it in TYPES), 60)
        self.page.row("New keys work within a minute", works, "POST of 3 API keys, 2 application keys and a token", "accepted" if works else "refused")

    def ask_doctor(self):
        if not self.doctor:
            for text in ("Datadog answers the probe as assumed", "The doctor finds nothing"):
                self.page.row(text, None, "datadog-doctor", "no such program on PATH")
            return
        environment = os.environ | {"AWS_REGION": self.account.region, "ADMIN_SECRET_ARN": self.arns["admin"]}
        run = subprocess.run([self.doctor, "probe", "--json"], env=environment, capture_output=True, text=True)
        probe = json.loads(run.stdout)
        for it in probe["answers"]:
            verdict = {"yes": True, "no": False}.get(it["answer"])
            answered = f"{it['answer']}; seen: {it['seen']}; after {it['ms']} ms" if it["ms"] is not None else f"{it['answer']}; seen: {it['seen']}"
            self.page.row(f"probe: `{it['question']}`", verdict, "datadog-doctor probe", answered)
        secrets = [self.arns[it] for it in TYPES]
        run = subprocess.run([self.doctor, "check", "--json", *secrets], env=environment, capture_output=True, text=True)
        failed = [it for secret in json.loads(run.stdout)["secrets"] for it in secret["checks"] if it["status"] == "failed"]
        found = "; ".join(it["text"] for it in failed) or "nothing failed"
        self.page.row("The doctor finds nothing", not failed, f"datadog-doctor check of {len(TYPES)} secrets", found)

    # The stack

    def parameters(self) -> dict[str, str]:
        named = {"AdminSecretArn": "admin"} | {f"{it.function}SecretArn": name for name, it in TYPES.items()}
        return {it: self.arns[name] for it, name in named.items()} | {"FunctionNamePrefix": self.run_name, "Dashboard": "false"}

    def deploy(self):
        before, began = self.standing(), time.monotonic()
        self.account.upload(self.release)
        self.outputs = self.account.deploy(self.parameters())
        took = time.monotonic() - began
        self.page.row("CloudFormation deploys the release's template", True, "CreateStack", f"CREATE_COMPLETE after {took:.0f} s")
        # Attaching runs a check, which takes seconds and has a version of its own meanwhile.
        time.sleep(20 if took > 20 else 5)
        same = self.until(lambda: self.standing() == before, 60)
        self.page.row("Attaching a secret changes neither its labels nor its keys", same, "DescribeSecret, lists of keys", "as before" if same else "changed")

    def standing(self) -> tuple:
        listed = (self.organisation.api_keys(), self.organisation.application_keys(), self.organisation.tokens())
        return [self.labels(it) for it in TYPES], *(it.keys() for it in listed)

    def check(self):
        for name, it in TYPES.items():
            failed, answer = self.invoke(it.function, name)
            self.page.row(f"{name}: the function's own check passes", not failed and answer is None, "Invoke: testSecret of AWSCURRENT", json.dumps(answer))

    def refuse_foreign(self):
        function = self.outputs["ApiKeyFunctionArn"]
        try:
            self.manager.rotate_secret(SecretId=self.arns["foreign"], RotationLambdaARN=function)
            refused, answer = False, "accepted"
        except ClientError as error:
            refused, answer = True, str(error)
        self.page.row("Secrets Manager refuses a secret that the function's policy does not name", refused, "RotateSecret", answer)
        failed, answer = self.invoke("ApiKey", "foreign")
        denied = failed and answer.get("errorType") == "AccessDenied"
        self.page.row("The role refuses a secret that is not attached to the function", denied, "Invoke: testSecret", json.dumps(answer))

    def ask_scheduled_doctor(self):
        events = self.account.client("events")
        for page in events.get_paginator("list_rules").paginate():
            for rule in page["Rules"]:
                for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                    if target["Arn"] == self.outputs["DoctorFunctionArn"]:
                        event = json.loads(target["Input"])
                        answer = self.functions.invoke(FunctionName=target["Arn"], Payload=json.dumps(event))
                        body = answer["Payload"].read().decode()
                        good = "FunctionError" not in answer
                        self.page.row(f"The scheduled doctor can do its `{event['command']}`", good, "Invoke with the rule's input", body)

    # Rotations

    def rotate(self, name: str, title: str):
        orphans = self.created(name) - {it for stage in self.labels(name) for it in self.ids(name, stage)}
        replaced, token, began = self.value(name), str(uuid.uuid4()), time.monotonic()
        begun = self.until(lambda: self.begins(name, token), 60)
        done = begun and self.until(lambda: self.is_done(name, token), SECONDS)
        took = f"{time.monotonic() - began:.0f} s"
        self.page.row(f"{name}, {title}: ends", done, "RotateSecret", took if done else f"not after {took}")
        if done:
            self.judge(name, title, replaced, orphans)

    def begins(self, name: str, token: str) -> bool:
        """False while Secrets Manager is at the check that attaching began."""
        try:
            self.manager.rotate_secret(SecretId=self.arns[name], ClientRequestToken=token)
        except self.manager.exceptions.InvalidRequestException:
            return False
        return True

    def judge(self, name: str, title: str, replaced: dict, orphans: set[str]):
        """After a rotation: what works, and what does not. Orphans of a killed one stay for 15 minutes."""
        works = self.works(name)
        self.page.row(f"{name}, {title}: AWSCURRENT works", works, "validation of AWSCURRENT", "accepted" if works else "refused")
        has_grace = TYPES[name].has_grace
        as_promised = self.until(lambda: self.accepts(name, replaced) == has_grace, 60)
        promise = "the replaced key goes on working" if has_grace else "the replaced key is refused"
        self.page.row(f"{name}, {title}: {promise}", as_promised, "validation of the replaced key", "so" if as_promised else "otherwise")
        wanted = {it for stage in (STAGES if has_grace else STAGES[:1]) for it in self.ids(name, stage)}
        clean = self.until(lambda: self.created(name) <= wanted | orphans, 30)
        left = sorted(self.created(name) - wanted - orphans)
        self.page.row(f"{name}, {title}: it leaves no orphaned key", clean, "lists of keys", ", ".join(left) or "none")

    def cut_short(self, name: str):
        """A function that has one second gives up for lack of time, or Lambda kills it."""
        function, token = self.outputs[f"{TYPES[name].function}FunctionArn"], str(uuid.uuid4())
        before, earlier, looks = self.labels(name), self.ends(name), []
        self.set_timeout(function, 1)
        try:
            self.manager.rotate_secret(SecretId=self.arns[name], ClientRequestToken=token)
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and not self.is_done(name, token):
                looks.append(self.works(name))
                time.sleep(1)
            # Before Secrets Manager can try again with more time.
            after = self.labels(name)
        finally:
            self.set_timeout(function, 300)
        finished = has_ended(after, token)
        was_cut = not finished and bool(looks) and self.until(lambda: self.ends(name) != earlier, 60)
        asked = "UpdateFunctionConfiguration: Timeout 1, RotateSecret"
        told = "finished within 30 s" if finished else "not finished within 30 s"
        told += "".join(f"; {it}: {count - earlier[it]}" for it, count in self.ends(name).items())

        def row(promise: str, held: bool, answered: str):
            """Nothing is confirmed of a rotation that was not cut short."""
            self.page.row(f"{name}, cut short: {promise}", was_cut or None if held else False, asked, f"{answered}; {told}")

        row("AWSCURRENT works all the time", all(looks), f"{looks.count(True)} of {len(looks)} looks")
        # AWSPENDING is RotateSecret's own. The others move in a promotion.
        stayed = all(before.get(it) == after.get(it) for it in STAGES)
        row("it moves no label", stayed or finished, "as before" if stayed else "moved")
        done = self.until(lambda: self.is_taken_up(name, token), SECONDS, pause=5)
        row("the next try finishes it", done, f"Timeout 300, RotateSecret again: {'finished' if done else 'not finished'}")
        works = self.until(lambda: self.works(name), 60)
        self.page.row(f"{name}, cut short: AWSCURRENT works afterwards", works, "validation of AWSCURRENT", "accepted" if works else "refused")

    def is_taken_up(self, name: str, token: str) -> bool:
        labels = self.labels(name)
        if labels.get("AWSPENDING", labels["AWSCURRENT"]) == labels["AWSCURRENT"] and token in (labels["AWSCURRENT"], labels.get("AWSPREVIOUS")):
            return True
        try:
            self.manager.rotate_secret(SecretId=self.arns[name], ClientRequestToken=token)
        except ClientError:
            pass  # a previous rotation is not complete: it is tried again
        return False

    def ends(self, name: str) -> dict[str, int]:
        """How many invocations ended early, by the log, and how."""
        logs, group = self.account.client("logs"), self.outputs[f"{TYPES[name].function}LogGroupName"]
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        messages = [it["message"] for page in pages for it in page["events"]]
        return {how: sum(bool(re.search(pattern, it)) for it in messages) for how, pattern in ENDS.items()}

    def set_timeout(self, function: str, seconds: int):
        self.functions.update_function_configuration(FunctionName=function, Timeout=seconds)
        self.functions.get_waiter("function_updated_v2").wait(FunctionName=function)

    # Keyless

    def go_keyless(self):
        keyless = {
            "KeylessOrgUuid": self.organisation.uuid(),
            "KeylessServiceAccountId": self.organisation.service_account,
            "KeylessSite": self.organisation.site,
            "KeylessBootstrapSecretArn": self.store_bootstrap(),
            "KeylessApiKeySecretArn": self.arns["api-key"],
        }
        try:
            # No admin secret: what rotates now, rotates by the mapped roles.
            self.outputs = self.account.deploy(self.parameters() | {"AdminSecretArn": ""} | keyless)
        except StackFailed as reason:
            self.page.row("The stack maps its roles", False, "UpdateStack", str(reason))
            return
        wanted = {self.outputs[it].rsplit("/")[-1] for it in self.outputs if it.endswith("RoleArn") and it != "TrustRoleArn"}
        found = set(self.organisation.mappings().values())
        self.page.row("The stack maps its roles", found == wanted, "UpdateStack, list of mappings", ", ".join(sorted(found)) or "none")
        for name in ("api-key", "application-key", "service-access-token"):
            began = time.monotonic()
            works = self.until(lambda: not self.invoke(TYPES[name].function, name)[0], SECONDS, pause=5)
            took = f"{time.monotonic() - began:.0f} s"
            self.page.row(f"{name}, keyless: a new mapping works within ten minutes", works, "Invoke: testSecret of AWSCURRENT", took)
            if works:
                self.rotate(name, "keyless")

    def store_bootstrap(self) -> str:
        """A pair that may map roles: the service account's own, with all that its role may."""
        api, application = self.organisation.create_api_key("bootstrap"), self.organisation.create_application_key("bootstrap", None)
        self.page.hide([api["key"], application["key"]], "KEY")
        self.until(lambda: self.organisation.accepts_pair(api["key"], application["key"]), 60)
        value = {"adminApiKey": api["key"], "adminApiKeyId": api["id"], "adminAppKey": application["key"], "adminAppKeyId": application["id"]}
        self.arns["bootstrap"] = self.account.store("bootstrap", value | {"serviceAccountId": self.organisation.service_account, "site": self.organisation.site})
        return self.arns["bootstrap"]

    # The end

    def delete(self):
        groups = self.account.log_groups()
        self.account.delete_stack()
        gone = self.account.stack_status() is None
        self.page.row("The stack is deleted", gone, "DeleteStack", self.account.stack_status() or "gone")
        kept = self.account.log_groups()
        self.page.row("The log groups outlive the stack", bool(kept) and kept == groups, "DescribeLogGroups", f"{len(kept)} of {len(groups)}")
        if self.arns.get("bootstrap"):
            mapped = self.organisation.mappings()
            self.page.row("The mappings go with the stack", not mapped, "list of mappings", ", ".join(mapped.values()) or "none")
        works = all(self.works(it) for it in TYPES)
        self.page.row("AWSCURRENT works without the stack", works, f"validation of {len(TYPES)} secrets", "accepted" if works else "refused")

    # What is so now

    def labels(self, name: str) -> dict[str, str]:
        versions = self.manager.describe_secret(SecretId=self.arns[name])["VersionIdsToStages"]
        return {label: version for version, labels in versions.items() for label in labels}

    def is_done(self, name: str, token: str) -> bool:
        return has_ended(self.labels(name), token)

    def value(self, name: str, stage: str = "AWSCURRENT") -> dict:
        value = json.loads(self.manager.get_secret_value(SecretId=self.arns[name], VersionStage=stage)["SecretString"])
        self.page.hide([value[field] for field in TYPES[name].fields], "KEY")
        return value

    def ids(self, name: str, stage: str) -> list[str]:
        value = self.value(name, stage)
        return [value[f"{field}Id"] for field in TYPES[name].fields]

    def works(self, name: str) -> bool:
        return self.accepts(name, self.value(name))

    def accepts(self, name: str, value: dict) -> bool:
        it = TYPES[name]
        if it.token:
            return self.organisation.accepts_token(value[it.token])
        if it.app_key is None:
            return self.organisation.accepts_api_key(value[it.api_key])
        api_key = value[it.api_key] if it.api_key else self.organisation.api_key
        return self.organisation.accepts_pair(api_key, value[it.app_key])

    def created(self, name: str) -> set[str]:
        """IDs of live keys that rotations of this secret have named."""
        listed = self.organisation.api_keys() | self.organisation.application_keys() | self.organisation.tokens()
        return {key for key, title in listed.items() if title.lower().startswith("aws-sm-") and f"{self.run_name}/{name}-" in title.lower()}

    def invoke(self, function: str, name: str) -> tuple[bool, dict | None]:
        event = {"Step": "testSecret", "SecretId": self.arns[name], "ClientRequestToken": self.labels(name)["AWSCURRENT"]}
        answer = self.functions.invoke(FunctionName=self.outputs[f"{function}FunctionArn"], Payload=json.dumps(event))
        return "FunctionError" in answer, json.loads(answer["Payload"].read())

    def until(self, is_so, seconds: int, pause: float = 1) -> bool:
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
        return True


def has_ended(labels: dict[str, str], token: str) -> bool:
    """Whether the rotation of this version has. Secrets Manager may leave AWSPENDING on it."""
    return labels["AWSCURRENT"] == token and labels.get("AWSPENDING", token) == token
