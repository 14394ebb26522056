//! The Lease at a real API server.
//!
//! Contract: a client of its own, so that nothing queues behind the operator's other calls; it
//! retries nothing, because whether a renewal is worth repeating is the candidate's decision. What
//! others have written to the object (labels, annotations) stays.

use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, Config};

use crate::{Error, Found, Lease, Leases, Timing, Version};

/// One Lease, and a connection for it.
#[derive(Debug)]
pub struct KubeLeases {
    api: Api<Object>,
    name: String,
    /// As it was seen last.
    object: Object,
}

impl KubeLeases {
    /// The Lease of this name, which need not exist yet. Nothing is called.
    pub fn new(
        mut config: Config,
        namespace: &str,
        name: &str,
        timing: Timing,
    ) -> kube::Result<Self> {
        let limit = Some(timing.call_timeout());
        config.default_retry = false;
        config.connect_timeout = limit;
        config.read_timeout = limit;
        config.write_timeout = limit;
        let api = Api::namespaced(Client::try_from(config)?, namespace);
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let object = Object { metadata, ..Object::default() };
        Ok(Self { api, name: name.to_owned(), object })
    }

    fn saw(&mut self, object: Object) -> Found {
        self.object = object;
        let spec = self.object.spec.clone().unwrap_or_default();
        let time = |time: Option<MicroTime>| time.map(|MicroTime(at)| at);
        Found {
            lease: Lease {
                holder: spec.holder_identity.unwrap_or_default(),
                seconds: spec.lease_duration_seconds.unwrap_or_default(),
                acquired: time(spec.acquire_time),
                renewed: time(spec.renew_time),
                transitions: spec.lease_transitions.unwrap_or_default(),
            },
            version: Version(self.object.metadata.resource_version.clone().unwrap_or_default()),
        }
    }
}

impl Leases for KubeLeases {
    async fn get(&mut self) -> Result<Option<Found>, Error> {
        let object = self.api.get_opt(&self.name).await.map_err(failed)?;
        Ok(object.map(|object| self.saw(object)))
    }

    async fn create(&mut self, lease: &Lease) -> Result<Found, Error> {
        let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
        let object = Object { metadata, spec: Some(spec(LeaseSpec::default(), lease)) };
        let made = self.api.create(&PostParams::default(), &object).await.map_err(failed)?;
        Ok(self.saw(made))
    }

    async fn replace(&mut self, lease: &Lease, version: &Version) -> Result<Found, Error> {
        let mut object = self.object.clone();
        object.metadata.resource_version = Some(version.0.clone());
        object.metadata.managed_fields = None;
        object.spec = Some(spec(object.spec.unwrap_or_default(), lease));
        let params = PostParams::default();
        let written = self.api.replace(&self.name, &params, &object).await.map_err(failed)?;
        Ok(self.saw(written))
    }
}

/// The specification with what the record says; the rest of it stays.
fn spec(before: LeaseSpec, lease: &Lease) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(lease.holder.clone()),
        lease_duration_seconds: Some(lease.seconds),
        acquire_time: lease.acquired.map(MicroTime),
        renew_time: lease.renewed.map(MicroTime),
        lease_transitions: Some(lease.transitions),
        ..before
    }
}

fn failed(error: kube::Error) -> Error {
    match error {
        kube::Error::Api(status) if status.code == 409 => Error::Conflict,
        kube::Error::Api(status) if status.code == 403 => Error::Failed(format!(
            "{}: the service account needs the verbs get, create and update for leases of \
             coordination.k8s.io",
            status.message
        )),
        kube::Error::Api(status) => Error::Failed(status.message.clone()),
        error => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                let said = next.to_string();
                if !text.contains(&said) {
                    text = format!("{text}: {said}");
                }
                cause = next.source();
            }
            Error::Failed(text)
        }
    }
}
