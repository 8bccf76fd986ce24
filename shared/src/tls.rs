//! Whom the functions trust.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why no TLS client could be made: the function fails at start, before any call.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("SSL_CERT_FILE names {path}, which holds no readable PEM certificate")]
    CertFile { path: String },
    #[error("the TLS library refused its own defaults")]
    Protocols,
    #[error("the HTTP client could not be built")]
    Client,
}

/// A client that trusts the roots compiled in, or only those of `SSL_CERT_FILE` if that is set,
/// as OpenSSL has it. Reading a system's store would cost every cold start milliseconds.
pub fn config() -> Result<ClientConfig, TlsError> {
    let roots = match crate::settings::cert_file() {
        Some(path) => roots_of(&path)?,
        None => RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        },
    };
    Ok(
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsError::Protocols)?
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

fn roots_of(path: &Path) -> Result<RootCertStore, TlsError> {
    let unreadable = || TlsError::CertFile {
        path: path.display().to_string(),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| unreadable())? {
        roots
            .add(certificate.map_err(|_| unreadable())?)
            .map_err(|_| unreadable())?;
    }
    if roots.is_empty() {
        Err(unreadable())
    } else {
        Ok(roots)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    #[test]
    fn a_bundle_without_a_certificate_is_refused() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "no certificate here").unwrap();
        let error = super::roots_of(file.path()).unwrap_err().to_string();
        assert!(error.contains("SSL_CERT_FILE"), "{error}");
    }
}
