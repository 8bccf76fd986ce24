//! How programs reach the network: proxies, and whom they trust.

use std::path::PathBuf;

use hyper_util::client::proxy::matcher::Matcher;

use super::{SettingError, text};

const HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const HTTP: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const NO: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The variables that proxies and certificates are set by.
///
/// The HTTP stack reads the proxies' variables too, but it passes over those that it can't read, and
/// would then send keys past the proxy. So they are read here, and one that can't be used is an error.
#[derive(Clone, Debug, Default)]
pub struct NetworkSettings {
    /// `HTTPS_PROXY`, else `ALL_PROXY`, in capitals or not.
    pub https_proxy: Option<String>,
    /// `HTTP_PROXY`, else `ALL_PROXY`, likewise.
    pub http_proxy: Option<String>,
    /// `NO_PROXY`: hosts, domains and networks that are reached directly.
    pub no_proxy: Option<String>,
    /// `SSL_CERT_FILE`: a PEM bundle in place of the roots compiled in.
    pub cert_file: Option<PathBuf>,
}

impl NetworkSettings {
    pub fn from_env() -> Result<Self, SettingError> {
        Ok(Self {
            https_proxy: proxy(&HTTPS)?,
            http_proxy: proxy(&HTTP)?,
            no_proxy: first(&NO)?.map(|(_, text)| text),
            cert_file: text("SSL_CERT_FILE")?.map(Into::into),
        })
    }

    /// Returns what stops nothing, and is not as it is meant to be.
    #[must_use]
    pub fn warnings(&self) -> Vec<SettingError> {
        let no_proxy = self.no_proxy.iter();
        let defects = no_proxy.filter_map(|list| no_proxy_defect(list));
        defects
            .map(|defect| SettingError::new("NO_PROXY", defect))
            .collect()
    }
}

fn first(names: &[&'static str]) -> Result<Option<(&'static str, String)>, SettingError> {
    for name in names {
        if let Some(text) = text(name)? {
            return Ok(Some((name, text)));
        }
    }
    Ok(None)
}

fn proxy(names: &[&'static str]) -> Result<Option<String>, SettingError> {
    let Some((name, text)) = first(names)? else {
        return Ok(None);
    };
    match proxy_defect(&text) {
        Some(defect) => Err(SettingError::new(name, defect)),
        None => Ok(Some(text)),
    }
}

/// Returns why a text is no address of a proxy, if it is none.
fn proxy_defect(text: &str) -> Option<&'static str> {
    let Ok(uri) = text.parse::<http::Uri>() else {
        return Some("is no URL: it must be like http://proxy.example.com:3128");
    };
    if !matches!(uri.scheme_str(), None | Some("http" | "https")) {
        return Some("names a kind of proxy that is not supported: it must begin with http://");
    }
    let Some(authority) = uri.authority() else {
        return Some("names no host: it must be like http://proxy.example.com:3128");
    };
    if authority.as_str().matches('@').count() > 1 {
        return Some("has an @ in its user name or password: write it as %40");
    }
    let place = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port = place.rsplit_once(':').filter(|(_, it)| !it.ends_with(']'));
    if port.is_some() && authority.port_u16().is_none() {
        return Some("names a port that can't be one");
    }
    if !is_host(uri.host().unwrap_or_default()) {
        return Some("names a host that can't be one");
    }
    let has_path = uri.path_and_query().is_some_and(|it| it.as_str() != "/");
    if has_path && uri.scheme().is_some() {
        return Some("has a path: it must be the address of a proxy, and not of a file");
    }
    // Last, the judgement of the one who passes over what it can't read.
    let target = http::Uri::from_static("https://datadoghq.com");
    let proxy = Matcher::builder().all(text.to_owned()).build();
    let is_used = proxy.intercept(&target).is_some() && reqwest::Proxy::all(text).is_ok();
    (!is_used).then_some("can't be used as the address of a proxy")
}

fn is_host(host: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let ip = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    match ip {
        Some(ip) => ip.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_name),
    }
}

/// Returns why an entry of the list can't match any host. An entry is a name, an address, a network or `*`.
fn no_proxy_defect(list: &str) -> Option<&'static str> {
    let mut entries = list.split(',').map(str::trim).filter(|it| !it.is_empty());
    entries.find_map(|entry| {
        if entry.contains("://") {
            Some("has an entry that is a URL, and matches no host: write the host alone")
        } else if entry.contains(|it: char| it.is_whitespace() || it == ';') {
            Some("has an entry that matches no host: entries are separated by commas")
        } else if entry.len() > 1 && entry.contains('*') {
            Some("has an entry with a * in it, which matches no host: write .example.com")
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_proxies_are_told_from_what_would_be_passed_over() {
        for good in [
            "http://proxy.example.com:3128",
            "https://proxy.example.com",
            "http://user:p%40ss@proxy:3128/",
            "http://user:pass@proxy",
            "http://user@[2001:db8::1]",
            "proxy.example.com:3128",
            "proxy",
            "10.0.0.1:3128",
            "http://[2001:db8::1]:3128",
        ] {
            assert_eq!(proxy_defect(good), None, "{good}");
        }
        for (bad, word) in [
            ("http//proxy:3128", "no URL"),
            ("http://", "no URL"),
            ("http://proxy:port", "a port"),
            ("http://proxy example:3128", "no URL"),
            ("http://proxy:312800", "a port"),
            ("socks5://proxy:1080", "not supported"),
            ("ftp://proxy", "not supported"),
            ("/proxy", "no host"),
            ("http://user:p@ss@proxy:3128", "%40"),
            ("http://proxy;3128", "can't be one"),
            ("http://:3128", "can't be one"),
            ("http://proxy:3128/proxy.pac", "a path"),
        ] {
            let defect = proxy_defect(bad).unwrap_or("none");
            assert!(defect.contains(word), "{bad}: {defect}");
        }
    }

    #[test]
    fn what_is_passed_over_in_a_list_of_hosts_is_told() {
        for good in [
            "*",
            "localhost,127.0.0.1, .amazonaws.com,10.0.0.0/8,",
            "::1",
        ] {
            assert_eq!(no_proxy_defect(good), None, "{good}");
        }
        for (bad, word) in [
            ("localhost;amazonaws.com", "commas"),
            ("localhost amazonaws.com", "commas"),
            ("localhost,*.amazonaws.com", ".example.com"),
            ("http://localhost", "a URL"),
        ] {
            let defect = no_proxy_defect(bad).unwrap_or("none");
            assert!(defect.contains(word), "{bad}: {defect}");
        }
    }
}
