"""What README promises, checked after every call, after every invocation, and at rest."""

import json
import re
import time

from secrets_manager import TYPES

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


class Promises:
    def __init__(self, world):
        self.world = world

    def named(self, secret, stage):
        """The keys that the value under a label names by their ids."""
        version = secret.get(stage)
        keys = [self.world.datadog.by_id(id) for _, _, id in version.keys(secret.kind)] if version else []
        return [key for key in keys if key]

    def begins(self, function, invocation):
        """From here on a finishSecret may delete what AWSPREVIOUS of a secret with grace holds."""
        event = invocation.event
        secret = next((s for s in self.world.secrets.secrets if s.arn == event.get("SecretId")), None)
        if secret and event.get("Step") == "finishSecret":
            version = secret.versions.get(event.get("ClientRequestToken"))
            if version and version.value and "AWSPENDING" in version.stages and "AWSCURRENT" not in version.stages:
                secret.excused.add(secret.holder("AWSPREVIOUS"))

    def after(self, call):
        """P1: AWSCURRENT works, and with grace AWSPREVIOUS until the finishSecret that replaces it."""
        for secret in self.world.secrets.secrets:
            for stage in ["AWSCURRENT", *secret.spared]:
                if secret.holder(stage) in secret.excused:
                    continue
                for key in self.named(secret, stage):
                    if key.gone and key.gone_by != "a person":
                        self.world.breaks("P1", f"{stage} of {secret.name} names {key}, which {key.gone_by} deleted")
            for region, replica in secret.replicas.items():
                for _, _, id in replica.current.keys(secret.kind):
                    key = self.world.datadog.by_id(id)
                    if key and key.gone and key.gone_by != "a person":
                        self.world.breaks("P1", f"the replica of {secret.name} in {region} holds {key}, which {key.gone_by} deleted")

    def deleting(self, call):
        """P2, and what no DELETE may ever name, asked as it arrives and whatever is answered."""
        key = self.world.datadog.by_id(call.path.rsplit("/", 1)[1])
        rotated = next((s for s in self.world.secrets.secrets if call.invocation and s.arn == call.invocation.event.get("SecretId")), None)
        if not key:
            return self.world.breaks("P2", f"{call.line}: there never was such a key")
        if not rotated or key.id not in rotated.held and key.made_for != rotated.arn:
            self.world.breaks("P2", f"{call.line}: {key} was never held by the secret, nor made for it")
        token = call.invocation and call.invocation.event.get("ClientRequestToken")
        if rotated and key.made_for and key.made_under != token and key.id not in rotated.held and time.time() - key.created < 15 * 60:
            self.world.breaks("DELETE", f"{key} is of another version and not 15 minutes old: somebody may be about to store it")
        if key.id in call.keys:
            self.world.breaks("DELETE", f"{key} is asked to delete itself")
        if not key.live:
            return None
        for secret in self.world.secrets.secrets:
            if key in self.named(secret, "AWSCURRENT"):
                self.world.breaks("DELETE", f"AWSCURRENT of {secret.name} names {key}")
            pending = self.named(secret, "AWSPENDING")
            if key in pending and all(other.live for other in pending):
                self.world.breaks("DELETE", f"AWSPENDING of {secret.name} names {key}, and all of it is live")
            if key in self.named(secret, "AWSPREVIOUS"):
                steps = ["finishSecret"] if secret.spared else ["createSecret", "finishSecret"]
                if secret is not rotated or call.step not in steps:
                    self.world.breaks("DELETE", f"{call.step} deletes {key}, which AWSPREVIOUS of {secret.name} names")
        return None

    def promoted(self, call, secret, old, new):
        """P6: same owner, same scopes; of API keys all that may be read."""
        datadog = self.world.datadog
        secret.excused.discard(secret.holder("AWSCURRENT"))  # it is answered for from now on
        if call.invocation and not secret.spared:  # AWSPREVIOUS has followed
            call.invocation.replaced = {id for _, _, id in old.keys(secret.kind)} if old else set()
        for (kind, old_text, old_id), (_, text, id) in zip(old.keys(secret.kind) if old else [], new.keys(secret.kind), strict=False):
            before, after = datadog.by_id(old_id), datadog.by_id(id)
            if not (text or id):
                continue  # keyless: there are no keys in it
            if not datadog.is_text_of(kind, text, id):
                self.world.breaks("P1", f"{secret.name} is promoted to a value whose text and id are not of one key")
            elif before and (before.owner, set(before.scopes or [])) != (after.owner, set(after.scopes or [])):
                self.world.breaks("P6", f"{after} has {after.owner} {after.scopes}, {before} had {before.owner} {before.scopes}")
            elif before and kind == "api" and self.readable(call, secret):
                for name in ("category", "remote_config", "enroll"):
                    if getattr(before, name) != getattr(after, name):
                        self.world.breaks("P6", f"{name} of {after} is {getattr(after, name)}, of {before} it was {getattr(before, name)}")

    def readable(self, call, secret):
        """Whether whoever acted in this rotation may read API keys."""
        token = call.body.get("MoveToVersionId")
        return any("api_keys_read" in (self.world.datadog.authenticate(c, None) or (0, ()))[1] for c in self.world.calls
                   if c.service == "datadog" and c.invocation and c.invocation.event.get("ClientRequestToken") == token)

    def ended(self, function, invocation):
        """What was made is stored, deleted or named; and no step says that a key is gone while it works."""
        datadog = self.world.datadog
        lines = [line for line in map(self.parse, invocation.lines) if line]
        troubles = json.dumps([line for line in lines if line.get("level") in ("WARN", "ERROR")]) + invocation.text
        made = [key for key in datadog.keys if key.invocation is invocation]
        stored = {id for s in self.world.secrets.secrets for v in s.versions.values() for _, _, id in v.keys(s.kind)}
        for key in made:
            if invocation.report and key.live and key.told and key.id not in stored and key.id not in troubles and key.name not in troubles:
                self.world.breaks("leak", f"{key} was made, and is neither stored nor deleted nor named as left over")
        claimed = set(re.findall(UUID, " ".join(re.findall(r"Deleted: ([^.]*)", invocation.text))))
        if "deleted again" in invocation.text:
            claimed |= {key.id for key in made if key.told and key.id not in invocation.text}
        for line in lines:
            claimed |= set(re.findall(UUID, str(line.get("deleted", ""))))
            if invocation.event.get("Step") == "finishSecret" and re.search(r"replaced keys? .*(gone|deleted)|displaced keys? .*gone", str(line.get("outcome"))):
                claimed |= invocation.replaced
        for key in datadog.live():
            if key.id in claimed:
                self.world.breaks("lie", f"{invocation.event.get('Step')} says that {key} is deleted, and it works")

    @staticmethod
    def parse(line):
        try:
            line = json.loads(line)
        except ValueError:
            return None
        return line if isinstance(line, dict) else None

    def printed(self):
        """P4: no key, token, secret value or body in anything that a process printed or reported."""
        from functions import SECRET_KEY, SESSION
        from world import MARK
        hidden = {key.text for key in self.world.datadog.keys} | set(self.world.datadog.tokens)
        hidden |= {secret.rotation_token for secret in self.world.secrets.secrets} | {SECRET_KEY, SESSION, MARK}
        for function in self.world.functions:
            lines = function.lines + [json.dumps(report) for report in function.told]
            output = "\n".join(lines)
            for text in hidden:
                if text in output:
                    line = next(line for line in lines if text in line)
                    self.world.breaks("P4", f"{function.name} printed a secret: {line.replace(text, '<SECRET>')[:300]}")

    def at_rest(self, secret):
        """P3: the live keys that this secret's rotations made are those of AWSCURRENT, with grace and AWSPREVIOUS."""
        kept = [key for stage in ["AWSCURRENT", *secret.spared] for key in self.named(secret, stage)]
        for key in self.world.datadog.live():
            if key.made_for == secret.arn and key not in kept:
                self.world.breaks("P3", f"{key} is left over from {secret.name}")
        for kind, text, id in secret.get("AWSCURRENT").keys(secret.kind):
            if not self.world.datadog.is_text_of(kind, text, id) or not self.world.datadog.by_id(id).live:
                self.world.breaks("P1", f"AWSCURRENT of {secret.name} holds no live {kind} key")
        assert len(TYPES[secret.kind]) == len(self.named(secret, "AWSCURRENT"))
