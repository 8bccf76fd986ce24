//! The Datadog sites that admin keys may be sent to.

use std::fmt;

/// A Datadog site, from a closed list: an edited secret must not be able to send admin keys to
/// a host of its author's choice. The list is that of Datadog's own clients (August 2026).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    Us1,
    Us3,
    Us5,
    Eu1,
    Ap1,
    Ap2,
    Uk1,
    Us1Fed,
    Us2Fed,
}

impl Site {
    pub const ALL: [Self; 9] = [
        Self::Us1,
        Self::Us3,
        Self::Us5,
        Self::Eu1,
        Self::Ap1,
        Self::Ap2,
        Self::Uk1,
        Self::Us1Fed,
        Self::Us2Fed,
    ];

    /// The site that this domain names, if it is one; as Datadog writes it (`datadoghq.eu`).
    #[must_use]
    pub fn from_domain(domain: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|site| site.domain() == domain)
    }

    #[must_use]
    pub fn domain(self) -> &'static str {
        match self {
            Self::Us1 => "datadoghq.com",
            Self::Us3 => "us3.datadoghq.com",
            Self::Us5 => "us5.datadoghq.com",
            Self::Eu1 => "datadoghq.eu",
            Self::Ap1 => "ap1.datadoghq.com",
            Self::Ap2 => "ap2.datadoghq.com",
            Self::Uk1 => "uk1.datadoghq.com",
            Self::Us1Fed => "ddog-gov.com",
            Self::Us2Fed => "us2.ddog-gov.com",
        }
    }

    /// Where the site's API answers, without a trailing slash.
    #[must_use]
    pub fn api_url(self) -> String {
        format!("https://api.{}", self.domain())
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.domain())
    }
}

#[cfg(test)]
mod tests {
    use super::Site;

    #[test]
    fn only_listed_domains_are_sites() {
        for site in Site::ALL {
            assert_eq!(Site::from_domain(site.domain()), Some(site));
        }
        for stranger in [
            "",
            "datadoghq.com.evil.example",
            "app.datadoghq.com",
            "DATADOGHQ.COM",
        ] {
            assert_eq!(Site::from_domain(stranger), None, "{stranger}");
        }
    }
}
