//! Names what the operator asks for, so that it is called the same from run to run.
//!
//! Counted are every call to AWS, reads included, and every write to a resource. Reads from
//! Kubernetes change nothing and can be repeated at will; events are published beside the work and
//! may be lost, whatever happens.

use emulator::CallKind;
use http::Method;
use http::request::Parts;
use hyper::body::Bytes;

/// The name of a call that counts.
pub(super) fn name(parts: &Parts, body: &Bytes) -> Option<String> {
    let path: Vec<&str> = parts.uri.path().split('/').filter(|part| !part.is_empty()).collect();
    match path.as_slice() {
        ["apis", api::GROUP, _, "namespaces", _, "mcpservers", rest @ ..] => {
            kubernetes(&parts.method, rest, body)
        }
        ["api" | "apis", ..] => None,
        path => aws(&parts.method, path).map(|kind| kind.name().to_owned()),
    }
}

fn kubernetes(method: &Method, rest: &[&str], body: &Bytes) -> Option<String> {
    if method == Method::GET {
        return None;
    }
    let says = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
    let what = match rest {
        [_, subresource] => subresource,
        _ if says("/metadata/finalizers") => "finalizers",
        _ if says("annotations") => "annotations",
        _ => "resource",
    };
    Some(format!("{} {what}", method.as_str().to_lowercase()))
}

fn aws(method: &Method, path: &[&str]) -> Option<CallKind> {
    Some(match (method.as_str(), path) {
        ("POST", []) => CallKind::GetCallerIdentity,
        ("GET", ["gateways", _]) => CallKind::GetGateway,
        ("POST", ["gateways", _, "targets"]) => CallKind::CreateGatewayTarget,
        ("GET", ["gateways", _, "targets"]) => CallKind::ListGatewayTargets,
        ("GET", ["gateways", _, "targets", _]) => CallKind::GetGatewayTarget,
        ("PUT", ["gateways", _, "targets", _]) => CallKind::UpdateGatewayTarget,
        ("DELETE", ["gateways", _, "targets", _]) => CallKind::DeleteGatewayTarget,
        ("PUT", ["gateways", _, "synchronizeTargets"]) => CallKind::SynchronizeGatewayTargets,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_the_names_by_which_people_know_them() {
        let resource = "/apis/mcpgateway.bedrock.aws/v1alpha1/namespaces/n/mcpservers";
        for (method, path, body, expected) in [
            ("PATCH", "/w", r#"[{"path":"/metadata/finalizers"}]"#, Some("patch finalizers")),
            ("PATCH", "/w", r#"{"metadata":{"annotations":{}}}"#, Some("patch annotations")),
            ("PATCH", "/w/status?", "{}", Some("patch status")),
            ("DELETE", "/w", "", Some("delete resource")),
            ("GET", "?watch=true", "", None),
        ] {
            assert_eq!(named(method, &format!("{resource}{path}"), body), expected.map(Into::into));
        }
        for (method, path, expected) in [
            ("POST", "/", Some("GetCallerIdentity")),
            ("PUT", "/gateways/g/targets/t/", Some("UpdateGatewayTarget")),
            ("PUT", "/gateways/g/targets/t", Some("UpdateGatewayTarget")),
            ("GET", "/gateways/g/targets/?maxResults=1000", Some("ListGatewayTargets")),
            ("POST", "/apis/events.k8s.io/v1/namespaces/n/events", None),
        ] {
            assert_eq!(named(method, path, ""), expected.map(Into::into));
        }
    }

    fn named(method: &str, path: &str, body: &str) -> Option<String> {
        let request = http::Request::builder().method(method).uri(path).body(()).unwrap();
        name(&request.into_parts().0, &Bytes::from(body.to_owned()))
    }
}
