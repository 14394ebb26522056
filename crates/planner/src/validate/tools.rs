//! Where the tools come from, and when they are fetched again.

use std::time::Duration;

use api::{ListingMode, MCPServerSpec, ToolSchema, ToolSchemaSource, WorkloadRef};
use jiff::SignedDuration;

use super::{Check, chosen, set, shortened};

/// The shortest interval at which tools are fetched by time.
const SHORTEST_INTERVAL: Duration = Duration::from_mins(5);

/// When the tools are fetched again, besides at every Create and Update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolSync {
    /// After the rollouts of this workload.
    pub workload: Option<WorkloadRef>,
    /// At least this often.
    pub interval: Option<Duration>,
}

impl Check {
    pub(super) fn listing_mode(&mut self, spec: &MCPServerSpec) -> ListingMode {
        let modes = [("Default", ListingMode::Default), ("Dynamic", ListingMode::Dynamic)];
        let mode = chosen(self, "spec.listingMode", spec.listing_mode.as_ref(), &modes);
        let grant = set(spec.oauth_grant_type.as_ref());
        if mode == ListingMode::Dynamic && grant == Some("AuthorizationCode") {
            self.fail(
                "spec.listingMode",
                "Dynamic cannot be had with oauthGrantType AuthorizationCode: remove one of them",
            );
        }
        mode
    }

    pub(super) fn tool_schema(&mut self, source: Option<&ToolSchemaSource>) -> Option<ToolSchema> {
        let source = source?;
        match (set(source.inline.as_ref()), &source.s3) {
            (Some(text), None) => {
                if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
                    self.fail("spec.toolSchema.inline", format!("is not JSON: {error}"));
                }
                Some(ToolSchema::Inline(text.to_owned()))
            }
            (None, Some(object)) => {
                Some(ToolSchema::S3(self.s3_object("spec.toolSchema.s3", object)))
            }
            (_, _) => {
                self.fail("spec.toolSchema", "must have one of inline and s3");
                None
            }
        }
    }

    pub(super) fn tool_sync(&mut self, sync: Option<&api::ToolSync>) -> Option<ToolSync> {
        let sync = sync?;
        Some(ToolSync {
            workload: sync.workload_ref.as_ref().map(|given| self.workload(given)),
            interval: set(sync.interval.as_ref()).map(|text| self.interval(text)),
        })
    }

    fn workload(&mut self, given: &WorkloadRef) -> WorkloadRef {
        let (kind, name) = (given.kind.trim(), given.name.trim());
        if !["Deployment", "StatefulSet"].contains(&kind) {
            let message =
                format!("\"{}\" is not known; known are Deployment, StatefulSet", shortened(kind));
            self.fail("spec.toolSync.workloadRef.kind", message);
        }
        if name.is_empty() {
            self.fail("spec.toolSync.workloadRef.name", "is required: the name of the workload");
        }
        WorkloadRef { kind: kind.to_owned(), name: name.to_owned() }
    }

    fn interval(&mut self, text: &str) -> Duration {
        const FIELD: &str = "spec.toolSync.interval";
        let parsed = text.parse::<SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
        match parsed {
            None => {
                let message = format!("\"{}\" is no duration such as 30m or 1h", shortened(text));
                self.fail(FIELD, message);
            }
            Some(interval) if interval < SHORTEST_INTERVAL => {
                self.fail(FIELD, format!("{} is too short: 5m at least", shortened(text)));
            }
            Some(_) => {}
        }
        parsed.unwrap_or(SHORTEST_INTERVAL)
    }
}
