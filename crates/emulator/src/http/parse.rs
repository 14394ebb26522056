//! From an HTTP request to a call: path, query and body, with the checks of the service model.

use axum::body::Bytes;
use http::Method;
use http::request::Parts;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::signature;
use crate::call::{Call, CallKind, Page};
use crate::error::{ApiError, Reason};
use crate::serve::{Request, Work};
use crate::settings::Settings;
use crate::shape::{Shape, check, check_text, requests};

/// The name that requests to AgentCore are signed for.
const SERVICE: &str = "bedrock-agentcore";

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
struct Route {
    kind: CallKind,
    gateway: Option<String>,
    target: Option<String>,
}

/// The call behind a request; None where the API has no such operation.
pub(super) fn parse(
    parts: &Parts,
    body: &Bytes,
    settings: &Settings,
    now: Timestamp,
) -> Option<Request> {
    let route = route(&parts.method, parts.uri.path())?;
    let (kind, gateway, mut target) = (route.kind, route.gateway.clone(), route.target.clone());
    let (mut name, mut client_token) = (None, None);
    let document = document(kind, body);
    if let Ok(Some(document)) = &document {
        name = text(document, "name");
        client_token = text(document, "clientToken");
        let synchronized = document.get("targetIdList").and_then(|list| list.get(0));
        if let Some(synchronized) = synchronized.and_then(Value::as_str) {
            target = Some(synchronized.to_owned());
        }
    }
    let signer = Some(signature::signer(parts, body, SERVICE, settings, now));
    let query = parts.uri.query().unwrap_or_default();
    let work = document
        .and_then(|document| call(route, query, document))
        .map(|call| Work::Call(Box::new(call)));
    Some(Request { kind, gateway, target, name, client_token, signer, work })
}

/// The SDKs differ over the trailing slash of the model's URIs, so it never counts.
fn route(method: &Method, path: &str) -> Option<Route> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8().ok().map(Into::into))
        .collect::<Option<_>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (kind, gateway, target) = match (method.as_str(), segments.as_slice()) {
        ("POST", ["gateways"]) => (CallKind::CreateGateway, None, None),
        ("GET", ["gateways"]) => (CallKind::ListGateways, None, None),
        ("GET", ["gateways", gateway]) => (CallKind::GetGateway, Some(gateway), None),
        ("DELETE", ["gateways", gateway]) => (CallKind::DeleteGateway, Some(gateway), None),
        ("POST", ["gateways", gateway, "targets"]) => {
            (CallKind::CreateGatewayTarget, Some(gateway), None)
        }
        ("GET", ["gateways", gateway, "targets"]) => {
            (CallKind::ListGatewayTargets, Some(gateway), None)
        }
        ("GET", ["gateways", gateway, "targets", target]) => {
            (CallKind::GetGatewayTarget, Some(gateway), Some(target))
        }
        ("PUT", ["gateways", gateway, "targets", target]) => {
            (CallKind::UpdateGatewayTarget, Some(gateway), Some(target))
        }
        ("DELETE", ["gateways", gateway, "targets", target]) => {
            (CallKind::DeleteGatewayTarget, Some(gateway), Some(target))
        }
        ("PUT", ["gateways", gateway, "synchronizeTargets"]) => {
            (CallKind::SynchronizeGatewayTargets, Some(gateway), None)
        }
        _ => return None,
    };
    let owned = |segment: Option<&&str>| segment.map(|segment| (*segment).to_owned());
    Some(Route { kind, gateway: owned(gateway), target: owned(target) })
}

/// The shape of a call's body, for calls that have one.
fn body_shape(kind: CallKind) -> Option<&'static Shape> {
    match kind {
        CallKind::CreateGateway => Some(&requests::CREATE_GATEWAY),
        CallKind::CreateGatewayTarget => Some(&requests::CREATE_TARGET),
        CallKind::UpdateGatewayTarget => Some(&requests::UPDATE_TARGET),
        CallKind::SynchronizeGatewayTargets => Some(&requests::SYNCHRONIZE),
        CallKind::GetGateway
        | CallKind::DeleteGateway
        | CallKind::ListGateways
        | CallKind::GetGatewayTarget
        | CallKind::DeleteGatewayTarget
        | CallKind::ListGatewayTargets
        | CallKind::GetCallerIdentity
        | CallKind::AssumeRoleWithWebIdentity
        | CallKind::GetContainerCredentials => None,
    }
}

/// The body as JSON, unchecked; None for calls without one.
fn document(kind: CallKind, body: &Bytes) -> Result<Option<Value>, ApiError> {
    if body_shape(kind).is_none() {
        return Ok(None);
    }
    // An empty body is an empty structure.
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map(Some).map_err(|error| {
        ApiError::validation(Reason::CannotParse, format!("The body is not JSON: {error}"))
    })
}

fn call(route: Route, query: &str, document: Option<Value>) -> Result<Call, ApiError> {
    let Route { kind, gateway, target } = route;
    let gateway = gateway.unwrap_or_default();
    let target = target.unwrap_or_default();
    let mut document = document.unwrap_or_default();
    if let Some(shape) = body_shape(kind) {
        check(&mut document, shape)?;
    }
    if !target.is_empty() {
        check_text("targetId", &target, &requests::TARGET_ID)?;
    }
    Ok(match kind {
        CallKind::CreateGateway => {
            let name = text(&document, "name").unwrap_or_default();
            let token = text(&document, "clientToken");
            let mut members = into_object(document);
            // The view has the name in a member of its own; tokens and tags do not come back.
            for member in ["name", "clientToken", "tags"] {
                members.remove(member);
            }
            Call::CreateGateway { token, name, members }
        }
        CallKind::GetGateway => Call::GetGateway { gateway },
        CallKind::DeleteGateway => Call::DeleteGateway { gateway },
        CallKind::ListGateways => Call::ListGateways(page(query)?),
        CallKind::CreateGatewayTarget => {
            let token = text(&document, "clientToken");
            let mut members = into_object(document);
            members.remove("clientToken");
            Call::CreateTarget { gateway, token, spec: typed(members.into())? }
        }
        CallKind::GetGatewayTarget => Call::GetTarget { gateway, target },
        CallKind::UpdateGatewayTarget => {
            Call::UpdateTarget { gateway, target, spec: typed(document)? }
        }
        CallKind::DeleteGatewayTarget => Call::DeleteTarget { gateway, target },
        CallKind::ListGatewayTargets => Call::ListTargets { gateway, page: page(query)? },
        CallKind::SynchronizeGatewayTargets => {
            let targets = document["targetIdList"].take();
            Call::Synchronize { gateway, targets: typed(targets)? }
        }
        CallKind::GetCallerIdentity
        | CallKind::AssumeRoleWithWebIdentity
        | CallKind::GetContainerCredentials => {
            return Err(ApiError::validation(Reason::CannotParse, "Not a call of AgentCore"));
        }
    })
}

fn page(query: &str) -> Result<Page, ApiError> {
    let mut page = Page::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "maxResults" => page.max_results = Some(max_results(&value)?),
            "nextToken" => {
                check_text("nextToken", &value, &requests::NEXT_TOKEN)?;
                page.next_token = Some(value.into_owned());
            }
            // As AWS's front door: parameters that mean nothing are not an error.
            _ => {}
        }
    }
    Ok(page)
}

fn max_results(value: &str) -> Result<usize, ApiError> {
    value.parse().ok().filter(|number| (1..=1000).contains(number)).ok_or_else(|| {
        let message = "Value at 'maxResults' failed to satisfy constraint: Member must be an \
                       integer from 1 to 1000";
        ApiError::field("maxResults", message)
    })
}

fn text(document: &Value, member: &str) -> Option<String> {
    document.get(member).and_then(Value::as_str).map(str::to_owned)
}

fn into_object(document: Value) -> Map<String, Value> {
    match document {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// A checked document cannot fail here; a gap in the tables would show as `CannotParse`.
fn typed<T: serde::de::DeserializeOwned>(document: Value) -> Result<T, ApiError> {
    serde_json::from_value(document)
        .map_err(|error| ApiError::validation(Reason::CannotParse, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_with_and_without_the_last_slash() {
        type Expected = Option<(CallKind, &'static str, &'static str)>;
        let cases: &[(Method, &str, Expected)] = &[
            (Method::POST, "/gateways", Some((CallKind::CreateGateway, "", ""))),
            (Method::GET, "/gateways", Some((CallKind::ListGateways, "", ""))),
            (Method::GET, "/gateways/g", Some((CallKind::GetGateway, "g", ""))),
            (Method::GET, "/gateways/arn%3Aaws%2Fg", Some((CallKind::GetGateway, "arn:aws/g", ""))),
            (Method::DELETE, "/gateways/g", Some((CallKind::DeleteGateway, "g", ""))),
            (Method::POST, "/gateways/g/targets", Some((CallKind::CreateGatewayTarget, "g", ""))),
            (Method::GET, "/gateways/g/targets", Some((CallKind::ListGatewayTargets, "g", ""))),
            (Method::GET, "/gateways/g/targets/t", Some((CallKind::GetGatewayTarget, "g", "t"))),
            (Method::PUT, "/gateways/g/targets/t", Some((CallKind::UpdateGatewayTarget, "g", "t"))),
            (
                Method::DELETE,
                "/gateways/g/targets/t",
                Some((CallKind::DeleteGatewayTarget, "g", "t")),
            ),
            (
                Method::PUT,
                "/gateways/g/synchronizeTargets",
                Some((CallKind::SynchronizeGatewayTargets, "g", "")),
            ),
            (Method::PATCH, "/gateways/g", None),
            (Method::GET, "/", None),
            (Method::GET, "/gateways/g/targets/t/x", None),
        ];
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        for (method, path, expected) in cases {
            let expected = expected.as_ref().map(|(kind, gateway, target)| Route {
                kind: *kind,
                gateway: some(gateway),
                target: some(target),
            });
            assert_eq!(route(method, path), expected, "{method} {path}");
            assert_eq!(route(method, &format!("{path}/")), expected, "{method} {path}/");
            // What rules may ask of a call is what a call can have.
            let Some(Route { kind, gateway, target }) = expected else { continue };
            assert_eq!(kind.has_gateway(), gateway.is_some(), "{kind:?}");
            let is_named = target.is_some() || body_shape(kind).is_some();
            assert_eq!(kind.has_name(), is_named, "{kind:?}");
        }
    }

    #[test]
    fn pages() {
        assert_eq!(page("").unwrap(), Page::default());
        let full = Page { max_results: Some(1000), next_token: Some("a+b".into()) };
        assert_eq!(page("maxResults=1000&nextToken=a%2Bb").unwrap(), full);
        assert_eq!(page("nextToken=a%20b").unwrap_err().fields[0].name, "nextToken");
        for bad in ["maxResults=0", "maxResults=1001", "maxResults=x", "maxResults="] {
            assert_eq!(page(bad).unwrap_err().fields[0].name, "maxResults", "{bad}");
        }
    }
}
