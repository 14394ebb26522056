//! The adapter to the AWS SDK: with its folder, the only place that names SDK types.
//!
//! Contract: Region, endpoint variables and credentials are found as every AWS tool finds them.
//! Every call has a timeout and is made once: the SDK's own retries are off, because repeating a
//! mutation is the planner's decision. AWS's request IDs go to the log and nowhere else.

mod convert;
mod errors;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use api::{
    Accepted, Definition, Failure, FailureClass, GatewayId, Listing, Summary, Target, TargetId,
};
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_bedrockagentcorecontrol as agentcore;
use aws_sdk_bedrockagentcorecontrol::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_bedrockagentcorecontrol::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockagentcorecontrol::error::BoxError;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

use crate::AgentCore;
use convert::{accepted, summary, target};
use errors::failure;

/// How long a call may take, with everything around it.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Targets on one page of a List (AWS service model: 1000 at most).
const PAGE: i32 = 1000;
/// More pages than any quota allows: a server that never ends its list must not hang a mirror.
const MOST_PAGES: usize = 1000;

/// AgentCore through the AWS SDK.
#[derive(Clone, Debug)]
pub struct Aws {
    agentcore: agentcore::Client,
    sts: aws_sdk_sts::Client,
    region: String,
    ahead: Arc<ClockOffset>,
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
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(CALL_TIMEOUT)
            .operation_attempt_timeout(CALL_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        // The variables have been judged by the caller; to the SDK's own chain an empty one would
        // be a Region.
        let regions = RegionProviderChain::first_try(region.map(Region::new))
            .or_else(ProfileFileRegionProvider::new())
            .or_else(ImdsRegionProvider::builder().build());
        let region = regions.region().await.ok_or(NoRegion)?;
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(region.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .load()
            .await;
        let region = region.to_string();
        let ahead = Arc::new(ClockOffset::default());
        let agentcore_config = agentcore::config::Builder::from(&config)
            .interceptor(DateHeader(Arc::clone(&ahead)))
            .build();
        Ok(Self {
            agentcore: agentcore::Client::from_conf(agentcore_config),
            sts: aws_sdk_sts::Client::new(&config),
            region,
            ahead,
        })
    }

    /// The Region of every call.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }
}

impl AgentCore for Aws {
    async fn list_targets(&self, gateway: &GatewayId) -> Result<Listing, Failure> {
        let mut summaries: Vec<Summary> = Vec::new();
        let mut next_token = None;
        for _ in 0..MOST_PAGES {
            let page = self
                .agentcore
                .list_gateway_targets()
                .gateway_identifier(gateway.as_str())
                .max_results(PAGE)
                .set_next_token(next_token)
                .send()
                .await
                .map_err(|error| failure("ListGatewayTargets", &error))?;
            for item in page.items() {
                summaries.push(summary(item)?);
            }
            next_token = page.next_token.filter(|token| !token.is_empty());
            if next_token.is_none() {
                return Ok(summaries.into_iter().collect());
            }
        }
        Err(Failure {
            class: FailureClass::Server,
            message: format!("the list of targets did not end after {MOST_PAGES} pages"),
        })
    }

    async fn get_target(&self, gateway: &GatewayId, id: &TargetId) -> Result<Target, Failure> {
        let answer = self
            .agentcore
            .get_gateway_target()
            .gateway_identifier(gateway.as_str())
            .target_id(id.as_str())
            .send()
            .await
            .map_err(|error| failure("GetGatewayTarget", &error))?;
        target(answer)
    }

    async fn create_target(
        &self,
        gateway: &GatewayId,
        token: &str,
        definition: &Definition,
    ) -> Result<Accepted, Failure> {
        let answer = self
            .agentcore
            .create_gateway_target()
            .gateway_identifier(gateway.as_str())
            .client_token(token)
            .name(&definition.name)
            .set_description(definition.description.clone())
            .target_configuration(convert::target_configuration(definition)?)
            .set_credential_provider_configurations(convert::credentials(definition)?)
            .set_metadata_configuration(convert::metadata(definition))
            .send()
            .await
            .map_err(|error| failure("CreateGatewayTarget", &error))?;
        accepted(&answer.target_id, &answer.gateway_arn, &answer.status, &answer.updated_at)
    }

    async fn update_target(
        &self,
        gateway: &GatewayId,
        id: &TargetId,
        definition: &Definition,
    ) -> Result<Accepted, Failure> {
        let answer = self
            .agentcore
            .update_gateway_target()
            .gateway_identifier(gateway.as_str())
            .target_id(id.as_str())
            .name(&definition.name)
            .set_description(definition.description.clone())
            .target_configuration(convert::target_configuration(definition)?)
            .set_credential_provider_configurations(convert::credentials(definition)?)
            .set_metadata_configuration(convert::metadata(definition))
            .send()
            .await
            .map_err(|error| failure("UpdateGatewayTarget", &error))?;
        accepted(&answer.target_id, &answer.gateway_arn, &answer.status, &answer.updated_at)
    }

    async fn delete_target(&self, gateway: &GatewayId, id: &TargetId) -> Result<(), Failure> {
        self.agentcore
            .delete_gateway_target()
            .gateway_identifier(gateway.as_str())
            .target_id(id.as_str())
            .send()
            .await
            .map_err(|error| failure("DeleteGatewayTarget", &error))?;
        Ok(())
    }

    async fn account(&self) -> Result<String, Failure> {
        let identity = self
            .sts
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| failure("GetCallerIdentity", &error))?;
        identity.account.ok_or_else(|| Failure {
            class: FailureClass::Server,
            message: "GetCallerIdentity named no account".to_owned(),
        })
    }

    fn aws_time(&self, local: Timestamp) -> Timestamp {
        local.checked_add(self.ahead.get()).unwrap_or(local)
    }
}

/// How far AWS's clock is ahead of this machine's, in milliseconds.
#[derive(Debug, Default)]
struct ClockOffset(AtomicI64);

impl ClockOffset {
    fn get(&self) -> SignedDuration {
        SignedDuration::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn set(&self, aws: Timestamp, local: Timestamp) {
        let millis = aws.duration_since(local).as_millis();
        self.0.store(i64::try_from(millis).unwrap_or_default(), Ordering::Relaxed);
    }
}

/// Reads AWS's clock from the `Date` header of every answer.
#[derive(Debug)]
struct DateHeader(Arc<ClockOffset>);

impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "DateHeader"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        static PARSER: DateTimeParser = DateTimeParser::new();
        let date = context.response().headers().get("date");
        if let Some(aws) = date.and_then(|date| PARSER.parse_timestamp(date).ok()) {
            self.0.set(aws, Timestamp::now());
        }
        Ok(())
    }
}
