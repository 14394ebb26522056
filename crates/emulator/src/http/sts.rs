//! The one call of STS that tells who is calling: form-encoded in, XML out.

use axum::body::Bytes;
use axum::response::Response;
use http::Method;
use http::request::Parts;

use super::{signature, write};
use crate::call::CallKind;
use crate::core::{Request, Work};
use crate::error::{ApiError, ErrorKind};
use crate::settings::Settings;

/// Whether a request is STS's rather than AgentCore's.
pub(super) fn is_for_sts(parts: &Parts) -> bool {
    parts.uri.path() == "/" && parts.method == Method::POST
}

/// Reads a request to STS.
pub(super) fn parse(parts: &Parts, body: &Bytes) -> Request {
    let action = form_urlencoded::parse(body).find(|(name, _)| name == "Action");
    let known = match action {
        Some((_, action)) if action == "GetCallerIdentity" => Ok(Work::Nothing),
        Some((_, action)) => {
            Err(invalid_action(&format!("Could not find operation {action} for STS")))
        }
        None => Err(invalid_action("The request names no Action")),
    };
    let work = known.and_then(|work| signature::region(&parts.headers, "sts").map(|_| work));
    Request {
        kind: CallKind::GetCallerIdentity,
        gateway: None,
        target: None,
        name: None,
        client_token: None,
        work,
    }
}

/// Writes the answer of STS.
pub(super) fn write(result: Result<(), ApiError>, settings: &Settings) -> Response {
    let id = write::request_id();
    let account = &settings.account;
    let (status, body) = match result {
        Ok(()) => (
            200,
            format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                 <GetCallerIdentityResult>\
                 <Arn>arn:aws:sts::{account}:assumed-role/emulator/session</Arn>\
                 <UserId>AROAEMULATEDEMULATED:session</UserId>\
                 <Account>{account}</Account>\
                 </GetCallerIdentityResult>\
                 <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
                 </GetCallerIdentityResponse>"
            ),
        ),
        Err(error) => (
            error.kind.status(),
            format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
                 <Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>\
                 <RequestId>{id}</RequestId></ErrorResponse>",
                escaped(error.kind.code()),
                escaped(&error.message)
            ),
        ),
    };
    write::plain(status, "text/xml", body)
}

fn invalid_action(message: &str) -> ApiError {
    ApiError::new(ErrorKind::Other { code: "InvalidAction".to_owned(), status: 400 }, message)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
