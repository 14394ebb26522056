//! An answer that lacks what makes it one is none.
//!
//! Contract: the SDK fills in members that are required and missing. Of a List that would be a gateway
//! without targets, so whether it has them at all is looked up in the answer as it came.

use aws_sdk_bedrockagentcorecontrol::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_bedrockagentcorecontrol::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockagentcorecontrol::error::BoxError;

use super::errors::UNREADABLE;

/// Takes no answer without this member, which is told in quotes.
#[derive(Debug)]
pub(super) struct With(pub(super) &'static str);

impl Intercept for With {
    fn name(&self) -> &'static str {
        "With"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        let body = answer.body().bytes().unwrap_or_default();
        let has = body.windows(self.0.len()).any(|part| part == self.0.as_bytes());
        // An error has none, and is told of as what it is.
        if has || !answer.status().is_success() { Ok(()) } else { Err(UNREADABLE.into()) }
    }
}
