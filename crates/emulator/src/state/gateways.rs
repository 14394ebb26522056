//! The calls about gateways themselves.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::gateway::Gateway;
use super::quotas::require_gateway_room;
use super::{Answer, DeletedGateway, Items, State, paging};
use crate::call::{Caller, Page};
use crate::error::{ApiError, ErrorKind};

impl State {
    pub(super) fn create_gateway(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        token: Option<String>,
        name: String,
        members: Map<String, Value>,
    ) -> Result<Answer, ApiError> {
        let tokens = !self.settings.tokens.ttl.is_zero();
        let token = token.filter(|_| tokens);
        // Clients that repeat a call whose answer was lost must not find their own gateway in the
        // way. The variants of tokens are about targets; a gateway's lives as long as it does.
        let is_repeat = |gateway: &&Gateway| {
            gateway.is_visible_to(caller) && token.is_some() && gateway.token == token
        };
        if let Some(known) = self.gateways.values().find(is_repeat) {
            return Ok(Answer::Gateway(Box::new(known.view(&caller.region))));
        }
        let holds_name = |gateway: &Gateway| gateway.is_visible_to(caller) && gateway.name == name;
        if self.gateways.values().any(holds_name) {
            let message = format!("A gateway with name {name} already exists in this account");
            return Err(ApiError::new(ErrorKind::Conflict, message));
        }
        let caller_has = |gateway: &&Gateway| gateway.is_visible_to(caller);
        let count = self.gateways.values().filter(caller_has).count();
        require_gateway_room(&self.settings, count)?;
        let id = self.ids.gateway(&name);
        let sequence = self.ids.next_sequence();
        let mut gateway = Gateway::created(id.clone(), name, sequence, caller, members, now)
            .keeping(&self.settings);
        gateway.token = token;
        let view = gateway.view(&caller.region);
        self.gateways.insert(id, gateway);
        Ok(Answer::Gateway(Box::new(view)))
    }

    pub(super) fn get_gateway(&self, caller: &Caller, id: &str) -> Result<Answer, ApiError> {
        Ok(Answer::Gateway(Box::new(self.gateway(caller, id)?.view(&caller.region))))
    }

    pub(super) fn delete_gateway(&mut self, caller: &Caller, id: &str) -> Result<Answer, ApiError> {
        if !self.gateway(caller, id)?.is_empty() {
            let message =
                format!("Gateway {id} has targets associated with it. Delete all targets first");
            return Err(ApiError::new(ErrorKind::Conflict, message));
        }
        self.gateways.remove(id);
        self.tokens.forget_gateway(id);
        Ok(Answer::DeletedGateway(DeletedGateway { gateway_id: id.to_owned(), status: "DELETING" }))
    }

    pub(super) fn list_gateways(&self, caller: &Caller, page: &Page) -> Result<Answer, ApiError> {
        let after = paging::sequence_of(page.next_token.as_deref())?;
        let is_left =
            |gateway: &&Gateway| gateway.is_visible_to(caller) && gateway.sequence > after;
        let mut left: Vec<&Gateway> = self.gateways.values().filter(is_left).collect();
        left.sort_by_key(|gateway| gateway.sequence);
        let (here, later) = left.split_at(self.page_size(page).min(left.len()));
        let last = here.last().filter(|_| !later.is_empty());
        Ok(Answer::Gateways(Items {
            items: here.iter().map(|gateway| gateway.summary()).collect(),
            next_token: last.map(|gateway| paging::token_after(gateway.sequence)),
        }))
    }

    pub(super) fn page_size(&self, page: &Page) -> usize {
        page.max_results.unwrap_or(self.settings.default_page_size).max(1)
    }
}
