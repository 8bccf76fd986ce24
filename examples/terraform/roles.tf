resource "aws_iam_role" "rotation" {
  for_each = local.functions

  name                 = "${var.function_name_prefix}-${each.key}-${data.aws_region.current.region}" # IAM has no regions
  permissions_boundary = var.permissions_boundary
  assume_role_policy   = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "rotation" {
  for_each = local.functions

  name   = "rotation"
  role   = aws_iam_role.rotation[each.key].name
  policy = data.aws_iam_policy_document.rotation[each.key].json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

# The statements of template.yaml, where their reasons stand.
data "aws_iam_policy_document" "rotation" {
  for_each = local.functions

  statement {
    sid = "RotatedSecrets"
    actions = [
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetSecretValue",
      "secretsmanager:ListSecretVersionIds",
      "secretsmanager:PutSecretValue",
      "secretsmanager:UpdateSecretVersionStage",
    ]
    resources = ["arn:${data.aws_partition.current.partition}:secretsmanager:${local.place}:secret:*"]
    condition {
      test     = "StringEquals"
      variable = "secretsmanager:resource/AllowRotationLambdaArn"
      values   = ["arn:${data.aws_partition.current.partition}:lambda:${local.place}:function:${var.function_name_prefix}-${each.key}"]
    }
  }

  dynamic "statement" {
    for_each = each.value.reads[*]
    content {
      sid       = "AdminSecret"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value]
      condition {
        test     = "StringEquals"
        variable = "secretsmanager:VersionStage"
        values   = ["AWSCURRENT"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.value.kms_key[*]
    content {
      sid       = "RotatedSecretsKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["secretsmanager.*"]
      }
    }
  }

  dynamic "statement" {
    for_each = each.value.read_kms_key[*]
    content {
      sid       = "AdminSecretKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["secretsmanager.*"]
      }
    }
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.rotation[each.key].arn}:*"]
  }
}
