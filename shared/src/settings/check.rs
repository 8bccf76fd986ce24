//! Variables that are looked at before a program begins its work.

use super::{DATADOG_API_URL, SettingError, text, topic};

/// The addresses that replace those of the services.
const URLS: [&str; 5] = [
    DATADOG_API_URL,
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_SNS",
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_ENDPOINT_URL",
];

/// The SDK's own: anything but `true` would be taken for `false`.
const FLAGS: [&str; 2] = ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"];

/// Looked at where they are used, which tells more. Here it matters that they can be read at all.
const TEXTS: [&str; 7] = [
    "ADMIN_SECRET_ARN",
    "DATADOG_ORG_UUID",
    "DATADOG_SERVICE_ACCOUNT_ID",
    "DATADOG_SITE",
    "DATADOG_API_KEY_SECRET_ARN",
    "DATADOG_FALLBACK_ADMIN_SECRET_ARN",
    "AWS_REGION",
];

/// Refuses the first variable with which the program would do something else than it is told.
pub fn check() -> Result<(), SettingError> {
    for variable in URLS {
        if let Some(defect) = text(variable)?.as_deref().and_then(url_defect) {
            return Err(SettingError::new(variable, defect));
        }
    }
    for variable in FLAGS {
        if text(variable)?.is_some_and(|it| !is_flag(&it)) {
            return Err(SettingError::new(variable, "is neither true nor false"));
        }
    }
    for variable in TEXTS {
        text(variable)?;
    }
    topic::check()
}

fn is_flag(text: &str) -> bool {
    ["true", "false"]
        .iter()
        .any(|it| text.eq_ignore_ascii_case(it))
}

/// Returns why a text is no address that paths can be put behind, if it is none.
fn url_defect(text: &str) -> Option<&'static str> {
    let Ok(uri) = text.parse::<http::Uri>() else {
        return Some("is no URL");
    };
    let (scheme, authority) = (uri.scheme_str(), uri.authority());
    match authority {
        Some(authority) if matches!(scheme, Some("http" | "https")) => {
            if authority.as_str().contains('@') {
                Some("has a user name in it, which nobody would send")
            } else if uri.query().is_some() || text.contains('#') {
                Some("has more than a path behind its host")
            } else {
                None
            }
        }
        _ => Some("is no URL that begins with https://"),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_flag, url_defect};

    #[test]
    fn addresses_of_services_are_told_from_what_leads_elsewhere() {
        for good in [
            "https://api.datadoghq.eu",
            "http://127.0.0.1:8080/",
            "https://vpce-0a.secretsmanager.eu-west-1.vpce.amazonaws.com/path",
        ] {
            assert_eq!(url_defect(good), None, "{good}");
        }
        for bad in [
            "api.datadoghq.eu",
            "localhost:8080",
            "ftp://api.datadoghq.eu",
            "https//api.datadoghq.eu",
            "https://api datadoghq.eu",
            "https://user@api.datadoghq.eu",
            "https://api.datadoghq.eu?x=1",
            "https://api.datadoghq.eu/#x",
            "https://",
        ] {
            assert!(url_defect(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_flag_is_one_of_two_words() {
        assert!(is_flag("True") && is_flag("false"));
        assert!(!is_flag("1") && !is_flag("yes"));
    }
}
