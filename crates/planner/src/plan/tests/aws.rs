//! A tiny AgentCore in memory: targets with their whole history, so that it can show the past.
//!
//! Contract: what `agentcore` would be answered, in the same terms. A change is a version of the
//! target from a point in time on, which may lie ahead: nothing has to tick. What the real
//! service leaves open is a [`Quirks`] of it.

mod history;
mod people;
mod quirks;

use std::collections::BTreeMap;
use std::time::Duration;

use api::{
    Accepted, Definition, Failure, FailureClass, GatewayId, Listing, Summary, Target, TargetId,
    TargetStatus,
};
use jiff::Timestamp;

use crate::memory::later;
use crate::plan::{Stage, stage};
use crate::{Answer, Step};

use history::History;
pub(super) use quirks::{DeadToken, Quirks, Stamp};

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const REGION: &str = "us-east-1";

/// What befalls a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// It is refused.
    Refused(FailureClass),
    /// It is lost on its way.
    LostBefore,
    /// It is carried out, and the answer is lost.
    LostAfter,
    /// It is carried out, and the work fails behind it.
    FailsBehind,
}

pub(super) type Identity = (GatewayId, TargetId);

/// The service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Aws {
    pub(super) quirks: Quirks,
    /// Faults of the next calls, by the name of the step.
    pub(super) faults: Vec<(&'static str, Fault)>,
    /// Every List is refused with this.
    pub(super) blind: Option<FailureClass>,
    /// Gateways that do not exist.
    pub(super) missing: Vec<GatewayId>,
    targets: BTreeMap<(GatewayId, TargetId), History>,
    tokens: BTreeMap<String, (GatewayId, TargetId)>,
    made_by_token: Vec<Identity>,
    made: u32,
    /// The pod template that every server runs; `None`: a rollout is under way.
    pub(super) serving: Option<&'static str>,
    /// What the tools of each target were fetched from last.
    fetched: BTreeMap<Identity, Option<&'static str>>,
}

impl Aws {
    /// Answers the call that the step makes.
    pub(super) fn answer(&mut self, step: &Step, now: Timestamp) -> Result<Answer, Failure> {
        let position = self.faults.iter().position(|(name, _)| *name == step.name());
        let fault = position.map(|position| self.faults.remove(position).1);
        match fault {
            Some(Fault::Refused(class)) => Err(failure(class)),
            Some(Fault::LostBefore) => Err(failure(FailureClass::Unanswered)),
            Some(Fault::LostAfter) => {
                // Whatever it is, nobody hears it.
                let _ = self.carry_out(step, now, true);
                Err(failure(FailureClass::Unanswered))
            }
            Some(Fault::FailsBehind) => self.carry_out(step, now, false),
            None => self.carry_out(step, now, true),
        }
    }

    fn carry_out(&mut self, step: &Step, now: Timestamp, works: bool) -> Result<Answer, Failure> {
        let named = match step {
            Step::Create { gateway, .. } => (gateway, None),
            Step::Update { gateway, target, .. }
            | Step::Delete { gateway, target, .. }
            | Step::Synchronize { gateway, target, .. }
            | Step::Read { gateway, target } => (gateway, Some((gateway.clone(), target.clone()))),
            other => panic!("{} calls nobody", other.name()),
        };
        if self.missing.contains(named.0) {
            return Err(failure(FailureClass::NotFound));
        }
        match (step, named.1) {
            (Step::Create { gateway, token, definition, .. }, _) => {
                self.create(gateway, token, definition, now, works).map(Answer::Accepted)
            }
            (Step::Update { definition, .. }, Some(target)) => {
                self.update(&target, definition, now, works).map(Answer::Accepted)
            }
            (Step::Synchronize { .. }, Some(target)) => {
                self.synchronize(&target, now, works).map(|()| Answer::Synchronizing)
            }
            (Step::Delete { .. }, Some(target)) => {
                self.delete(&target, now, works).map(|()| Answer::Deleting)
            }
            (Step::Read { .. }, Some(target)) => self
                .shown(&target, now, self.quirks.get_lag)
                .map(|target| Answer::Found(Box::new(target.clone())))
                .ok_or_else(|| failure(FailureClass::NotFound)),
            (other, _) => panic!("{} names no target", other.name()),
        }
    }

    fn create(
        &mut self,
        gateway: &GatewayId,
        token: &str,
        definition: &Definition,
        now: Timestamp,
        works: bool,
    ) -> Result<Accepted, Failure> {
        let known = self.tokens.get(token).filter(|_| self.quirks.remembers_tokens);
        if let Some(known) = known {
            let made = &self.targets[known];
            match (made.at(now), self.quirks.dead_token) {
                (Some(target), _) => return Ok(accepted(target)),
                (None, DeadToken::Answers) => {
                    let last = made.versions.iter().rev().find_map(|(_, state)| state.as_ref());
                    return Ok(accepted(last.expect("what was made was there once")));
                }
                (None, DeadToken::Refuses) => return Err(failure(FailureClass::Invalid)),
                (None, DeadToken::Creates) => {}
            }
        }
        let identity = self.put(gateway, definition, now, works)?;
        self.made_by_token.push(identity.clone());
        self.tokens.insert(token.to_owned(), identity.clone());
        Ok(accepted(self.targets[&identity].at(now).expect("it was just made")))
    }

    /// Makes a target, for whomever.
    pub(super) fn put(
        &mut self,
        gateway: &GatewayId,
        definition: &Definition,
        now: Timestamp,
        works: bool,
    ) -> Result<Identity, Failure> {
        self.name_must_be_free(gateway, &definition.name, None, now)?;
        self.made += 1;
        let id = TargetId(format!("TARGET{:04}", self.made));
        let creating = Target {
            summary: Summary {
                id: id.clone(),
                name: definition.name.clone(),
                status: TargetStatus::Creating,
                description: definition.description.clone(),
                created_at: now,
                updated_at: now,
                last_synchronized_at: None,
                authorization_url: None,
            },
            gateway_arn: arn(gateway),
            status_reasons: Vec::new(),
            definition: Some(definition.clone()),
        };
        let identity = (gateway.clone(), id);
        self.fetched.insert(identity.clone(), self.serving);
        self.complete(&identity, creating, now, works, TargetStatus::Failed);
        Ok(identity)
    }

    fn update(
        &mut self,
        identity: &Identity,
        definition: &Definition,
        now: Timestamp,
        works: bool,
    ) -> Result<Accepted, Failure> {
        let mut target = self.movable(identity, now)?;
        self.name_must_be_free(&identity.0, &definition.name, Some(&identity.1), now)?;
        self.fetched.insert(identity.clone(), self.serving);
        target.summary.status = TargetStatus::Updating;
        if self.quirks.stamp != Stamp::Completion {
            target.summary.updated_at = now;
        }
        let before = target.clone();
        let answer = accepted(&target);
        if works || !self.quirks.failure_keeps_old {
            target.definition = Some(definition.clone());
        }
        self.complete(identity, target, now, works, TargetStatus::UpdateUnsuccessful);
        // While it is under way, the configuration before it is shown.
        let history = self.targets.get_mut(identity).expect("it is there");
        let under_way = history.versions.len() - 2;
        history.versions[under_way].1 = Some(before);
        Ok(answer)
    }

    fn synchronize(
        &mut self,
        identity: &Identity,
        now: Timestamp,
        works: bool,
    ) -> Result<(), Failure> {
        let mut target = self.movable(identity, now)?;
        if target.definition.as_ref().is_some_and(|definition| definition.tools.is_some()) {
            return Err(failure(FailureClass::Invalid));
        }
        self.fetched.insert(identity.clone(), self.serving);
        target.summary.status = TargetStatus::Synchronizing;
        self.complete(identity, target, now, works, TargetStatus::SynchronizeUnsuccessful);
        Ok(())
    }

    /// Whether the target's tools are those that its server has now.
    pub(super) fn is_fresh(&self, identity: &Identity) -> bool {
        self.fetched.get(identity) == Some(&self.serving)
    }

    /// The target moves from now on, and has ended to move one transition later.
    fn complete(
        &mut self,
        identity: &Identity,
        moving: Target,
        now: Timestamp,
        works: bool,
        failed: TargetStatus,
    ) {
        let at = later(now, self.quirks.transition);
        let mut done = moving.clone();
        if self.quirks.stamp != Stamp::Acceptance {
            done.summary.updated_at = at;
        }
        if let Some(definition) = &mut done.definition {
            if self.quirks.rewrites {
                definition.endpoint.push('/');
            }
            done.summary.name.clone_from(&definition.name);
            done.summary.description.clone_from(&definition.description);
        }
        let asks = definition_needs_consent(&done);
        if works && asks {
            done.summary.status = match moving.summary.status {
                TargetStatus::Creating => TargetStatus::CreatePendingAuth,
                TargetStatus::Synchronizing => TargetStatus::SynchronizePendingAuth,
                _ => TargetStatus::UpdatePendingAuth,
            };
            done.summary.authorization_url = Some(format!("https://consent.example.com/{now}"));
        } else if works {
            done.summary.status = TargetStatus::Ready;
            done.summary.last_synchronized_at = self.quirks.dates_fetches.then_some(at);
            done.status_reasons.clear();
        } else {
            done.summary.status = failed;
            done.status_reasons = vec!["Failed to connect.".to_owned()];
        }
        let history = self.targets.entry(identity.clone()).or_default();
        history.set(now, Some(moving));
        history.set(at, Some(done));
    }

    /// The target has what it waited for, and is READY one transition later.
    fn finish(&mut self, identity: &Identity, mut target: Target, now: Timestamp) {
        let at = later(now, self.quirks.transition);
        target.summary.status = match target.summary.status {
            TargetStatus::CreatePendingAuth => TargetStatus::Creating,
            TargetStatus::SynchronizePendingAuth => TargetStatus::Synchronizing,
            _ => TargetStatus::Updating,
        };
        let mut done = target.clone();
        done.summary.status = TargetStatus::Ready;
        done.summary.last_synchronized_at = Some(at);
        let history = self.targets.get_mut(identity).expect("it is there");
        history.set(now, Some(target));
        history.set(at, Some(done));
    }

    fn delete(&mut self, identity: &Identity, now: Timestamp, works: bool) -> Result<(), Failure> {
        let before = match self.now(identity, now) {
            // Of a status of the future only a fault says that it is refused.
            Some(target) if matches!(target.summary.status, TargetStatus::Unknown(_)) => {
                target.clone()
            }
            Some(_) | None => self.movable(identity, now)?,
        };
        let mut target = before.clone();
        target.summary.status = TargetStatus::Deleting;
        let gone_at = later(now, self.quirks.transition);
        let history = self.targets.get_mut(identity).expect("it is there");
        history.set(now, Some(target));
        history.set(gone_at, (!works).then_some(before));
        Ok(())
    }

    fn movable(&self, identity: &Identity, now: Timestamp) -> Result<Target, Failure> {
        let target = self.now(identity, now).ok_or_else(|| failure(FailureClass::NotFound))?;
        if matches!(stage(&target.summary.status), Stage::Moving | Stage::Consent) {
            return Err(failure(FailureClass::WrongState));
        }
        Ok(target.clone())
    }

    fn name_must_be_free(
        &self,
        gateway: &GatewayId,
        name: &str,
        except: Option<&TargetId>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let taken = self.targets.iter().any(|((at, id), history)| {
            at == gateway && Some(id) != except && history.occupies(name, now)
        });
        if taken { Err(failure(FailureClass::Conflict)) } else { Ok(()) }
    }

    /// A complete List.
    pub(super) fn list(&self, gateway: &GatewayId, now: Timestamp) -> Result<Listing, Failure> {
        if self.missing.contains(gateway) {
            return Err(failure(FailureClass::NotFound));
        }
        if let Some(class) = self.blind {
            return Err(failure(class));
        }
        let here = self.targets.keys().filter(|(at, _)| at == gateway);
        let shown = here.filter_map(|identity| self.shown(identity, now, self.quirks.list_lag));
        Ok(shown.map(|target| target.summary.clone()).collect())
    }

    fn shown(&self, identity: &Identity, now: Timestamp, lag: Duration) -> Option<&Target> {
        let time = now.checked_sub(lag).expect("stories do not begin at the beginning of time");
        self.targets.get(identity)?.at(time)
    }

    /// The target as it really is.
    pub(super) fn now(&self, identity: &Identity, now: Timestamp) -> Option<&Target> {
        self.targets.get(identity)?.at(now)
    }

    /// The targets that were made under a token, alive or not.
    pub(super) fn made_by_token(&self) -> impl Iterator<Item = &Identity> {
        self.made_by_token.iter()
    }

    /// Every target that really is there.
    pub(super) fn all(&self, now: Timestamp) -> impl Iterator<Item = (&GatewayId, &Target)> {
        self.targets.iter().filter_map(move |((gateway, _), history)| {
            history.at(now).map(|target| (gateway, target))
        })
    }

    /// Forgets what was over before that time.
    pub(super) fn forget(&mut self, before: Timestamp) {
        self.targets.values_mut().for_each(|history| history.forget(before));
    }

    /// Whether nothing is under way.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        self.targets.values().flat_map(|history| &history.versions).all(|(from, _)| *from <= now)
    }
}

/// A fixed list of tools needs nobody's consent.
fn definition_needs_consent(target: &Target) -> bool {
    let definition = target.definition.as_ref();
    definition.is_some_and(|definition| definition.needs_consent() && definition.tools.is_none())
}

fn accepted(target: &Target) -> Accepted {
    Accepted {
        target: target.summary.id.clone(),
        gateway_arn: target.gateway_arn.clone(),
        status: target.summary.status.clone(),
        updated_at: target.summary.updated_at,
    }
}

pub(super) fn arn(gateway: &GatewayId) -> String {
    format!("arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:gateway/{gateway}")
}

pub(super) fn failure(class: FailureClass) -> Failure {
    Failure { class, message: format!("AWS says {}", class.as_str()) }
}
