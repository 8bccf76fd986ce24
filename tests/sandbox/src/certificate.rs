//! TLS with a CA of the sandbox's own.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{self, ServerConfig};

/// What a server on a loopback port needs for TLS, and what its clients are to trust.
#[derive(Clone, Debug)]
pub struct Certificate {
    authority: String,
    config: Arc<ServerConfig>,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("the certificate made can't be served: {0}")]
    Serve(#[from] rustls::Error),
    #[error("the certificate's key can't be read: {0}")]
    Key(&'static str),
}

impl Certificate {
    /// Makes one for 127.0.0.1, of a chain like those of public services: the CA signs another,
    /// which signs the server's. All keys are of the curve P-256.
    ///
    /// # Errors
    /// The libraries make none.
    pub fn for_loopback() -> Result<Self, CertificateError> {
        let root_key = KeyPair::generate()?;
        let root_params = authority("sandbox root");
        let root_certificate = root_params.self_signed(&root_key)?;
        let root = Issuer::new(root_params, root_key);

        let issuer_key = KeyPair::generate()?;
        let issuer_params = authority("sandbox issuer");
        let issuer_certificate = issuer_params.signed_by(&issuer_key, &root)?;
        let issuer = Issuer::new(issuer_params, issuer_key);

        let key = KeyPair::generate()?;
        let names = vec!["127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        let chain = vec![certificate.der().clone(), issuer_certificate.der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(CertificateError::Key)?;
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(chain, key)?;
        Ok(Self {
            authority: root_certificate.pem(),
            config: Arc::new(config),
        })
    }

    /// The CA's certificate, for `SSL_CERT_FILE`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}
