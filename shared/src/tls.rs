//! Whom the functions trust.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

use crate::log::ALWAYS;
use crate::settings::{SettingError, StartError};

const CERT_FILE: &str = "SSL_CERT_FILE";

/// Returns a client that trusts the roots compiled in, or only those of `cert_file` if that is given, as
/// OpenSSL has it. Reading a system's store would cost every cold start milliseconds.
pub fn config(cert_file: Option<&Path>) -> Result<ClientConfig, StartError> {
    let roots = match cert_file {
        Some(path) => {
            let bundle = Bundle::read(path)?;
            bundle.warn(path);
            bundle.roots
        }
        None => RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        },
    };
    Ok(
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| StartError::Protocols)?
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

/// The certificates of a PEM file that can be used, and which others there are.
struct Bundle {
    roots: RootCertStore,
    /// By their places in the file, from 1.
    unusable: Vec<usize>,
}

impl Bundle {
    /// One certificate in a bundle of many that can't be read is no reason to trust none of them.
    fn read(path: &Path) -> Result<Self, SettingError> {
        let defect = |what: &str| {
            let defect = format!("names {}, which {what}", path.display());
            SettingError::new(CERT_FILE, defect)
        };
        // A device or a pipe may never end.
        match std::fs::metadata(path) {
            Ok(it) if !it.is_file() => return Err(defect("is no regular file")),
            _ => {}
        }
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| match error {
            pem::Error::Io(error) => defect(&format!("can't be read: {}", error.kind())),
            _ => defect("can't be read"),
        })?;
        let mut bundle = Self {
            roots: RootCertStore::empty(),
            unusable: Vec::new(),
        };
        for (n, certificate) in certificates.enumerate() {
            let added = match certificate {
                Ok(certificate) => bundle.roots.add(certificate).is_ok(),
                // Of a file that ends early nothing more can be had, and some readers never end.
                Err(pem::Error::Io(error)) => {
                    return Err(defect(&format!("can't be read: {}", error.kind())));
                }
                Err(_) => false,
            };
            if !added {
                bundle.unusable.push(n + 1);
            }
        }
        match bundle.unusable.len() {
            _ if !bundle.roots.is_empty() => Ok(bundle),
            0 => Err(defect("holds no PEM certificate")),
            _ => Err(defect("holds no PEM certificate that can be used")),
        }
    }

    fn warn(&self, path: &Path) {
        if !self.unusable.is_empty() {
            tracing::warn!(
                target: ALWAYS,
                path = %path.display(),
                unusable = ?self.unusable,
                trusted = self.roots.len(),
                "SSL_CERT_FILE holds certificates that can't be used, by their places in the file; \
                 the others are trusted"
            );
        }
    }
}
