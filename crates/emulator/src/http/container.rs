//! The container credentials endpoint, as the Pod Identity agent of EKS serves it.

use axum::response::Response;
use http::Method;
use http::header::AUTHORIZATION;
use http::request::Parts;
use serde_json::json;

use super::write;
use crate::call::CallKind;
use crate::error::ApiError;
use crate::issuer::Ask;
use crate::serve::{Reply, Request, Work};

/// What belongs into `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
const PATH: &str = "/v1/credentials";

/// Whether a request asks for container credentials.
pub(super) fn is_for_container(parts: &Parts) -> bool {
    parts.uri.path() == PATH && parts.method == Method::GET
}

/// Reads such a request.
pub(super) fn parse(parts: &Parts) -> Request {
    let authorization = parts.headers.get(AUTHORIZATION);
    let authorization = authorization.and_then(|token| token.to_str().ok()).map(str::to_owned);
    Request {
        kind: CallKind::GetContainerCredentials,
        gateway: None,
        target: None,
        name: None,
        client_token: None,
        signer: None,
        work: Ok(Work::Issue(Ask::Container { authorization })),
    }
}

/// Writes the answer.
pub(super) fn write(result: Result<Reply, ApiError>) -> Response {
    match result {
        Ok(Reply::Credentials(issued)) => write::json(
            200,
            &json!({
                "AccessKeyId": issued.access_key,
                "SecretAccessKey": issued.secret,
                "Token": issued.token,
                "Expiration": write::seconds(issued.until),
                "AccountId": issued.account,
            }),
        ),
        Ok(Reply::Answer(_) | Reply::Identity(..)) => write::json(500, &json!({})),
        Err(error) => write::json(
            error.kind.status(),
            &json!({"code": error.kind.code(), "message": error.message}),
        ),
    }
}
