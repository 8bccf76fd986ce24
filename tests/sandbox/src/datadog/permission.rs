//! The permissions that roles grant and scopes name.

use serde_json::{Value, json};
use uuid::Uuid;

/// Every permission that an application key's scopes may name: the OAuth scopes of the API
/// description, and those of the recorded roles, of key management and of the AWS integration.
pub(super) const NAMES: &[&str] = &[
    "api_keys_delete",
    "api_keys_read",
    "api_keys_write",
    "apm_api_catalog_read",
    "apm_api_catalog_write",
    "apm_read",
    "apm_service_catalog_read",
    "apm_service_catalog_write",
    "appsec_vm_read",
    "aws_configuration_edit",
    "aws_configuration_read",
    "aws_configurations_manage",
    "billing_read",
    "bits_investigations_read",
    "bits_investigations_write",
    "cases_read",
    "cases_write",
    "ci_visibility_pipelines_write",
    "ci_visibility_read",
    "cloud_auth_config_read",
    "cloud_auth_config_write",
    "cloud_cost_management_read",
    "cloud_cost_management_write",
    "code_analysis_read",
    "code_coverage_read",
    "continuous_profiler_pgo_read",
    "coterm_read",
    "coterm_write",
    "create_webhooks",
    "dashboards_embed_share",
    "dashboards_invite_share",
    "dashboards_public_share",
    "dashboards_read",
    "dashboards_write",
    "data_scanner_read",
    "data_scanner_write",
    "embeddable_graphs_share",
    "error_tracking_read",
    "error_tracking_write",
    "events_read",
    "hosts_read",
    "incident_notification_settings_read",
    "incident_notification_settings_write",
    "incident_read",
    "incident_settings_read",
    "incident_settings_write",
    "incident_write",
    "metrics_read",
    "monitors_downtime",
    "monitors_read",
    "monitors_write",
    "notebooks_read",
    "org_app_keys_read",
    "org_app_keys_write",
    "org_connections_read",
    "org_connections_write",
    "org_management",
    "rum_apps_read",
    "security_comments_read",
    "security_monitoring_critical_assets_read",
    "security_monitoring_critical_assets_write",
    "security_monitoring_filters_read",
    "security_monitoring_filters_write",
    "security_monitoring_findings_read",
    "security_monitoring_rules_read",
    "security_monitoring_rules_write",
    "security_monitoring_signals_read",
    "security_monitoring_suppressions_read",
    "security_monitoring_suppressions_write",
    "security_pipelines_read",
    "security_pipelines_write",
    "service_account_write",
    "slos_corrections",
    "slos_read",
    "slos_write",
    "synthetics_global_variable_read",
    "synthetics_global_variable_write",
    "synthetics_private_location_read",
    "synthetics_private_location_write",
    "synthetics_read",
    "synthetics_write",
    "teams_manage",
    "teams_read",
    "test_optimization_read",
    "test_optimization_settings_write",
    "test_optimization_write",
    "timeseries_query",
    "usage_read",
    "user_access_invite",
    "user_access_manage",
    "user_access_read",
    "user_app_keys",
    "workflows_read",
    "workflows_run",
    "workflows_write",
    "workload_identity_federation_read",
    "workload_identity_federation_write",
];

/// What a role made through the API holds from the start (recorded).
pub(super) const OF_EVERY_NEW_ROLE: &[&str] = &[
    "dashboards_read",
    "monitors_read",
    "apm_read",
    "incident_read",
    "rum_apps_read",
    "notebooks_read",
    "slos_read",
    "ci_visibility_read",
];

/// Names are compared with regard to case (documented).
pub(super) fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// A permission's id, which is the same in every organisation.
pub(super) fn id(name: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

/// The permission as `included` shows it (recorded); its words are ours.
pub(super) fn resource(name: &str) -> Value {
    json!({
        "type": "permissions",
        "id": id(name),
        "attributes": {
            "name": name,
            "display_name": name.replace('_', " "),
            "description": format!("Grants {name}."),
            "created": "2019-09-10T14:39:51.955175+00:00",
            "group_name": "Sandbox",
            "display_type": if name.ends_with("_read") { "read" } else { "write" },
            "restricted": true,
        },
    })
}
