"""AWS Secrets Manager: versions, staging labels, and the five operations that a rotation function may use.

From the API reference, the user guide's pages on rotation, and recorded answers.
"""

import base64
import copy
import json
import re
import time
import uuid

from world import Answer

ACCOUNT, REGION, DAY = "123456789012", "us-east-1", 86400
# secret type: the fields of its value, as (kind of key, field of its text, field of its id)
TYPES = {
    "api": [("api", "apiKey", "apiKeyId")],
    "app": [("app", "appKey", "appKeyId")],
    "admin": [("app", "adminAppKey", "adminAppKeyId"), ("api", "adminApiKey", "adminApiKeyId")],
    "token": [("token", "serviceAccessToken", "serviceAccessTokenId")],
}
GRACE = {"api", "token"}  # types of which AWSPREVIOUS works until the next rotation, unless a tag says otherwise


class Version:
    def __init__(self, value=None, stages=(), created=None, by="a person"):
        self.value, self.stages, self.created, self.by, self.binary = value, set(stages), created or time.time(), by, False

    def keys(self, kind):
        """(kind of key, text, id) of every key in the value; none if it is no value of this type."""
        try:
            value = json.loads(self.value)
            return [(k, value.get(text), value.get(id)) for k, text, id in TYPES[kind]]
        except (TypeError, ValueError, AttributeError):
            return []


class Replica:
    """The same secret in another region, some seconds behind, or for good if replication fails."""

    def __init__(self, lag, version):
        self.lag, self.fails, self.since, self.late, self.latest = lag, False, 0.0, version, version

    def status(self):
        return "Failed" if self.fails else "InProgress" if time.time() < self.since + self.lag else "InSync"

    @property
    def current(self):
        return self.latest if self.status() == "InSync" else self.late


class Secret:
    def __init__(self, name, kind, function, region=REGION):
        self.name, self.kind, self.function, self.region = name, kind, function, region
        self.suffix = uuid.uuid4().hex[:6]
        self.arn = self.arn_in(region)
        self.versions, self.tags, self.replicas, self.rotation_enabled, self.deleted = {}, {}, {}, True, False
        self.past = []                # what stood there until when, for reads that are late
        self.held = set()             # ids of keys whose texts a value of this secret has held
        self.excused = set()          # versions whose keys a finishSecret has begun to delete, or a person knows to be dead
        self.rotation_token = str(uuid.uuid4())

    def arn_in(self, region):
        return f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{self.name}-{self.suffix}"

    def holder(self, stage, versions=None):
        return next((id for id, v in (versions or self.versions).items() if stage in v.stages), None)

    def get(self, stage):
        return self.versions.get(self.holder(stage))

    def value(self, stage="AWSCURRENT"):
        return json.loads(self.get(stage).value)

    def spares(self, version):
        """Whether the keys of a version work for one more rotation when it has been replaced."""
        said = {"0": False, "1": True}.get(self.tags.get("graceRotations"), self.kind in GRACE)
        return said and version != self.tags.get("leakedVersion")

    @property
    def spared(self):
        """The label whose keys work besides those of AWSCURRENT, if there is one."""
        return ["AWSPREVIOUS"] if self.spares(self.holder("AWSPREVIOUS")) else []

    def forget(self):
        """A version without a label is forgotten, at once if it is a day old."""
        for id in [id for id, v in self.versions.items() if not v.stages and v.created < time.time() - DAY]:
            del self.versions[id]

    def change(self):
        self.past.append((time.time(), copy.deepcopy(self.versions)))

    def settle(self):
        self.forget()
        current = self.get("AWSCURRENT")
        for replica in self.replicas.values():
            if replica.latest is not current:
                replica.late, replica.latest, replica.since = replica.current, current, time.time()

    def move(self, stage, to):
        """Moves a label; AWSPREVIOUS follows AWSCURRENT."""
        at = self.holder(stage)
        if at:
            self.versions[at].stages.discard(stage)
        if to:
            self.versions[to].stages.add(stage)
        if stage == "AWSCURRENT" and at and at != to:
            self.move("AWSPREVIOUS", at)


class SecretsManager:
    def __init__(self, world):
        self.world, self.secrets = world, []
        self.lag, self.stale = 0.0, "mixed"   # for how long after a change what is read may be as before it
        self.page = 100                       # versions on one page of a list

    def add(self, name, kind, value, function, age=30 * DAY, **tags):
        secret = Secret(name, kind, function)
        self.secrets.append(secret)
        secret.tags = tags
        if value is not None:
            self.store(secret, value, age=age)
        secret.past.clear()
        return secret

    def store(self, secret, value, stages=("AWSCURRENT",), age=0.0):
        """A person stores a value. As AWSCURRENT it ends a rotation that is under way."""
        with self.world.lock:
            id = str(uuid.uuid4())
            text = value if isinstance(value, str) else json.dumps(value)
            self.put(secret, id, text, stages, "a person")
            secret.versions[id].created -= age
            return id

    def put(self, secret, id, text, stages, by):
        secret.change()
        version = secret.versions.setdefault(id, Version())
        version.value, version.by = text, by
        if "AWSCURRENT" in stages and secret.holder("AWSPENDING"):
            secret.move("AWSPENDING", None)
        for stage in stages:
            secret.move(stage, id)
        for kind, text, key in version.keys(secret.kind):
            if self.world.datadog.is_text_of(kind, text, key):
                secret.held.add(key)
        secret.settle()

    def roll_back(self, secret):
        """A person moves AWSCURRENT back to the version before. That its key is dead, if it is, is theirs to know."""
        with self.world.lock:
            previous = secret.holder("AWSPREVIOUS")
            secret.excused.add(previous)
            secret.change()
            secret.move("AWSCURRENT", previous)
            secret.settle()

    def begin(self, secret):
        """RotateSecret: the version that is pending already, or a new one without a value."""
        with self.world.lock:
            pending = secret.holder("AWSPENDING")
            if pending and pending != secret.holder("AWSCURRENT"):
                return pending
            secret.change()
            token = str(uuid.uuid4())
            secret.versions[token] = Version(by=secret.function)
            secret.move("AWSPENDING", token)
            return token

    def replicate(self, secret, region, lag):
        secret.replicas[region] = Replica(lag, secret.get("AWSCURRENT"))

    # The API.

    def answer(self, call):
        credential = re.search(r"Credential=([^/]+)/\d+/([^/]+)/secretsmanager/", call.headers.get("Authorization", ""))
        if not credential:
            return self.error("MissingAuthenticationTokenException", "Request is missing Authentication Token")
        call.who, region = credential.groups()
        handler = getattr(self, f"do_{call.operation}", None)
        secret, region = self.find(call.body.get("SecretId", ""), region)
        if handler is None or (secret and not self.allows(call, secret, region)):
            self.world.breaks("permissions", f"{call.who} called {call.line}")
            return self.error("AccessDeniedException", f"{call.who} is not authorized to perform: secretsmanager:{call.operation}")
        if not secret:
            return self.error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        if secret.deleted and call.operation != "DescribeSecret":
            return self.error("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
        return handler(call, secret, region)

    @staticmethod
    def allows(call, secret, region):
        """docs/reference/permissions.md: everything on the secrets that a function rotates, AWSCURRENT of others."""
        if region == secret.region and secret.function == call.function.binary:
            return True
        return call.operation == "GetSecretValue" and secret.kind in ("admin", "api") and not call.body.get("VersionId")

    def find(self, wanted, region):
        for secret in self.secrets:
            for place in [secret.region, *secret.replicas]:
                arn = secret.arn_in(place)
                if place == region and wanted in (secret.name, arn, arn[:-7]):
                    return secret, place
        return None, region

    def seen(self, secret):
        """The versions as this read sees them: as they are, or as they were up to the lag ago."""
        late = time.time() - self.lag * (1 if self.stale == "old" else self.world.random.random())
        return next((versions for until, versions in secret.past if until > late), secret.versions)

    @staticmethod
    def error(code, text):
        return Answer(400, {"__type": code, "Message": text}, {"x-amzn-errortype": code})

    def do_DescribeSecret(self, call, secret, region):
        versions = self.seen(secret)
        return Answer(200, {
            "ARN": secret.arn_in(region), "Name": secret.name, "RotationEnabled": secret.rotation_enabled,
            "RotationLambdaARN": f"arn:aws:lambda:{secret.region}:{ACCOUNT}:function:{secret.function}",
            "RotationRules": {"AutomaticallyAfterDays": 30}, "CreatedDate": time.time() - 90 * DAY, "LastChangedDate": secret.past[-1][0] if secret.past else time.time() - 30 * DAY,
            **({"DeletedDate": time.time()} if secret.deleted else {}),
            "Tags": [{"Key": k, "Value": v} for k, v in secret.tags.items()],
            **({"PrimaryRegion": secret.region} if secret.replicas else {}),
            **({"ReplicationStatus": [{"Region": r, "Status": x.status(), "StatusMessage": "KMS" if x.fails else ""}
                for r, x in secret.replicas.items()]} if secret.replicas else {}),
            "VersionIdsToStages": {id: sorted(v.stages) for id, v in versions.items() if v.stages}})

    def do_GetSecretValue(self, call, secret, region):
        versions, id, stage = self.seen(secret), call.body.get("VersionId"), call.body.get("VersionStage")
        if region != secret.region:
            shown = secret.replicas[region].current
            versions = {i: Version(v.value, ["AWSCURRENT"], v.created) for i, v in secret.versions.items() if v is shown}
        if id and stage and stage not in getattr(versions.get(id), "stages", ()):
            if id in versions:
                return self.error("InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
        id = id or secret.holder(stage or "AWSCURRENT", versions)
        version = versions.get(id)
        if not version or version.value is None:
            what = f"VersionId: {id}" if call.body.get("VersionId") else f"staging label: {stage or 'AWSCURRENT'}"
            return self.error("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {what}")
        shown = {"SecretBinary": base64.b64encode(version.value.encode()).decode()} if version.binary else {"SecretString": version.value}
        return Answer(200, {"ARN": secret.arn_in(region), "Name": secret.name, "VersionId": id, "CreatedDate": version.created,
                            **shown, "VersionStages": sorted(version.stages)})

    def do_ListSecretVersionIds(self, call, secret, region):
        versions = sorted(self.seen(secret).items(), key=lambda item: item[1].created)
        shown = [(id, v) for id, v in versions if v.stages or call.body.get("IncludeDeprecated")]
        start = int(call.body.get("NextToken") or 0)
        end = start + min(self.page, call.body.get("MaxResults") or 100)
        return Answer(200, {
            "ARN": secret.arn, "Name": secret.name, **({"NextToken": str(end)} if end < len(shown) else {}),
            "Versions": [{"VersionId": id, "CreatedDate": v.created, "KmsKeyIds": ["DefaultEncryptionKey"],
                          **({"VersionStages": sorted(v.stages)} if v.stages else {})} for id, v in shown[start:end]]})

    def do_PutSecretValue(self, call, secret, region):
        body, token = call.body, call.body.get("ClientRequestToken", "")
        stages, version = body.get("VersionStages"), secret.versions.get(token)
        if not token:
            return self.error("InvalidRequestException", "You must provide a ClientRequestToken value. We recommend a UUID-type value.")
        if call.invocation and body.get("RotationToken") != call.invocation.event.get("RotationToken"):
            self.world.breaks("RotationToken", "PutSecretValue does not hand on the event's")
        if version and version.value is not None and version.value != body["SecretString"]:
            return self.error("ResourceExistsException", "A resource with the ID you requested already exists.")
        if not version or version.value is None or set(stages or ["AWSCURRENT"]) - version.stages:
            self.put(secret, token, body["SecretString"], stages or ["AWSCURRENT"], call.function.binary)
        call.effect = f"stored under {'+'.join(sorted(secret.versions[token].stages))}"
        return Answer(200, {"ARN": secret.arn, "Name": secret.name, "VersionId": token, "VersionStages": sorted(secret.versions[token].stages)})

    def do_UpdateSecretVersionStage(self, call, secret, region):
        stage, to, at = call.body["VersionStage"], call.body.get("MoveToVersionId"), call.body.get("RemoveFromVersionId")
        holder = secret.holder(stage)
        if any(id and id not in secret.versions for id in (to, at)):
            return self.error("ResourceNotFoundException", "Secrets Manager can't find the specified secret version.")
        if holder and holder != to and not at:
            return self.error("InvalidParameterException", f"The parameter RemoveFromVersionId can't be empty. Staging label {stage} is "
                              f"currently attached to version {holder}, so you must explicitly reference that version in RemoveFromVersionId.")
        if at and at != holder:
            return self.error("InvalidParameterException", f"When you move staging label {stage}, if you specify RemoveFromVersionId, "
                              f"it must be set to the version that currently has the staging label {stage}.")
        if stage == "AWSCURRENT" and not to:
            return self.error("InvalidParameterException", "You can't remove the AWSCURRENT staging label without moving it.")
        if to and holder != to and len(secret.versions[to].stages) >= 20:
            return self.error("LimitExceededException", "You have exceeded the limit of staging labels for a version.")
        if holder != to:
            secret.change()
            secret.move(stage, to)
            if stage == "AWSCURRENT":
                self.world.promises.promoted(call, secret, secret.versions.get(holder), secret.versions[to])
            secret.settle()
        call.effect = f"{stage} on {to or 'nothing'}"
        return Answer(200, {"ARN": secret.arn, "Name": secret.name})
