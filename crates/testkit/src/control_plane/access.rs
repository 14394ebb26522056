//! What lets one into the API server: its address and certificate, and a token.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use k8s_openapi::ByteString;
use kube::config::Kubeconfig;
use kube::{Client, Config};
use serde_json::{Value, json};

/// A user of the API server, with a token.
#[derive(Clone, Debug)]
pub struct Access {
    server: String,
    ca: ByteString,
    user: String,
    token: String,
    namespace: String,
}

impl Access {
    pub(super) fn new(server: String, ca: Vec<u8>, user: &str, token: &str) -> Self {
        Self {
            server,
            ca: ByteString(ca),
            user: user.to_owned(),
            token: token.to_owned(),
            namespace: "default".to_owned(),
        }
    }

    /// The same server to another user.
    pub(super) fn with_token(&self, user: &str, token: &str, namespace: &str) -> Self {
        let (user, token) = (user.to_owned(), token.to_owned());
        Self { user, token, namespace: namespace.to_owned(), ..self.clone() }
    }

    /// Who one is.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The API server's URL.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The certificate that the server is known by, as PEM.
    #[must_use]
    pub fn ca(&self) -> &[u8] {
        &self.ca.0
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same user's access by another URL, at which a proxy listens.
    #[must_use]
    pub fn by_way_of(&self, url: &str) -> Self {
        Self { server: url.to_owned(), ..self.clone() }
    }

    /// A client, for the runtime that this is called on.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config()?)?)
    }

    /// The configuration of a client.
    pub fn config(&self) -> Result<Config> {
        let kubeconfig: Kubeconfig = serde_json::from_value(self.kubeconfig())?;
        let mut config = Config::try_from(kubeconfig)?;
        // A proxy of the environment is for the world outside.
        config.proxy_url = None;
        Ok(config)
    }

    /// Writes a kubeconfig with which kubectl, or anything else, is this user.
    pub fn write_kubeconfig(&self, path: &Path) -> Result<()> {
        let text = serde_saphyr::to_string(&self.kubeconfig())?;
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            // It holds the token.
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("writing {}", path.display()))
    }

    fn kubeconfig(&self) -> Value {
        let Self { server, ca, user, token, namespace } = self;
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": "testkit",
                "cluster": {"server": server, "certificate-authority-data": ca},
            }],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{
                "name": "testkit",
                "context": {"cluster": "testkit", "user": user, "namespace": namespace},
            }],
            "current-context": "testkit",
        })
    }
}
