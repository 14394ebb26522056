//! `--metrics-bind-address` and what belongs to it, named as operators made with Kubebuilder name it.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Complaint, address, boolean, given, set};

/// Where metrics are shown, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Metrics {
    pub(crate) address: SocketAddr,
    /// `None`: plain HTTP, to everybody.
    pub(crate) security: Option<Security>,
}

/// HTTPS, to those who may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Security {
    /// `None`: a certificate is made at the start.
    pub(crate) mounted: Option<Mounted>,
    pub(crate) http2: bool,
}

/// A certificate and its key in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mounted {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

// The comments are the text of --help, where backticks would only disturb.
#[allow(clippy::doc_markdown)]
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// Where /metrics is answered, as host:port or :port; 0: nowhere [default: 0]
    #[arg(long, env = "METRICS_BIND_ADDRESS", value_name = "ADDRESS")]
    metrics_bind_address: Option<String>,

    /// Whether metrics are shown by HTTPS, and only to those whom the API server knows by their token
    /// (TokenReview) and lets get the path (SubjectAccessReview) [default: true]
    #[arg(long, env = "METRICS_SECURE", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    metrics_secure: Option<String>,

    /// Folder with the certificate for it, which is read again when it changes [default: a
    /// certificate that the operator signs itself]
    #[arg(long, env = "METRICS_CERT_PATH", value_name = "FOLDER")]
    metrics_cert_path: Option<String>,

    /// File of the certificate in that folder [default: tls.crt]
    #[arg(long, env = "METRICS_CERT_NAME", value_name = "FILE")]
    metrics_cert_name: Option<String>,

    /// File of the key in that folder [default: tls.key]
    #[arg(long, env = "METRICS_CERT_KEY", value_name = "FILE")]
    metrics_cert_key: Option<String>,

    /// Whether metrics are also shown by HTTP/2, where they are secure [default: false]
    #[arg(long, env = "ENABLE_HTTP2", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enable_http2: Option<String>,
}

/// `None`: nowhere.
pub(super) fn resolve(arguments: Arguments) -> Result<Option<Metrics>, Complaint> {
    let bind = ("metrics-bind-address", "METRICS_BIND_ADDRESS");
    let address = given(arguments.metrics_bind_address, "0", bind, address)?;
    let secure = ("metrics-secure", "METRICS_SECURE");
    let secure = given(arguments.metrics_secure, "true", secure, boolean)?;
    let name = ("metrics-cert-name", "METRICS_CERT_NAME");
    let name = given(arguments.metrics_cert_name, "tls.crt", name, file)?;
    let key = ("metrics-cert-key", "METRICS_CERT_KEY");
    let key = given(arguments.metrics_cert_key, "tls.key", key, file)?;
    let http2 = given(arguments.enable_http2, "false", ("enable-http2", "ENABLE_HTTP2"), boolean)?;
    let mounted = set(arguments.metrics_cert_path)
        .map(PathBuf::from)
        .map(|folder| Mounted { certificate: folder.join(name), key: folder.join(key) });
    let security = secure.then_some(Security { mounted, http2 });
    Ok(address.map(|address| Metrics { address, security }))
}

fn file(text: &str) -> Result<String, &'static str> {
    if text.contains('/') {
        Err("the name of a file in --metrics-cert-path has no slash")
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::resolved;
    use super::*;

    fn metrics(arguments: &[&str]) -> Option<Metrics> {
        resolved(arguments).unwrap().metrics
    }

    #[test]
    fn metrics_are_off_unless_an_address_is_given() {
        assert_eq!(metrics(&[]), None);
        assert_eq!(metrics(&["--metrics-bind-address=0", "--metrics-secure"]), None);
        assert_eq!(metrics(&["--metrics-bind-address="]), None);
    }

    #[test]
    fn metrics_are_secure_unless_that_is_switched_off() {
        let secure = metrics(&["--metrics-bind-address=:8443"]).unwrap();
        assert_eq!(secure.address.to_string(), "[::]:8443");
        assert_eq!(secure.security, Some(Security { mounted: None, http2: false }));
        for flag in ["--metrics-secure=false", "--metrics-secure=0"] {
            let plain = metrics(&["--metrics-bind-address=127.0.0.1:0", flag]).unwrap();
            assert_eq!(plain.security, None, "{flag}");
        }
        for flag in ["--enable-http2", "--enable-http2=true"] {
            let both = metrics(&["--metrics-bind-address=:8443", flag]).unwrap();
            assert!(both.security.unwrap().http2, "{flag}");
        }
    }

    #[test]
    fn a_mounted_pair_is_named_as_in_a_secret_of_type_tls() {
        let mounted = |more: &[&str]| {
            let flags = ["--metrics-bind-address=:8443", "--metrics-cert-path=/certs"];
            metrics(&[&flags[..], more].concat()).unwrap().security.unwrap().mounted.unwrap()
        };
        let usual = mounted(&[]);
        assert_eq!(usual.certificate.to_str(), Some("/certs/tls.crt"));
        assert_eq!(usual.key.to_str(), Some("/certs/tls.key"));
        let other = mounted(&["--metrics-cert-name=a.pem", "--metrics-cert-key=b.pem"]);
        assert_eq!(other.certificate.to_str(), Some("/certs/a.pem"));
        assert_eq!(other.key.to_str(), Some("/certs/b.pem"));
    }

    #[test]
    fn a_wrong_value_is_named() {
        for (flag, said) in [
            ("--metrics-bind-address=8443", "--metrics-bind-address (or METRICS_BIND_ADDRESS)"),
            ("--metrics-secure=perhaps", "either true or false"),
            ("--metrics-cert-name=/certs/tls.crt", "--metrics-cert-name (or METRICS_CERT_NAME)"),
        ] {
            let complaint = resolved(&[flag]).unwrap_err();
            assert!(complaint.contains(said), "{flag}: {complaint}");
        }
    }
}
