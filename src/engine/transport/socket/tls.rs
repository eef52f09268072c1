//! Encryption, by rustls, with the certificate authorities that this system trusts.

use std::io;
use std::sync::Arc;

use rustls_native_certs::load_native_certs;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as TlsError, RootCertStore};

use super::Stream;
use super::wire::Wire;
use crate::engine::error::{Error, Result, Status};

/// With whom to speak, and whom to trust.
#[derive(Debug)]
pub(super) struct Tls {
    endpoint: String,
    host: String,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// Whom this system trusts is read here: the variables SSL_CERT_FILE and SSL_CERT_DIR, else where the system keeps it.
    pub(super) fn new(endpoint: &str, host: &str) -> Result<Self> {
        let (endpoint, host) = (endpoint.to_owned(), host.to_owned());
        let name = ServerName::try_from(host.clone()).map_err(|error| failure(&endpoint, &error.to_string()))?;
        let config = ClientConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| failure(&endpoint, &error.to_string()))?;
        let mut config = config.with_root_certificates(authorities(&endpoint)?).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".into()];
        Ok(Self { endpoint, host, config: config.into(), name })
    }

    /// Encrypts what goes over a wire from now on.
    pub(super) async fn encrypt(self, wire: Wire) -> Result<Box<dyn Stream>> {
        let Self { endpoint, host, config, name } = self;
        match TlsConnector::from(config).connect(name, wire).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(refused(&endpoint, &host, &error)),
        }
    }
}

fn authorities(endpoint: &str) -> Result<RootCertStore> {
    let found = load_native_certs();
    let mut authorities = RootCertStore::empty();
    authorities.add_parsable_certificates(found.certs);
    if !authorities.is_empty() {
        return Ok(authorities);
    }
    let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
    let message = format!(
        "{endpoint} cannot be trusted, because no certificate authority is known here{why}: install the system's \
         ca-certificates, or name a file of them with the variable SSL_CERT_FILE"
    );
    Err(Error::new(Status::Transport, message).with_reason("certificatesMissing"))
}

fn refused(endpoint: &str, host: &str, error: &io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(TlsError::InvalidCertificate(flaw)) => distrusted(endpoint, host, flaw),
        Some(other) => failure(endpoint, &other.to_string()),
        None => failure(endpoint, &error.to_string()),
    }
}

fn distrusted(endpoint: &str, host: &str, flaw: &CertificateError) -> Error {
    use CertificateError as Flaw;
    let (reason, what) = match flaw {
        // The second is an issuer of the same name: one that was made anew, as a rule.
        Flaw::UnknownIssuer | Flaw::BadSignature => (
            "certificateUnknownIssuer",
            "was issued by nobody who is trusted here; if that is as it should be, name a file with the certificate of its \
             issuer in the variable SSL_CERT_FILE"
                .to_owned(),
        ),
        Flaw::Expired | Flaw::ExpiredContext { .. } => {
            ("certificateExpired", "has expired, or the clock of this machine is wrong".to_owned())
        }
        Flaw::NotValidYet | Flaw::NotValidYetContext { .. } => {
            ("certificateNotYetValid", "is not valid yet, or the clock of this machine is wrong".to_owned())
        }
        Flaw::NotValidForName | Flaw::NotValidForNameContext { .. } => {
            ("certificateWrongName", format!("is for another name than {host}"))
        }
        other => ("certificateInvalid", format!("is not acceptable: {}", TlsError::from(other.clone()))),
    };
    Error::new(Status::Transport, format!("{endpoint} is not trusted: its certificate {what}")).with_reason(reason)
}

fn failure(endpoint: &str, how: &str) -> Error {
    let message = format!("{endpoint} could not be encrypted: {how}; does it speak TLS?");
    Error::new(Status::Transport, message).with_reason("tlsFailed")
}
