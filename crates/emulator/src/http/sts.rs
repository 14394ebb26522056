//! The calls of STS that the credential chain makes: form-encoded in, XML out.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::response::Response;
use http::Method;
use http::request::Parts;
use jiff::Timestamp;

use super::{signature, write};
use crate::call::CallKind;
use crate::error::{ApiError, ErrorKind};
use crate::issuer::Ask;
use crate::serve::{Reply, Request, Work};
use crate::settings::Settings;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Whether a request is STS's rather than AgentCore's.
pub(super) fn is_for_sts(parts: &Parts) -> bool {
    parts.uri.path() == "/" && parts.method == Method::POST
}

/// Reads a request to STS.
pub(super) fn parse(parts: &Parts, body: &Bytes, settings: &Settings, now: Timestamp) -> Request {
    let form: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let action = form.get("Action").map(String::as_str);
    let (kind, signer, work) = match action {
        // The token is all the proof there is: this call is not signed.
        Some("AssumeRoleWithWebIdentity") => {
            (CallKind::AssumeRoleWithWebIdentity, None, web_identity(&form).map(Work::Issue))
        }
        other => {
            let signer = signature::signer(parts, body, "sts", settings, now);
            let work = match other {
                Some("GetCallerIdentity") => Ok(Work::Identify),
                Some(action) => {
                    Err(invalid("InvalidAction", &format!("Could not find operation {action}")))
                }
                None => Err(invalid("InvalidAction", "The request names no Action")),
            };
            (CallKind::GetCallerIdentity, Some(signer), work)
        }
    };
    Request { kind, gateway: None, target: None, name: None, client_token: None, signer, work }
}

fn web_identity(form: &HashMap<String, String>) -> Result<Ask, ApiError> {
    let member = |name: &str, least: usize| {
        form.get(name).filter(|value| value.len() >= least).cloned().ok_or_else(|| {
            let name = format!("{}{}", name[..1].to_ascii_lowercase(), &name[1..]);
            let message = format!(
                "1 validation error detected: Value at '{name}' failed to satisfy constraint: \
                 Member must have length greater than or equal to {least}"
            );
            invalid("ValidationError", &message)
        })
    };
    let seconds = form.get("DurationSeconds").map(|seconds| {
        seconds.parse().ok().filter(|seconds| (900..=43_200).contains(seconds)).ok_or_else(|| {
            invalid("ValidationError", "Value at 'durationSeconds' must be from 900 to 43200")
        })
    });
    let (role_arn, session) = (member("RoleArn", 20)?, member("RoleSessionName", 2)?);
    if !is_role(&role_arn) {
        return Err(invalid("ValidationError", "Request ARN is invalid"));
    }
    if !is_session(&session) {
        let message = "1 validation error detected: Value at 'roleSessionName' failed to satisfy \
                       constraint: Member must have length less than or equal to 64 and satisfy \
                       regular expression pattern: [\\w+=,.@-]*";
        return Err(invalid("ValidationError", message));
    }
    Ok(Ask::WebIdentity {
        role_arn,
        session,
        token: member("WebIdentityToken", 4)?,
        seconds: seconds.transpose()?,
    })
}

/// `arn:<partition>:iam::<account>:role/<path and name>`
fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "iam", "", account, resource] = parts[..] else { return false };
    account.len() == 12
        && account.bytes().all(|digit| digit.is_ascii_digit())
        && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
}

/// `[\w+=,.@-]*`, of 64 characters at most.
fn is_session(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    name.len() <= 64 && name.bytes().all(allowed)
}

/// Writes the answer of STS.
pub(super) fn write(kind: CallKind, result: Result<Reply, ApiError>) -> Response {
    let id = write::request_id();
    let (status, body) = match result {
        Ok(reply) => {
            let action = kind.name();
            let result = result_of(&reply);
            (
                200,
                format!(
                    "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}\
                     </{action}Result><ResponseMetadata><RequestId>{id}</RequestId>\
                     </ResponseMetadata></{action}Response>"
                ),
            )
        }
        Err(error) => (
            error.kind.status(),
            format!(
                "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{}</Code>\
                 <Message>{}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
                escaped(error.kind.code()),
                escaped(&error.message)
            ),
        ),
    };
    write::plain(status, "text/xml", body)
}

fn result_of(reply: &Reply) -> String {
    match reply {
        Reply::Identity(account, arn) => format!(
            "<Arn>{}</Arn><UserId>AROAEMULATEDEMULATED:session</UserId><Account>{account}</Account>",
            escaped(arn)
        ),
        Reply::Credentials(issued) => format!(
            "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
             <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>\
             <AssumedRoleUser><Arn>{}</Arn><AssumedRoleId>AROAEMULATEDEMULATED:session\
             </AssumedRoleId></AssumedRoleUser>",
            issued.access_key,
            issued.secret,
            issued.token,
            write::seconds(issued.until),
            escaped(&issued.arn)
        ),
        Reply::Answer(_) => String::new(),
    }
}

fn invalid(code: &str, message: &str) -> ApiError {
    ApiError::new(ErrorKind::Other { code: code.to_owned(), status: 400 }, message)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_sessions_have_their_forms() {
        let ask = |role: &str, session: &str| {
            let form =
                [("RoleArn", role), ("RoleSessionName", session), ("WebIdentityToken", "t.t.t")];
            let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
            web_identity(&HashMap::from(form)).map_err(|error| error.message)
        };
        let role = "arn:aws:iam::123456789012:role/path/operator";
        assert!(ask(role, "pod").is_ok());
        for bad in [
            "operator-of-the-gateway",
            "arn:aws:iam::12:role/operator",
            "arn:aws:sts::123456789012:role/operator",
            "arn:aws:iam::123456789012:user/operator",
            "arn:aws:iam::123456789012:role/",
        ] {
            assert_eq!(ask(bad, "pod").unwrap_err(), "Request ARN is invalid", "{bad}");
        }
        for bad in ["a b", "a\u{1}", "<<", "\u{fc}\u{fc}"] {
            assert!(ask(role, bad).unwrap_err().contains("'roleSessionName'"), "{bad:?}");
        }
    }
}
