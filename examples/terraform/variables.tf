variable "packages" {
  description = "Folder with the functions' zips. Its name ends in arm64 or x86_64, as a release's does, and the functions are made for that"
  type        = string

  validation {
    condition     = can(regex("arm64$|x86_64$", var.packages))
    error_message = "packages ends in arm64 or x86_64, which says what its zips were built for."
  }
}

variable "function_name_prefix" {
  description = "The functions are named PREFIX-api-key, PREFIX-application-key, PREFIX-service-access-token and PREFIX-admin-key"
  type        = string
  default     = "datadog-rotation"

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,28}$", var.function_name_prefix)) # roles have 64 characters, region and all
    error_message = "function_name_prefix is 1 to 28 letters, digits, hyphens and underscores."
  }
}

variable "admin_secret_arn" {
  description = "Full ARN of the DatadogAdminKey secret whose keys rotate API keys, application keys and service access tokens; null if every secret names its own"
  type        = string
  default     = null
}

variable "assisting_admin_secret_arn" {
  description = "Full ARN of the DatadogAdminKey secret that rotated admin secrets name; null if each rotates itself"
  type        = string
  default     = null
}

variable "secrets" {
  description = "Secrets of this account and region to rotate from now on, by names of your choice; schedules are in UTC, and cron() may follow with a window such as 3h"
  type = map(object({
    function = string
    arn      = string
    schedule = optional(string, "rate(30 days)")
    window   = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for it in var.secrets : contains(["api-key", "application-key", "service-access-token", "admin-key"], it.function)])
    error_message = "function is api-key, application-key, service-access-token or admin-key."
  }
}

variable "rotate_immediately" {
  description = "Whether to rotate at the first apply and at each change of a schedule; false only runs a check, which changes nothing"
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "ARN of the customer managed key that encrypts the secrets of API keys, application keys and service access tokens, if there is one"
  type        = string
  default     = null
}

variable "admin_secret_kms_key_arn" {
  description = "ARN of the customer managed key that encrypts the admin secrets, if there is one"
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds the functions' roles, if your account asks for one"
  type        = string
  default     = null
}

variable "log_level" {
  description = "Least severe level that is logged; no level shows a key"
  type        = string
  default     = "INFO"
}

variable "log_retention_in_days" {
  description = "Days that the logs are kept"
  type        = number
  default     = 365
}
