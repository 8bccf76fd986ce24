//! AWS Secrets Manager (JSON 1.1), as far as rotation and its users need it.
