terraform {
  required_version = ">= 1.5.0" # optional() with defaults, and nothing newer

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0" # the arguments used here are checked against those of 6.62; 5.x has no region attribute
    }
  }
}
