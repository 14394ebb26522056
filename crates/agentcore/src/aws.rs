//! The adapter to the AWS SDK: with its folder, the only place that names SDK types.
//!
//! Contract: Region, endpoint variables and credentials are found as every AWS tool finds them.
//! Every call (of a List: every page) has a time limit and is made once: the SDK's own retries are
//! off, because repeating a mutation is the planner's decision. AWS's request IDs go to the log
//! and nowhere else. Proxies are taken from `HTTPS_PROXY` and `NO_PROXY`, as the SDK does.

mod clock;
mod credentials;
mod errors;
mod incoming;
mod outgoing;
mod unsent;
mod whole;

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use api::{
    Accepted, Definition, Failure, FailureClass, GatewayId, Listing, Summary, Target, TargetId,
};
use aws_config::identity::IdentityCache;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_bedrockagentcorecontrol as agentcore;
use aws_sdk_bedrockagentcorecontrol::config::http::HttpResponse;
use aws_sdk_bedrockagentcorecontrol::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockagentcorecontrol::operation::RequestId;
use aws_sdk_sts as sts;
use jiff::Timestamp;

use crate::AgentCore;
use crate::meter::{Measured, Meter};
use clock::AwsClock;
use credentials::AsTheyAre;
use errors::failure;
use incoming::{accepted, summary, target};
use outgoing::Outgoing;
use unsent::Unsent;
use whole::With;

/// How long a call may take, with everything around it: credentials, connection, answer.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Targets on one page of a List (AWS service model: 1000 at most).
const PAGE: i32 = 1000;
/// More pages than any quota allows: a server that never ends its list must not fill the memory.
const MOST_PAGES: usize = 100;

/// AgentCore through the AWS SDK.
#[derive(Clone, Debug)]
pub struct Aws {
    agentcore: agentcore::Client,
    sts: sts::Client,
    region: String,
    clock: AwsClock,
    meter: Option<Arc<dyn Meter>>,
}

/// No Region is configured anywhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "no AWS Region: set --aws-region, AWS_REGION, or `region` in the profile of the AWS config file"
)]
pub struct NoRegion;

impl Aws {
    /// A client for this Region, or for the one that the profile or the instance names.
    /// Nothing is called yet: missing credentials show with the first call.
    pub async fn new(region: Option<String>) -> Result<Self, NoRegion> {
        // The variables have been judged by the caller; to the SDK's own chain an empty one would
        // be a Region.
        let regions = RegionProviderChain::first_try(region.map(Region::new))
            .or_else(ProfileFileRegionProvider::new())
            .or_else(ImdsRegionProvider::builder().build());
        let region = regions.region().await.ok_or(NoRegion)?;
        // Retries and time limits are not set here but for our calls alone: those that fetch
        // credentials may well be repeated by the SDK.
        let config = aws_config::defaults(BehaviorVersion::latest()).region(region.clone());
        let config = config.no_credentials().load().await;
        let credentials = AsTheyAre { region, http: config.http_client() };
        let credentials = SharedCredentialsProvider::new(credentials);
        Self::from_config(&config.into_builder().credentials_provider(credentials).build())
    }

    /// A client with the Region, the endpoints, the credentials and the HTTP client of this
    /// configuration. What it says of retries and time limits does not count.
    pub fn from_config(config: &SdkConfig) -> Result<Self, NoRegion> {
        let region = config.region().ok_or(NoRegion)?.to_string();
        let config = as_we_call(config.clone());
        let clock = AwsClock::new();
        let agentcore_config = agentcore::config::Builder::from(&config)
            .interceptor(Unsent)
            .interceptor(clock.clone());
        let sts_config = sts::config::Builder::from(&config).interceptor(Unsent);
        Ok(Self {
            agentcore: agentcore::Client::from_conf(agentcore_config.build()),
            sts: sts::Client::from_conf(sts_config.build()),
            region,
            clock,
            meter: None,
        })
    }

    /// The same with another limit for each of our calls, where they have to end before something
    /// else does.
    #[must_use]
    pub fn with_call_timeout(self, timeout: Duration) -> Self {
        let config = self.agentcore.config().to_builder().timeout_config(timeouts(timeout));
        Self { agentcore: agentcore::Client::from_conf(config.build()), ..self }
    }

    /// The same, and this hears of every request.
    #[must_use]
    pub fn with_meter(self, meter: Arc<dyn Meter>) -> Self {
        Self { meter: Some(meter), ..self }
    }

    /// Makes a request for this operation: the only way to AWS. It comes in a box, because the SDK's futures
    /// take tens of kilobytes, and each mirror and worker would hold one for as long as it lives.
    async fn ask<T: Send, E>(
        &self,
        operation: &'static str,
        request: Pin<Box<impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send>>,
    ) -> Result<T, Failure>
    where
        E: Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
    {
        let measured = Measured::begin(self.meter.clone(), operation);
        let result = request.await.map_err(|error| failure(operation, &error));
        measured.ended(&result);
        result
    }

    /// The Region of every call.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }
}

/// An ID as a segment of a path. The SDK escapes it, but no escape keeps these from meaning another path,
/// and no URL is as long as a resource may be. AWS would say no more than this.
fn segment(id: &str) -> Result<&str, Failure> {
    const LONGEST: usize = 2048;
    if id.len() > LONGEST || matches!(id, "." | "..") {
        let message = "nothing has such an ID".to_owned();
        return Err(Failure { class: FailureClass::Invalid, message });
    }
    Ok(id)
}

/// One limit for the whole call. Further ones inside it would only make the message depend on which of
/// them happens to strike first.
fn timeouts(call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(call).build()
}

/// Every call once, and within its time.
fn as_we_call(config: SdkConfig) -> SdkConfig {
    // The cache's own limit, which the SDK would derive from the ones above, must never strike
    // first: its error does not say that it is about credentials.
    let credentials = IdentityCache::lazy().load_timeout(CALL_TIMEOUT * 2).build();
    config
        .into_builder()
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts(CALL_TIMEOUT))
        .identity_cache(credentials)
        // Made for large streams. Here it would give up on a slow answer before its time.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

impl AgentCore for Aws {
    async fn list_targets(&self, gateway: &GatewayId) -> Result<Listing, Failure> {
        let mut summaries: Vec<Summary> = Vec::new();
        let mut next_token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let request = self
                .agentcore
                .list_gateway_targets()
                .gateway_identifier(segment(gateway.as_str())?)
                .max_results(PAGE)
                .set_next_token(next_token.clone())
                .customize()
                .interceptor(With("\"items\""));
            let page = self.ask("ListGatewayTargets", Box::pin(request.send())).await?;
            for item in page.items() {
                summaries.push(summary(item)?);
            }
            let next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(summaries.into_iter().collect());
            }
            if next == next_token {
                return Err(Failure {
                    class: FailureClass::Server,
                    message: "the list of targets leads back to the same page".to_owned(),
                });
            }
            next_token = next;
        }
        Err(Failure {
            class: FailureClass::Server,
            message: format!("the list of targets did not end after {MOST_PAGES} pages"),
        })
    }

    async fn get_target(&self, gateway: &GatewayId, id: &TargetId) -> Result<Target, Failure> {
        let request = self
            .agentcore
            .get_gateway_target()
            .gateway_identifier(segment(gateway.as_str())?)
            .target_id(segment(id.as_str())?);
        let answer = self.ask("GetGatewayTarget", Box::pin(request.send())).await?;
        target(id, answer)
    }

    async fn create_target(
        &self,
        gateway: &GatewayId,
        token: &str,
        definition: &Definition,
    ) -> Result<Accepted, Failure> {
        let outgoing = Outgoing::from(definition)?;
        let request = self
            .agentcore
            .create_gateway_target()
            .gateway_identifier(segment(gateway.as_str())?)
            .client_token(token)
            .name(&definition.name)
            .set_description(definition.description.clone())
            .target_configuration(outgoing.target)
            .set_credential_provider_configurations(outgoing.credentials)
            .set_metadata_configuration(outgoing.metadata)
            .set_private_endpoint(outgoing.private_endpoint)
            .set_certificate_configurations(outgoing.certificates);
        let answer = self.ask("CreateGatewayTarget", Box::pin(request.send())).await?;
        accepted(None, &answer.target_id, &answer.gateway_arn, &answer.status, &answer.updated_at)
    }

    async fn update_target(
        &self,
        gateway: &GatewayId,
        id: &TargetId,
        definition: &Definition,
    ) -> Result<Accepted, Failure> {
        let outgoing = Outgoing::from(definition)?;
        let request = self
            .agentcore
            .update_gateway_target()
            .gateway_identifier(segment(gateway.as_str())?)
            .target_id(segment(id.as_str())?)
            .name(&definition.name)
            .set_description(definition.description.clone())
            .target_configuration(outgoing.target)
            .set_credential_provider_configurations(outgoing.credentials)
            .set_metadata_configuration(outgoing.metadata)
            .set_private_endpoint(outgoing.private_endpoint)
            .set_certificate_configurations(outgoing.certificates);
        let answer = self.ask("UpdateGatewayTarget", Box::pin(request.send())).await?;
        accepted(
            Some(id),
            &answer.target_id,
            &answer.gateway_arn,
            &answer.status,
            &answer.updated_at,
        )
    }

    async fn delete_target(&self, gateway: &GatewayId, id: &TargetId) -> Result<(), Failure> {
        let request = self
            .agentcore
            .delete_gateway_target()
            .gateway_identifier(segment(gateway.as_str())?)
            .target_id(segment(id.as_str())?);
        self.ask("DeleteGatewayTarget", Box::pin(request.send())).await?;
        Ok(())
    }

    async fn synchronize_target(&self, gateway: &GatewayId, id: &TargetId) -> Result<(), Failure> {
        // One target a call (AWS service model).
        let request = self
            .agentcore
            .synchronize_gateway_targets()
            .gateway_identifier(segment(gateway.as_str())?)
            .target_id_list(id.as_str());
        self.ask("SynchronizeGatewayTargets", Box::pin(request.send())).await?;
        Ok(())
    }

    async fn account(&self) -> Result<String, Failure> {
        let request = self.sts.get_caller_identity();
        let identity = self.ask("GetCallerIdentity", Box::pin(request.send())).await?;
        let account = identity.account.ok_or_else(|| Failure {
            class: FailureClass::Server,
            message: "GetCallerIdentity named no account".to_owned(),
        })?;
        incoming::identifier(&account)
    }

    fn aws_time(&self, local: Timestamp) -> Timestamp {
        self.clock.at(local)
    }
}
