//! Rotation of Datadog credentials held in AWS Secrets Manager.
