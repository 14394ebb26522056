//! AWS credentials, found as every AWS tool finds them, anew each time that they are asked for.
//!
//! Contract: what is not there yet may come, and what has changed counts from the next time on. The
//! SDK's own chain reads the profile once, and goes on with what it read then, even where that was
//! nothing. A file that is named and cannot be read is named in the error.

use std::env;
use std::fs::File;
use std::io;

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_bedrockagentcorecontrol::config::SharedHttpClient;

/// Variables that name the file of a token, which the kubelet mounts and renews.
const TOKEN_FILES: [&str; 2] =
    ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];

/// Asks the chain as it is now. Whoever asks keeps what he gets until it expires.
#[derive(Debug)]
pub(super) struct AsTheyAre {
    pub(super) region: Region,
    pub(super) http: Option<SharedHttpClient>,
}

/// A file that is named and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{variable} names {path}, which cannot be read: {error}")]
struct Unreadable {
    variable: &'static str,
    path: String,
    // Not its source: the innermost error is what is told, and this is more.
    error: io::Error,
}

impl AsTheyAre {
    async fn find(&self) -> Result<Credentials, CredentialsError> {
        let mut config = ProviderConfig::without_region().with_region(Some(self.region.clone()));
        if let Some(http) = &self.http {
            config = config.with_http_client(http.clone());
        }
        let chain = DefaultCredentialsChain::builder().region(self.region.clone());
        let found = chain.configure(config).build().await.provide_credentials().await;
        found.map_err(|error| unreadable().map_or(error, CredentialsError::provider_error))
    }
}

impl ProvideCredentials for AsTheyAre {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.find())
    }
}

/// The first file that is named and cannot be read.
fn unreadable() -> Option<Unreadable> {
    TOKEN_FILES.into_iter().find_map(|variable| {
        let path = env::var(variable).ok().filter(|path| !path.is_empty())?;
        let error = File::open(&path).err()?;
        Some(Unreadable { variable, path, error })
    })
}
