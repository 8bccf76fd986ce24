//! Signature Version 4, from its description.

use std::fmt::Write;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use http::header::HOST;
use sha2::{Digest, Sha256};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Why STS would refuse a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

/// A request to `https://<host><path>`, with its headers in lower case.
#[derive(Clone, Debug)]
pub struct SignedRequest {
    pub method: String,
    /// As it was sent, without a query.
    pub path: String,
    pub host: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What an `Authorization` header says.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) date: OffsetDateTime,
    timestamp: &'a str,
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

impl SignedRequest {
    /// Returns the request with the host that it was sent to, which clients may leave to their transport.
    pub(crate) fn of(request: &Request<Bytes>) -> Self {
        let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let authority = request.uri().authority().map(ToString::to_string);
        let host = request.headers().get(HOST).map(text).or(authority);
        let host = host.unwrap_or_default();
        let headers = request.headers().iter().filter(|(name, _)| *name != HOST);
        let mut headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect();
        headers.push(("host".to_owned(), host.clone()));
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            host,
            headers,
            body: request.body().to_vec(),
        }
    }

    /// A header as STS receives it, among them those that every HTTP client adds by itself.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn claim(&self) -> Result<Claim<'_>, Refused> {
        let malformed = Refused("the Authorization header is malformed");
        let authorization = self.header("authorization").ok_or(malformed)?;
        let fields = authorization
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .ok_or(malformed)?;
        let field = |name: &str| {
            let mut fields = fields.split(", ");
            fields
                .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
                .ok_or(malformed)
        };
        let scope: Vec<_> = field("Credential")?.split('/').collect();
        let [access_key_id, day, region, service, "aws4_request"] = scope[..] else {
            return Err(malformed);
        };
        let timestamp = self.header("x-amz-date").ok_or(malformed)?;
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        let date = PrimitiveDateTime::parse(timestamp, format).map_err(|_| malformed)?;
        if !timestamp.starts_with(day) {
            return Err(Refused("the scope is of another day"));
        }
        Ok(Claim {
            access_key_id,
            date: date.assume_utc(),
            timestamp,
            service,
            region,
            signed: field("SignedHeaders")?.split(';').collect(),
            signature: field("Signature")?,
        })
    }

    /// The region that this host signs as.
    pub(super) fn region(&self) -> &str {
        let region = self.host.strip_prefix("sts.").unwrap_or_default();
        region.strip_suffix(".amazonaws.com").unwrap_or("us-east-1")
    }
}

impl Claim<'_> {
    pub(super) fn verify(&self, request: &SignedRequest, secret: &str) -> Result<(), Refused> {
        let amazons = request
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| *name == "host" || name.starts_with("x-amz-"));
        if !amazons.into_iter().all(|name| self.signed.contains(&name)) {
            return Err(Refused("a header is not signed that must be"));
        }
        if self.compute(request, secret)? == self.signature {
            Ok(())
        } else {
            Err(Refused("the signature does not match"))
        }
    }

    pub(super) fn compute(&self, request: &SignedRequest, secret: &str) -> Result<String, Refused> {
        let (timestamp, day) = (self.timestamp, &self.timestamp[..8]);
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let canonical = hex(&Sha256::digest(self.canonical(request)?));
        let text = format!("AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{canonical}");
        let secret = format!("AWS4{secret}").into_bytes();
        let parts = [day, self.region, self.service, "aws4_request", &text];
        let signature = parts
            .iter()
            .fold(secret, |key, part| hmac(&key, part.as_bytes()));
        Ok(hex(&signature))
    }

    fn canonical(&self, request: &SignedRequest) -> Result<String, Refused> {
        // All services but S3 encode once more what is encoded in a path.
        let path = request.path.replace('%', "%25");
        let mut canonical = format!("{}\n{path}\n\n", request.method);
        for name in &self.signed {
            let value = request
                .header(name)
                .ok_or(Refused("a signed header is missing"))?;
            canonical.extend([name, ":", value.trim(), "\n"]);
        }
        let (signed, body) = (self.signed.join(";"), hex(&Sha256::digest(&request.body)));
        canonical.extend(["\n", &signed, "\n", &body]);
        Ok(canonical)
    }
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string never fails.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// For requests of a test's own making: what belongs into `Signature=` of the claim that it has.
#[cfg(test)]
pub(crate) fn sign(request: &SignedRequest, secret: &str) -> String {
    request.claim().unwrap().compute(request, secret).unwrap()
}
