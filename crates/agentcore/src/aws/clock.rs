//! AWS's clock, as the `Date` header of its answers shows it.
//!
//! Contract: compared with the process's own clock, never with the wall clock, which may be set
//! at any moment; so the difference holds for the times that the operator asks about.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_bedrockagentcorecontrol::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_bedrockagentcorecontrol::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockagentcorecontrol::error::BoxError;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

use crate::Clock;

/// AWS's clock. Copies share what they learn.
#[derive(Clone, Debug)]
pub(super) struct AwsClock {
    local: Clock,
    /// How far AWS is ahead, in milliseconds.
    ahead: Arc<AtomicI64>,
}

impl AwsClock {
    /// As long as nothing is known, AWS has our time.
    pub(super) fn new() -> Self {
        Self { local: Clock::start(), ahead: Arc::default() }
    }

    /// What AWS's clock shows at this local time.
    pub(super) fn at(&self, local: Timestamp) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead.load(Ordering::Relaxed));
        local.checked_add(ahead).unwrap_or(local)
    }

    fn shows(&self, aws: Timestamp) {
        let ahead = aws.duration_since(self.local.now()).as_millis();
        // Two times of the calendar are never so far apart that their milliseconds do not fit.
        self.ahead.store(i64::try_from(ahead).unwrap_or_default(), Ordering::Relaxed);
    }
}

impl Intercept for AwsClock {
    fn name(&self) -> &'static str {
        "AwsClock"
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
            self.shows(aws);
        }
        Ok(())
    }
}
