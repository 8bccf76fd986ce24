//! Signatures of requests to AWS that no SDK of ours sends.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;

/// The request could not be signed. The signer's own errors may quote what they could not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsigned;

/// For whom, where and when a request is signed.
#[derive(Clone, Debug)]
pub(crate) struct Signer<'a> {
    pub credentials: Credentials,
    pub region: &'a str,
    /// As AWS's signatures name it, such as `sts`.
    pub service: &'static str,
    pub time: SystemTime,
}

/// The headers that the signer adds.
#[derive(Debug)]
pub(crate) struct Added(Vec<(String, String)>);

impl Added {
    /// Returns one of them, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.0.iter();
        let header = headers.find(|(own, _)| own == name);
        header.map(|(_, value)| value.as_str())
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.0.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Signer<'_> {
    /// Signs a POST of `body`. All of `headers` are signed.
    pub(crate) fn sign_post(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Added, Unsigned> {
        self.sign("POST", url, headers, body)
    }

    /// Signs a GET without headers of its own.
    pub(crate) fn sign_get(&self, url: &str) -> Result<Added, Unsigned> {
        self.sign("GET", url, &[], &[])
    }

    fn sign(
        &self,
        method: &'static str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Added, Unsigned> {
        let identity = self.credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| Unsigned)?
            .into();
        let body = SignableBody::Bytes(body);
        let request = SignableRequest::new(method, url, headers.iter().copied(), body);
        let request = request.map_err(|_| Unsigned)?;
        let signed = sign(request, &params).map_err(|_| Unsigned)?;
        let (instructions, _) = signed.into_parts();
        let added = instructions.headers();
        Ok(Added(
            added
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        ))
    }
}
