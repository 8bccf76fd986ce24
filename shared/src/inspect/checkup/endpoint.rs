//! Where the requests go, if variables send them elsewhere than to the services.

use std::net::IpAddr;

use super::Status;
use crate::site::Site;

/// Returns what is to be said of the variable that replaces Datadog's address.
pub(super) fn of_datadog(url: Option<&str>, site: Site) -> (Status, String) {
    let Some(url) = url else {
        return (Status::Ok, site.to_string());
    };
    let text = format!("{site}, but DATADOG_API_URL sends all requests to {url}");
    let is_datadog = |host: &str| {
        Site::ALL
            .iter()
            .any(|it| it.api_url() == format!("https://{host}"))
    };
    judged(url, text, is_datadog, "Datadog")
}

/// Likewise of the one that replaces Secrets Manager's.
pub(super) fn of_aws(url: Option<&str>) -> (Status, String) {
    let Some(url) = url else {
        return (Status::Ok, "found".to_owned());
    };
    let text = format!(
        "found, where AWS_ENDPOINT_URL_SECRETS_MANAGER or AWS_ENDPOINT_URL sends all requests: {url}"
    );
    let is_aws = |host: &str| {
        let suffixes = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
        suffixes.iter().any(|it| host.ends_with(it))
    };
    judged(url, text, is_aws, "AWS")
}

/// A stand-in on this machine needs no warning: nothing leaves it.
fn judged(url: &str, text: String, is_own: impl Fn(&str) -> bool, whose: &str) -> (Status, String) {
    let uri: Option<http::Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let is_plain = uri.as_ref().and_then(http::Uri::scheme_str) != Some("https");
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    if host == "localhost" || address.is_ok_and(|it| it.is_loopback()) {
        (Status::Ok, format!("{text} (this machine)"))
    } else if is_plain {
        let text = format!("{text}, unencrypted: whoever listens on the way reads the keys");
        (Status::Warning, text)
    } else if is_own(host) {
        (Status::Ok, text)
    } else {
        (
            Status::Warning,
            format!("{text}, a host that is not {whose}'s and gets the keys"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_elsewhere_is_told() {
        for (url, status, words) in [
            (None, Status::Ok, "datadoghq.com"),
            (Some("https://api.datadoghq.eu"), Status::Ok, "sends all"),
            (Some("http://127.0.0.1:8080"), Status::Ok, "this machine"),
            (Some("http://[::1]:8080"), Status::Ok, "this machine"),
            (
                Some("http://api.datadoghq.com"),
                Status::Warning,
                "unencrypted",
            ),
            (
                Some("https://api.datadoghq.com.evil.example"),
                Status::Warning,
                "not Datadog's",
            ),
        ] {
            let (told, text) = of_datadog(url, Site::Us1);
            assert_eq!(told, status, "{text}");
            assert!(text.contains(words), "{text}");
        }
        for (url, status) in [
            (
                "https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com",
                Status::Ok,
            ),
            (
                "http://secretsmanager.eu-west-1.amazonaws.com",
                Status::Warning,
            ),
            ("https://amazonaws.com.evil.example", Status::Warning),
        ] {
            assert_eq!(of_aws(Some(url)).0, status, "{url}");
        }
    }
}
