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

    /// Returns the site that this domain names, if it is one; as Datadog writes it (`datadoghq.eu`).
    #[must_use]
    pub fn from_domain(domain: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|site| site.domain() == domain)
    }

    /// Returns the site that this text names, or what is wrong with it.
    pub fn read(text: &str) -> Result<Self, SiteDefect> {
        Self::from_domain(text).ok_or_else(|| SiteDefect::of(text))
    }

    /// Returns the word by which Datadog's documentation speaks of it.
    fn name(self) -> &'static str {
        match self {
            Self::Us1 => "US1",
            Self::Us3 => "US3",
            Self::Us5 => "US5",
            Self::Eu1 => "EU1",
            Self::Ap1 => "AP1",
            Self::Ap2 => "AP2",
            Self::Uk1 => "UK1",
            Self::Us1Fed => "US1-FED",
            Self::Us2Fed => "US2-FED",
        }
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

    /// Returns where the site's API answers, without a trailing slash.
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

/// Why a text is no site, though it may be meant for one. A site that is meant is told, never taken: the
/// text must be what every other reader of the secret understands too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteDefect {
    flaw: SiteFlaw,
    meant: Option<Site>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SiteFlaw {
    Blanks,
    Url,
    /// `US1`.
    Name,
    /// `app.datadoghq.com`.
    Host,
    Capitals,
    Unknown,
}

impl SiteDefect {
    fn of(text: &str) -> Self {
        let bare = text.trim();
        let lower = bare.to_ascii_lowercase();
        let without_scheme = ["https://", "http://"]
            .iter()
            .find_map(|it| lower.strip_prefix(it));
        let host = without_scheme.unwrap_or(&lower);
        let host = host.split(['/', ':']).next().unwrap_or_default();
        let is_url = without_scheme.is_some() || host.len() < lower.len();
        let of_host = Site::ALL.into_iter().find(|site| {
            let before = host.strip_suffix(site.domain());
            // The longer domain, of which another is the end, comes with its own label.
            before.is_some_and(|it| ["", "app.", "api.", "www."].contains(&it))
        });
        let named = Site::ALL
            .into_iter()
            .find(|site| site.name().eq_ignore_ascii_case(bare));
        let flaw = match (of_host, named) {
            _ if is_url => SiteFlaw::Url,
            (_, Some(_)) => SiteFlaw::Name,
            (Some(site), _) if host != site.domain() => SiteFlaw::Host,
            (Some(_), _) if bare != text => SiteFlaw::Blanks,
            (Some(_), _) => SiteFlaw::Capitals,
            (None, None) => SiteFlaw::Unknown,
        };
        let meant = of_host.or(named);
        Self { flaw, meant }
    }
}

/// To go behind "that".
impl fmt::Display for SiteDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.flaw {
            SiteFlaw::Blanks => "has blanks around it",
            SiteFlaw::Url => "is a URL",
            SiteFlaw::Name => "is the name of a site, and not its domain",
            SiteFlaw::Host => "is a host of the site, and not its domain",
            SiteFlaw::Capitals => "is written in capitals",
            SiteFlaw::Unknown => "is none of Datadog's sites",
        })?;
        self.meant
            .map_or(Ok(()), |site| write!(f, ": it must be {site}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Site;

    #[test]
    fn what_is_wrong_with_a_site_is_told() {
        for (text, told) in [
            (
                "https://app.datadoghq.com",
                "is a URL: it must be datadoghq.com",
            ),
            (
                "https://us5.datadoghq.com/logs",
                "is a URL: it must be us5.datadoghq.com",
            ),
            ("datadoghq.eu/", "is a URL: it must be datadoghq.eu"),
            ("https://example.com", "is a URL"),
            (
                "US1",
                "is the name of a site, and not its domain: it must be datadoghq.com",
            ),
            (
                "us1-fed",
                "is the name of a site, and not its domain: it must be ddog-gov.com",
            ),
            (
                "app.datadoghq.com",
                "is a host of the site, and not its domain: it must be datadoghq.com",
            ),
            (
                "api.us3.datadoghq.com",
                "is a host of the site, and not its domain: it must be us3.datadoghq.com",
            ),
            (
                "datadoghq.com ",
                "has blanks around it: it must be datadoghq.com",
            ),
            (
                "\ndatadoghq.eu",
                "has blanks around it: it must be datadoghq.eu",
            ),
            (
                "DATADOGHQ.COM",
                "is written in capitals: it must be datadoghq.com",
            ),
            ("datadoghq.com.evil.example", "is none of Datadog's sites"),
            ("", "is none of Datadog's sites"),
        ] {
            assert_eq!(Site::read(text).unwrap_err().to_string(), told, "{text:?}");
        }
    }

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
