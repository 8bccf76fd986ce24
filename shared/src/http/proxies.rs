//! Which requests go through a proxy.

use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{NoProxy, Proxy};

use crate::settings::{NetworkSettings, StartError};

/// Says which proxy a request goes through. The HTTP client decides it by the same rules, and does not
/// say.
pub(super) struct Proxies(Matcher);

impl Proxies {
    pub(super) fn new(settings: &NetworkSettings) -> Self {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        let matcher = Matcher::builder()
            .https(text(&settings.https_proxy))
            .http(text(&settings.http_proxy))
            .no(text(&settings.no_proxy));
        Self(matcher.build())
    }

    /// Returns the same for the HTTP client.
    pub(super) fn of_client(settings: &NetworkSettings) -> Result<Vec<Proxy>, StartError> {
        let no_proxy = settings.no_proxy.as_deref().and_then(NoProxy::from_string);
        let https = settings.https_proxy.iter().map(Proxy::https);
        let http = settings.http_proxy.iter().map(Proxy::http);
        https
            .chain(http)
            .map(|proxy| proxy.map(|it| it.no_proxy(no_proxy.clone())))
            .collect::<Result<_, _>>()
            .map_err(|_| StartError::Client)
    }

    /// Host and port of the proxy, without a password.
    pub(super) fn of(&self, uri: &Uri) -> Option<Box<str>> {
        let proxy = self.0.intercept(uri)?;
        Some(proxy.uri().authority()?.as_str().into())
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies").finish_non_exhaustive()
    }
}
