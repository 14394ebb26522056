//! What is granted to a service account, by whatever binding, one right at a time.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Result, ensure};
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::audit::Used;

/// One verb on one kind of thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Right {
    /// The namespace; none: everywhere.
    pub(crate) place: Option<String>,
    /// As `mcpservers.mcpgateway.bedrock.aws/status`, or a path of the API server.
    pub(crate) resource: String,
    pub(crate) verb: String,
    /// Of this name alone.
    pub(crate) name: Option<String>,
}

impl Right {
    /// Whether it allows what was done.
    pub(crate) fn allows(&self, used: &Used) -> bool {
        self.resource == used.resource
            && self.verb == used.verb
            && self.place.as_ref().is_none_or(|place| Some(place) == used.namespace.as_ref())
            && self.name.as_ref().is_none_or(|name| Some(name) == used.name.as_ref())
    }
}

impl fmt::Display for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.as_deref().unwrap_or("every namespace");
        write!(formatter, "{} {} in {place}", self.verb, self.resource)?;
        self.name.iter().try_for_each(|name| write!(formatter, ", only {name}"))
    }
}

/// The name by which rights and requests are compared.
pub(crate) fn resource(group: &str, resource: &str) -> String {
    let (kind, part) = resource.split_once('/').map_or((resource, None), |(a, b)| (a, Some(b)));
    let group = if group.is_empty() { String::new() } else { format!(".{group}") };
    let part = part.map(|part| format!("/{part}")).unwrap_or_default();
    format!("{kind}{group}{part}")
}

/// All that is bound to the account itself. What everybody may do is not counted.
pub(crate) async fn to(client: &Client, namespace: &str, name: &str) -> Result<BTreeSet<Right>> {
    let all = ListParams::default();
    let is_bound = |subjects: Option<&Vec<Subject>>| {
        subjects.into_iter().flatten().any(|subject| {
            subject.kind == "ServiceAccount"
                && subject.name == name
                && subject.namespace.as_deref() == Some(namespace)
        })
    };
    let mut rights = BTreeSet::new();
    let cluster_bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    for binding in cluster_bindings.list(&all).await? {
        if is_bound(binding.subjects.as_ref()) {
            expand(None, &rules(client, None, &binding.role_ref).await?, &mut rights)?;
        }
    }
    let bindings: Api<RoleBinding> = Api::all(client.clone());
    for binding in bindings.list(&all).await? {
        if is_bound(binding.subjects.as_ref()) {
            let place = binding.namespace();
            let rules = rules(client, place.as_deref(), &binding.role_ref).await?;
            expand(place.as_deref(), &rules, &mut rights)?;
        }
    }
    Ok(rights)
}

async fn rules(client: &Client, place: Option<&str>, role: &RoleRef) -> Result<Vec<PolicyRule>> {
    let rules = match place {
        Some(place) if role.kind == "Role" => {
            Api::<Role>::namespaced(client.clone(), place).get(&role.name).await?.rules
        }
        _ => Api::<ClusterRole>::all(client.clone()).get(&role.name).await?.rules,
    };
    Ok(rules.unwrap_or_default())
}

fn expand(place: Option<&str>, rules: &[PolicyRule], into: &mut BTreeSet<Right>) -> Result<()> {
    for rule in rules {
        let names = match rule.resource_names.as_deref() {
            Some(names) => names.iter().cloned().map(Some).collect(),
            None => vec![None],
        };
        let mut what: Vec<String> = rule.non_resource_urls.clone().unwrap_or_default();
        for group in rule.api_groups.iter().flatten() {
            let kinds = rule.resources.iter().flatten();
            what.extend(kinds.map(|kind| resource(group, kind)));
        }
        for (resource, verb) in what.iter().flat_map(|r| rule.verbs.iter().map(move |v| (r, v))) {
            ensure!(
                !format!("{resource} {verb}").contains('*'),
                "a right without bounds: {rule:?}"
            );
            into.extend(names.iter().map(|name| Right {
                place: place.map(str::to_owned),
                resource: resource.clone(),
                verb: verb.clone(),
                name: name.clone(),
            }));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(namespace: &str, verb: &str, name: &str) -> Used {
        Used {
            namespace: Some(namespace.to_owned()),
            resource: "leases.coordination.k8s.io".to_owned(),
            verb: verb.to_owned(),
            name: Some(name.to_owned()),
            refused: false,
        }
    }

    #[test]
    fn a_right_allows_what_it_says_and_nothing_else() {
        let rule = PolicyRule {
            api_groups: Some(vec!["coordination.k8s.io".to_owned()]),
            resources: Some(vec!["leases".to_owned()]),
            resource_names: Some(vec!["ours".to_owned()]),
            verbs: vec!["get".to_owned(), "update".to_owned()],
            ..PolicyRule::default()
        };
        let mut rights = BTreeSet::new();
        expand(Some("home"), &[rule], &mut rights).unwrap();
        assert_eq!(rights.len(), 2);
        let may = |used: &Used| rights.iter().any(|right| right.allows(used));
        assert!(may(&used("home", "get", "ours")));
        for (namespace, verb, name) in
            [("away", "get", "ours"), ("home", "patch", "ours"), ("home", "get", "theirs")]
        {
            assert!(!may(&used(namespace, verb, name)), "{namespace} {verb} {name}");
        }
        let all = PolicyRule { resources: Some(vec!["*".to_owned()]), ..PolicyRule::default() };
        let all = PolicyRule {
            api_groups: Some(vec![String::new()]),
            verbs: vec!["get".to_owned()],
            ..all
        };
        assert!(expand(None, &[all], &mut rights).is_err());
        assert_eq!(resource("g", "kinds/status"), "kinds.g/status");
        assert_eq!(resource("", "pods"), "pods");
    }
}
