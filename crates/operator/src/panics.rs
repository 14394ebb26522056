//! Panics: caught where one resource is at stake, told by everybody.
//!
//! Contract: what is caught is known with its text and its place, and is told by whoever caught it. Any
//! other panic is one line of the log, like everything else that is said. Text and place are bounded and
//! fit to be shown, because a panic can repeat what somebody has written.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::pin::pin;
use std::sync::Once;

use api::text::one_line;
use futures::FutureExt as _;
use tracing::error;

/// The longest text that is repeated, in characters.
const TEXT: usize = 512;
/// The longest place.
const PLACE: usize = 256;

/// What is known of a panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Panic {
    /// What it says.
    pub(crate) text: String,
    /// File, line and column.
    pub(crate) place: Option<String>,
}

thread_local! {
    /// Whether what this thread does now is caught when it panics.
    static CATCHES: Cell<bool> = const { Cell::new(false) };
    /// Where it has panicked last, if that was to be caught.
    static PLACE_OF_LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on a panic that nobody catches is a line of the log.
pub(crate) fn log() {
    panic::set_hook(Box::new(|info| {
        let text = text_of(info.payload());
        error!(panic = text, place = place_of(info), "a part of the operator has panicked");
    }));
    listen();
}

/// Has places of panics that are caught noted down; those of others are told as before.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CATCHES.get() {
                PLACE_OF_LAST.replace(place_of(info));
            } else {
                before(info);
            }
        }));
    });
}

/// Does the work, and catches its panic.
///
/// What the work has changed of what others use stays as it is at that moment, so it must be of use to
/// them then: that is for the caller to judge.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panic> {
    let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
    let done = poll_fn(|context| {
        let before = CATCHES.replace(true);
        let polled = work.as_mut().poll(context);
        CATCHES.set(before);
        polled
    });
    // Still on the thread on which it panicked.
    done.await.map_err(|payload| known_of(&*payload))
}

/// The same for work that does not wait.
pub(crate) fn caught_at_once<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    let before = CATCHES.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    CATCHES.set(before);
    done.map_err(|payload| known_of(&*payload))
}

fn known_of(payload: &(dyn Any + Send)) -> Panic {
    Panic { text: text_of(payload), place: PLACE_OF_LAST.take() }
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    one_line(text.unwrap_or("without a text"), TEXT)
}

fn place_of(info: &PanicHookInfo<'_>) -> Option<String> {
    info.location().map(|place| one_line(&place.to_string(), PLACE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_caught_has_its_text_and_place_fit_to_be_shown() {
        listen();
        let result = caught(async {
            tokio::task::yield_now().await;
            panic!("a\n\u{1b}[31m{}", "x".repeat(1000));
        });
        let Panic { text, place } = result.await.unwrap_err();
        assert!(text.starts_with("a  [31mxxx") && text.ends_with('…'), "{text}");
        assert_eq!(text.chars().count(), TEXT);
        assert!(place.is_some_and(|place| place.contains("panics.rs:")));
        assert_eq!(caught(async { 7 }).await, Ok(7));
        let Panic { text, place } =
            caught_at_once(|| panic!("at once")).map(|(): ()| ()).unwrap_err();
        assert_eq!(text, "at once");
        assert!(place.is_some_and(|place| place.contains("panics.rs:")) && !CATCHES.get());
        assert_eq!(caught_at_once(|| 7), Ok(7));
    }

    #[tokio::test]
    async fn one_that_is_caught_within_ends_nothing_without() {
        listen();
        let outer = caught(async {
            let inner = caught(async { panic!("inner") }).await;
            assert_eq!(inner.unwrap_err().text, "inner");
            assert!(CATCHES.get(), "the outer one still catches");
            panic::panic_any(7);
        });
        assert_eq!(outer.await.unwrap_err().text, "without a text");
        assert!(!CATCHES.get());
    }
}
