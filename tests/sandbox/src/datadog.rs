//! A Datadog organisation: its keys, its service accounts, and the HTTP API that rotation speaks.
