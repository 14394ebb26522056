//! Tells a call that ran out of time while it waited for credentials from one that AWS may have
//! received.
//!
//! Contract: the limit of a call covers both, and the SDK reports both alike. But a request that
//! was never handed to the HTTP client was certainly not carried out: to take that for a lost
//! answer would make the planner look for a target that nobody has asked for.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_bedrockagentcorecontrol::config::interceptors::FinalizerInterceptorContextMut;
use aws_sdk_bedrockagentcorecontrol::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockagentcorecontrol::error::BoxError;

use super::CALL_TIMEOUT;

/// Turns a time-out before the request was sent into a failure of the credentials, which are all
/// that a call waits for until then.
#[derive(Debug)]
pub(super) struct Unsent;

impl Intercept for Unsent {
    fn name(&self) -> &'static str {
        "Unsent"
    }

    fn modify_before_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let timed_out =
            matches!(context.output_or_error(), Some(Err(error)) if error.is_timeout_error());
        // The request leaves the context when it goes to the HTTP client.
        if timed_out && context.request().is_some() {
            return Err(CredentialsError::provider_timed_out(CALL_TIMEOUT).into());
        }
        Ok(())
    }
}
