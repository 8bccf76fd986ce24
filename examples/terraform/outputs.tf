output "function_arns" {
  description = "Rotation functions: attach further secrets to them with aws secretsmanager rotate-secret"
  value       = { for name, function in aws_lambda_function.rotation : name => function.arn }
}

output "log_groups" {
  description = "What a check or a rotation found is there: aws logs tail NAME --since 1h (AWS CLI 2)"
  value       = { for name, group in aws_cloudwatch_log_group.rotation : name => group.name }
}
