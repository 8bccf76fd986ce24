"""The AWS account. Whatever is made here bears the run's name, and nothing else is deleted."""

import json
import re
import time
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

SECRETS = ("admin", "api-key", "application-key", "service-access-token", "foreign", "bootstrap", "protocol")
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


class StackFailed(Exception):
    """CloudFormation did not do it, and why."""


class Account:
    def __init__(self, run: str, region: str | None):
        self.run = run
        session = boto3.Session(region_name=region)
        self.region = session.region_name
        if not self.region:
            raise SystemExit("No region: give --region")
        self.client = session.client

    def number(self) -> str:
        return self.client("sts").get_caller_identity()["Account"]

    @property
    def bucket(self) -> str:
        return self.run

    # What is there

    def there(self) -> list[str]:
        found = [f"stack {self.run} ({status})" for status in [self.stack_status()] if status]
        found += [f"secret {it}" for it in self.secrets()]
        found += [f"log group {it}" for it in self.log_groups()]
        found += [f"bucket {it['Name']}" for it in self.client("s3").list_buckets()["Buckets"] if it["Name"] == self.bucket]
        found += [f"function {it}" for it in self.functions()]
        return found

    def stack_status(self) -> str | None:
        try:
            [stack] = self.client("cloudformation").describe_stacks(StackName=self.run)["Stacks"]
        except ClientError:
            return None
        return stack["StackStatus"] if stack["StackStatus"] != "DELETE_COMPLETE" else None

    def secrets(self) -> list[str]:
        pages = self.client("secretsmanager").get_paginator("list_secrets").paginate()
        return [it["Name"] for page in pages for it in page["SecretList"] if it["Name"].startswith(f"{self.run}/")]

    def log_groups(self) -> list[str]:
        pages = self.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/lambda/{self.run}-")
        return [it["logGroupName"] for page in pages for it in page["logGroups"]]

    def functions(self) -> list[str]:
        pages = self.client("lambda").get_paginator("list_functions").paginate()
        return [it["FunctionName"] for page in pages for it in page["Functions"] if it["FunctionName"].startswith(f"{self.run}-")]

    # What is made

    def store(self, name: str, value: dict) -> str:
        secret = self.client("secretsmanager").create_secret(Name=f"{self.run}/{name}", SecretString=json.dumps(value))
        return secret["ARN"]

    def upload(self, release: Path):
        """The release's zips, and its template with their addresses."""
        s3 = self.client("s3")
        place = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        try:
            s3.create_bucket(Bucket=self.bucket, **place)
        except s3.exceptions.BucketAlreadyOwnedByYou:
            pass  # the client has sent it twice, because the first answer was lost
        for package in release.glob("*.zip"):
            s3.upload_file(str(package), self.bucket, package.name)
        template = re.sub(
            r"^( +CodeUri: )(\S+\.zip)$", rf"\1s3://{self.bucket}/\2", (release / "template.yaml").read_text(), flags=re.MULTILINE
        )
        s3.put_object(Bucket=self.bucket, Key="template.yaml", Body=template.encode())

    def deploy(self, parameters: dict[str, str]) -> dict[str, str]:
        """Creates the stack, or updates it. Returns its outputs."""
        formation = self.client("cloudformation")
        address = f"{self.client('s3').meta.endpoint_url}/{self.bucket}/template.yaml"
        listed = [{"ParameterKey": name, "ParameterValue": it} for name, it in parameters.items()]
        options = {"StackName": self.run, "TemplateURL": address, "Parameters": listed, "Capabilities": CAPABILITIES}
        if self.stack_status():
            formation.update_stack(**options)
        else:
            try:
                formation.create_stack(**options)
            except formation.exceptions.AlreadyExistsException:
                pass  # likewise: before the run there was none of this name
        status = self.settled(minutes=20)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise StackFailed(f"{status}: {self.reasons()}")
        [stack] = formation.describe_stacks(StackName=self.run)["Stacks"]
        return {it["OutputKey"]: it["OutputValue"] for it in stack["Outputs"]}

    def settled(self, minutes: int) -> str | None:
        deadline = time.monotonic() + minutes * 60
        while (status := self.stack_status()) and status.endswith("IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise StackFailed(f"still {status} after {minutes} minutes")
            time.sleep(2)
        return status

    def reasons(self) -> str:
        events = self.client("cloudformation").describe_stack_events(StackName=self.run)["StackEvents"]
        failed = [it for it in events if it["ResourceStatus"].endswith("FAILED")]
        return "; ".join(f"{it['LogicalResourceId']}: {it.get('ResourceStatusReason', '')}" for it in failed[-3:])

    # What is deleted

    def deletions(self):
        return [self.delete_stack, self.delete_log_groups, self.delete_secrets, self.delete_bucket]

    def delete_stack(self):
        for _ in range(3):
            if not self.stack_status():
                return
            self.client("cloudformation").delete_stack(StackName=self.run)
            self.settled(minutes=20)

    def delete_log_groups(self):
        for name in self.log_groups():
            self.client("logs").delete_log_group(logGroupName=name)

    def delete_secrets(self):
        manager = self.client("secretsmanager")
        # A list may not have what was made a moment ago.
        for name in {*self.secrets(), *(f"{self.run}/{it}" for it in SECRETS)}:
            try:
                manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
            except manager.exceptions.ResourceNotFoundException:
                continue

    def delete_bucket(self):
        s3 = self.client("s3")
        try:
            objects = s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucket":
                return
            raise
        for it in objects:
            s3.delete_object(Bucket=self.bucket, Key=it["Key"])
        s3.delete_bucket(Bucket=self.bucket)
