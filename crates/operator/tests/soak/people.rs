//! What people do, and what they have written.

use std::time::Duration;

use anyhow::Result;
use api::{MCPServer, MCPServerSpec};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use testkit::scenario::{GATEWAY, OTHER_GATEWAY, valid_spec};

/// How many resources there are at most.
const RESOURCES: usize = 12;
/// Longest pause, in milliseconds: some deeds come while the one before is under way, some later.
const PAUSE: u64 = 1500;

/// A resource that is there, or may be.
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) api: Api<MCPServer>,
    /// What it is to say; `None`: it is to be gone.
    pub(crate) spec: Option<MCPServerSpec>,
}

pub(crate) struct People {
    all: Vec<Written>,
    deeds: usize,
}

#[derive(Clone, Copy)]
enum Deed {
    Describe,
    Point,
    Move,
    Rename,
    Suspend,
    Delete,
}

/// As often as in life, about.
const DEEDS: [Deed; 10] = [
    Deed::Describe,
    Deed::Describe,
    Deed::Point,
    Deed::Point,
    Deed::Move,
    Deed::Move,
    Deed::Rename,
    Deed::Rename,
    Deed::Suspend,
    Deed::Delete,
];

impl People {
    pub(crate) fn new(client: &Client, namespaces: &[String]) -> Self {
        let written = |number: usize| Written {
            name: format!("server-{number}"),
            api: Api::namespaced(client.clone(), &namespaces[number % namespaces.len()]),
            spec: None,
        };
        Self { all: (0..RESOURCES).map(written).collect(), deeds: 0 }
    }

    pub(crate) fn all(&self) -> &[Written] {
        &self.all
    }

    pub(crate) fn deeds(&self) -> usize {
        self.deeds
    }

    /// Somebody does something.
    pub(crate) async fn act(&mut self, random: &mut fastrand::Rng) -> Result<()> {
        self.deeds += 1;
        let number = self.deeds;
        let written = &mut self.all[random.usize(..RESOURCES)];
        let deed = DEEDS[random.usize(..DEEDS.len())];
        let Some(spec) = &mut written.spec else { return written.create(number).await };
        let name = &written.name;
        match deed {
            Deed::Describe => spec.description = Some(format!("version {number}")),
            Deed::Point => spec.endpoint = format!("https://{name}-{number}.example.com/mcp"),
            Deed::Move => {
                let other = spec.gateway_id.as_deref() == Some(OTHER_GATEWAY);
                let to = if other { GATEWAY } else { OTHER_GATEWAY };
                spec.gateway_id = Some(to.to_owned());
            }
            Deed::Rename => {
                spec.target_name = match spec.target_name {
                    Some(_) => None,
                    None => Some(format!("{name}-renamed")),
                }
            }
            Deed::Suspend => spec.suspend = spec.suspend.is_none().then_some(true),
            Deed::Delete => {
                written.spec = None;
                written.api.delete(&written.name, &DeleteParams::default()).await?;
                return Ok(());
            }
        }
        written.edit().await
    }

    /// Nothing is suspended any more.
    pub(crate) async fn wake_all(&mut self) -> Result<()> {
        for written in &mut self.all {
            let suspend = written.spec.as_mut().and_then(|spec| spec.suspend.take());
            if suspend.is_some() {
                written.edit().await?;
            }
        }
        Ok(())
    }

    /// Nobody does anything for a while.
    pub(crate) async fn pause(&self, random: &mut fastrand::Rng) {
        tokio::time::sleep(Duration::from_millis(random.u64(..PAUSE))).await;
    }
}

impl Written {
    /// On which gateway its target is to be.
    pub(crate) fn gateway(spec: &MCPServerSpec) -> &str {
        spec.gateway_id.as_deref().unwrap_or(GATEWAY)
    }

    /// What its target is to be called.
    pub(crate) fn target_name<'a>(&'a self, spec: &'a MCPServerSpec) -> &'a str {
        spec.target_name.as_deref().unwrap_or(&self.name)
    }

    async fn create(&mut self, number: usize) -> Result<()> {
        let mut spec = valid_spec(&self.name);
        spec.description = Some(format!("version {number}"));
        let server = MCPServer::new(&self.name, spec);
        match self.api.create(&PostParams::default(), &server).await {
            Ok(made) => self.spec = Some(made.spec),
            // The one that was deleted has not gone yet.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Writes what it is to say.
    async fn edit(&self) -> Result<()> {
        let Some(spec) = &self.spec else { return Ok(()) };
        let mut spec = json!(spec);
        // What is not there any more has to be taken away.
        for field in ["targetName", "suspend"] {
            if let Some(fields) = spec.as_object_mut() {
                fields.entry(field).or_insert(Value::Null);
            }
        }
        let patch = Patch::Merge(json!({ "spec": spec }));
        self.api.patch(&self.name, &PatchParams::default(), &patch).await?;
        Ok(())
    }
}
