"""What rotations cost a year."""

# us-east-1, arm64, as third parties quote the price lists: docs/operate/cost.md.
GIGABYTE_SECOND = 0.0000133334
INVOCATION = 0.2 / 1e6
CALL = 0.05 / 10_000
SECRET_A_YEAR = 0.40 * 12
# As the template has it.
DAYS = 30
STEPS = 4


def lambda_a_year(billed_ms: float, megabytes: int) -> float:
    """Of one secret, for the time and the invocations of its functions."""
    rotation = billed_ms / 1e3 * megabytes / 1024 * GIGABYTE_SECOND + STEPS * INVOCATION
    return rotation * 365 / DAYS


def calls_a_year(secrets_manager: int) -> float:
    return secrets_manager * CALL * 365 / DAYS
