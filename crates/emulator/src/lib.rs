//! An emulator of the Bedrock AgentCore control plane, as far as it concerns gateways and their
//! targets: over HTTP, for any AWS client.
//!
//! Three layers, each ignorant of the one around it. The state machine (`state`) is a pure
//! function of calls and time. `core` puts it under a lock with a clock, fault rules and a call
//! log, and `serve` is the way of one call through them. `http` reads and writes AWS's REST-JSON, and the admin API. [`Emulator`] starts it all
//! in the current runtime and is what tests hold.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use emulator::{CallKind, Emulator, Fault, FaultRule, Settings, TargetStatus};
//!
//! let emulator = Emulator::start(Settings::with_gateways(["demo"])).await?;
//! emulator.fault(FaultRule::next(CallKind::CreateGatewayTarget, Fault::CutAfterCommit));
//! // … let a client at `emulator.url()` create the target `weather` …
//! emulator.wait_for_status("demo", "weather", &TargetStatus::Ready).await;
//! # Ok(())
//! # }
//! ```

mod call;
mod clock;
mod core;
mod emulator;
mod error;
mod fault;
mod http;
mod issuer;
mod log;
mod outcome;
mod serve;
mod settings;
mod shape;
mod spread;
mod state;
mod tally;
mod target;

pub use call::CallKind;
pub use emulator::Emulator;
pub use fault::{Fault, FaultRule};
pub use log::{CallRecord, Outcome};
pub use outcome::OutcomeRule;
pub use settings::{
    AccessKey, Account, BadSettings, Clash, ClockSkew, Consent, ConsentLapse, Consistency,
    DurationRule, Durations, Echo, EmptyCredentials, Entry, GatewayIds, Issuing, LimitError, Place,
    Places, PolicyHeader, Position, QuotaOrder, Quotas, Settings, SettingsChange, Signatures,
    TokenAfterDelete, TokenMismatch, TokenPolicy, Transition, UpdateOfFailed, UpdatedAt, Variants,
    Verdict,
};
pub use spread::{Chance, Spread};
pub use state::{BackdoorError, NewGateway, TargetPatch};
pub use tally::Counted;
pub use target::{AuthorizationData, TargetSpec, TargetStatus, TargetView};
