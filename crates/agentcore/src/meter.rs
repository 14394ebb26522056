//! What is told of every request to AWS.
//!
//! Contract: a request is told of once, also when nobody waits for its end any more; then nothing was
//! heard of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api::{Failure, FailureClass};
use tokio::time::Instant;

/// Who hears of requests.
pub trait Meter: fmt::Debug + Send + Sync + 'static {
    /// A request for this operation of AWS's has ended; `None`: well.
    fn asked(&self, operation: &'static str, failure: Option<FailureClass>, took: Duration);
}

/// A request under way.
pub(crate) struct Measured {
    meter: Option<Arc<dyn Meter>>,
    operation: &'static str,
    began: Instant,
    failure: Option<FailureClass>,
}

impl Measured {
    /// One that begins now.
    pub(crate) fn begin(meter: Option<Arc<dyn Meter>>, operation: &'static str) -> Self {
        let failure = Some(FailureClass::Unanswered);
        Self { meter, operation, began: Instant::now(), failure }
    }

    /// It has ended like this.
    pub(crate) fn ended<T>(mut self, result: &Result<T, Failure>) {
        self.failure = result.as_ref().err().map(|failure| failure.class);
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        if let Some(meter) = &self.meter {
            meter.asked(self.operation, self.failure, self.began.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<(Option<FailureClass>, Duration)>>);

    impl Meter for Told {
        fn asked(&self, _: &'static str, failure: Option<FailureClass>, took: Duration) {
            self.0.lock().unwrap().push((failure, took));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_request_is_told_of_once() {
        let told = Arc::new(Told::default());
        let begin = || Measured::begin(Some(told.clone()), "GetGatewayTarget");
        let (second, denied) = (Duration::from_secs(1), FailureClass::Denied);
        let well = begin();
        tokio::time::advance(second).await;
        well.ended(&Ok(()));
        begin().ended::<()>(&Err(Failure { class: denied, message: String::new() }));
        drop(begin());
        let none = Duration::ZERO;
        let expected =
            [(None, second), (Some(denied), none), (Some(FailureClass::Unanswered), none)];
        assert_eq!(*told.0.lock().unwrap(), expected);
    }
}
