data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # What sets them apart: the admin secret that each may read, and the keys that encrypt what it rotates and reads.
  functions = {
    api-key = {
      rotates       = "API keys"
      default_admin = var.admin_secret_arn
      reads         = var.admin_secret_arn
      kms_key       = var.kms_key_arn
      read_kms_key  = var.admin_secret_kms_key_arn
    }
    application-key = {
      rotates       = "application keys"
      default_admin = var.admin_secret_arn
      reads         = var.admin_secret_arn
      kms_key       = var.kms_key_arn
      read_kms_key  = var.admin_secret_kms_key_arn
    }
    service-access-token = {
      rotates       = "service access tokens"
      default_admin = var.admin_secret_arn
      reads         = var.admin_secret_arn
      kms_key       = var.kms_key_arn
      read_kms_key  = var.admin_secret_kms_key_arn
    }
    admin-key = {
      rotates       = "admin keys"
      default_admin = null
      reads         = var.assisting_admin_secret_arn
      kms_key       = var.admin_secret_kms_key_arn
      read_kms_key  = null
    }
  }

  # Not a variable: a function that was made for another architecture than its zip fails only when it first runs.
  architecture = regex("arm64$|x86_64$", var.packages)

  place = "${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}"
}

resource "aws_lambda_function" "rotation" {
  # checkov:skip=CKV_AWS_50: Four short steps, told by the log. A trace would add a service that is told of every call
  # checkov:skip=CKV_AWS_115: Secrets Manager invokes one step at a time for a secret. A reserved concurrency fails steps
  # checkov:skip=CKV_AWS_116: A dead-letter queue serves asynchronous invocations. Secrets Manager's are synchronous
  # checkov:skip=CKV_AWS_117: Datadog is on the internet. template.yaml shows what a VPC takes
  # checkov:skip=CKV_AWS_173: The one variable is the ARN of a secret, which is no secret
  # checkov:skip=CKV_AWS_272: The sums beside the zips say what they are. A signing profile is your account's to have
  for_each = local.functions

  function_name    = "${var.function_name_prefix}-${each.key}"
  description      = "Rotates Datadog ${each.value.rotates} for Secrets Manager"
  role             = aws_iam_role.rotation[each.key].arn
  filename         = "${var.packages}/datadog-${each.key}.zip"
  source_code_hash = filebase64sha256("${var.packages}/datadog-${each.key}.zip")
  architectures    = [local.architecture]
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  timeout          = 300 # seconds, as in template.yaml; an invocation ends itself after 14 minutes in any case
  memory_size      = 128

  dynamic "environment" {
    for_each = each.value.default_admin[*]
    content {
      variables = { ADMIN_SECRET_ARN = environment.value }
    }
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = var.log_level
    log_group             = aws_cloudwatch_log_group.rotation[each.key].name
  }
}

# They outlive the functions, for they hold the only names of keys that were lost. So their names are never the same.
resource "aws_cloudwatch_log_group" "rotation" {
  # checkov:skip=CKV_AWS_158: The logs hold names and ids of keys, never a key
  for_each = local.functions

  name_prefix       = "/aws/lambda/${var.function_name_prefix}-${each.key}-"
  retention_in_days = var.log_retention_in_days
  skip_destroy      = true
}

# SourceArn as well would bind a function to a single secret.
resource "aws_lambda_permission" "rotation" {
  for_each = local.functions

  function_name  = aws_lambda_function.rotation[each.key].function_name
  action         = "lambda:InvokeFunction"
  principal      = "secretsmanager.amazonaws.com"
  source_account = data.aws_caller_identity.current.account_id
}

resource "aws_secretsmanager_secret_rotation" "rotation" {
  # checkov:skip=CKV_AWS_304: The check counts days and knows no schedule expressions
  for_each = var.secrets

  secret_id           = each.value.arn
  rotation_lambda_arn = aws_lambda_function.rotation[each.value.function].arn
  rotate_immediately  = var.rotate_immediately

  rotation_rules {
    schedule_expression = each.value.schedule
    duration            = each.value.window
  }

  # Secrets Manager refuses a function that it may not invoke, and rotates or checks at once.
  depends_on = [aws_lambda_permission.rotation, aws_iam_role_policy.rotation]
}
