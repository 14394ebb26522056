//! Answers and errors on the wire: AWS's REST-JSON.

use axum::response::Response;
use http::header::{CONTENT_TYPE, DATE};
use http::{HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

use crate::call::CallKind;
use crate::error::{ApiError, ErrorKind, FieldError, Reason};
use crate::serve::{Reply, success_status};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The answer to a call.
pub(super) fn answer(kind: CallKind, result: Result<Reply, ApiError>) -> Response {
    match result {
        Ok(Reply::Answer(answer)) => json(success_status(kind), &answer),
        // Other services' answers, which have dialects of their own.
        Ok(Reply::Identity(..) | Reply::Credentials(_)) => plain(500, "text/plain", ""),
        Err(failure) => error(&failure),
    }
}

/// The answer where the API has no such operation.
pub(super) fn unknown_operation(now: Timestamp) -> Response {
    let code = "UnknownOperationException".to_owned();
    let kind = ErrorKind::Other { code, status: 404 };
    stamped(error(&ApiError::new(kind, "The API has no such operation")), now)
}

/// A JSON body.
pub(super) fn json(status: u16, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => plain(status, "application/json", bytes),
        Err(error) => plain(500, "text/plain", error.to_string()),
    }
}

/// A body of any type.
pub(super) fn plain(
    status: u16,
    content_type: &'static str,
    body: impl Into<axum::body::Body>,
) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// What every answer of AWS carries: the time by its clock, and an ID.
pub(super) fn stamped(response: Response, now: Timestamp) -> Response {
    let mut response = dated(response, now);
    if let Ok(id) = HeaderValue::from_str(&request_id()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// With the time by the emulator's clock; without it the HTTP library would write the machine's.
pub(super) fn dated(mut response: Response, now: Timestamp) -> Response {
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// A time in whole seconds, as STS writes it.
pub(super) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Looks like a UUID of version 4. The one random thing that no seed decides: no behaviour
/// depends on it, and two emulators should not give out the same.
pub(super) fn request_id() -> String {
    let bits = fastrand::u128(..);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        bits >> 96,
        (bits >> 80) & 0xffff,
        (bits >> 64) & 0xfff,
        (bits >> 48) & 0xfff,
        bits & 0xffff_ffff_ffff
    )
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    field_list: &'a [FieldError],
}

fn error(error: &ApiError) -> Response {
    let body =
        ErrorBody { message: &error.message, reason: error.reason, field_list: &error.fields };
    let mut response = json(error.kind.status(), &body);
    if let Ok(code) = HeaderValue::from_str(error.kind.code()) {
        response.headers_mut().insert(ERROR_TYPE, code);
    }
    response
}
