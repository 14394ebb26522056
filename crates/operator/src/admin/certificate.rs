//! The certificate by which metrics are shown.
//!
//! Contract: a mounted pair is looked at every few seconds, and shown from then on when it has
//! changed, without a restart. Of one that cannot be used the one before stays; until there is one,
//! handshakes fail and the log says why. Without a mounted pair the operator signs one itself.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tracing::{info, warn};

use crate::settings::{Mounted, Security};

/// Between two looks at a mounted pair.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The one that is shown now.
#[derive(Debug, Default)]
pub(super) struct Certificate(RwLock<Option<Arc<CertifiedKey>>>);

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Certificate {
    fn show(&self, pair: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(pair));
    }

    /// Takes over what is mounted, again and again.
    pub(super) async fn follow(self: Arc<Self>, mounted: Mounted) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shown = None;
        let (mut failed, mut said) = (String::new(), String::new());
        loop {
            looks.tick().await;
            let files = mounted.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || files.read()).await else {
                continue;
            };
            let taken = read.and_then(|files| {
                if shown.as_ref() != Some(&files) {
                    self.show(pair(&files)?);
                    info!(file = %mounted.certificate.display(), "this certificate is shown");
                    shown = Some(files);
                }
                Ok(())
            });
            let failure = taken.err().map(|error| format!("{error:#}")).unwrap_or_default();
            // Two files cannot be read at once: what goes wrong while they are replaced passes.
            if failure == failed && failure != said {
                if !failure.is_empty() {
                    warn!(
                        error = failure,
                        "the certificate for metrics cannot be used; looking again"
                    );
                }
                said.clone_from(&failure);
            }
            failed = failure;
        }
    }
}

/// What is in the files of a pair.
#[derive(PartialEq, Eq)]
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Mounted {
    fn read(&self) -> Result<Files> {
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
        };
        Ok(Files { certificate: read(&self.certificate)?, key: read(&self.key)? })
    }
}

fn pair(files: &Files) -> Result<CertifiedKey> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&files.certificate)
        .collect::<Result<_, _>>()
        .context("the certificate is not PEM")?;
    ensure!(!chain.is_empty(), "there is no certificate in its file");
    let key = PrivateKeyDer::from_pem_slice(&files.key).context("the key is not one in PEM")?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
        .context("certificate and key do not belong together")
}

/// A pair that nobody vouches for: it keeps others from listening, not from pretending.
fn signed_by_itself() -> Result<CertifiedKey> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .context("no certificate could be made")?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let chain = vec![made.cert.der().clone()];
    CertifiedKey::from_der(chain, key.into(), &aws_lc_rs::default_provider())
        .context("the certificate that was made cannot be used")
}

/// How TLS is spoken, and what it shows.
pub(super) fn tls(security: &Security) -> Result<(TlsAcceptor, Arc<Certificate>)> {
    let certificate = Arc::<Certificate>::default();
    if security.mounted.is_none() {
        certificate.show(signed_by_itself()?);
    }
    let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .context("TLS cannot be spoken")?
        .with_no_client_auth()
        .with_cert_resolver(certificate.clone());
    let versions: &[&[u8]] = if security.http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    config.alpn_protocols = versions.iter().map(|version| version.to_vec()).collect();
    Ok((TlsAcceptor::from(Arc::new(config)), certificate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Files {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Files {
            certificate: made.cert.pem().into_bytes(),
            key: made.signing_key.serialize_pem().into_bytes(),
        }
    }

    #[test]
    fn a_pair_is_taken_only_whole() {
        let [one, other] = [made(), made()];
        assert!(pair(&one).is_ok());
        let said = |certificate: &[u8], key: &[u8]| {
            let files = Files { certificate: certificate.to_vec(), key: key.to_vec() };
            format!("{:#}", pair(&files).unwrap_err())
        };
        assert!(said(&one.certificate, &other.key).contains("do not belong together"));
        assert!(said(&one.key, &one.key).contains("no certificate"));
        assert!(said(&one.certificate, &one.certificate).contains("the key is not one"));
        assert!(said(b"", b"").contains("no certificate"));
    }

    #[test]
    fn without_a_mounted_pair_there_is_one_at_once() {
        let (_, certificate) = tls(&Security { mounted: None, http2: false }).unwrap();
        assert!(certificate.0.read().unwrap().is_some());
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let mounted =
            Mounted { certificate: "/nowhere/tls.crt".into(), key: "/nowhere/tls.key".into() };
        let said = format!("{:#}", mounted.read().err().unwrap());
        assert!(said.starts_with("/nowhere/tls.crt cannot be read: "), "{said}");
    }
}
