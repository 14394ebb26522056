//! The configuration of AWS SDK clients, which the tests on the wire share.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_bedrockagentcorecontrol::config::Credentials;
use aws_sdk_bedrockagentcorecontrol::config::retry::RetryConfig;
use emulator::Emulator;

/// A client's configuration: this emulator, this Region, these credentials, no retries.
pub(crate) async fn config(
    emulator: &Emulator,
    region: &'static str,
    credentials: Credentials,
) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(emulator.url())
        .region(Region::new(region))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .load()
        .await
}
