//! Table tests of the state machine: no network, no clock, time by hand.

mod endings;
mod life;
mod reads;
mod variants;

use serde_json::Map;

use super::*;
use crate::call::{CallKind, Page};
use crate::error::Reason;
use crate::settings::{TokenAfterDelete, TokenMismatch, TokenPolicy};
use crate::target::TargetSpec;

const TOKEN: &str = "0123456789abcdef0123456789abcdef0";

/// A state, the caller and the time: what every step of a test needs.
struct World {
    state: State,
    now: Timestamp,
    caller: Caller,
}

impl World {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn set(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        Self::with(settings)
    }

    fn with(settings: Settings) -> Self {
        let settings = Settings { gateways: vec!["gw".into()], ..settings };
        let now = Timestamp::UNIX_EPOCH;
        let caller = Caller { account: settings.account.clone(), region: "us-east-1".into() };
        Self { state: State::new(settings, "http://emulator".into(), now), now, caller }
    }

    fn pass(&mut self, milliseconds: i64) {
        self.now += jiff::SignedDuration::from_millis(milliseconds);
    }

    fn call(&mut self, call: Call) -> Result<Answer, ApiError> {
        self.state.handle(self.now, &self.caller, call)
    }

    fn create_with(&mut self, token: Option<&str>, spec: TargetSpec) -> Result<String, ApiError> {
        let token = token.map(str::to_owned);
        match self.call(Call::CreateTarget { gateway: "gw".into(), token, spec })? {
            Answer::Target(view) => Ok(view.target_id),
            other => panic!("{other:?}"),
        }
    }

    fn create(&mut self, name: &str) -> Result<String, ApiError> {
        self.create_with(None, spec(name))
    }

    fn ready(&mut self, name: &str) -> String {
        let id = self.create(name).unwrap();
        self.pass(2000);
        self.state.advance(self.now);
        id
    }

    fn get(&mut self, id: &str) -> Result<TargetView, ApiError> {
        match self.call(Call::GetTarget { gateway: "gw".into(), target: id.into() })? {
            Answer::Target(view) => Ok(*view),
            other => panic!("{other:?}"),
        }
    }

    fn update(&mut self, id: &str, spec: TargetSpec) -> Result<Answer, ApiError> {
        self.call(Call::UpdateTarget { gateway: "gw".into(), target: id.into(), spec })
    }

    fn delete(&mut self, id: &str) -> Result<Answer, ApiError> {
        self.call(Call::DeleteTarget { gateway: "gw".into(), target: id.into() })
    }

    fn synchronize(&mut self, id: &str) -> Result<Answer, ApiError> {
        self.call(Call::Synchronize { gateway: "gw".into(), targets: vec![id.into()] })
    }

    fn status(&mut self, id: &str) -> String {
        match self.get(id) {
            Ok(view) => view.status.as_str().to_owned(),
            Err(error) => error.kind.code().to_owned(),
        }
    }

    fn set_status(&mut self, id: &str, status: &str) {
        let status = Some(TargetStatus::from(status.to_owned()));
        let patch = TargetPatch { status, ..TargetPatch::default() };
        self.state.patch(self.now, "gw", id, patch).unwrap();
    }

    fn list(&mut self, page: Page) -> Items<TargetSummary> {
        match self.call(Call::ListTargets { gateway: "gw".into(), page }).unwrap() {
            Answer::Targets(items) => items,
            other => panic!("{other:?}"),
        }
    }
}

fn spec(name: &str) -> TargetSpec {
    TargetSpec::mcp_server(name, "https://tools.example/mcp")
}
