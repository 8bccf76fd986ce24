"""AWS's public template of a rotation function. What the three types do in its steps, they bring themselves."""

import json

import boto3

secrets_manager = boto3.client("secretsmanager")


def rotate(event, steps):
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]

    metadata = secrets_manager.describe_secret(SecretId=arn)
    if not metadata["RotationEnabled"]:
        raise ValueError(f"Secret {arn} is not enabled for rotation")
    versions = metadata["VersionIdsToStages"]
    if token not in versions:
        raise ValueError(f"Secret version {token} has no stage for rotation of secret {arn}.")
    if "AWSCURRENT" in versions[token]:
        return
    if "AWSPENDING" not in versions[token]:
        raise ValueError(f"Secret version {token} not set as AWSPENDING for rotation of secret {arn}.")

    if step == "createSecret":
        current = value(arn, VersionStage="AWSCURRENT")
        try:
            value(arn, VersionId=token, VersionStage="AWSPENDING")
        except secrets_manager.exceptions.ResourceNotFoundException:
            new = steps.create(metadata, current)
            secrets_manager.put_secret_value(
                SecretId=arn, ClientRequestToken=token, SecretString=json.dumps(new), VersionStages=["AWSPENDING"]
            )
    elif step == "setSecret":
        pass  # a new key works from birth
    elif step == "testSecret":
        steps.test(metadata, value(arn, VersionId=token, VersionStage="AWSPENDING"))
    elif step == "finishSecret":
        steps.finish(metadata, token)
    else:
        raise ValueError("Invalid step parameter")


def value(arn, **version):
    return json.loads(secrets_manager.get_secret_value(SecretId=arn, **version)["SecretString"])


def admin(metadata):
    """The admin secret's value; its ARN is in a tag of the secret that is rotated."""
    [arn] = [tag["Value"] for tag in metadata["Tags"] if tag["Key"] == "adminSecretArn"]
    return value(arn, VersionStage="AWSCURRENT")


def promote(arn, token):
    metadata = secrets_manager.describe_secret(SecretId=arn)
    [current] = [version for version, stages in metadata["VersionIdsToStages"].items() if "AWSCURRENT" in stages]
    secrets_manager.update_secret_version_stage(
        SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
    )
